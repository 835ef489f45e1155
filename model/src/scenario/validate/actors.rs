//! Rules for who comes.

use paidonce_protocol::catalogue::{self, PROTOCOLS, Role};
use paidonce_protocol::shop::{Money, Notice};

use super::{Invalid, MOST_CENTS, Rules, listed, shown};
use crate::scenario::Actor;

/// The most requests in all: more than can be explored to the end.
const MOST_REQUESTS: usize = 16;

impl<'a> Rules<'a> {
    pub(super) fn actors(&mut self) {
        let actors: &'a [Actor] = &self.scenario.actors;
        self.expect(!actors.is_empty(), "actors", || "is empty; expected at least one actor".to_owned());
        self.each_once("actors", ".name", actors.iter().map(|actor| &actor.name));
        for (index, actor) in actors.iter().enumerate() {
            let path = format!("actors[{index}]");
            self.actor_name(&format!("{path}.name"), &actor.name);
            self.input(&path, actor);
            self.reached_servers(&format!("{path}.servers"), actor);
            self.deliveries(&path, actor);
            self.comes_after(&format!("{path}.after"), actor);
            if let Some(protocol) = &actor.protocol {
                let role = if actor.cancel.is_some() { Role::Admin } else { Role::Notice };
                self.protocol(&format!("{path}.protocol"), protocol, role);
            }
        }
        let requests = actors.iter().fold(0, |sum: usize, actor| sum.saturating_add(actor.deliveries));
        self.expect(!self.is_explored || requests <= MOST_REQUESTS, "actors", || {
            format!("make {requests} requests in all; expected at most {MOST_REQUESTS}")
        });
        self.one_payment_one_story();
    }

    /// A request is named after its entry, a hyphen and a number, so an entry's own name does not end in that.
    fn actor_name(&mut self, path: &str, name: &str) {
        self.plain_name(path, name);
        let is_number = |end: &str| !end.is_empty() && end.bytes().all(|byte| byte.is_ascii_digit());
        let numbered = name.rsplit_once('-').is_some_and(|(_, end)| is_number(end));
        self.expect(!numbered, path, || {
            format!(
                "`{}` ends like the name of a request; expected the stem alone: its requests become `{}-1`, …",
                shown(name),
                shown(name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '-'))
            )
        });
    }

    fn input(&mut self, path: &str, actor: &Actor) {
        let given: Vec<&str> = [
            ("ipn", actor.ipn.is_some()),
            ("pdt", actor.pdt.is_some()),
            ("cancel", actor.cancel.is_some()),
            ("work", actor.work),
        ]
        .into_iter()
        .filter_map(|(field, is_given)| is_given.then_some(field))
        .collect();
        match given[..] {
            [] => self.expect(false, path, || {
                "does not say what it brings; expected exactly one of ipn, pdt, cancel and work".to_owned()
            }),
            [_] => {}
            [first, second, ..] => self.expect(false, format!("{path}.{second}"), || {
                format!("is given beside {first}; expected exactly one of ipn, pdt, cancel and work")
            }),
        }
        if let Some(order_id) = &actor.cancel {
            self.text(format!("{path}.cancel"), order_id, 127);
        }
        let notices =
            [("ipn", actor.ipn.as_deref().map(Notice::from_ipn)), ("pdt", actor.pdt.as_deref().map(Notice::from_pdt))];
        for (field, notice) in notices {
            match notice {
                None => {}
                Some(Ok(notice)) => {
                    let fits = (-MOST_CENTS..=MOST_CENTS).contains(&notice.amount_cents);
                    self.expect(fits, format!("{path}.{field}"), || {
                        format!("pays {} minor units; expected at most {MOST_CENTS}", notice.amount_cents)
                    });
                }
                Some(Err(error)) => self.found.push(Invalid {
                    path: format!("{path}.{field}"),
                    within: Some(error.field),
                    problem: error.to_string(),
                }),
            }
        }
    }

    fn reached_servers(&mut self, path: &str, actor: &Actor) {
        let servers: Vec<&str> = self.scenario.servers.iter().map(|server| server.name.as_str()).collect();
        self.expect(!actor.servers.is_empty(), path, || {
            format!("is empty; expected at least one of: {}", listed(&servers))
        });
        for (index, server) in actor.servers.iter().enumerate() {
            self.known(format!("{path}[{index}]"), "server", server, servers.iter().copied());
        }
    }

    fn deliveries(&mut self, path: &str, actor: &Actor) {
        let Actor { overlapping, deliveries, .. } = *actor;
        self.expect(overlapping >= 1, format!("{path}.overlapping"), || "is 0; expected at least 1".to_owned());
        let path = format!("{path}.deliveries");
        self.expect(deliveries >= overlapping, &path, || {
            format!("is {deliveries}; expected at least as many as overlap ({overlapping})")
        });
        if actor.ipn.is_none() && !actor.work {
            self.expect(deliveries <= overlapping, &path, || {
                format!(
                    "is {deliveries}; expected as many as overlap ({overlapping}): only an ipn is delivered, and a \
                     worker started again, a buyer's browser and an admin are not"
                )
            });
            return;
        }
        let faults = &self.scenario.faults;
        // A crash of the server fails all that are under way at once.
        let by_crashes = usize::from(faults.crashes) * overlapping;
        let budget = usize::from(faults.deaths) + usize::from(faults.lost_replies) + by_crashes;
        self.expect(deliveries > budget, &path, || {
            format!(
                "is {deliveries}, and faults (deaths {}, lost_replies {}, crashes {} of {overlapping} at once) can use up {budget}; \
                 expected at least {}: the budget of deliveries exceeds the budget of faults, so that `try again` is \
                 followed by a try",
                faults.deaths,
                faults.lost_replies,
                faults.crashes,
                budget + 1
            )
        });
    }

    fn comes_after(&mut self, path: &str, actor: &Actor) {
        let Some(first) = &actor.after else { return };
        let actors = &self.scenario.actors;
        let others = actors.iter().map(|other| other.name.as_str()).filter(|name| *name != actor.name);
        if !self.known(path, "other actor", first, others) {
            return;
        }
        let mut waits_for = Some(first);
        for _ in actors {
            waits_for = waits_for.and_then(|name| actors.iter().find(|actor| actor.name == *name)?.after.as_ref());
            if waits_for == Some(&actor.name) {
                self.expect(false, path, || {
                    format!(
                        "is `{}`, which itself comes after `{}`; expected an order",
                        shown(first),
                        shown(&actor.name)
                    )
                });
                return;
            }
        }
    }

    /// A protocol of the catalogue in this role.
    pub(super) fn protocol(&mut self, path: &str, name: &str, role: Role) {
        let known = PROTOCOLS.iter().filter(|protocol| protocol.role == role).map(|protocol| protocol.name);
        match catalogue::find(name) {
            Some(protocol) if protocol.role != role => self.expect(false, path, || {
                let known: Vec<&str> = known.collect();
                format!(
                    "`{name}` handles the role {}; expected a protocol for the role {}: {}",
                    protocol.role.name(),
                    role.name(),
                    listed(&known)
                )
            }),
            _ => {
                self.known(path, "protocol", name, known);
            }
        }
    }

    /// Two notices that money was taken under one name of the gateway's are about one payment, and agree about it.
    fn one_payment_one_story(&mut self) {
        let mut taken: Vec<(String, Notice)> = Vec::new();
        for (index, actor) in self.scenario.actors.iter().enumerate() {
            let Ok(Some(notice)) = actor.notice() else { continue };
            if notice.payment_status.money() != Money::Taken {
                continue;
            }
            let path = format!("actors[{index}].{}", if actor.ipn.is_some() { "ipn" } else { "pdt" });
            let money = |notice: &Notice| {
                let Notice { order_id, amount_cents, currency, receiver, .. } = notice;
                format!("{amount_cents} {currency} to {receiver} for order {order_id}")
            };
            let same = |(_, earlier): &&(String, Notice)| {
                earlier.provider == notice.provider && earlier.txn_id == notice.txn_id
            };
            if let Some((first, earlier)) = taken.iter().find(same) {
                self.expect(money(earlier) == money(&notice), &path, || {
                    format!(
                        "says that payment {} is {}; expected what {first} says: {}",
                        notice.txn_id,
                        money(&notice),
                        money(earlier)
                    )
                });
            }
            taken.push((path, notice));
        }
    }
}
