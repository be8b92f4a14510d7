//! A throw-away PostgreSQL cluster that cannot outlive the process that started it.
//!
//! The server runs below a small shell that waits on a pipe from this process. When the process ends, however it ends,
//! the pipe closes, and the shell stops the server and removes its directory.

mod binaries;
mod certificate;
mod sql;
mod standby;

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

pub use sql::{execute, query_text};

use binaries::{Account, Binaries};

/// The superuser of every cluster.
pub const USER: &str = "axis";
/// The superuser's password, asked for on TCP; the socket trusts everyone.
pub const PASSWORD: &str = "secret";

/// How a cluster differs from the default one.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Lines added to `postgresql.conf`.
    pub settings: Vec<String>,
    /// The lines of `pg_hba.conf` in place of the default ones, which are `trust` on the socket and a password on TCP.
    pub hba: Option<Vec<String>>,
    /// Names and addresses of the server's certificate; TLS is off when empty.
    pub tls_names: Vec<String>,
}

/// A running cluster; dropping it stops the server and removes every file.
#[derive(Debug)]
pub struct Postgres {
    binaries: Binaries,
    directory: PathBuf,
    port: u16,
    keeper: Mutex<Option<Child>>,
}

impl Postgres {
    /// Starts a cluster with default options.
    ///
    /// # Panics
    /// When the server's binaries are missing or the server does not start.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&Options::default())
    }

    /// Starts a cluster with these options; see [`start`](Self::start).
    ///
    /// # Panics
    /// When the server's binaries are missing or the server does not start.
    #[must_use]
    pub fn start_with(options: &Options) -> Self {
        let binaries = Binaries::find();
        let directory = new_directory(binaries.account);
        let mut postgres = Self {
            binaries,
            directory,
            port: 0,
            keeper: Mutex::new(None),
        };
        postgres.init(options);
        postgres.launch_somewhere();
        postgres
    }

    /// Launches on a free port. Another process may take it before the server binds it: then another one is tried.
    fn launch_somewhere(&mut self) {
        for attempt in 1.. {
            self.port = free_port();
            match self.launch() {
                Ok(()) => break,
                Err(log) if attempt < 5 && log.contains("could not bind") => {}
                Err(log) => panic!("PostgreSQL did not start: {log}"),
            }
        }
    }

    /// Returns the address of a database on TCP, with user and password.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgresql://{USER}:{PASSWORD}@127.0.0.1:{}/{database}", self.port)
    }

    /// Returns the TCP port, which stays the same over [`restart`](Self::restart).
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the directory of the Unix socket, where every user is trusted.
    #[must_use]
    pub fn socket_directory(&self) -> &Path {
        &self.directory
    }

    /// Returns the data directory.
    #[must_use]
    pub fn data_directory(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// Returns the PEM file of the authority that signed the server's certificate.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.directory.join("authority.pem")
    }

    /// Returns a PEM file of an authority that signed nothing.
    #[must_use]
    pub fn other_authority(&self) -> PathBuf {
        self.directory.join("other-authority.pem")
    }

    /// Returns the server's process id; `None` when it is stopped.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        fs::read_to_string(self.data_directory().join("postmaster.pid"))
            .ok()?
            .lines()
            .next()?
            .parse()
            .ok()
    }

    /// Creates a database whose name begins with `prefix` and that no other test of this process uses.
    ///
    /// # Panics
    /// When the server refuses.
    #[must_use]
    pub fn create_database(&self, prefix: &str) -> TestDatabase {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("{prefix}_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        // A copy of template0 cannot collide with a connection to the template, so tests may create at the same time.
        execute(
            &self.url("postgres"),
            &format!("create database \"{name}\" template template0"),
        );
        TestDatabase {
            url: self.url(&name),
            name,
        }
    }

    /// Stops the server at once, as a crash would, and keeps its data.
    pub fn stop(&self) {
        let keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut keeper) = keeper {
            if let Some(mut pipe) = keeper.stdin.take() {
                // A shell that has gone away already has stopped the server.
                let _ = pipe.write_all(b"keep\n");
            }
            let _ = keeper.wait();
        }
    }

    /// Stops the server at once if it runs, and starts it again on the same port with the same data.
    ///
    /// # Panics
    /// When the server does not start.
    pub fn restart(&self) {
        self.stop();
        if let Err(log) = self.launch() {
            panic!("PostgreSQL did not start again: {log}");
        }
    }

    fn init(&mut self, options: &Options) {
        let data = self.data_directory();
        let password = self.directory.join("password");
        self.write(&password, PASSWORD);
        let output = self
            .command(&self.binaries.initdb)
            .args(["--no-sync", "-E", "UTF8", "--locale=C", "-U", USER])
            .args(["--auth-local=trust", "--auth-host=scram-sha-256"])
            .arg(format!("--pwfile={}", password.display()))
            .arg("-D")
            .arg(&data)
            .output()
            .expect("initdb can be run");
        assert!(
            output.status.success(),
            "initdb failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let mut settings = vec![
            "listen_addresses = '127.0.0.1'".to_owned(),
            format!("unix_socket_directories = '{}'", self.directory.display()),
            "fsync = off\nfull_page_writes = off".to_owned(),
            "max_connections = 200\nmax_prepared_transactions = 8\nmax_wal_size = 4GB".to_owned(),
            "timezone = 'UTC'\nlog_timezone = 'UTC'".to_owned(),
        ];
        if !options.tls_names.is_empty() {
            let (authority, other, certificate, key) = certificate::create(&options.tls_names);
            self.write(&self.authority(), &authority);
            self.write(&self.other_authority(), &other);
            self.write(&data.join("server.crt"), &certificate);
            self.write(&data.join("server.key"), &key);
            settings.push("ssl = on".to_owned());
        }
        settings.extend(options.settings.iter().cloned());
        let file = data.join("postgresql.auto.conf");
        self.write(&file, &format!("{}\n", settings.join("\n")));
        if let Some(lines) = &options.hba {
            self.write(&data.join("pg_hba.conf"), &format!("{}\n", lines.join("\n")));
        }
    }

    /// Starts the server below its keeper and waits until it answers; gives its log when it does not.
    fn launch(&self) -> Result<(), String> {
        const KEEPER: &str = r#"
            "$1" -D "$2" -p "$3" </dev/null >>"$4/log" 2>&1 &
            server=$!
            read -r how
            kill -QUIT "$server" 2>/dev/null
            wait "$server"
            [ "$how" = keep ] || rm -rf "$4"
        "#;
        let log = self.directory.join("log");
        let _ = fs::remove_file(&log);
        let mut keeper = self
            .command(Path::new("/bin/sh"))
            .args(["-c", KEEPER, "keeper"])
            .arg(&self.binaries.postgres)
            .arg(self.data_directory())
            .arg(self.port.to_string())
            .arg(&self.directory)
            // An interrupt typed at the terminal must not kill the shell before it has cleaned up.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh can be run");
        let mut ready = false;
        // The server tells nobody when it is ready, so the only way is to ask again and again, for half a minute at most.
        for _ in 0..1500 {
            let text = fs::read_to_string(&log).unwrap_or_default();
            ready =
                // Of a standby it says "read-only connections".
                text.contains("database system is ready to accept") && sql::answers(&self.url("postgres"));
            if ready || text.contains("FATAL:") && !text.contains("the database system is starting up") {
                break;
            }
            thread::sleep(Duration::from_millis(20));
        }
        if ready {
            *self.keeper.lock().unwrap_or_else(PoisonError::into_inner) = Some(keeper);
            return Ok(());
        }
        if let Some(mut pipe) = keeper.stdin.take() {
            let _ = pipe.write_all(b"keep\n");
        }
        let _ = keeper.wait();
        Err(fs::read_to_string(&log).unwrap_or_else(|error| format!("and its log cannot be read: {error}")))
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(&self.directory)
            .env_remove("PGDATA")
            .env_remove("PGPORT")
            .env("LC_ALL", "C");
        if let Some(account) = self.binaries.account {
            command.uid(account.uid).gid(account.gid);
        }
        command
    }

    /// Writes a file that only the server's account may read.
    fn write(&self, path: &Path, text: &str) {
        fs::write(path, text).unwrap_or_else(|error| panic!("cannot write `{}`: {error}", path.display()));
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("the file is ours");
        give_to(path, self.binaries.account);
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// Returns the cluster that all tests of this process share; it is started by the first call.
///
/// # Panics
/// When the server's binaries are missing or the server does not start.
pub fn shared() -> &'static Postgres {
    static SHARED: OnceLock<Postgres> = OnceLock::new();
    SHARED.get_or_init(Postgres::start)
}

/// An empty database of its own for one test.
#[derive(Clone, Debug)]
pub struct TestDatabase {
    /// The database's name.
    pub name: String,
    /// Its address on TCP, with user and password.
    pub url: String,
}

impl TestDatabase {
    /// Creates a database on the [`shared`] cluster.
    ///
    /// # Panics
    /// When the server refuses.
    #[must_use]
    pub fn create(prefix: &str) -> Self {
        shared().create_database(prefix)
    }

    /// Runs statements; may be called from async code.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn execute(&self, statements: &str) {
        execute(&self.url, statements);
    }

    /// Runs a query and returns PostgreSQL's own text of every value; may be called from async code.
    ///
    /// # Panics
    /// When the server refuses.
    #[must_use]
    pub fn query_text(&self, query: &str) -> Vec<Vec<Option<String>>> {
        query_text(&self.url, query)
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("the loopback interface exists");
    listener.local_addr().expect("a bound socket has an address").port()
}

fn new_directory(account: Option<Account>) -> PathBuf {
    let builder = |parent: &Path| tempfile::Builder::new().prefix("axis-pg-").tempdir_in(parent);
    let mut parent = std::env::temp_dir();
    // The path of a Unix socket may have about a hundred bytes.
    if parent.as_os_str().len() > 60 {
        parent = PathBuf::from("/tmp");
    }
    let directory = builder(&parent).expect("the temporary directory can be written").keep();
    give_to(&directory, account);
    directory
}

fn give_to(path: &Path, account: Option<Account>) {
    if let Some(Account { uid, gid }) = account {
        chown(path, Some(uid), Some(gid))
            .unwrap_or_else(|error| panic!("cannot give away `{}`: {error}", path.display()));
    }
}
