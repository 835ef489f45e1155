//! Rules for what the bare command is to check.

use paidonce_protocol::catalogue::Role;

use super::Rules;
use crate::{Claim, Engine};

impl Rules<'_> {
    pub(super) fn checks(&mut self) {
        for (index, check) in self.scenario.check.iter().enumerate() {
            let path = format!("check[{index}]");
            self.protocol(&format!("{path}.protocol"), &check.protocol, Role::Notice);
            self.engines(&format!("{path}.engines"), check.engines.as_deref());
            let Some(claims) = &check.claims else { continue };
            self.expect(!claims.is_empty(), format!("{path}.claims"), || {
                "is empty; expected at least one claim, or no such field for all of them".to_owned()
            });
            self.each_once(&format!("{path}.claims"), "", claims);
            for (index, claim) in claims.iter().enumerate() {
                self.known(
                    format!("{path}.claims[{index}]"),
                    "claim",
                    claim,
                    Claim::ALL.iter().map(|claim| claim.name()),
                );
            }
        }
    }

    fn engines(&mut self, path: &str, engines: Option<&[String]>) {
        let Some(engines) = engines else { return };
        self.expect(!engines.is_empty(), path, || {
            let known = Engine::ALL.map(Engine::name).join(", ");
            format!("is empty; expected at least one of {known}; or no such field for all of them")
        });
        self.each_once(path, "", engines);
        for (index, engine) in engines.iter().enumerate() {
            self.known(format!("{path}[{index}]"), "engine", engine, Engine::ALL.map(Engine::name));
        }
    }
}
