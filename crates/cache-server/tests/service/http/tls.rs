//! TLS: clients are shown a certificate, which a reload renews, and nobody holds anything up.

use std::{fs, path::Path, time::Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use reqwest::{Certificate, Client};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::fixture::process::{PATIENCE, Server, command, refused};

/// Writes a certificate for localhost and its key to a folder, and returns its authority.
fn renew(folder: &Path) -> Certificate {
    renew_until(folder, 4096)
}

/// As [`renew`], of a certificate that holds until the beginning of a year.
fn renew_until(folder: &Path, year: i32) -> Certificate {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let mut shown = CertificateParams::new(names).unwrap();
    shown.not_after = date_time_ymd(year, 1, 1);
    let shown = shown.signed_by(&key, &authority).unwrap();
    fs::write(folder.join("shown.pem"), shown.pem()).unwrap();
    fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
    Certificate::from_pem(authority.pem().as_bytes()).unwrap()
}

/// A client that trusts this authority alone.
fn trusting(authority: &Certificate) -> Client {
    Client::builder().add_root_certificate(authority.clone()).build().unwrap()
}

fn flags(folder: &Path) -> [String; 2] {
    let path = |name: &str| folder.join(name).display().to_string();
    [format!("--tls-certificate={}", path("shown.pem")), format!("--tls-key={}", path("key.pem"))]
}

fn start(data: &Path, folder: &Path, more: &[&str]) -> Server {
    let flags = flags(folder);
    let flags: Vec<&str> = flags.iter().map(String::as_str).chain(more.iter().copied()).collect();
    Server::start(data, &flags)
}

#[tokio::test]
async fn a_reload_warns_of_a_certificate_that_has_ended() {
    let (data, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = renew(folder.path());
    let mut server = start(data.path(), folder.path(), &[]);
    server.client = trusting(&first);
    renew_until(folder.path(), 2020);
    let reload = server.client.post(format!("{}/v1/config/reload", server.url));
    let report: Value = reload.send().await.unwrap().json().await.unwrap();
    let warning = report["warnings"][0].as_str().unwrap_or_default();
    assert!(warning.contains("the certificate ended"), "{report}");
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_after_a_reload_and_a_bad_one_never() {
    let (data, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = renew(folder.path());
    let mut server = start(data.path(), folder.path(), &["--provider-latency-ms=0"]);
    assert!(server.url.starts_with("https://"), "{}", server.url);
    server.client = trusting(&first);
    assert_eq!(server.get("/v1/quotes/AAPL").await.status(), 200);
    let reload = async |client: &Client| {
        let answer = client.post(format!("{}/v1/config/reload", server.url)).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let (status, report) = reload(&server.client).await;
    assert_eq!((status, report["changed"].as_array().map(Vec::len)), (200, Some(0)), "{report}");

    // A key of another certificate, as between the two writes of a renewal.
    let shown = fs::read(folder.path().join("shown.pem")).unwrap();
    let second = renew(folder.path());
    let renewed = fs::read(folder.path().join("shown.pem")).unwrap();
    fs::write(folder.path().join("shown.pem"), shown).unwrap();
    let (status, problem) = reload(&server.client).await;
    assert_eq!(status, 422, "{problem}");
    assert!(problem.to_string().contains("tls.certificate"), "{problem}");
    assert_eq!(trusting(&first).get(format!("{}/health", server.url)).send().await.unwrap().status(), 200);

    fs::write(folder.path().join("shown.pem"), renewed).unwrap();
    let (status, report) = reload(&server.client).await;
    assert_eq!((status, &report["changed"][0]["key"]), (200, &Value::from("tls.certificate")), "{report}");
    assert!(!report.to_string().contains("PRIVATE"), "{report}");
    assert_eq!(trusting(&second).get(format!("{}/health", server.url)).send().await.unwrap().status(), 200);
    assert!(trusting(&first).get(format!("{}/health", server.url)).send().await.is_err(), "it is gone");
    assert_eq!(server.get("/health").await.status(), 200, "a connection that was there goes on");
    server.terminate();
}

#[tokio::test]
async fn who_speaks_plain_http_is_told_so_and_who_says_nothing_holds_up_nobody() {
    let (data, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let authority = renew(folder.path());
    let mut server = start(data.path(), folder.path(), &["--max-connections=2", "--client-timeout-ms=60000"]);
    server.client = trusting(&authority);
    let address = server.url.strip_prefix("https://").unwrap();
    let mut plain = TcpStream::connect(address).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut told = String::new();
    timeout(PATIENCE, plain.read_to_string(&mut told)).await.expect("an answer").unwrap();
    assert!(told.starts_with("HTTP/1.1 400 ") && told.contains("https://"), "{told}");

    // Neither one that sends nothing nor one that stops within its handshake keeps a place that others need.
    let silent = TcpStream::connect(address).await.unwrap();
    let mut halfway = TcpStream::connect(address).await.unwrap();
    halfway.write_all(&[22, 3, 1, 1, 0]).await.unwrap();
    let began = Instant::now();
    assert_eq!(server.get("/health").await.status(), 200);
    assert!(began.elapsed() < PATIENCE);
    drop((silent, halfway));
    server.terminate();
}

#[test]
fn what_can_not_be_shown_stops_the_start_and_the_check_says_so_without_a_secret() {
    let (data, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    renew(folder.path());
    let [certificate, key] = flags(folder.path());
    let nowhere = format!("--tls-key={}", folder.path().join("none.pem").display());
    let swapped = format!("--tls-key={}", folder.path().join("shown.pem").display());
    for (flags, said) in [
        ([certificate.as_str()].as_slice(), "tls.certificate is given without tls.key"),
        (&[key.as_str()], "tls.key is given without tls.certificate"),
        (&[certificate.as_str(), nowhere.as_str()], "none.pem\" can't be read"),
        (&[certificate.as_str(), swapped.as_str()], "no private key in PEM"),
    ] {
        let refusal = refused(&mut command(data.path(), flags));
        assert!(refusal.contains(said), "{flags:?}: {refusal}");
        assert!(!refusal.contains("BEGIN"), "{refusal}");
    }
}
