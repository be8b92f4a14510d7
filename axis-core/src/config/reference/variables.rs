//! The variables that stand for no key of a dataset or palette.

/// Variable, the key that it stands for, and meaning. Those that have a key of each dataset or palette are added by their readers' lists.
pub(super) const VARIABLES: &[(&str, &str, &str)] = &[
    ("HOST", "server.host", "fills the key where the file leaves it out"),
    ("PORT", "server.port", "fills the key where the file leaves it out"),
    (
        "APP_NAME",
        "server.app_name",
        "fills the key where the file leaves it out",
    ),
    (
        "FRONTEND_URL",
        "server.origins",
        "an origin besides localhost:3500, where the file has no `origins`",
    ),
    ("FRONTEND_URLS", "server.origins", "more of them, with commas between"),
    (
        "AXIS_API_KEY",
        "server.api_keys",
        "one key of the role `admin`, where the file has no `api_keys`",
    ),
    (
        "AXIS_JWT_SECRET",
        "server.jwt.secret",
        "fills the key for HS256, which also switches tokens on",
    ),
    (
        "AXIS_WIZARD_HOSTS",
        "server.wizard_hosts",
        "hosts with commas between, where the file has no `wizard_hosts`",
    ),
    ("AXIS_THEME_ACTIVE", "theme.active", "wins over the file"),
    (
        "COPILOT_ENABLED",
        "",
        "what `/api/config/features` tells the dashboard; true by default",
    ),
    (
        "AXIS_PLUGINS_ENABLED",
        "",
        "the plugins that `/api/config/plugins` lists as wanted, with commas between; all by default",
    ),
];
