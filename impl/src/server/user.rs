//! Whom a server runs as: this user, unless that is root, whom PostgreSQL refuses.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::Path;

use super::Software;

/// A user of this machine, with the group that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct User {
    pub(super) id: u32,
    pub(super) group: u32,
}

/// When this process is root's: an unprivileged user, to whom the directory is given.
pub(super) fn for_server(directory: &Path, software: Software) -> io::Result<Option<User>> {
    // A directory made here belongs to whoever runs here; once it is given away, this process is known to be root's.
    let owner = fs::metadata(directory)?;
    let given_away = User { id: owner.uid(), group: owner.gid() };
    if fs::metadata("/proc/self").map_or(given_away.id, |this| this.uid()) != 0 {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd")?;
    let names = [software.user(), "nobody"];
    let found = names.iter().find_map(|name| find(&users, name));
    let user = found.unwrap_or(User { id: 65534, group: 65534 });
    chown(directory, Some(user.id), Some(user.group))?;
    Ok(Some(user))
}

/// `name:password:id:group:…`, a line a user (passwd(5)).
fn find(users: &str, name: &str) -> Option<User> {
    let mut fields = users.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?.split(':').skip(1);
    let mut number = || fields.next()?.parse().ok();
    Some(User { id: number()?, group: number()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_its_whole_name() {
        let users = "postgresql:x:1:2:::\npostgres:x:101:104:PostgreSQL administrator,,,:/var/lib:/bin/bash\nbad:x";
        assert_eq!(find(users, "postgres"), Some(User { id: 101, group: 104 }));
        assert_eq!(find(users, "bad"), None);
        assert_eq!(find(users, "mysql"), None);
    }
}
