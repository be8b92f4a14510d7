//! The description of the API, `/openapi.json`, made from the handlers' own annotations, and `/docs`, which shows it.

use axum::Router;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::SwaggerUi;

use crate::app::App;

#[derive(OpenApi)]
#[openapi(info(
    title = "AXIS",
    description = "Keeps a local DuckDB file exactly equal to what SQL queries return from PostgreSQL, and answers questions from it."
))]
struct Document;

/// Turns documented routes into a router that also answers with their document.
pub(crate) fn serve(routes: OpenApiRouter<App>, app: App) -> Router {
    let (router, document) = OpenApiRouter::with_openapi(Document::openapi())
        .merge(routes)
        .split_for_parts();
    router
        .merge(SwaggerUi::new("/docs").url("/openapi.json", document))
        .with_state(app)
}
