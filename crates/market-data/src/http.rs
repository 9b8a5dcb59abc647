//! What adapters of web APIs share: a client that keeps within limits and keeps secrets.

mod client;
mod reply;
mod request;
mod retry_after;
mod secret_source;
mod settings;

pub(crate) use self::secret_source::api_key;
pub use self::{
    client::{HttpClient, HttpClientConfig},
    reply::HttpReply,
    request::HttpRequest,
    secret_source::SecretSource,
    settings::HttpSettings,
};
