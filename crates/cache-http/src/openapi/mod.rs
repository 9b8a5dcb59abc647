//! The description of routes as OpenAPI 3.1.

mod management;
mod operation;

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ComponentsBuilder, InfoBuilder, OpenApi, OpenApiBuilder, PathsBuilder,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

pub(crate) use self::management::operations;
pub use self::operation::RouteDescription;
use crate::problem::ProblemBody;

/// The name of the security scheme of those routes that ask for the token.
const TOKEN: &str = "token";

/// Returns the description of these operations.
#[must_use]
pub fn describe(
    title: &str,
    version: &str,
    operations: impl IntoIterator<Item = RouteDescription>,
) -> OpenApi {
    let token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("Without a token configured these are for programs on the same machine alone."));
    let components = ComponentsBuilder::new()
        .schema(ProblemBody::name(), ProblemBody::schema())
        .security_scheme(TOKEN, SecurityScheme::Http(token.build()));
    let paths = operations.into_iter().fold(PathsBuilder::new(), |paths, operation| {
        let (path, item) = operation.into_item();
        paths.path(path, item)
    });
    OpenApiBuilder::new()
        .info(InfoBuilder::new().title(title).version(version))
        .components(Some(components.build()))
        .paths(paths)
        .build()
}
