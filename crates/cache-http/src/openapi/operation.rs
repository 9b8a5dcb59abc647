//! One operation of a description.

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ContentBuilder, HttpMethod, PathItem, Ref, RefOr, Required, ResponseBuilder, Schema,
        path::{OperationBuilder, ParameterBuilder, ParameterIn},
        request_body::RequestBodyBuilder,
        schema::{ObjectBuilder, Type},
        security::SecurityRequirement,
    },
};

use super::TOKEN;
use crate::problem::ProblemBody;

/// An operation: a method on a path, what it takes and what it returns.
#[derive(Clone, Debug)]
pub struct RouteDescription {
    method: HttpMethod,
    path: String,
    summary: String,
    parameters: Vec<(String, ParameterIn, Schema)>,
    body: Option<(RefOr<Schema>, bool)>,
    answers: Vec<(&'static str, RefOr<Schema>)>,
    statuses: Vec<(&'static str, &'static str)>,
    asks_for_token: bool,
}

impl RouteDescription {
    /// Describes a `GET`, which returns JSON. What is in braces in the path is a parameter of it.
    #[must_use]
    pub fn get(path: &str, summary: &str) -> Self {
        Self::new(HttpMethod::Get, path, summary)
    }

    /// Describes a `POST`, as [`RouteDescription::get`].
    #[must_use]
    pub fn post(path: &str, summary: &str) -> Self {
        Self::new(HttpMethod::Post, path, summary)
    }

    /// Describes a `PUT`, as [`RouteDescription::get`].
    #[must_use]
    pub fn put(path: &str, summary: &str) -> Self {
        Self::new(HttpMethod::Put, path, summary)
    }

    /// Describes a `DELETE`, as [`RouteDescription::get`].
    #[must_use]
    pub fn delete(path: &str, summary: &str) -> Self {
        Self::new(HttpMethod::Delete, path, summary)
    }

    fn new(method: HttpMethod, path: &str, summary: &str) -> Self {
        let names = path.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name));
        let text = || Schema::Object(ObjectBuilder::new().schema_type(Type::String).build());
        Self {
            method,
            path: path.to_owned(),
            summary: summary.to_owned(),
            parameters: names.map(|name| (name.to_owned(), ParameterIn::Path, text())).collect(),
            body: None,
            answers: vec![("application/json", any())],
            statuses: Vec::new(),
            asks_for_token: false,
        }
    }

    /// Adds a parameter of the query, which may be left out: a text.
    #[must_use]
    pub fn text(self, name: &str) -> Self {
        self.parameter(name, ObjectBuilder::new().schema_type(Type::String))
    }

    /// Adds a parameter of the query, which may be left out: one of some texts.
    #[must_use]
    pub fn one_of(self, name: &str, texts: &[&str]) -> Self {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        self.parameter(name, ObjectBuilder::new().schema_type(Type::String).enum_values(Some(texts)))
    }

    /// Adds a parameter of the query, which may be left out: a whole number.
    #[must_use]
    pub fn number(self, name: &str, least: u32, most: u32) -> Self {
        let number = ObjectBuilder::new().schema_type(Type::Integer);
        self.parameter(name, number.minimum(Some(least)).maximum(Some(most)))
    }

    fn parameter(mut self, name: &str, schema: ObjectBuilder) -> Self {
        self.parameters.push((name.to_owned(), ParameterIn::Query, Schema::Object(schema.build())));
        self
    }

    /// Says what body it takes, and whether it must have one.
    #[must_use]
    pub fn takes<T: PartialSchema>(mut self, required: bool) -> Self {
        self.body = Some((T::schema(), required));
        self
    }

    /// Says that it takes a JSON object, and whether it must have one.
    #[must_use]
    pub fn takes_any(mut self, required: bool) -> Self {
        self.body = Some((any(), required));
        self
    }

    /// Says what it returns, as JSON.
    #[must_use]
    pub fn returns<T: PartialSchema>(mut self) -> Self {
        self.answers = vec![("application/json", T::schema())];
        self
    }

    /// Says that it returns text of this type, instead or as well.
    #[must_use]
    pub fn returns_text(mut self, media_type: &'static str, instead: bool) -> Self {
        if instead {
            self.answers.clear();
        }
        let text = Schema::Object(ObjectBuilder::new().schema_type(Type::String).build());
        self.answers.push((media_type, RefOr::T(text)));
        self
    }

    /// Says that it may also answer with this status, without a body.
    #[must_use]
    pub fn or(mut self, status: &'static str, description: &'static str) -> Self {
        self.statuses.push((status, description));
        self
    }

    /// Says that it asks for the token.
    #[must_use]
    pub fn with_token(mut self) -> Self {
        self.asks_for_token = true;
        self
    }

    pub(super) fn into_item(self) -> (String, PathItem) {
        let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name(ProblemBody::name()))).build();
        let refused = ResponseBuilder::new()
            .description("what was wrong, and what to do")
            .content("application/problem+json", problem);
        let answer = self.answers.into_iter().fold(
            ResponseBuilder::new().description("the answer"),
            |answer, (media_type, schema)| {
                answer.content(media_type, ContentBuilder::new().schema(Some(schema)).build())
            },
        );
        let mut operation = OperationBuilder::new()
            .summary(Some(self.summary))
            .response("200", answer.build())
            .response("default", refused.build());
        for (status, description) in self.statuses {
            operation = operation.response(status, ResponseBuilder::new().description(description).build());
        }
        for (name, place, schema) in self.parameters {
            let required = if matches!(place, ParameterIn::Path) { Required::True } else { Required::False };
            let parameter = ParameterBuilder::new()
                .name(name)
                .parameter_in(place)
                .required(required)
                .schema(Some(schema));
            operation = operation.parameter(parameter.build());
        }
        if let Some((schema, required)) = self.body {
            let content = ContentBuilder::new().schema(Some(schema)).build();
            let required = if required { Required::True } else { Required::False };
            let body =
                RequestBodyBuilder::new().content("application/json", content).required(Some(required));
            operation = operation.request_body(Some(body.build()));
        }
        if self.asks_for_token {
            operation = operation.security(SecurityRequirement::new::<_, _, String>(TOKEN, []));
        }
        (self.path, PathItem::new(self.method, operation.build()))
    }
}

/// Any JSON object.
fn any() -> RefOr<Schema> {
    RefOr::T(Schema::Object(ObjectBuilder::new().schema_type(Type::Object).build()))
}
