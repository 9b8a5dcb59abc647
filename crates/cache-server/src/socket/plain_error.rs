//! The errors that hyper answers by itself, before any handler, as problems.

use axum::response::IntoResponse;
use cache_http::{Problem, ProblemKind};

/// The longest head of such an answer, in bytes.
const MAX_HEAD: usize = 512;

/// Finds the answer without a body with which hyper ends a connection after a head that it can't read. Returns
/// where it begins, and what to send instead.
///
/// All of our own answers to a bad request have a body, so a head that announces none is hyper's.
pub(super) fn find(bytes: &[u8]) -> Option<(usize, Vec<u8>)> {
    let tail = &bytes[bytes.len().saturating_sub(MAX_HEAD)..];
    if !tail.ends_with(b"\r\n\r\n") {
        return None;
    }
    let at = tail.windows(10).rposition(|start| start == b"HTTP/1.1 4" || start == b"HTTP/1.0 4")?;
    let head = str::from_utf8(&tail[at..]).ok()?;
    if head.find("\r\n\r\n") != Some(head.len() - 4) || !head.contains("\r\ncontent-length: 0\r\n") {
        return None;
    }
    let problem = match head.get(9..12)? {
        "400" => (
            ProblemKind::MALFORMED_REQUEST,
            "the head of the request is not valid HTTP/1.1: send a line such as GET / HTTP/1.1, and headers such \
             as Host: localhost",
        ),
        "414" => (ProblemKind::URL_TOO_LONG, "path and query are longer than can be read: shorten them"),
        "431" => (
            ProblemKind::HEADERS_TOO_LARGE,
            "the head of the request has more than 100 headers or is longer than can be read: send less",
        ),
        _ => return None,
    };
    Some((bytes.len() - tail.len() + at, answer(Problem::new(problem.0, problem.1))))
}

/// Returns a problem as the bytes of an answer, after which the connection is closed.
pub(super) fn answer(problem: Problem) -> Vec<u8> {
    let body = problem.public_json();
    let response = problem.into_response();
    let status = response.status();
    let mut text = format!(
        "HTTP/1.1 {} {}\r\nconnection: close\r\ncontent-length: {}\r\n",
        status.as_u16(),
        status.canonical_reason().unwrap_or_default(),
        body.len()
    );
    for (name, value) in response.headers() {
        text.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap_or_default()));
    }
    (text + "\r\n" + &body).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::find;

    const HYPER: &str = "HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\
                         date: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\n";

    #[test]
    fn hypers_own_error_is_found_behind_other_answers_and_nothing_else_is() {
        let (at, problem) = find(HYPER.as_bytes()).unwrap();
        let problem = String::from_utf8(problem).unwrap();
        assert!(
            at == 0 && problem.starts_with("HTTP/1.1 431 ") && problem.contains("problem+json"),
            "{problem}"
        );
        let (head, body) = problem.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");

        let before = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
        let (at, _) = find(format!("{before}{HYPER}").as_bytes()).unwrap();
        assert_eq!(at, before.len());
        for other in [
            before,
            "",
            "\r\n\r\n",
            "HTTP/1.1 304 Not Modified\r\netag: W/\"a\"\r\n\r\n",
            "HTTP/1.1 404 Not Found\r\ncontent-type: application/problem+json\r\ncontent-length: 90\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        ] {
            assert!(find(other.as_bytes()).is_none(), "{other}");
        }
    }
}
