//! Masks the passwords in URLs, and the keys in their queries.

/// Replaces a password in all output.
pub(crate) const MASK: &str = "***";

/// The query parameters whose values are masked, in lower case.
const SECRET_PARAMETERS: [&str; 9] =
    ["pass", "password", "passwd", "key", "apikey", "api_key", "token", "access_token", "secret"];

/// Returns the text with the passwords masked in each of its URLs, which commas separate.
pub(crate) fn mask_urls(text: &str) -> String {
    text.split(',').map(mask_url).collect::<Vec<_>>().join(",")
}

fn mask_url(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    // The login is all before the last @, even if a / or ? in it is not escaped.
    let (login, rest) = rest.rsplit_once('@').map_or((None, rest), |(login, rest)| (Some(login), rest));
    let login = login.map(|login| match login.split_once(':') {
        Some((user, _)) => format!("{user}:{MASK}@"),
        None => format!("{login}@"),
    });
    let (path, query) = rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query)));
    let query =
        query.map(|query| format!("?{}", query.split('&').map(mask_parameter).collect::<Vec<_>>().join("&")));
    format!("{scheme}://{}{path}{}", login.unwrap_or_default(), query.unwrap_or_default())
}

fn mask_parameter(pair: &str) -> String {
    match pair.split_once('=') {
        Some((name, _)) if SECRET_PARAMETERS.contains(&name.to_ascii_lowercase().as_str()) => {
            format!("{name}={MASK}")
        }
        _ => pair.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::mask_urls;

    #[test]
    fn passwords_are_masked_and_nothing_else_is() {
        for (text, shown) in [
            ("redis://cache/2", "redis://cache/2"),
            ("redis://app:hunter2@cache", "redis://app:***@cache"),
            ("redis://:hun@ter2@cache?x=1", "redis://:***@cache?x=1"),
            ("redis://:a@h1,redis://:b@h2?master=m", "redis://:***@h1,redis://:***@h2?master=m"),
            ("unix:///run/redis?user=u&pass=hunter2&db=1", "unix:///run/redis?user=u&pass=***&db=1"),
            ("https://x/query?apikey=hunter2&symbol=A", "https://x/query?apikey=***&symbol=A"),
            ("plain: text, with @ and ?", "plain: text, with @ and ?"),
        ] {
            assert_eq!(mask_urls(text), shown);
        }
    }
}
