//! The HTTP client that adapters share: bounded in time and size, and careful with secrets.

mod client;
mod items;
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
