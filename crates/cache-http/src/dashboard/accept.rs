//! What a client would rather have: a page or JSON, compressed or not.

use axum::http::{HeaderMap, HeaderName, header};

/// Whether the client prefers HTML to JSON, as browsers do, which name it.
pub(super) fn prefers_html(headers: &HeaderMap) -> bool {
    let html = quality(headers, header::ACCEPT, &["text/html"]);
    let json = quality(headers, header::ACCEPT, &["application/json"])
        .or_else(|| quality(headers, header::ACCEPT, &["application/*"]))
        .or_else(|| quality(headers, header::ACCEPT, &["*/*"]));
    html.is_some_and(|html| html > json.unwrap_or_default())
}

/// Whether the client takes what is compressed by gzip.
pub(super) fn takes_gzip(headers: &HeaderMap) -> bool {
    let named = quality(headers, header::ACCEPT_ENCODING, &["gzip", "x-gzip"]);
    named.or_else(|| quality(headers, header::ACCEPT_ENCODING, &["*"])).is_some_and(|quality| quality > 0.0)
}

/// Returns the quality that a header gives one of these names (RFC 9110, 12.4.2); `None` if it has none of them.
fn quality(headers: &HeaderMap, header: HeaderName, names: &[&str]) -> Option<f32> {
    let values = headers.get_all(header);
    let values = values.iter().filter_map(|value| value.to_str().ok());
    let ranges = values.flat_map(|value| value.split(','));
    let qualities = ranges.filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next()?;
        let given = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let is_named = names.iter().any(|known| name.eq_ignore_ascii_case(known));
        is_named.then(|| given.map_or(1.0, |text| text.parse().unwrap_or_default()))
    });
    qualities.reduce(f32::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn browsers_alone_prefer_a_page() {
        for (accept, html) in [
            (&["text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"][..], true),
            (&["text/html"], true),
            (&["TEXT/HTML; charset=utf-8"], true),
            (&["application/json;q=0.5", "text/html"], true),
            (&["text/html, application/json"], false),
            (&["text/html;q=0.5, application/json"], false),
            (&["text/html;q=0.5, application/*"], false),
            (&["text/html;q=0, */*"], false),
            (&["text/html;q=x"], false),
            (&["*/*"], false),
            (&["application/json"], false),
            (&["text/plain"], false),
            (&[""], false),
            (&[], false),
        ] {
            assert_eq!(prefers_html(&headers(header::ACCEPT, accept)), html, "{accept:?}");
        }
    }

    #[test]
    fn what_is_compressed_goes_to_those_who_take_it() {
        for (encodings, takes) in [
            (&["gzip, deflate, br, zstd"][..], true),
            (&["br", "gzip;q=0.1"], true),
            (&["*"], true),
            (&["gzip;q=0, *"], false),
            (&["br"], false),
            (&["identity"], false),
            (&[], false),
        ] {
            assert_eq!(takes_gzip(&headers(header::ACCEPT_ENCODING, encodings)), takes, "{encodings:?}");
        }
    }
}
