//! The page itself.

use std::sync::LazyLock;

use axum::{
    extract::{OriginalUri, State},
    http::{HeaderMap, HeaderName, HeaderValue, Uri, header},
    response::{IntoResponse, Response},
};
use cache_core::sync::Mutex;

use super::{accept::prefers_html, compressed::Compressed};
use crate::{management::Management, problem::Problem, request::query::QueryParams, response::uncacheable};

/// What a browser may do with the page: load its own parts and ask its own service, and nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HTML: &str = include_str!("../../dashboard/index.html");

/// How the paths of its parts begin in it.
const PARTS: &str = "\"./dashboard/";

/// The page below the last base that was asked for: a router is nested at one path, usually.
static LATEST: LazyLock<Mutex<Option<(String, Compressed)>>> = LazyLock::new(Mutex::default);

/// `GET /`: the page; the index for whoever doesn't prefer HTML, if there is one
pub(super) async fn show(
    State(management): State<Management>,
    OriginalUri(original): OriginalUri,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    QueryParams::read(uri.query(), &[])?;
    let vary = (header::VARY, HeaderValue::from_static("accept"));
    if let Some(index) = management.parts().index.as_ref().filter(|_| !prefers_html(&headers)) {
        return Ok(([vary], uncacheable(index)?).into_response());
    }
    let policies = [
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    ];
    Ok((policies, page_at(original.path()).response(&headers)).into_response())
}

fn page_at(path: &str) -> Compressed {
    let base = base(path);
    let mut latest = LATEST.lock();
    if let Some((_, page)) = latest.as_ref().filter(|(known, _)| *known == base) {
        return page.clone();
    }
    let html = HTML.replace(PARTS, &format!("\"{base}dashboard/"));
    let page = Compressed::new("text/html; charset=utf-8", html);
    *latest = Some((base, page.clone()));
    page
}

/// Returns where the parts of the page lie, relative to the page: a router that is nested at `/admin` has the page
/// there, without a slash, so that a browser takes `admin` for its name.
fn base(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or_default();
    if name.is_empty() {
        return "./".to_owned();
    }
    let escaped = name.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;");
    format!("./{escaped}/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_lie_below_the_path_of_the_page_with_a_slash_or_without_one() {
        for (path, expected) in [
            ("/", "./"),
            ("/admin", "./admin/"),
            ("/admin/", "./"),
            ("/a/b", "./b/"),
            ("/a:b", "./a:b/"),
            ("/a&b\"<>", "./a&amp;b&quot;&lt;&gt;/"),
            ("", "./"),
        ] {
            assert_eq!(base(path), expected, "{path}");
        }
        let page = HTML.replace(PARTS, "");
        assert!(HTML.contains(PARTS) && !page.contains("src=\"") && !page.contains("href=\""), "all of them");
    }
}
