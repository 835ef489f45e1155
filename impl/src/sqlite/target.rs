//! Where a database is: `sqlite:PATH`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::OpenError;

/// A file, and the name it has in messages.
#[derive(Clone, Debug)]
pub(super) struct Target {
    path: PathBuf,
    name: Arc<str>,
}

impl Target {
    /// Read `sqlite:PATH` or `sqlite://PATH`. The path is taken as it is: no options behind a question mark.
    pub(super) fn parse(url: &str) -> Result<Self, OpenError> {
        let wrong = |why| OpenError::Url { given: url.to_owned(), why };
        let Some((scheme, rest)) = url.split_once(':') else {
            return Err(wrong("has no scheme"));
        };
        if scheme != "sqlite" {
            return Err(wrong("has a scheme other than sqlite"));
        }
        let path = rest.strip_prefix("//").unwrap_or(rest);
        if path.is_empty() {
            return Err(wrong("has no path"));
        }
        if path == ":memory:" {
            return Err(wrong("is in memory, where each connection would have a database of its own"));
        }
        if path.contains('?') {
            return Err(wrong("has options, of which there are none here"));
        }
        Ok(Target { path: PathBuf::from(path), name: format!("sqlite:{path}").into() })
    }

    /// A database that no URL can name.
    pub(super) fn in_memory() -> Self {
        Target { path: PathBuf::new(), name: "sqlite in memory".into() }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn shared_name(&self) -> &Arc<str> {
        &self.name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_file() {
        assert_eq!(Target::parse("sqlite:shop.db").unwrap().path(), Path::new("shop.db"));
        assert_eq!(Target::parse("sqlite:/var/shop.db").unwrap().path(), Path::new("/var/shop.db"));
        assert_eq!(Target::parse("sqlite:///var/shop.db").unwrap().path(), Path::new("/var/shop.db"));
        assert_eq!(Target::parse("sqlite://shop.db").unwrap().name(), "sqlite:shop.db");
    }

    #[test]
    fn a_url_that_names_no_file_is_refused_with_what_was_expected() {
        for (url, why) in [
            ("shop.db", "has no scheme"),
            ("postgres://localhost/shop", "has a scheme other than sqlite"),
            ("sqlite:", "has no path"),
            ("sqlite::memory:", "is in memory"),
            ("sqlite:shop.db?mode=rwc", "has options"),
        ] {
            let says = Target::parse(url).unwrap_err().to_string();
            assert!(says.contains(why) && says.contains(url) && says.contains("sqlite:PATH"), "{says}");
        }
    }
}
