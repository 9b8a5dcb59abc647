//! Commands by TLS: the authority comes from a file, and who isn't trusted is told what to do.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::fixture::{cli::say, process::Server};

#[test]
fn a_service_by_tls_is_trusted_by_the_file_of_its_authority_alone() {
    let (data, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = |name: &str| folder.path().join(name).display().to_string();
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let shown =
        CertificateParams::new(["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    std::fs::write(path("ca.pem"), authority.pem()).unwrap();
    std::fs::write(path("shown.pem"), shown.pem()).unwrap();
    std::fs::write(path("key.pem"), key.serialize_pem()).unwrap();

    let flags =
        [format!("--tls-certificate={}", path("shown.pem")), format!("--tls-key={}", path("key.pem"))];
    let server = Server::start(data.path(), &[&flags[0], &flags[1], "--demo-load"]);
    assert!(server.url.starts_with("https://"), "{}", server.url);
    say(&server.url, &["stats", "--ca-file", &path("ca.pem")]).expect(0, &["Hit rate", "memory"]);
    say(&server.url, &["events", "--count=1", "--ca-file", &path("ca.pem")]).expect(0, &["figures"]);
    say(&server.url, &["stats", "--ca-file", &path("key.pem")]).expect(2, &["certificate"]);
    say(&server.url, &["stats", "--ca-file", &path("shown.pem")]).expect(5, &["certificate", "--ca-file"]);
    // By the wrong protocol.
    let plain = server.url.replace("https://", "http://");
    say(&plain, &["stats"]).expect(1, &["TLS required (400)", "give an https:// URL"]);
}

#[test]
fn a_certificate_marked_as_an_authoritys_is_trusted_by_itself_and_what_is_wrong_with_others_is_said() {
    let (data, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = |name: &str| folder.path().join(name).display().to_string();
    let key = KeyPair::generate().unwrap();
    for (name, host) in [("own", "127.0.0.1"), ("twin", "127.0.0.1"), ("other", "cache.example")] {
        let mut params = CertificateParams::new([host.to_owned()]).unwrap();
        // As openssl req -x509 marks it.
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.serial_number = Some(u64::try_from(name.len()).unwrap().into());
        std::fs::write(path(name), params.self_signed(&key).unwrap().pem()).unwrap();
    }
    std::fs::write(path("key"), key.serialize_pem()).unwrap();
    let start = |name: &str| {
        let flags = [format!("--tls-certificate={}", path(name)), format!("--tls-key={}", path("key"))];
        Server::start(&data.path().join(name), &[&flags[0], &flags[1]])
    };
    let server = start("own");
    say(&server.url, &["stats", "--ca-file", &path("own")]).expect(0, &["Hit rate"]);
    let remedy = ["marked as an authority's", "basicConstraints=CA:FALSE", "exactly this one by --ca-file"];
    say(&server.url, &["stats", "--ca-file", &path("twin")]).expect(5, &remedy);
    let server = start("other");
    say(&server.url, &["stats", "--ca-file", &path("other")]).expect(5, &["subjectAltName"]);
}
