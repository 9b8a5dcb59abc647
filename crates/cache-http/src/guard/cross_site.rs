//! Changes that a page of another site asks a browser for. No page of ours changes anything, but programs do,
//! whose requests have none of a browser's headers.

use axum::{
    body::HttpBody,
    extract::Request,
    http::{HeaderMap, HeaderName, header},
};

use super::{access::Access, host::Authority};
use crate::{
    problem::{Problem, ProblemKind},
    request::query::echo,
};

/// The header in which a browser says how the page relates to the target. It can't be set by a page.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses a request that changes something, or reads values of an application's own, if a browser sends it for a
/// page of another site (403). Refuses a change whose body is not declared as JSON (415), which a page can't do
/// without asking first.
pub(super) fn check(access: &Access, request: &Request) -> Result<(), Problem> {
    let changes = !request.method().is_safe();
    if !changes && !access.rules.is_private(request) {
        return Ok(());
    }
    let headers = request.headers();
    let foreign = headers
        .get_all(SEC_FETCH_SITE)
        .iter()
        .find(|site| !["same-origin", "none"].iter().any(|own| site == own));
    if let Some(site) = foreign {
        return Err(refused("Sec-Fetch-Site", &String::from_utf8_lossy(site.as_bytes())));
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).and_then(Authority::parse);
    for origin in headers.get_all(header::ORIGIN) {
        let origin = String::from_utf8_lossy(origin.as_bytes());
        if !is_same(&origin, host) {
            return Err(refused("Origin", &origin));
        }
    }
    if !changes
        || is_json(headers)
        || (request.body().is_end_stream() && !headers.contains_key(header::CONTENT_TYPE))
    {
        return Ok(());
    }
    let given: Vec<String> = headers
        .get_all(header::CONTENT_TYPE)
        .iter()
        .map(|value| echo(&String::from_utf8_lossy(value.as_bytes())))
        .collect();
    let detail = match given.as_slice() {
        [] => "the body has no Content-Type: send Content-Type: application/json".to_owned(),
        given => {
            format!("the Content-Type is {:?}: send Content-Type: application/json, once", given.join(", "))
        }
    };
    Err(Problem::new(ProblemKind::UNSUPPORTED_MEDIA_TYPE, detail))
}

fn refused(header: &str, value: &str) -> Problem {
    let detail = format!(
        "{header} is {:?}: a page of another site may neither change anything here nor read what is private, send \
         the request from a program",
        echo(value)
    );
    Problem::new(ProblemKind::CROSS_SITE, detail)
}

/// Whether an origin is that of the host that is called, on the same port.
fn is_same(origin: &str, host: Option<Authority<'_>>) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let usual_port = match scheme {
        "http" => 80,
        "https" => 443,
        _ => return false,
    };
    let port = |authority: Authority<'_>| authority.port.unwrap_or(usual_port);
    Authority::parse(authority).zip(host).is_some_and(|(origin, host)| {
        origin.host.eq_ignore_ascii_case(host.host) && port(origin) == port(host)
    })
}

/// Whether the one `Content-Type` is `application/json`, with whatever parameters.
fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (types.next(), types.next()) else { return false };
    let essence = value.to_str().ok().and_then(|text| text.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_the_same_only_with_the_same_host_and_port() {
        let host = Authority::parse("localhost:8080");
        for (origin, same) in [
            ("http://localhost:8080", true),
            ("http://LOCALHOST:8080", true),
            ("http://localhost", false),
            ("http://localhost:8081", false),
            ("http://127.0.0.1:8080", false),
            ("https://evil.example", false),
            ("http://localhost:8080.evil.example", false),
            ("http://localhost:8080@evil.example", false),
            ("null", false),
            ("", false),
            ("file://localhost:8080", false),
            ("http://localhost:8080/", false),
            ("http://localhost:8080 http://evil.example", false),
        ] {
            assert_eq!(is_same(origin, host), same, "{origin}");
        }
        assert!(is_same("http://localhost", Authority::parse("localhost")));
        assert!(is_same("http://localhost", Authority::parse("localhost:80")));
        assert!(is_same("https://cache.example", Authority::parse("cache.example")));
        assert!(!is_same("http://localhost", None));
    }

    #[test]
    fn only_json_by_its_own_name_is_json() {
        for (values, json) in [
            (&["application/json"][..], true),
            (&["Application/JSON; charset=utf-8"], true),
            (&[], false),
            (&["text/plain; application/json"], false),
            (&["text/plain"], false),
            (&["application/json, text/plain"], false),
            (&["application/jsonp"], false),
            (&["application/json", "text/plain"], false),
            (&["application/x-www-form-urlencoded"], false),
            (&["multipart/form-data; boundary=application/json"], false),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::CONTENT_TYPE, value.parse().unwrap());
            }
            assert_eq!(is_json(&headers), json, "{values:?}");
        }
    }
}
