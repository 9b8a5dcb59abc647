//! Hiding what must not be shown: passwords in URLs, and keys in their queries.

/// What stands where a password was.
pub(crate) const HIDDEN: &str = "***";

/// Names of a URL's parameters that are passwords, in lower case.
const SECRETS: [&str; 9] =
    ["pass", "password", "passwd", "key", "apikey", "api_key", "token", "access_token", "secret"];

/// The text with the passwords of the URLs in it hidden, which may be several parted by commas.
pub(crate) fn url(text: &str) -> String {
    text.split(',').map(one).collect::<Vec<_>>().join(",")
}

fn one(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    // What comes before the last @ is the login, even if it holds an unescaped / or ?.
    let (login, rest) = rest.rsplit_once('@').map_or((None, rest), |(login, rest)| (Some(login), rest));
    let login = login.map(|login| match login.split_once(':') {
        Some((user, _)) => format!("{user}:{HIDDEN}@"),
        None => format!("{login}@"),
    });
    let (path, query) = rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query)));
    let query =
        query.map(|query| format!("?{}", query.split('&').map(parameter).collect::<Vec<_>>().join("&")));
    format!("{scheme}://{}{path}{}", login.unwrap_or_default(), query.unwrap_or_default())
}

fn parameter(pair: &str) -> String {
    match pair.split_once('=') {
        Some((name, _)) if SECRETS.contains(&name.to_ascii_lowercase().as_str()) => {
            format!("{name}={HIDDEN}")
        }
        _ => pair.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::url;

    #[test]
    fn passwords_are_hidden_and_nothing_else_is() {
        for (text, shown) in [
            ("redis://cache/2", "redis://cache/2"),
            ("redis://app:hunter2@cache", "redis://app:***@cache"),
            ("redis://:hun@ter2@cache?x=1", "redis://:***@cache?x=1"),
            ("redis://:a@h1,redis://:b@h2?master=m", "redis://:***@h1,redis://:***@h2?master=m"),
            ("unix:///run/redis?user=u&pass=hunter2&db=1", "unix:///run/redis?user=u&pass=***&db=1"),
            ("https://x/query?apikey=hunter2&symbol=A", "https://x/query?apikey=***&symbol=A"),
            ("plain: text, with @ and ?", "plain: text, with @ and ?"),
        ] {
            assert_eq!(url(text), shown);
        }
    }
}
