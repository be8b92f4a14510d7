//! Who may connect where with which password, for how long, and how many at once.

use std::time::{Duration, Instant};

use axis_core::ErrorKind;
use axis_core::browse::{ConnectRequest, Wizard};
use axis_core::config::TlsMode;
use axis_testkit::postgres::{PASSWORD, TestDatabase, USER, shared};

use super::browse::{Site, is_refused};
use super::support::{DEADLINE, Project};

#[tokio::test(flavor = "multi_thread")]
async fn the_stored_password_goes_to_its_own_server_alone() {
    let site = Site::open("browse_password", "");
    site.wizard.connect(site.request()).await.unwrap();
    let other = TestDatabase::create("browse_password_other");
    for request in [
        ConnectRequest::new("eval", "127.0.0.1", &other.name, USER),
        ConnectRequest::new("eval", "127.0.0.1", &site.database.name, "somebody"),
        ConnectRequest::new("monitoring", "127.0.0.1", &site.database.name, USER),
    ] {
        let request = request.port(shared().port()).tls(TlsMode::Disable).password("********");
        let error = site.wizard.connect(request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
        assert!(error.message().contains("stored password"), "{error}");
    }
    // Hosts that are not allowed are not asked at all.
    for (host, port) in [
        ("evil.example", 5432),
        ("localhost", shared().port()),
        ("127.0.0.1", 1),
        ("169.254.169.254", 80),
        ("[::ffff:127.0.0.1]", 1),
        ("0.0.0.0", shared().port()),
        ("127.1", shared().port()),
        ("127.0.0.1 hostaddr=10.0.0.1", shared().port()),
        (shared().socket_directory().to_str().unwrap(), shared().port()),
    ] {
        let request = ConnectRequest::new("eval", host, &site.database.name, USER)
            .port(port)
            .password("********");
        let error = site.wizard.connect(request).await.unwrap_err();
        assert!(
            is_refused(&error) && error.message().contains("wizard_hosts"),
            "{host}: {error:?}"
        );
    }
    // A wrong password is not helped by the stored one, and neither appears anywhere.
    let error = site
        .wizard
        .connect(site.request().password("wrong-pass"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SourceRejected);
    let text = format!(
        "{error} {error:?} {:?} {:?}",
        site.wizard,
        site.request().password("wrong-pass")
    );
    assert!(!text.contains("wrong-pass") && !text.contains(PASSWORD), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stricter_demand_of_tls_counts() {
    let site = Site::open("browse_tls", "  ssl_mode: require\n");
    // The server of the tests has no TLS: a request that asks for none must not get its way.
    let error = site.wizard.connect(site.request()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SourceRejected);
    assert!(error.message().contains("TLS"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn listed_hosts_may_be_connected_to() {
    let database = TestDatabase::create("browse_hosts");
    let project = Project::new();
    let config = project.load(&[(
        "AXIS_WIZARD_HOSTS",
        &format!("localhost:{}, *.corp.example", shared().port()),
    )]);
    let wizard = Wizard::new(&config);
    let request = ConnectRequest::new("monitoring", "LocalHost", &database.name, USER)
        .port(shared().port())
        .tls(TlsMode::Prefer)
        .password(PASSWORD);
    wizard.connect(request.clone()).await.unwrap();
    assert!(is_refused(&wizard.connect(request.port(5).clone()).await.unwrap_err()));
    let config = project.load(&[("AXIS_WIZARD_HOSTS", "*")]);
    let request = ConnectRequest::new("monitoring", "localhost", &database.name, USER).port(shared().port());
    let error = Wizard::new(&config).connect(request).await.unwrap_err();
    assert!(is_refused(&error) && error.message().contains("private"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_has_a_longest_time_and_dropping_it_stops_the_server() {
    let site = Site::open("browse_time", "  query_timeout: 1\n");
    let browser = site.browser().await;
    let error = browser.query("select pg_sleep(30)", 1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");

    let site = Site::open("browse_cancel", "");
    let browser = site.browser().await;
    let running = "select 1 from pg_stat_activity where query like '%pg_sleep(77)%' and state = 'active' and pid <> pg_backend_pid()";
    let query = tokio::spawn({
        let browser = browser.clone();
        async move { browser.query("select pg_sleep(77)", 1).await }
    });
    wait(|| !site.database.query_text(running).is_empty());
    query.abort();
    wait(|| site.database.query_text(running).is_empty());
    assert_eq!(browser.query("select 1 as x", 1).await.unwrap().rows[0]["x"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handle_ends_after_its_last_use_and_there_are_only_so_many() {
    let site = Site::open("browse_handles", "");
    let connected = site.wizard.connect(site.request()).await.unwrap();
    assert_eq!(site.wizard.stats().active_handles, 1);
    assert!(site.wizard.close(connected.handle).await);
    assert!(!site.wizard.close(connected.handle).await);
    assert!(site.wizard.browser(connected.handle).is_none());
    assert_eq!(site.wizard.stats().active_handles, 0);

    let config = site.project.load(&[]);
    let brief = Wizard::with_lifetime(&config, Duration::from_millis(50));
    let connected = brief.connect(site.request()).await.unwrap();
    let deadline = Instant::now() + DEADLINE;
    while brief.stats().active_handles > 0 {
        assert!(Instant::now() < deadline, "the handle does not end");
        tokio::task::yield_now().await;
    }
    assert!(brief.browser(connected.handle).is_none());

    let most = site.wizard.stats().max_handles;
    let mut handles = Vec::new();
    for _ in 0..most {
        handles.push(site.wizard.connect(site.request()).await.unwrap().handle);
    }
    let error = site.wizard.connect(site.request()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
    assert!(site.wizard.close(handles[0]).await);
    site.wizard.connect(site.request()).await.unwrap();
}

fn wait(mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !done() {
        assert!(Instant::now() < deadline, "it takes too long");
    }
}
