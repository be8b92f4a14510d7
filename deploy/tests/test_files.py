"""What can be known of deploy/ without an engine for containers, an orchestrator or an init system."""

import json
import re
import shutil
import subprocess
import sys

import kubernetes_validate
import pytest
import yaml
from dockerfile_parse import DockerfileParser

from support import API_KEY, AXIS, DEPLOY, READER_PASSWORD, ROOT, environment, tool

COMPOSE = ["docker-compose.yml", "docker-compose.coolify.yml"]
KUBERNETES = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
DATABASE = {
    "DB_HOST": "db.example.com",
    "DB_NAME": "d",
    "DB_USER": "u",
    "DB_PASSWORD": READER_PASSWORD,
    "AXIS_API_KEY": API_KEY,
}


def compose(name: str) -> dict:
    return yaml.safe_load((DEPLOY / name).read_text())


def manifests() -> dict[str, dict]:
    documents = [yaml.safe_load(path.read_text()) for path in KUBERNETES]
    return {document["kind"]: document for document in documents}


def base_of(name: str):
    """Where the paths of a compose file begin."""
    return ROOT if "coolify" in name else DEPLOY


@pytest.mark.parametrize("name", COMPOSE)
def test_compose_follows_its_schema(name):
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(DEPLOY / name)]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("name", COMPOSE)
def test_compose_limits_every_service_and_its_log(name):
    document = compose(name)
    for service, settings in document["services"].items():
        assert settings["deploy"]["resources"]["limits"]["memory"], service
        assert settings["logging"]["driver"] == "json-file", service
        assert {"max-size", "max-file"} <= settings["logging"]["options"].keys(), service
        assert settings["restart"], service
        for volume in settings["volumes"]:
            source = volume.split(":")[0]
            if source.startswith("."):
                # What the operator brings is named in the head of the file.
                assert (base_of(name) / source).exists() or source == "./certs", volume
            else:
                assert source in document["volumes"], volume
    axis = document["services"]["axis"]
    assert axis["read_only"] and axis["cap_drop"] == ["ALL"]
    assert "axis-data:/app/data" in axis["volumes"]
    context = (base_of(name) / axis["build"]["context"]).resolve()
    assert context == ROOT and (context / axis["build"]["dockerfile"]).is_file()


def test_compose_starts_by_health():
    services = compose("docker-compose.yml")["services"]
    assert services["nginx"]["depends_on"]["axis"]["condition"] == "service_healthy"
    assert services["axis"]["depends_on"]["postgres"] == {"condition": "service_healthy", "required": False}
    assert services["postgres"]["profiles"] == ["postgres"]
    assert "healthcheck" in services["postgres"]
    published = [service for service, settings in services.items() if "ports" in settings]
    assert published == ["nginx"]


@pytest.mark.parametrize("name", COMPOSE)
def test_secrets_come_from_the_environment(name):
    text = (DEPLOY / name).read_text()
    asked = set(re.findall(r"\$\{(\w+)", text))
    for service in compose(name)["services"].values():
        for variable, value in service.get("environment", {}).items():
            if re.search("KEY|PASSWORD", variable):
                assert re.fullmatch(r"\$\{\w+(:[?-][^}]*)?\}", value), variable
    if name == "docker-compose.yml":
        example = (DEPLOY / ".env.example").read_text()
        offered = set(re.findall(r"^(\w+)=", example, re.MULTILINE))
        assert asked - offered == {"AXIS_TAG"}
        assert not re.search(r"^\w*(KEY|PASSWORD)\w*=.+", example, re.MULTILINE), "an example has no secrets"


@pytest.mark.parametrize("path", KUBERNETES, ids=lambda path: path.name)
def test_manifests_follow_the_schema_of_kubernetes(path):
    document = yaml.safe_load(path.read_text())
    if document["kind"] == "Kustomization":
        assert {item for item in document["resources"]} == {other.name for other in KUBERNETES if other != path}
    else:
        kubernetes_validate.validate(document, "1.33", strict=True)


def test_one_pod_writes_the_store():
    spec = manifests()["Deployment"]["spec"]
    assert (spec["replicas"], spec["strategy"]["type"]) == (1, "Recreate")
    pod = spec["template"]["spec"]
    container = pod["containers"][0]
    assert container["livenessProbe"]["httpGet"]["path"] == "/"
    assert container["readinessProbe"]["httpGet"]["path"] == "/ready"
    assert pod["securityContext"]["runAsNonRoot"] and container["securityContext"]["readOnlyRootFilesystem"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    custom = next(item["value"] for item in container["env"] if item["name"] == "AXIS_CUSTOM_DIR")
    assert mounts["config"] == f"{custom}/config"
    assert mounts["data"] == "/app/data"
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert volumes["config"]["configMap"]["name"] == manifests()["ConfigMap"]["metadata"]["name"]
    claim = manifests()["PersistentVolumeClaim"]["metadata"]["name"]
    assert volumes["data"]["persistentVolumeClaim"]["claimName"] == claim
    secret = manifests()["Secret"]
    assert container["envFrom"] == [{"secretRef": {"name": secret["metadata"]["name"]}}]
    assert not secret["stringData"]["AXIS_API_KEY"] and not secret["stringData"]["DB_PASSWORD"]


def test_the_config_map_holds_the_files_of_deploy_config():
    files = {path.name: path.read_text() for path in (DEPLOY / "config").iterdir()}
    assert manifests()["ConfigMap"]["data"] == files


def test_the_shipped_configuration_is_right(tmp_path):
    shutil.copytree(DEPLOY / "config", tmp_path / "custom/config")
    command = [str(AXIS), "config", "check", "--json"]
    run = subprocess.run(command, env=environment(**DATABASE), cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout
    told = json.loads(run.stdout)
    assert (told["errors"], told["warnings"]) == ([], [])
    run = subprocess.run([str(AXIS), "config", "explain", "--json"], env=environment(**DATABASE), cwd=tmp_path,
                         capture_output=True, text=True)
    settings = {setting["key"]: setting["value"] for setting in json.loads(run.stdout)["settings"]}
    assert settings["duckdb.path"] == "data/local_store.duckdb"
    assert settings["monitoring_db.ssl_mode"] == "verify-full"


def stages() -> list[list[dict]]:
    parsed = DockerfileParser(str(DEPLOY / "Dockerfile")).structure
    stages: list[list[dict]] = []
    for instruction in parsed:
        if instruction["instruction"] == "FROM":
            stages.append([])
        if instruction["instruction"] != "COMMENT":
            stages[-1].append(instruction)
    return stages


def values(stage: list[dict], name: str) -> list[str]:
    return [instruction["value"] for instruction in stage if instruction["instruction"] == name]


def test_the_image_is_small_and_nobodys():
    _, build, final = stages()
    assert any("make program PREFIX=/opt/axis" in value for value in values(build, "RUN"))
    assert values(final, "USER") == ["10001:10001"]
    assert json.loads(values(final, "VOLUME")[0]) == ["/app/data"]
    assert values(final, "COPY") == ["--from=build /opt/axis /opt/axis"]
    assert "AXIS_CUSTOM_DIR=/app/custom" in values(final, "ENV")[0]
    for stage in stages():
        image = values(stage, "FROM")[0].split()[0]
        assert ":" in image and not image.endswith(":latest")


def test_the_libraries_of_the_program_are_in_the_image():
    run = subprocess.run(["ldd", str(AXIS)], capture_output=True, text=True, check=True)
    needed = {line.split()[0] for line in run.stdout.splitlines() if "=>" in line}
    # Of libc6, libgcc-s1 and libstdc++6, and our own.
    there = {"libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "libgcc_s.so.1", "libstdc++.so.6"}
    assert needed - there <= {"libduckdb.so"}, needed
    assert "libstdc++6" in " ".join(values(stages()[-1], "RUN"))


def test_the_image_knows_whether_it_is_healthy(server):
    word, command = values(stages()[-1], "HEALTHCHECK")[0].split(" CMD ")
    assert "--interval" in word
    program, *arguments = json.loads(command)
    assert program == "axis"
    check = lambda **other: subprocess.run(  # noqa: E731
        [str(AXIS), *arguments], env=server.variables | other, capture_output=True
    ).returncode
    assert check() == 0
    assert check(HOST="0.0.0.0") == 0
    assert check(PORT="1") == 1


def ignored(path: str) -> bool:
    """What .dockerignore says of a path; it has the two forms `name` from the root, and `**/name`."""
    parts = path.split("/")
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        assert not line.startswith("!"), "there are no exceptions"
        anywhere, name = line.startswith("**/"), re.escape(line.removeprefix("**/")).replace(r"\*", "[^/]*")
        if any(re.fullmatch(name, part) for part in (parts if anywhere else parts[:1])):
            return True
    return False


def test_the_image_is_built_from_sources_and_from_nothing_private():
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files"], capture_output=True, text=True, check=True)
    tracked = [path for path in listed.stdout.splitlines() if not path.startswith((".ci/", "deploy/"))]
    assert len(tracked) > 100
    assert [path for path in tracked if ignored(path)] == []
    for private in [".env", "backend/.env", "deploy/.env", "certs/axis.key", "custom/config/server.yaml", ".git/config",
                    "target/debug/axis", "data/local_store.duckdb"]:
        assert ignored(private), private


def test_what_operators_write_is_never_committed():
    for private in ["deploy/.env", "deploy/certs/axis.key"]:
        assert subprocess.run(["git", "-C", str(ROOT), "check-ignore", "-q", private]).returncode == 0, private


def test_the_unit_is_one_that_systemd_takes(tmp_path):
    text = (DEPLOY / "axis.service").read_text()
    assert text.count("ExecStart=/opt/axis/bin/axis ") == 1
    unit = tmp_path / "axis.service"
    unit.write_text(text.replace("ExecStart=/opt/axis/bin/axis ", f"ExecStart={AXIS} "))
    analyze = tool("systemd-analyze")
    run = subprocess.run([analyze, "verify", "--man=no", str(unit)], capture_output=True, text=True)
    told = [line for line in (run.stdout + run.stderr).splitlines() if "axis.service" in line]
    assert run.returncode == 0 and not told, run.stderr
    # From 0, hardened, to 100, not at all.
    run = subprocess.run(
        [analyze, "security", "--offline=true", "--threshold=20", str(unit)], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout[-400:]


def test_the_unit_starts_the_server(tmp_path):
    line = re.search(r"^ExecStart=\S+ (.*)$", (DEPLOY / "axis.service").read_text(), re.MULTILINE)
    assert line
    run = subprocess.run([str(AXIS), *line[1].split(), "--help"], capture_output=True, text=True)
    assert run.returncode == 0 and "Answers over HTTP" in run.stdout
