//! Every route, from everybody: its description says who may have it.

use crate::fixture::{
    process::{Server, command},
    raw::ask,
};

const TOKEN: &str = "a-token-of-many-letters";
const PROXIED: &str = "x-forwarded-for: 192.0.2.7\r\n";

/// A method and a path, and whether its description asks for the token.
#[derive(Debug)]
struct Route {
    method: String,
    path: String,
    asks_for_token: bool,
}

/// Returns the status of the answer to a request with these lines of headers.
async fn status(server: &Server, route: &Route, headers: &str) -> u16 {
    // A stream has no end, but it has a head.
    let method = if route.path == "/cache/events" { "HEAD" } else { &route.method };
    let body = if method == "GET" || method == "HEAD" { "" } else { "{}" };
    let about_body = match body.len() {
        0 => String::new(),
        len => format!("content-type: application/json\r\ncontent-length: {len}\r\n"),
    };
    let request = format!(
        "{method} {} HTTP/1.1\r\nhost: localhost\r\n{headers}{about_body}connection: close\r\n\r\n{body}",
        route.path
    );
    ask(server.address(), request.as_bytes()).await.status
}

/// Returns all routes that are described.
async fn routes(server: &Server) -> Vec<Route> {
    let request = b"GET /openapi.json HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let described: serde_json::Value =
        serde_json::from_str(&ask(server.address(), request).await.body).unwrap();
    let mut routes = Vec::new();
    for (path, operations) in described["paths"].as_object().unwrap() {
        let path = path.replace("{symbol}", "AAPL").replace("{key}", "price:AAPL").replace("{id}", "17");
        let kind = if path.starts_with("/v1/cache/") { "users" } else { "quotes" };
        let path = path.replace("{kind}", kind);
        for (method, operation) in operations.as_object().unwrap() {
            let asks_for_token = operation.get("security").is_some();
            routes.push(Route { method: method.to_uppercase(), path: path.clone(), asks_for_token });
        }
    }
    assert!(routes.len() >= 25, "{routes:?}");
    routes
}

#[tokio::test]
async fn rule_74_each_route_is_for_those_whom_its_description_names() {
    let (open_data, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let open = Server::start(open_data.path(), &["--provider-latency-ms=0"]);
    let closed =
        Server::run(command(data.path(), &["--provider-latency-ms=0"]).env("CACHE_ACCESS_TOKEN", TOKEN));
    let with = |token: &str| format!("authorization: Bearer {token}\r\n");
    let proxied_with_token = format!("{}{PROXIED}", with(TOKEN));
    let all = routes(&open).await;
    for (server, headers, may_change, refusal) in [
        (&open, String::new(), true, 0),
        (&open, PROXIED.to_owned(), false, 403),
        (&open, with(TOKEN), true, 0),
        (&closed, String::new(), false, 401),
        (&closed, PROXIED.to_owned(), false, 401),
        (&closed, with("another-token-of-letters"), false, 401),
        (&closed, with(TOKEN), true, 0),
        (&closed, proxied_with_token, true, 0),
    ] {
        for route in &all {
            let status = status(server, route, &headers).await;
            if route.asks_for_token && !may_change {
                assert_eq!(status, refusal, "{route:?} with {headers:?}");
            } else {
                assert!(
                    ![401, 403, 405].contains(&status) && status < 500,
                    "{status}: {route:?} with {headers:?}"
                );
            }
        }
    }
}
