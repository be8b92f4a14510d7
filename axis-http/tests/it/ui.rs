//! The dashboard at `/ui`, as it is served. What its pages do is tested in a browser: `scripts/ui.sh test`.

use crate::support::Project;

#[test]
fn the_dashboard_is_served_without_a_key_or_says_how_it_is_built() {
    let project = Project::new();
    project.config(
        "server.yaml",
        "server: {api_keys: [{name: a, key: a-key-of-sixteen-or-more, role: read}]}\n",
    );
    let server = project.server();
    assert_eq!(server.get("/api/store/datasets").status, 401);
    let moved = server.get("/ui");
    assert_eq!((moved.status, moved.header("location")), (303, "ui/"));
    let page = server.get("/ui/");
    assert!(page.header("content-type").starts_with("text/html"), "{}", page.text);
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    if !axis_http::has_dashboard() {
        assert_eq!(page.status, 404);
        assert!(page.text.contains("make ui"), "{}", page.text);
        return;
    }
    assert_eq!(page.status, 200);
    let policy = page.header("content-security-policy");
    assert!(
        policy.contains("script-src 'self';") && !policy.contains("unsafe"),
        "{policy}"
    );
    // Pages of the dashboard are names; what looks like a file is one or is not there.
    assert_eq!(server.get("/ui/monitoring").text, page.text);
    assert_eq!(server.get("/ui/nothing.js").status, 404);
    let mut loaded = 0;
    for attribute in ["src=\"", "href=\""] {
        for rest in page.text.split(attribute).skip(1) {
            let name = rest.split('"').next().unwrap();
            let name = name.strip_prefix("./").expect("everything is beside the page");
            let part = server.get(&format!("/ui/{name}"));
            assert_eq!(part.status, 200, "{name}");
            assert_eq!(part.header("cache-control"), "public, max-age=31536000, immutable");
            loaded += 1;
        }
    }
    assert!(loaded >= 3, "{}", page.text);
}
