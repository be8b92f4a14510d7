"""A PostgreSQL as the compose profile sets it up, `axis serve` with the shipped configuration over it, proxies in front."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
import trustme

from support import API_KEY, AXIS, DEPLOY, READER_PASSWORD, TARGET, Client
from support import environment, free_port, listens, running, tool, wait_until


@pytest.fixture(scope="session")
def place():
    """A directory that a proxy's own user can enter, too."""
    path = Path(tempfile.mkdtemp(prefix="axis-deploy-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def psql_directory() -> str:
    """Where the client of PostgreSQL is, when it is not on the search path."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return os.pathsep.join(str(place) for place in [os.environ.get("AXIS_PG_BIN", ""), *places])


@pytest.fixture(scope="session")
def database():
    """A throw-away PostgreSQL on which the shipped postgres/init.sh has run."""
    server = subprocess.Popen(
        [TARGET / "debug/axis-testkit-postgres"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert server.stdin and server.stdout
    server.stdout.readline()
    print("database", file=server.stdin, flush=True)
    address = urlsplit(server.stdout.readline().strip())
    name = address.path.removeprefix("/")
    reader = {"DB_USER": "axis_reader", "DB_PASSWORD": READER_PASSWORD}
    variables = environment(
        PGHOST="127.0.0.1",
        PGPORT=str(address.port),
        PGPASSWORD=address.password or "",
        POSTGRES_USER=address.username or "",
        POSTGRES_DB=name,
        **reader,
    )
    variables["PATH"] += os.pathsep + psql_directory()
    subprocess.run([DEPLOY / "postgres/init.sh"], env=variables, check=True, stdout=subprocess.DEVNULL)
    yield {"DB_HOST": "127.0.0.1", "DB_PORT": str(address.port), "DB_NAME": name, "DB_SSL_MODE": "prefer", **reader}
    server.stdin.close()
    server.wait()


@pytest.fixture(scope="session")
def server(place, database):
    """The server with the files of deploy/config; only its body limit is lower, so that reaching it is quick."""
    custom = place / "app/custom"
    shutil.copytree(DEPLOY / "config", custom / "config")
    with (custom / "config/server.yaml").open("a") as config:
        config.write("  max_body_bytes: 1048576\n")
    port = free_port()
    variables = environment(
        AXIS_CUSTOM_DIR=str(custom), AXIS_API_KEY=API_KEY, PORT=str(port), HOST="127.0.0.1", **database
    )
    log = place / "axis.log"
    with running([str(AXIS), "serve", "--log-format", "json"], log, env=variables, cwd=place) as process:

        def ready() -> bool:
            if not listens(port):
                return False
            with Client(port) as client:
                return client.ask("GET", "/ready")[0] == 200

        wait_until("the server is ready", ready, process, log)
        yield SimpleNamespace(port=port, variables=variables, log=log)


@pytest.fixture(scope="session")
def certificate(place):
    """A certificate for `localhost`, and the authority that signed it."""
    authority = trustme.CA()
    issued = authority.issue_cert("localhost", "127.0.0.1")
    directory = place / "certs"
    directory.mkdir()
    chain = b"".join(part.bytes() for part in issued.cert_chain_pems)
    (directory / "axis.pem").write_bytes(chain)
    (directory / "axis.key").write_bytes(issued.private_key_pem.bytes())
    authority.cert_pem.write_to_path(str(directory / "authority.pem"))
    return directory


def replaced(text: str, changes: dict[str, str]) -> str:
    """The shipped text with other ports and paths; each of them must be there once."""
    for old, new in changes.items():
        assert text.count(old) == 1, f"{old!r} is there {text.count(old)} times"
        text = text.replace(old, new)
    return text



def nginx(place: Path, server, certificate: Path):
    directory = place / "nginx"
    directory.mkdir()
    plain, port = free_port(), free_port()
    temporary = "".join(
        f"    {kind}_temp_path {directory}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    # The server asks for no buffering, too; here the configuration must do it alone.
    temporary += "    proxy_ignore_headers X-Accel-Buffering;\n"
    text = replaced(
        (DEPLOY / "nginx.conf").read_text(),
        {
            "http {\n": "http {\n" + temporary,
            "pid /run/nginx.pid;": f"pid {directory}/nginx.pid;",
            "access_log /dev/stdout main;": f"access_log {directory}/access.log main;",
            "server axis:8500;": f"server 127.0.0.1:{server.port};",
            "listen 80;": f"listen 127.0.0.1:{plain};",
            "listen 443 ssl http2;": f"listen 127.0.0.1:{port} ssl http2;",
            "/etc/nginx/certs/axis.pem": str(certificate / "axis.pem"),
            "/etc/nginx/certs/axis.key": str(certificate / "axis.key"),
        },
    ).replace("server_name axis.example.com;", "server_name localhost;")
    (directory / "nginx.conf").write_text(text)
    # The user of the package may not enter directories of root's.
    own = "user root;" if os.getuid() == 0 else ""
    command = [tool("nginx"), "-p", str(directory), "-c", "nginx.conf", "-e", "stderr", "-g", f"daemon off; {own}"]
    return command, {}, port, plain


def caddy(place: Path, server, certificate: Path):
    directory = place / "caddy"
    directory.mkdir()
    plain, port = free_port(), free_port()
    own = "\tgrace_period 10s\n"
    options = f"\tadmin off\n\thttp_port {plain}\n\thttps_port {port}\n\tdefault_bind 127.0.0.1\n"
    site = "{$AXIS_SITE:axis.example.com} {\n"
    given = f"\ttls {certificate}/axis.pem {certificate}/axis.key\n"
    text = replaced((DEPLOY / "Caddyfile").read_text(), {site: site + given, own: own + options})
    (directory / "Caddyfile").write_text(text)
    variables = environment(
        AXIS_SITE="localhost", AXIS_UPSTREAM=f"127.0.0.1:{server.port}", HOME=str(directory)
    )
    command = [tool("caddy"), "run", "--config", str(directory / "Caddyfile"), "--adapter", "caddyfile"]
    return command, {"env": variables}, port, plain


@pytest.fixture(scope="session", params=[nginx, caddy], ids=["nginx", "caddy"])
def proxy(request, place, server, certificate):
    """A proxy with the shipped configuration in front of the server."""
    command, options, port, plain = request.param(place, server, certificate)
    log = place / f"{request.param.__name__}.log"
    with running(command, log, **options) as process:
        wait_until("the proxy listens", lambda: listens(port), process, log)
        yield SimpleNamespace(
            name=request.param.__name__, port=port, plain=plain, authority=certificate / "authority.pem", log=log
        )


@pytest.fixture
def client(proxy):
    with Client(proxy.port, proxy.authority) as client:
        yield client


@pytest.fixture
def direct(server):
    with Client(server.port) as client:
        yield client
