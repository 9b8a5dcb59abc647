//! Validators of single settings.

use axum::http::Uri;
use cache_analytics::is_metric_prefix;
use cache_core::Pattern;
use cache_warming::CronTimes;
use jiff::tz::TimeZone;
use market_data::DataType;

use super::warming::is_never;

/// How a token is printed.
const MASKED_TOKEN: &str = "***";

/// Accepts an hour of the day.
pub(super) fn hour(text: &str) -> Result<(), String> {
    match text.parse::<u8>() {
        Ok(0..=23) => Ok(()),
        _ => Err("give hours from 0 to 23, such as 0,6,12,18".to_owned()),
    }
}

/// Accepts hours of the day, separated by commas, and a cron expression.
pub(super) fn schedule(text: &str) -> Result<(), String> {
    if is_never(text) {
        return Ok(());
    }
    let mut hours = text.split(',').map(str::trim).filter(|hour| !hour.is_empty());
    if text.bytes().all(|byte| byte.is_ascii_digit() || b", ".contains(&byte)) {
        return hours.try_for_each(hour);
    }
    match CronTimes::new(text, TimeZone::UTC) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!(
            "{error}; give hours, such as 0,6,12,18, a cron expression of five fields, such as \
             '30 13 * * MON-FRI', or [] for never"
        )),
    }
}

/// Accepts what the name of a metric may begin with.
pub(super) fn metrics_prefix(text: &str) -> Result<(), String> {
    if is_metric_prefix(text) {
        Ok(())
    } else {
        Err("give letters, digits and _, such as cache or fiml_cache".to_owned())
    }
}

/// Accepts a pattern of keys.
pub(super) fn key_pattern(text: &str) -> Result<(), String> {
    Pattern::glob(text)
        .map(drop)
        .map_err(|invalid| format!("is no pattern: {invalid}; give one such as price:AAPL*"))
}

/// Accepts a symbol that can be asked for a quote.
pub(super) fn symbol(text: &str) -> Result<(), String> {
    DataType::Price
        .read_asset(text)
        .map(drop)
        .map_err(|invalid| format!("is no symbol: {invalid}; give symbols such as AAPL,MSFT"))
}

/// Accepts a name or an address of a host, without a port.
pub(super) fn host(text: &str) -> Result<(), String> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let address = text.trim_start_matches('[').trim_end_matches(']');
    if address.parse::<std::net::IpAddr>().is_ok() || (!text.is_empty() && text.bytes().all(is_name)) {
        Ok(())
    } else {
        Err("give names without a scheme or port, such as cache.example".to_owned())
    }
}

/// Accepts the URL of a collector.
pub(super) fn collector(text: &str) -> Result<(), String> {
    let wanted = "give one such as http://localhost:4318";
    let uri: Uri = text.parse().map_err(|why| format!("is no URL: {why}; {wanted}"))?;
    let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
    let names_host_alone = uri.authority().is_some_and(|place| !place.as_str().contains('@'));
    if is_http && names_host_alone && uri.query().is_none() {
        Ok(())
    } else {
        Err(format!("is no http or https URL without user, password and query; {wanted}"))
    }
}

/// Accepts a kind that can be computed.
pub(super) fn computed(text: &str) -> Result<(), String> {
    match text {
        "technical" | "total_return" | "inflation_rate" => Ok(()),
        _ => Err("give some of technical, total_return and inflation_rate, or none".to_owned()),
    }
}

/// Accepts a token that can be sent as a bearer token, and one that is masked, as it was printed: nobody has that.
pub(super) fn token(text: &str) -> Result<(), String> {
    let text = text.trim_end_matches(['\r', '\n']);
    if text == MASKED_TOKEN {
        return Ok(());
    }
    let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    if text.len() >= cache_http::guard::MIN_TOKEN_BYTES && visible {
        Ok(())
    } else {
        Err("give at least 16 characters of visible ASCII, without spaces".to_owned())
    }
}

/// Accepts an address or the name of a host, and a port to listen on. Whether they can be listened on shows at the
/// start.
pub(super) fn address(text: &str) -> Result<(), String> {
    let (host, port) = text.rsplit_once(':').unwrap_or((text, ""));
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    // What has digits and dots alone is an address or nothing.
    let is_number = host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let is_host = match is_number || host.starts_with('[') {
        true => text.parse::<std::net::SocketAddr>().is_ok(),
        false => !host.is_empty() && host.bytes().all(is_name),
    };
    if is_host && port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok() {
        Ok(())
    } else {
        let remedy = "give an address and a port, with --listen or CACHE_LISTEN, such as 127.0.0.1:8081";
        Err(remedy.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn rule_75_what_can_not_be_listened_on_is_no_address() {
        for good in
            ["127.0.0.1:0", "[::1]:8080", "0.0.0.0:80", "localhost:8080", "cache.example:1", "[::]:65535"]
        {
            assert!(address(good).is_ok(), "{good}");
        }
        for bad in [
            "http://127.0.0.1:0",
            " 127.0.0.1:0",
            "[::1:0",
            "127.0.0.1,::1:0",
            "127.0.0.1/8:0",
            "a b:0",
            "*:0",
            "999.1.1.1:0",
            "[127.0.0.1]:0",
            "127.0.0.1:8080:0",
            "[::%lo]:0",
            "::1:80",
            "host:+80",
            "host:65536",
            ":1",
            "",
            "host",
            "1.2.3:80",
        ] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }
}
