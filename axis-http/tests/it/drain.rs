//! Stopping: what runs is finished as long as there is time, and told otherwise.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use axis_testkit::postgres::TestDatabase;

use crate::support::{DEADLINE, Project, Running, dataset_yaml, wait_until};

/// A server over a view that takes `seconds` to read, and the view's database.
fn slow(name: &str, seconds: u32, drain: u32) -> (Project, TestDatabase, Running, String) {
    let database = TestDatabase::create(name);
    database.execute("create view answer as select 1 as id");
    let project = Project::new();
    project.config("duckdb.yaml", "duckdb:\n  sync_mode: manual\n");
    project.config("server.yaml", &format!("server:\n  drain_seconds: {drain}\n"));
    let yaml = dataset_yaml("slow", &database.url, "select * from answer", "");
    project.config("datasets/slow.yaml", &yaml);
    assert_eq!(project.axis(&["sync"]).code, 0);
    database.execute(&format!(
        "create or replace view answer as select 1 as id where pg_sleep({seconds}) is not null"
    ));
    let mut server = Running::start(project.command(&["serve", "--port", "0"]));
    let line = server.wait_for("listening on http://");
    let address = line.rsplit("http://").next().unwrap().trim().to_owned();
    (project, database, server, address)
}

/// Sends a request that is slow, and waits until the server works on it.
fn begin(address: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let request = format!("POST /api/store/verify/slow HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    wait_until("the request is being answered", || {
        let metrics = ureq::get(format!("http://{address}/metrics"))
            .call()
            .ok()?
            .into_body()
            .read_to_string()
            .ok()?;
        // Itself, and the one that we wait for.
        metrics.contains("\naxis_http_requests_in_flight 2\n").then_some(())
    });
    stream
}

fn rest(mut stream: TcpStream) -> String {
    let mut answer = String::new();
    // A server that stops closes the connection behind the answer.
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_request_that_runs_is_answered_and_new_ones_are_not_taken() {
    let (_project, _database, server, address) = slow("drain_finish", 2, 60);
    let stream = begin(&address);
    server.signal("-TERM");
    wait_until("nobody listens any more", || {
        TcpStream::connect(&address).is_err().then_some(())
    });
    let answer = rest(stream);
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.contains("\"success\":true"),
        "{answer}"
    );
    assert_eq!(server.end().0, Some(0));
}

#[test]
fn a_request_that_would_take_too_long_is_told_that_the_server_stops() {
    let (_project, _database, server, address) = slow("drain_cut", 600, 0);
    let stream = begin(&address);
    server.signal("-TERM");
    let answer = rest(stream);
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(
        answer.contains("AXIS_CANCELLED") || answer.contains("AXIS_CLOSED"),
        "{answer}"
    );
    assert_eq!(server.end().0, Some(0));
}
