//! Ways to the server: TLS by each sslmode, and its socket.

use cache_core::{Clock, ErrorKind, TierExt};
use cache_l2_pg::{PgConfig, Postgres};
use servers::PostgresOptions;
use tokio::task::block_in_place;

use crate::fixture::{at, entry, key};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_sslmode_asks_for_as_much_as_it_says() {
    let (clock, options) = (Clock::manual(), PostgresOptions { tls: true, ..PostgresOptions::default() });
    let server = block_in_place(|| servers::Postgres::start_with(&options)).unwrap();
    let authority = server.authority().unwrap().to_owned();
    // By name, the certificate is for another one than `localhost.localdomain` or an address it lacks.
    let url = |mode: &str| server.url().replace("sslmode=require", &format!("sslmode={mode}"));
    let connect = async |url: &str, ca: Option<&std::path::Path>| {
        let config = PgConfig::new(url)?.table("tls");
        let config = if let Some(ca) = ca { config.ca_file(ca) } else { config };
        Postgres::connect(config, clock.clone()).await
    };
    for (mode, ca) in [
        ("prefer", None),
        ("require", None),
        ("require", Some(&*authority)),
        ("verify-ca", Some(&*authority)),
        ("verify-full", Some(&*authority)),
    ] {
        let tier = connect(&url(mode), ca).await.expect(mode).tier();
        let put = entry(mode, at(&clock, 1));
        tier.put_one(key(mode), put.clone()).await.unwrap();
        assert_eq!(tier.get_one(&key(mode)).await.unwrap(), Some(put), "{mode}");
    }
    let ca_in_url = format!("{}&sslrootcert={}", url("verify-full"), authority.display());
    connect(&ca_in_url, None).await.expect("a CA file in the URL");

    assert!(connect(&url("disable"), None).await.is_err(), "the server asks for TLS");
    for mode in ["verify-ca", "verify-full"] {
        assert_eq!(
            connect(&url(mode), None).await.unwrap_err().kind(),
            ErrorKind::Config,
            "{mode} needs a CA"
        );
    }
    // Somebody else's authority: whoever is vouched for by the system's isn't this server.
    let public = std::path::Path::new("/etc/ssl/certs/ca-certificates.crt");
    if public.exists() {
        for mode in ["require", "verify-ca", "verify-full"] {
            let error = connect(&url(mode), Some(public)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{mode}: {error}");
            assert!(error.to_string().contains("certificate"), "{mode} says why: {error}");
        }
    }
    // The right authority and another name: told apart only by verify-full.
    let elsewhere = |mode| url(mode).replace("@127.0.0.1:", "@ip6-localhost:") + "&hostaddr=127.0.0.1";
    connect(&elsewhere("verify-ca"), Some(&authority)).await.expect("verify-ca takes any host");
    let error = connect(&elsewhere("verify-full"), Some(&authority)).await.unwrap_err();
    assert!(error.to_string().contains("ip6-localhost"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_prefers_tls_goes_without_where_there_is_none_and_what_requires_it_does_not() {
    let server = block_in_place(servers::Postgres::start).unwrap();
    let connect = async |mode: &str| {
        let config = PgConfig::new(&format!("{}?sslmode={mode}", server.url())).unwrap();
        Postgres::connect(config, Clock::manual()).await
    };
    connect("prefer").await.unwrap();
    connect("disable").await.unwrap();
    assert_eq!(connect("require").await.unwrap_err().kind(), ErrorKind::Unavailable);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_in_a_directory_is_a_way_to_the_server_too() {
    let (clock, server) = (Clock::manual(), block_in_place(servers::Postgres::start).unwrap());
    let directory = server.folder().display().to_string().replace('/', "%2F");
    let url = server.url().replace("@127.0.0.1:", &format!("@{directory}:"));
    let tier = Postgres::connect(PgConfig::new(&url).unwrap(), clock.clone()).await.unwrap().tier();
    tier.put_one(key("a"), entry("v", at(&clock, 1))).await.unwrap();
    assert!(tier.get_one(&key("a")).await.unwrap().is_some());
}
