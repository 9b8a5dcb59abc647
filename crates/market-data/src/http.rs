//! What adapters of web APIs share: a client that keeps within limits and keeps secrets.

mod call;
mod client;
mod reply;
mod retry_after;
mod secret_source;
mod settings;
mod tls;

pub use self::{
    call::Call,
    client::{HttpClient, HttpSettings},
    reply::Reply,
    secret_source::{Secret, SecretSource},
    settings::HttpLimits,
};
