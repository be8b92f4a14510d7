//! The description of the API, `/openapi.json`, made from the handlers' own annotations, and `/docs`, which shows it.

use axum::Router;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::SwaggerUi;

use crate::app::App;
use crate::routes::policy::{Access, ROUTES};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "AXIS",
        description = "Keeps a local DuckDB file exactly equal to what SQL queries return from PostgreSQL, and answers questions from it.\n\nWhere keys or tokens are configured, every route but `/`, `/health` and `/ready` answers 401 without one, and 403 when its role is too low; each may answer 429 and 503 under load, and 504 when it takes too long."
    ),
    servers((url = "/", description = "this server")),
    security((), ("bearer" = []), ("api_key" = [])),
    modifiers(&Credentials),
)]
struct Document;

/// The two ways to say who asks.
struct Credentials;

impl Modify for Credentials {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("A key, or a JSON Web Token"));
        let header = ApiKeyValue::with_description("X-API-Key", "A key");
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer.build()));
        components.add_security_scheme("api_key", SecurityScheme::ApiKey(ApiKey::Header(header)));
    }
}

/// Says of each operation which role it needs, as the table decides it.
fn add_roles(document: &mut utoipa::openapi::OpenApi) {
    for policy in ROUTES {
        let Some(item) = document.paths.paths.get_mut(policy.path) else {
            continue;
        };
        let operation = match policy.method {
            "GET" => item.get.as_mut(),
            "POST" => item.post.as_mut(),
            "DELETE" => item.delete.as_mut(),
            _ => None,
        };
        let (Some(operation), Access::Needs(role)) = (operation, policy.access) else {
            continue;
        };
        let mut text = role.as_str().to_owned();
        if let Some((parameter, role)) = policy.raised {
            text += &format!(", with `{parameter}` {}", role.as_str());
        }
        let role = ExtensionsBuilder::new().add("x-role", text).build();
        operation.extensions.get_or_insert_default().merge(role);
    }
}

/// Turns documented routes into a router that also answers with their document.
pub(crate) fn serve(routes: OpenApiRouter<App>, app: App) -> Router {
    let (router, mut document) = OpenApiRouter::with_openapi(Document::openapi())
        .merge(routes)
        .split_for_parts();
    add_roles(&mut document);
    router
        .merge(SwaggerUi::new("/docs").url("/openapi.json", document))
        .with_state(app)
}
