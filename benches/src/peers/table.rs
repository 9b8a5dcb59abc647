//! The report for people: a line a row, and below it who is left out.

use std::fmt::Write;

use serde_json::Value;

use super::rows::{ROWS, Row};

/// Prints a report as a table.
pub fn print_table(report: &Value) {
    print!("{}", table(report));
}

fn table(report: &Value) -> String {
    let peers: Vec<&String> =
        report["rows"][0]["peers"].as_object().into_iter().flat_map(|of| of.keys()).collect();
    let width = peers.iter().map(|name| name.len()).max().unwrap_or(0).max(18) + 2;
    let mut text = format!("{:66}{:>14}", "", "ours");
    for peer in &peers {
        let _ = write!(text, "{peer:>width$}");
    }
    text.push('\n');
    for (row, found) in ROWS.iter().zip(report["rows"].as_array().into_iter().flatten()) {
        let _ = write!(text, "{:66}{:>14}", row.title, figure(row, &found["ours"]));
        for peer in &peers {
            let of = &found["peers"][peer.as_str()];
            let shown = of["note"].as_str().map_or_else(
                || {
                    format!(
                        "{} ({:.2}x)",
                        figure(row, &of["value"]),
                        of["ratio"].as_f64().unwrap_or(f64::NAN)
                    )
                },
                |note| note.replace("within", "in"),
            );
            let _ = write!(text, "{shown:>width$}");
        }
        if found["ahead"] == false {
            let why = found["why_not"].as_str().unwrap_or("for no reason that is known");
            let _ = write!(text, "\n    ours is behind: {why}");
        }
        text.push('\n');
    }
    let _ = writeln!(
        text,
        "(2.00x): twice ours, which is better. {} rounds of each on {}, {} processors.",
        report["rounds"],
        report["machine"]["cpu"].as_str().unwrap_or("?"),
        report["machine"]["cores"]
    );
    for out in report["left_out"].as_array().into_iter().flatten() {
        let [name, reason] = ["name", "reason"].map(|field| out[field].as_str().unwrap_or("?"));
        let _ = writeln!(text, "left out: {name}: {reason}");
    }
    text
}

/// A figure with its unit: counts whole, times with what decimals they deserve.
fn figure(row: &Row, figure: &Value) -> String {
    let number = figure.as_f64().unwrap_or(f64::NAN);
    let decimals = if row.is_count || number >= 100.0 {
        0
    } else if number >= 10.0 {
        1
    } else {
        2
    };
    if row.is_count { format!("{number:.0}") } else { format!("{number:.decimals$} {}", row.unit) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{ROWS, table};

    #[test]
    fn the_table_has_every_row_every_peer_and_who_is_left_out() {
        let row = |name: &str| {
            json!({
                "name": name, "unit": "ns", "ours": 12.5, "ahead": name != "near_hit", "why_not": null,
                "peers": { "cashews": { "value": 25.0, "ratio": 2.0 } },
            })
        };
        let rows: Vec<Value> = ROWS.iter().map(|known| row(known.name)).collect();
        let text = table(&json!({
            "machine": { "cpu": "a processor", "cores": 2 }, "rounds": 5, "rows": rows,
            "left_out": [{ "name": "sturdyc", "reason": "`go` is not installed" }],
        }));
        for known in &ROWS {
            assert!(text.contains(known.title), "{text}");
        }
        assert!(
            text.contains("cashews") && text.contains("12.5 ns") && text.contains("25.0 ns (2.00x)"),
            "{text}"
        );
        assert!(text.contains("ours is behind: for no reason that is known"), "{text}");
        assert!(text.contains("left out: sturdyc: `go` is not installed"), "{text}");
    }
}
