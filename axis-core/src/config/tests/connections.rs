//! Connection keys and URLs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{SENTINEL, broken, from_file, monitoring, setting, warned};
use crate::config::{Connection, DatasetConfig, PostgresConnection, Secret, TlsMode};

fn postgres(dataset: &DatasetConfig) -> &PostgresConnection {
    assert_eq!(broken(dataset), "not broken");
    let Some(Connection::Postgres(connection)) = &dataset.connection else {
        panic!("{:?}", dataset.connection)
    };
    connection
}

#[test]
fn the_keys_have_their_defaults() {
    let (_, dataset) = monitoring("host: db\ndatabase: shop", &[]);
    assert_eq!(postgres(&dataset), &PostgresConnection::new("db", "shop"));
    let connection = PostgresConnection::new("db", "shop");
    assert_eq!(
        (connection.port, connection.user.as_str(), connection.tls),
        (5432, "postgres", TlsMode::Prefer)
    );
    assert_eq!(connection.connect_timeout, Duration::from_secs(10));
}

#[test]
fn every_key_is_read() {
    let lines = "db_type: postgresql\nhost: /var/run/postgresql\nport: '6000'\ndatabase: shop\nusername: reader\n\
                 password: 007\nssl_mode: verify-ca\nssl_root_cert: certs/ca.pem\nconnect_timeout: 3";
    let (_, dataset) = monitoring(lines, &[]);
    let connection = postgres(&dataset);
    assert_eq!(
        (connection.host.as_str(), connection.port),
        ("/var/run/postgresql", 6000)
    );
    assert_eq!(
        (connection.database.as_str(), connection.user.as_str()),
        ("shop", "reader")
    );
    assert_eq!(
        connection.password.as_ref().map(Secret::expose).map(String::as_str),
        Some("007"),
        "as it is written"
    );
    assert_eq!(connection.tls, TlsMode::VerifyCa);
    assert_eq!(
        connection.root_certificate.as_deref(),
        Some(Path::new("/srv/axis/certs/ca.pem"))
    );
    assert_eq!(connection.connect_timeout, Duration::from_secs(3));
}

#[test]
fn a_url_is_taken_apart() {
    let url =
        "postgres://r%40d:p%2F%3a%23@[::1]:6000/my%20shop?sslmode=require&sslrootcert=/etc/ca.pem&connect_timeout=5";
    let connection = PostgresConnection::from_url(url).unwrap();
    assert_eq!((connection.host.as_str(), connection.port), ("::1", 6000));
    assert_eq!(
        (connection.database.as_str(), connection.user.as_str()),
        ("my shop", "r@d")
    );
    assert_eq!(connection.password.as_ref().unwrap().expose(), "p/:#");
    assert_eq!(connection.tls, TlsMode::Require);
    assert_eq!(connection.root_certificate, Some(PathBuf::from("/etc/ca.pem")));
    assert_eq!(connection.connect_timeout, Duration::from_secs(5));
    assert_eq!(
        connection.redacted_url(),
        "postgresql://r@d:[redacted]@[::1]:6000/my shop"
    );
    for url in [
        "postgresql:///shop?host=/tmp",
        "postgresql://%2Ftmp/shop",
        "postgresql://?host=/tmp&dbname=shop",
    ] {
        let connection = PostgresConnection::from_url(url).unwrap();
        assert_eq!(
            (connection.host.as_str(), connection.database.as_str()),
            ("/tmp", "shop"),
            "{url}"
        );
        assert_eq!(connection.password, None);
    }
    // An `@` in the password is unambiguous as long as no `/` is.
    assert_eq!(
        PostgresConnection::from_url("postgresql://u:a@b@h/d")
            .unwrap()
            .password
            .unwrap()
            .expose(),
        "a@b"
    );
}

#[test]
fn a_wrong_url_says_what_is_wrong() {
    let cases = [
        (
            "shop",
            "the url has no scheme, allowed are postgresql://, postgres:// and sqlite:",
        ),
        (
            "mysql://h/d",
            "the url has an unknown scheme, allowed are postgresql://, postgres:// and sqlite:",
        ),
        ("postgresql:h/d", "the url lacks the // after its scheme"),
        ("postgresql://h", "the url names no database"),
        ("postgresql:///d", "the url names no host"),
        ("postgresql://a,b/d", "the url must name exactly one host"),
        ("postgresql://[::1/d", "the url has a `[` without its `]`"),
        (
            "postgresql://[::1]x/d",
            "the url has text between the host and the port",
        ),
        (
            "postgresql://h:0/d",
            "the url has a wrong port, allowed is an integer from 1 to 65535 (are special characters in the password percent-encoded?)",
        ),
        (
            "postgresql://h/d?sslmode=on",
            "the url has an unknown sslmode, allowed is disable, prefer, require, verify-ca or verify-full",
        ),
        (
            "postgresql://h/d?connect_timeout=0",
            "the url has a wrong connect_timeout, allowed is an integer from 1 to 120 seconds",
        ),
        (
            "postgresql://h/d#x",
            "the url has a special character in the wrong place; percent-encode `@ / ? # :` within the user and the password",
        ),
        ("sqlite:", "the url names no file, expected sqlite:path/of/the/file"),
        (
            "sqlite::memory:",
            "the url names no file, expected sqlite:path/of/the/file",
        ),
    ];
    for (url, message) in cases {
        assert_eq!(Connection::from_url(url).unwrap_err().message(), message, "{url}");
    }
    assert_eq!(
        PostgresConnection::from_url("sqlite:a").unwrap_err().message(),
        "the url is not one of PostgreSQL"
    );
}

#[test]
fn a_sqlite_path_is_relative_to_the_parent_of_the_custom_directory() {
    let cases = [
        ("url: sqlite:data/a.db", "/srv/axis/data/a.db"),
        ("url: sqlite://data/a.db", "/srv/axis/data/a.db"),
        ("url: sqlite:///abs/a.db", "/abs/a.db"),
        ("url: sqlite:/abs/a.db", "/abs/a.db"),
        ("db_type: sqlite\ndatabase: data/a.db", "/srv/axis/data/a.db"),
        ("db_type: sqlite\nurl: sqlite:a.db?mode=ro", "/srv/axis/a.db"),
    ];
    for (lines, path) in cases {
        let (_, dataset) = monitoring(lines, &[("MONITORING_DB_PASSWORD", SENTINEL)]);
        assert_eq!(
            dataset.connection,
            Some(Connection::Sqlite {
                path: PathBuf::from(path)
            }),
            "{lines}"
        );
    }
    assert_eq!(
        Connection::from_url("sqlite:a.db").unwrap(),
        Connection::Sqlite {
            path: PathBuf::from("a.db")
        }
    );
    let (config, _) = monitoring("url: sqlite:a.db?mode=ro\nport: 3", &[]);
    let expected = [
        "config/monitoring_db.yaml:2: `monitoring_db.url` has parameters, which have no effect",
        "config/monitoring_db.yaml:3: `monitoring_db.port` has no effect on a SQLite file",
    ];
    assert_eq!(warned(&config), expected);
}

#[test]
fn url_and_db_type_must_agree() {
    for lines in [
        "url: sqlite:a.db\ndb_type: postgres",
        "url: postgresql://h/d\ndb_type: sqlite",
    ] {
        let (_, dataset) = monitoring(lines, &[]);
        let expected =
            "config/monitoring_db.yaml:2: `monitoring_db.url` is of another kind than `monitoring_db.db_type` says";
        assert_eq!(broken(&dataset), expected);
    }
}

#[test]
fn nothing_to_connect_to_is_no_error() {
    for lines in [
        "enabled: true",
        "enabled: true\nurl:\nhost: ''",
        "enabled: true\nport: 5",
    ] {
        let (_, dataset) = monitoring(lines, &[]);
        assert_eq!(
            (broken(&dataset), &dataset.connection),
            ("not broken", &None),
            "{lines}"
        );
    }
    let (config, dataset) = monitoring("database: shop", &[]);
    assert_eq!((broken(&dataset), &dataset.connection), ("not broken", &None));
    let expected = "config/monitoring_db.yaml:2: `monitoring_db.database` has no effect without a host or a url";
    assert_eq!(warned(&config), [expected]);
}

#[test]
fn the_stricter_tls_mode_wins() {
    let cases = [
        (None, None, TlsMode::Prefer),
        (Some("disable"), None, TlsMode::Disable),
        (None, Some("disable"), TlsMode::Disable),
        (Some("allow"), None, TlsMode::Prefer),
        (Some("disable"), Some("require"), TlsMode::Require),
        (Some("verify-full"), Some("require"), TlsMode::VerifyFull),
        (Some("require"), Some("verify-ca"), TlsMode::VerifyCa),
        (Some("prefer"), Some("disable"), TlsMode::Prefer),
    ];
    for (in_url, in_block, expected) in cases {
        let url = in_url.map_or(String::new(), |mode| format!("?sslmode={mode}"));
        let block = in_block.map_or(String::new(), |mode| format!("\nssl_mode: {mode}"));
        let (config, dataset) = monitoring(&format!("url: postgresql://h/d{url}{block}"), &[]);
        assert_eq!(postgres(&dataset).tls, expected, "{in_url:?} {in_block:?}");
        let word = if expected == TlsMode::Prefer {
            "prefer"
        } else {
            in_url
                .into_iter()
                .chain(in_block)
                .max_by_key(|word| {
                    ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]
                        .iter()
                        .position(|known| known == word)
                })
                .unwrap()
        };
        assert_eq!(setting(&config, "monitoring_db.ssl_mode").value, word);
    }
}

#[test]
fn the_url_wins_part_by_part_and_says_so() {
    let lines = "url: postgresql://h/d?application_name=x\nhost: other\nport: 6000\nusername: reader\npassword: secret\ndatabase: d";
    let (config, dataset) = monitoring(lines, &[]);
    let connection = postgres(&dataset);
    assert_eq!(
        (connection.host.as_str(), connection.port, connection.user.as_str()),
        ("h", 6000, "reader")
    );
    assert_eq!(connection.password.as_ref().unwrap().expose(), "secret");
    let expected = [
        "config/monitoring_db.yaml:2: `monitoring_db.url` has the parameter `application_name`, which has no effect",
        "config/monitoring_db.yaml:3: `monitoring_db.host` has no effect, the url says otherwise",
    ];
    assert_eq!(warned(&config), expected);
    let url = setting(&config, "monitoring_db.url");
    assert_eq!(
        (url.value.as_str(), &url.origin),
        (
            "postgresql://reader:[redacted]@h:6000/d",
            &from_file("monitoring_db.yaml", 2)
        )
    );
    assert_eq!(
        setting(&config, "monitoring_db.host").origin,
        from_file("monitoring_db.yaml", 2)
    );
    assert_eq!(
        setting(&config, "monitoring_db.port").origin,
        from_file("monitoring_db.yaml", 4)
    );
}
