//! Handshakes with a rustls server in this process: what each `Check` accepts and refuses.
//!
//! Certificates are made anew for each run; the one of the server is for `localhost`.

use std::{
    io,
    sync::{Arc, LazyLock},
};

use cache_tls::{Check, TlsClient};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    ClientConfig, ClientConnection, ConfigBuilder, ServerConfig, ServerConnection, WantsVerifier,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    server::WebPkiClientVerifier,
};

/// Certificates and the server's key, in PEM.
struct Pem {
    authority: String,
    other_authority: String,
    server: String,
    server_key: String,
}

static PEM: LazyLock<Pem> = LazyLock::new(|| {
    let authority = authority();
    let server_key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(["localhost".to_owned()]).unwrap();
    Pem {
        authority: authority.pem(),
        other_authority: self::authority().pem(),
        server: server.signed_by(&server_key, &authority).unwrap().pem(),
        server_key: server_key.serialize_pem(),
    }
});

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn server_builder() -> ConfigBuilder<ServerConfig, WantsVerifier> {
    ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
}

fn certificate(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

fn key() -> PrivateKeyDer<'static> {
    PrivateKeyDer::from_pem_slice(PEM.server_key.as_bytes()).unwrap()
}

/// A server that asks for no certificate.
fn server() -> ServerConfig {
    server_builder().with_no_client_auth().with_single_cert(vec![certificate(&PEM.server)], key()).unwrap()
}

/// A server that asks for a certificate of the authority.
fn server_that_asks() -> ServerConfig {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate(&PEM.authority)).unwrap();
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
    server_builder()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![certificate(&PEM.server)], key())
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

fn connects(check: Check, roots: &str, host: &'static str) -> bool {
    let client = TlsClient::new().check(check).roots(roots);
    shake(client.config().unwrap(), server(), host).is_ok()
}

#[test]
fn the_host_is_checked_by_default() {
    assert_eq!(Check::default(), Check::Host);
    assert!(connects(Check::Host, &PEM.authority, "localhost"));
    assert!(!connects(Check::Host, &PEM.authority, "example.org"));
    assert!(!connects(Check::Host, &PEM.other_authority, "localhost"));
}

#[test]
fn an_authority_may_vouch_for_any_host() {
    assert!(connects(Check::Authority, &PEM.authority, "localhost"));
    assert!(connects(Check::Authority, &PEM.authority, "example.org"));
    assert!(!connects(Check::Authority, &PEM.other_authority, "localhost"));
}

#[test]
fn any_certificate_is_accepted_if_nothing_is_checked() {
    assert!(connects(Check::Nothing, &PEM.other_authority, "localhost"));
    assert!(connects(Check::Nothing, &PEM.other_authority, "example.org"));
}

#[test]
fn a_certificate_is_shown_to_a_server_that_asks_for_one() {
    let client = TlsClient::new().roots(PEM.authority.as_str());
    let anonymous = client.clone().config().unwrap();
    assert!(shake(anonymous, server_that_asks(), "localhost").is_err());
    let shown = client.identity(PEM.server.as_str(), PEM.server_key.as_str()).config().unwrap();
    shake(shown, server_that_asks(), "localhost").unwrap();
}

#[test]
fn a_self_signed_certificate_is_trusted_by_itself_alone_for_its_names_and_its_time() {
    let key = KeyPair::generate().unwrap();
    let made = |change: fn(&mut CertificateParams)| {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        // As openssl req -x509 marks it.
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        change(&mut params);
        params.self_signed(&key).unwrap()
    };
    let (own, twin) = (made(|_| {}), made(|params| params.serial_number = Some(7_u64.into())));
    let over = made(|params| params.not_after = rcgen::date_time_ymd(2000, 1, 1));
    let connects = |shown: &rcgen::Certificate, roots: &str, check, host| {
        let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
        let chain = vec![shown.der().clone()];
        let server = server_builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
        let client = TlsClient::new().check(check).roots(roots);
        shake(client.config().unwrap(), server, host).is_ok()
    };
    assert!(connects(&own, &own.pem(), Check::Host, "localhost"));
    assert!(connects(&own, &format!("{}{}", PEM.authority, own.pem()), Check::Host, "localhost"));
    assert!(connects(&own, &own.pem(), Check::Authority, "example.org"));
    assert!(!connects(&own, &own.pem(), Check::Host, "example.org"), "another host");
    assert!(!connects(&own, &twin.pem(), Check::Host, "localhost"), "of the same key, but not the same");
    assert!(!connects(&own, &PEM.authority, Check::Host, "localhost"));
    assert!(!connects(&over, &over.pem(), Check::Host, "localhost"), "over");
}
