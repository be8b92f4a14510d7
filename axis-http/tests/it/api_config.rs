//! What the dashboard is told, and the pictures of the custom directory.

use std::fs;

use serde_json::json;

use crate::support::{Answer, Project, Server};

fn project() -> Project {
    let project = Project::new();
    project.config("duckdb.yaml", "duckdb:\n  sync_mode: manual\n");
    project
}

#[test]
fn without_files_everything_has_its_default() {
    let project = project();
    let server = project.server();
    let theme = server.json("/api/config/theme");
    assert_eq!(
        (&theme["success"], &theme["active"]),
        (&json!(true), &json!("professional_blue"))
    );
    assert_eq!(theme["activePalette"], theme["palettes"]["professional_blue"]);
    assert_eq!(theme["activePalette"]["primaryLight"], "#5C7AA3");
    assert_eq!(theme["branding"]["footer_name"], "AXIS");
    assert_eq!(
        server.json("/api/config/agents"),
        json!({ "success": true, "agents": [] })
    );
    assert_eq!(
        server.json("/api/config/visibility"),
        json!({
            "kpi": { "visible_kpis": [], "visible_kpis_per_source": {} },
            "monitoring": { "visible_metrics": [] },
            "human_signals": { "visible_metrics": [], "visible_kpis": [] },
        })
    );
    assert_eq!(
        server.json("/api/config/features"),
        json!({ "eval_runner_enabled": true, "copilot_enabled": true })
    );
    let plugins = server.json("/api/config/plugins");
    let plugins = plugins["plugins"].as_array().unwrap();
    let told: Vec<_> = plugins
        .iter()
        .map(|plugin| json!([plugin["name"], plugin["enabled"], plugin["nav"][0]["order"]]))
        .collect();
    assert_eq!(told, [json!(["agent_replay", false, 45]), json!(["memory", false, 50])]);
    assert!(
        plugins
            .iter()
            .all(|plugin| plugin["error"] == "this server does not have the plugin")
    );

    let memory = server.get("/api/config/memory");
    assert_eq!(memory.json()["field_roles"]["batch"], "batch_id");
    assert!(memory.json()["_deprecated"].is_string());
    assert_eq!(memory.header("sunset"), "Fri, 01 Jan 2027 00:00:00 GMT");
    assert!(memory.header("deprecation").starts_with('@') && memory.header("link").contains("deprecation"));
    assert_eq!(server.get("/api/config/nothing").status, 404);
}

#[test]
fn files_say_otherwise_and_a_broken_one_is_reported_without_stopping_anything() {
    let project = project();
    project.config(
        "theme.yaml",
        "theme:\n  active: night\n  palettes: {night: {primary: '#000'}}\n",
    );
    project.config("agents.yaml", "agents: [{name: a, label: Anna}]\n");
    project.config(
        "kpi_db.yaml",
        "kpi_db:\n  visible_kpis: [x]\n  visible_kpis_per_source: {a: [y]}\n",
    );
    project.config("monitoring_db.yaml", "monitoring_db:\n  visible_metrics: [m]\n");
    project.config("human_signals_db.yaml", "human_signals_db:\n  visible_kpis: [k]\n");
    project.config("eval_db.yaml", "eval_db:\n  eval_runner_enabled: false\n");
    assert_eq!(project.axis(&["config", "check"]).code, 0);
    let server = project.server();
    assert_eq!(server.json("/api/config/theme")["activePalette"]["name"], "Night");
    assert_eq!(server.json("/api/config/agents")["agents"][0]["label"], "Anna");
    assert_eq!(
        server.json("/api/config/visibility"),
        json!({
            "kpi": { "visible_kpis": ["x"], "visible_kpis_per_source": { "a": ["y"] } },
            "monitoring": { "visible_metrics": ["m"] },
            "human_signals": { "visible_metrics": [], "visible_kpis": ["k"] },
        })
    );
    assert_eq!(server.json("/api/config/features")["eval_runner_enabled"], false);
    drop(server);

    project.config("theme.yaml", "theme: [");
    project.config("agents.yaml", "agents:\n  - label: nobody\n  - name: b\n");
    let check = project.axis(&["config", "check"]);
    assert_eq!(check.code, 2, "{}", check.stdout);
    for place in ["error: config/theme.yaml:1: ", "error: config/agents.yaml:2: "] {
        assert!(check.stdout.contains(place), "{}", check.stdout);
    }
    let status = project.axis(&["status"]);
    assert_eq!(status.code, 0, "{}", status.stderr);
    assert!(
        status.stderr.contains("warning: config/theme.yaml:1: "),
        "{}",
        status.stderr
    );
    let server = project.server();
    assert_eq!(server.json("/api/config/theme")["active"], "professional_blue");
    assert_eq!(server.json("/api/config/agents")["agents"][0]["name"], "b");
}

const LOGO: &str = "<svg xmlns='http://www.w3.org/2000/svg'/>";

/// A project with a logo, a portrait, and things that are nobody's business.
fn with_pictures() -> (Project, Server) {
    let project = project();
    let custom = project.custom_dir();
    for folder in ["branding/more", "agents"] {
        fs::create_dir_all(custom.join(folder)).unwrap();
    }
    fs::write(custom.join("branding/logo.svg"), LOGO).unwrap();
    fs::write(custom.join("branding/a b.png"), [0x89, 0x50]).unwrap();
    fs::write(custom.join("branding/.hidden"), "secret").unwrap();
    fs::write(custom.join("branding/more/inner.svg"), "secret").unwrap();
    fs::write(custom.join("agents/anna.webp"), "picture").unwrap();
    fs::write(custom.join("secret.txt"), "secret").unwrap();
    fs::write(project.path().join("secret.txt"), "secret").unwrap();
    let server = project.server();
    (project, server)
}

fn asset(server: &Server, path: &str, headers: &[(&str, &str)]) -> Answer {
    server.request("GET", &format!("/api/config/assets/{path}"), headers)
}

#[test]
fn pictures_have_their_type_and_are_kept_by_clients() {
    let (_project, server) = with_pictures();
    let logo = asset(&server, "branding/logo.svg", &[]);
    assert_eq!((logo.status, logo.text.as_str()), (200, LOGO));
    assert_eq!(logo.header("content-type"), "image/svg+xml");
    assert_eq!(logo.header("cache-control"), "public, max-age=31536000, immutable");
    assert!(logo.header("content-security-policy").contains("sandbox"));
    assert_eq!(logo.header("x-content-type-options"), "nosniff");
    let portrait = asset(&server, "agents/anna.webp", &[]);
    assert_eq!((portrait.status, portrait.header("content-type")), (200, "image/webp"));
    assert_eq!(portrait.header("cache-control"), "public, max-age=86400");
    let blank = server.request("HEAD", "/api/config/assets/branding/a%20b.png", &[]);
    assert_eq!(
        (
            blank.status,
            blank.header("content-type"),
            blank.header("content-length")
        ),
        (200, "image/png", "2")
    );

    let modified = logo.header("last-modified").to_owned();
    let unchanged = asset(&server, "branding/logo.svg", &[("If-Modified-Since", &modified)]);
    assert_eq!((unchanged.status, unchanged.text.as_str()), (304, ""));
    let changed = asset(
        &server,
        "branding/logo.svg",
        &[("If-Modified-Since", "Thu, 01 Jan 2015 00:00:00 GMT")],
    );
    assert_eq!(changed.status, 200);
    let part = asset(&server, "branding/logo.svg", &[("Range", "bytes=0-3")]);
    assert_eq!((part.status, part.text.as_str()), (206, "<svg"));
}

#[test]
fn nothing_else_of_the_disk_is_reached() {
    let (project, server) = with_pictures();
    let custom = project.custom_dir();
    #[cfg(unix)]
    {
        use std::os::unix::fs::symlink;
        symlink(custom.join("secret.txt"), custom.join("branding/link.svg")).unwrap();
        symlink("../../secret.txt", custom.join("agents/up.svg")).unwrap();
        symlink("logo.svg", custom.join("branding/inside.svg")).unwrap();
        assert_eq!(asset(&server, "branding/inside.svg", &[]).status, 200);
    }
    for path in [
        "branding/link.svg",
        "agents/up.svg",
        "branding/nothing.svg",
        "branding/more",
        "branding/more/inner.svg",
        "branding/more%2Finner.svg",
        "branding/.hidden",
        "branding/.",
        "branding/..",
        "branding/%2e%2e",
        "branding/%2E%2E%2Fsecret.txt",
        "branding/..%2f..%2fsecret.txt",
        "branding/..%5c..%5csecret.txt",
        "branding/%2fetc%2fpasswd",
        "branding/%252e%252e%252fsecret.txt",
        "branding/logo.svg%00",
        "branding/%00",
        "branding/%ff",
        "branding/logo.svg%2F",
        "branding/%20",
        "config/duckdb.yaml",
        "./secret.txt",
        "%2e%2e/secret.txt",
        "%2e/secret.txt",
        "branding%2f../secret.txt",
        "BRANDING/logo.svg",
        "nothing/logo.svg",
    ] {
        let answer = asset(&server, path, &[]);
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
        assert!(
            !answer.text.contains("secret") && !answer.header("cache-control").starts_with("public"),
            "{path}: {answer:?}"
        );
        assert_eq!(answer.json()["detail"], "Not Found", "{path}");
    }
    assert_eq!(server.post("/api/config/assets/branding/logo.svg").status, 405);
}
