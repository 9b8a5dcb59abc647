//! `cache-server inspect`: what memory and each tier hold of a key.

use serde_json::{Value, json};

use super::{
    client::{ConnectionArgs, ServiceClient},
    exit::{CommandError, CommandResult, Exit},
    key_names::{MAX_SUGGESTED, suggestion},
    output::{BAD, BOLD, Cell, DIM, GOOD, Printer, TextTable, WARN, bytes, duration_ms, printable, styled},
};

/// Shows what memory and each tier hold of keys: state, age, life and grace left, size and tags.
#[derive(Clone, Debug, clap::Args)]
pub struct InspectArgs {
    /// Keys, such as `price:AAPL`.
    #[arg(required = true, value_name = "KEY")]
    keys: Vec<String>,

    #[command(flatten)]
    pub(super) connection: ConnectionArgs,
}

impl InspectArgs {
    /// Runs at a time in milliseconds since 1970, from which ages are counted.
    pub(super) async fn run(self, now: i64) -> CommandResult {
        let client = ServiceClient::new(&self.connection)?;
        let mut output = Printer::new(self.connection.json);
        let (mut found, mut missing) = (Vec::new(), Vec::new());
        for key in &self.keys {
            match client.get(&["cache", "keys", key], &[]).await {
                Ok(held) => found.push(held),
                Err(CommandError { exit: Exit::NotFound, .. }) => missing.push(key),
                Err(failure) => return Err(failure),
            }
        }
        if output.is_json() {
            output.document(&json!({ "keys": found, "missing": missing }))?;
        } else {
            for held in &found {
                show(&mut output, held, now)?;
            }
            for (at, key) in missing.iter().enumerate() {
                let held_nowhere = styled(BAD, "held nowhere");
                output.line(format_args!("{}  {held_nowhere}", styled(BOLD, printable(key))))?;
                if at < MAX_SUGGESTED {
                    output.line(format_args!("  {}", suggestion(&client, key).await))?;
                }
            }
        }
        output.flush()?;
        match missing.is_empty() {
            true => Ok(()),
            false => Err(CommandError::silent(Exit::NotFound)),
        }
    }
}

fn show(output: &mut Printer, held: &Value, now: i64) -> CommandResult {
    let text = |value: &Value| printable(value.as_str().unwrap_or_default()).into_owned();
    let served = match held["served_from"].as_str() {
        Some(place) => format!("a read is answered from {}", printable(place)),
        None => "a read has it loaded".to_owned(),
    };
    output.line(format_args!("{}  {served}", styled(BOLD, text(&held["key"]))))?;
    let mut table =
        TextTable::new(&["  place", "state", ">age", ">fresh for", ">then stale for", ">size", "tags"]);
    for place in held["places"].as_array().into_iter().flatten() {
        let entry = &place["entry"];
        let name = format!("  {}", text(&place["name"]));
        if !entry.is_object() {
            let (style, said) = match place["error"].as_str() {
                Some(error) => (BAD, format!("can't look: {error}")),
                None => (DIM, "not held".to_owned()),
            };
            table.row([name.into(), Cell::new(style, said)]);
            continue;
        }
        let state = text(&entry["state"]);
        let style = match &*state {
            "fresh" => GOOD,
            "stale" => WARN,
            _ => DIM,
        };
        let absent = if entry["absent"] == true { " (known to be absent)" } else { "" };
        let span = |member: &str| match entry[member].as_u64() {
            None => "no end".to_owned(),
            Some(0) => "-".to_owned(),
            Some(left) => duration_ms(left),
        };
        let age = entry["born_unix_ms"].as_i64().map(|born| u64::try_from(now - born).unwrap_or(0));
        let tags: Vec<String> = entry["tags"].as_array().into_iter().flatten().map(text).collect();
        table.row([
            name.into(),
            Cell::new(style, format!("{state}{absent}")),
            age.map_or_else(|| "-".to_owned(), duration_ms).into(),
            span("fresh_for_ms").into(),
            span("stale_for_ms").into(),
            entry["bytes"].as_u64().map_or_else(|| "-".to_owned(), bytes).into(),
            tags.join(" ").into(),
        ]);
    }
    output.table(&table)
}
