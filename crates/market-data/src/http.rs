//! What adapters of web APIs share: a client that keeps within limits and keeps secrets.

mod call;
mod client;
mod reply;
mod retry_after;
mod secret_source;
mod settings;

pub(crate) use self::secret_source::api_key;
pub use self::{
    call::Call,
    client::{HttpClient, HttpSettings},
    reply::Reply,
    secret_source::SecretSource,
    settings::HttpLimits,
};
