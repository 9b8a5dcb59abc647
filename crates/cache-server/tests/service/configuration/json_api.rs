//! `config --check` of providers that are JSON APIs: all of their errors, each on the line of its own field.

use super::check::{check, lines};

#[test]
fn rule_75_each_error_of_a_json_api_is_told_on_the_line_of_its_field() {
    let folder = tempfile::tempdir().unwrap();
    let text = "\
providers:
  - kind: json
    name: acme
    key: {env: NOT_SET}
    options:
      markets: [US]
      send_key: {header: 'a b'}
      unknown_status: [404, 500]
      quotes:
        url: https://x.example/{symbol}
        price: last
        bid: bid
      series:
        url: https://x.example/all
        time: /t
        open: o
        high: /h
        low: /l
        close: /c
      documents:
        dividend:
          url: ftp://x.example/{symbol}
          fields:
            list: paid
            date: /d
            amount: cash
            splits:
              list: /s
              ratio: r
        cpi_index:
          url: https://x.example/cpi
        technical:
          url: https://x.example/{symbol}
          parameters:
            period: {default: '20'}
            of: {values: {close: c}}
        user:
          url: https://x.example/{symbol}
        narrative:
          url: https://x.example/{symbol}
  - kind: json
    options:
      documents:
        news: {url: https://x.example/all}
  - kind: csv
    options:
      folder: /no/such/folder
";
    let (valid, said) = check(folder.path(), text, &folder.path().join("data"));
    assert!(!valid);
    for (line, part) in [
        (4, "providers, acme: the environment variable NOT_SET is not set"),
        (7, "providers, acme: send_key.header: \"a b\" is no name of a header"),
        (8, "providers, acme: unknown_status: 500 can't say"),
        (11, "providers, acme: quotes.price: \"last\" is no JSON pointer"),
        (12, "providers, acme: quotes.bid: \"bid\" is no JSON pointer"),
        (14, "providers, acme: series.url: the URL"),
        (16, "providers, acme: series.open: \"o\" is no JSON pointer"),
        (22, "providers, acme: documents.dividend.url: the URL"),
        (24, "providers, acme: documents.dividend.fields.list: \"paid\" is no JSON pointer"),
        (26, "providers, acme: documents.dividend.fields.amount: \"cash\" is no JSON pointer"),
        (29, "providers, acme: documents.dividend.fields.splits.ratio: \"r\" is no JSON pointer"),
        (31, "all assets would share one URL; if it is about one alone, name that, as in asset: REAL_GDP"),
        (35, "providers, acme: documents.technical.parameters.period: the URL has no {param:period}"),
        (38, "providers, acme: documents.user: user is no kind of document about an asset: there are"),
        (40, "providers, acme: documents.narrative: no provider is asked for it: leave it out"),
        (44, "providers, json: documents.news.url: the URL"),
        (43, "providers, json: markets has 0 names"),
        (47, "providers, csv: the folder /no/such/folder can't be read"),
    ] {
        let found =
            said.lines().find(|told| told.contains(&format!("cache.yaml:{line}:")) && told.contains(part));
        assert!(found.is_some(), "line {line}, {part}, in\n{said}");
    }
    assert_eq!(lines(&said).len(), 18, "nothing else, and nothing twice:\n{said}");
    assert!(lines(&said).is_sorted(), "{said}");
}
