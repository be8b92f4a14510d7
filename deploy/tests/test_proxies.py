"""The shipped configurations of nginx and Caddy, in front of a server that runs."""

import gzip
import json
import subprocess

import pytest

from support import API_KEY, AXIS, Client, events

ROUTES = ["/", "/health", "/ready", "/ui", "/ui/", "/docs/", "/openapi.json", "/api/store/status", "/api/kpi/filters"]


@pytest.mark.parametrize("path", ROUTES)
def test_a_route_answers_as_the_server_itself(client, direct, path):
    status, headers, body = client.ask("GET", path)
    own_status, own_headers, own_body = direct.ask("GET", path)
    assert (status, headers["Content-Type"]) == (own_status, own_headers["Content-Type"])
    if path not in ("/ready", "/api/store/status"):  # these tell ages
        assert body == own_body
    assert headers["Strict-Transport-Security"]


def test_what_is_for_inside_stays_there(client, direct):
    assert direct.ask("GET", "/metrics")[0] == 200
    assert client.ask("GET", "/metrics")[0] == 404


def test_a_key_is_asked_for(client):
    status, _, body = client.ask("GET", "/api/store/status", key=None)
    assert (status, json.loads(body)["code"]) == (401, "AXIS_UNAUTHENTICATED")


def test_answers_are_compressed_once(client):
    status, headers, body = client.ask("GET", "/openapi.json", Accept_Encoding="gzip")
    assert (status, headers["Content-Encoding"]) == (200, "gzip")
    assert json.loads(gzip.decompress(body))["openapi"]


def test_plain_http_leads_to_https(proxy):
    # nginx has one site, whatever it is called; Caddy knows its name.
    name, moved = {"nginx": ("axis.example.com", 301), "caddy": ("localhost", 308)}[proxy.name]
    with Client(proxy.plain) as client:
        status, headers, _ = client.ask("GET", "/ui?page=1", Host=name)
    assert (status, headers["Location"]) == (moved, f"https://{name}/ui?page=1")


def test_events_arrive_while_the_stream_is_open(proxy, direct):
    with Client(proxy.port, proxy.authority) as client:
        answer = client.send("GET", "/api/store/events?dataset=monitoring", Accept_Encoding="gzip")
        assert (answer.status, answer.headers.get_content_type()) == (200, "text/event-stream")
        assert answer.headers["Content-Encoding"] is None
        stream = events(answer)
        first, _ = next(stream)
        assert first == "readiness"
        status, _, body = direct.ask("POST", "/api/store/sync/monitoring")
        assert status == 200, body
        seen = []
        for name, data in stream:
            seen.append(name)
            assert data["event"] == name
            if name in ("committed", "failed"):
                break
        assert seen[0] == "started" and seen[-1] == "committed", seen
        # The stream goes on: it was not the end of it that let the events through.
        assert not answer.isclosed()
        answer.close()


def test_rows_are_streamed(client):
    sql = "select i, repeat('x', 100) as text from range(200000) t(i)"
    body = json.dumps({"sql": sql, "format": "csv"})
    answer = client.send("POST", "/api/query", body, Content_Type="application/json")
    rows = answer.read().splitlines()
    assert (answer.status, len(rows)) == (200, 200_001), rows[:1]


def test_a_body_that_is_too_large_is_refused_in_the_servers_own_words(client):
    status, headers, body = client.ask("POST", "/api/query", b"x" * (2 << 20), Content_Type="application/json")
    assert status == 413
    assert json.loads(body)["code"], body


def test_a_body_that_nobody_could_want_is_refused_at_the_door(client):
    connection, size = client.connection, 70 << 20
    connection.putrequest("POST", "/api/query")
    connection.putheader("Content-Length", str(size))
    connection.putheader("Content-Type", "application/json")
    connection.putheader("X-API-Key", API_KEY)
    connection.endheaders()
    try:
        for _ in range(size >> 20):
            connection.send(bytes(1 << 20))
    except OSError:
        # Nobody reads on; the answer is there.
        pass
    assert connection.getresponse().status == 413


def refused(client: Client, forged: bool = True) -> int:
    """Asks until the limit is reached, as somebody else each time if the server were to believe it; returns how often."""
    for count in range(1, 3000):
        headers = {"X_Forwarded_For": f"203.0.113.{count % 250}"} if forged else {}
        status, answer, body = client.ask("GET", "/api/store/status", key="wrong-" + "x" * 30, **headers)
        if status == 429:
            assert answer["Retry-After"] and json.loads(body)["code"], body
            return count
    raise AssertionError("the limit was never reached")


def test_a_client_is_who_the_proxy_sees(proxy):
    block = {"nginx": 10, "caddy": 20}[proxy.name]
    with Client(proxy.port, proxy.authority, source=f"127.0.0.{block}") as greedy:
        assert refused(greedy) > 50
        with Client(proxy.port, proxy.authority, source=f"127.0.0.{block + 1}") as other:
            assert other.ask("GET", "/api/store/status")[0] == 200


def test_a_client_that_is_no_proxy_is_not_believed(server):
    with Client(server.port, source="127.0.0.30") as greedy:
        assert refused(greedy) > 50


def test_the_doctor_finds_nothing_wrong_through_the_proxy(proxy, server):
    command = [str(AXIS), "doctor", "--json", "--url", f"https://localhost:{proxy.port}"]
    variables = server.variables | {"SSL_CERT_FILE": str(proxy.authority)}
    run = subprocess.run(command, env=variables, capture_output=True, text=True)
    checks = json.loads(run.stdout)["checks"]
    # Where the tests keep their files, and that this is a debug build, is not for them to choose.
    wrong = [check for check in checks if check["severity"] != "ok" and check["check"] not in ("store", "debug")]
    assert not wrong, wrong
    assert {check["check"] for check in checks} >= {"health", "ready", "role", "tls", "queries"}


def test_a_backup_comes_through_the_proxy_from_a_server_that_is_trusted(proxy, server, tmp_path):
    file = tmp_path / "monday.axis"
    command = [str(AXIS), "backup", str(file), "--json", "--from", f"https://localhost:{proxy.port}"]
    run = subprocess.run(command, env=server.variables, capture_output=True, text=True)
    assert (run.returncode, json.loads(run.stdout)["error"]["code"]) == (1, "AXIS_SOURCE_UNAVAILABLE"), run.stdout
    assert not file.exists()
    variables = server.variables | {"SSL_CERT_FILE": str(proxy.authority)}
    run = subprocess.run(command, env=variables, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    report = json.loads(run.stdout)
    assert file.stat().st_size == report["bytes"]
    assert "monitoring" in report["manifest"]["datasets"]
