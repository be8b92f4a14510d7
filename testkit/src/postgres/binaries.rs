//! Finds the server's binaries and the account that may run them.

use std::env;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The binaries that a cluster needs.
#[derive(Clone, Debug)]
pub(super) struct Binaries {
    pub(super) initdb: PathBuf,
    pub(super) postgres: PathBuf,
    /// Makes a standby; it comes with the clients, which every package of the server demands.
    pub(super) basebackup: PathBuf,
    /// The account to run them as; `None` when this process is not root.
    pub(super) account: Option<Account>,
}

/// A user and its group.
#[derive(Clone, Copy, Debug)]
pub(super) struct Account {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

impl Binaries {
    /// Looks into `AXIS_PG_BIN`, then the search path, then where distributions put PostgreSQL, newest first.
    pub(super) fn find() -> Self {
        let mut places: Vec<PathBuf> = env::var_os("AXIS_PG_BIN").map(PathBuf::from).into_iter().collect();
        if let Some(path) = env::var_os("PATH") {
            places.extend(env::split_paths(&path));
        }
        places.extend(versions("/usr/lib/postgresql", "", "bin"));
        places.extend(versions("/usr", "pgsql-", "bin"));
        places.push(PathBuf::from("/usr/local/pgsql/bin"));
        for prefix in ["/opt/homebrew/opt", "/usr/local/opt", "/home/linuxbrew/.linuxbrew/opt"] {
            places.extend(versions(prefix, "postgresql@", "bin"));
            places.push(Path::new(prefix).join("postgresql/bin"));
        }
        let found = places
            .into_iter()
            .find(|place| place.join("initdb").exists() && place.join("postgres").exists());
        let Some(place) = found else {
            panic!(
                "the tests need a PostgreSQL server and found none: install it (`apt-get install postgresql`) or set \
                 AXIS_PG_BIN to the directory of `initdb` and `postgres`"
            );
        };
        Self {
            initdb: place.join("initdb"),
            postgres: place.join("postgres"),
            // The search path may have links to some of the programs only.
            basebackup: fs::canonicalize(place.join("initdb"))
                .unwrap_or_default()
                .with_file_name("pg_basebackup"),
            account: account(),
        }
    }
}

/// Returns `parent/<prefix><version>/leaf`, the highest version first.
fn versions(parent: &str, prefix: &str, leaf: &str) -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = fs::read_dir(parent)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.strip_prefix(prefix)?.parse().ok()?;
            Some((version, entry.path().join(leaf)))
        })
        .collect();
    found.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    found.into_iter().map(|(_, path)| path).collect()
}

/// PostgreSQL refuses to run as root; an unprivileged account is then used instead.
fn account() -> Option<Account> {
    // A new file belongs to the effective user: the one fact about it that the standard library gives away.
    let probe = tempfile::tempfile()
        .and_then(|file| file.metadata())
        .expect("the temporary directory can be written");
    if probe.uid() != 0 {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").expect("root can read /etc/passwd");
    let find = |name: &str| {
        users.lines().find_map(|line| {
            let mut fields = line.split(':');
            let (user, _, uid, gid) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
            (user == name).then_some(Account {
                uid: uid.parse().ok()?,
                gid: gid.parse().ok()?,
            })
        })
    };
    let account = find("postgres").or_else(|| find("nobody"));
    assert!(
        account.is_some(),
        "PostgreSQL does not run as root, and there is neither a user `postgres` nor `nobody`"
    );
    account
}
