//! Handshakes with a rustls server in this process: what each `Check` accepts and refuses.
//!
//! The certificates in `certificates/` serve these tests alone. The one of the server is for `localhost`.

use std::{io, sync::Arc};

use cache_tls::{Check, TlsClient};
use rustls::{
    ClientConfig, ClientConnection, ConfigBuilder, ServerConfig, ServerConnection, WantsVerifier,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    server::WebPkiClientVerifier,
};

const AUTHORITY: &[u8] = include_bytes!("certificates/authority.pem");
const OTHER_AUTHORITY: &[u8] = include_bytes!("certificates/other-authority.pem");
const SERVER: &[u8] = include_bytes!("certificates/server.pem");
const SERVER_KEY: &[u8] = include_bytes!("certificates/server.key");

fn server_builder() -> ConfigBuilder<ServerConfig, WantsVerifier> {
    ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
}

fn certificate(pem: &[u8]) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem).unwrap()
}

fn key() -> PrivateKeyDer<'static> {
    PrivateKeyDer::from_pem_slice(SERVER_KEY).unwrap()
}

/// A server that asks for no certificate.
fn server() -> ServerConfig {
    server_builder().with_no_client_auth().with_single_cert(vec![certificate(SERVER)], key()).unwrap()
}

/// A server that asks for a certificate of the authority.
fn server_that_asks() -> ServerConfig {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate(AUTHORITY)).unwrap();
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
    server_builder()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![certificate(SERVER)], key())
        .unwrap()
}

/// Shakes hands until both sides are done, or one refuses.
fn shake(client: ClientConfig, server: ServerConfig, host: &'static str) -> Result<(), rustls::Error> {
    let host = ServerName::try_from(host).unwrap();
    let mut client = ClientConnection::new(Arc::new(client), host).unwrap();
    let mut server = ServerConnection::new(Arc::new(server)).unwrap();
    while client.is_handshaking() || server.is_handshaking() {
        let mut bytes = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut bytes).unwrap();
        }
        let mut sent = io::Cursor::new(bytes);
        while server.read_tls(&mut sent).unwrap() > 0 {
            server.process_new_packets()?;
        }
        let mut bytes = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut bytes).unwrap();
        }
        let mut sent = io::Cursor::new(bytes);
        while client.read_tls(&mut sent).unwrap() > 0 {
            client.process_new_packets()?;
        }
    }
    Ok(())
}

fn connects(check: Check, roots: &[u8], host: &'static str) -> bool {
    let client = TlsClient::new().check(check).roots(roots);
    shake(client.config().unwrap(), server(), host).is_ok()
}

#[test]
fn the_host_is_checked_by_default() {
    assert_eq!(Check::default(), Check::Host);
    assert!(connects(Check::Host, AUTHORITY, "localhost"));
    assert!(!connects(Check::Host, AUTHORITY, "example.org"));
    assert!(!connects(Check::Host, OTHER_AUTHORITY, "localhost"));
}

#[test]
fn an_authority_may_vouch_for_any_host() {
    assert!(connects(Check::Authority, AUTHORITY, "localhost"));
    assert!(connects(Check::Authority, AUTHORITY, "example.org"));
    assert!(!connects(Check::Authority, OTHER_AUTHORITY, "localhost"));
}

#[test]
fn any_certificate_is_accepted_if_nothing_is_checked() {
    assert!(connects(Check::Nothing, OTHER_AUTHORITY, "localhost"));
    assert!(connects(Check::Nothing, OTHER_AUTHORITY, "example.org"));
}

#[test]
fn a_certificate_is_shown_to_a_server_that_asks_for_one() {
    let client = TlsClient::new().roots(AUTHORITY);
    let anonymous = client.clone().config().unwrap();
    assert!(shake(anonymous, server_that_asks(), "localhost").is_err());
    let shown = client.identity(SERVER, SERVER_KEY).config().unwrap();
    shake(shown, server_that_asks(), "localhost").unwrap();
}
