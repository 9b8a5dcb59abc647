//! `cache-server keys`: the keys that match a pattern, however many, page by page.

use serde_json::Value;

use super::{
    client::{ConnectionArgs, ServiceClient},
    exit::{CommandError, CommandResult, Exit},
    output::{DIM, GOOD, Printer, WARN, duration_ms, printable, styled},
};
use crate::log::print_to_stderr;

/// How many keys are asked for at once.
const PAGE: usize = 1000;

/// Lists the keys that match a pattern, and where each is held, as they come: any number.
#[derive(Clone, Debug, clap::Args)]
pub struct KeysArgs {
    /// The pattern, such as `price:A*`. Left out: all.
    #[arg(default_value = "*", hide_default_value = true)]
    pattern: String,

    /// How many keys to list at most.
    #[arg(long, value_name = "NUMBER")]
    limit: Option<usize>,

    /// Where to go on: what an earlier call that was cut by `--limit` said.
    #[arg(long, value_name = "CURSOR")]
    after: Option<String>,

    /// Print the keys alone, a line each.
    #[arg(long, short, conflicts_with = "json")]
    quiet: bool,

    /// Print the keys alone, each exactly as it is and with a NUL behind it, for `xargs -0`.
    #[arg(long, short = '0', conflicts_with_all = ["json", "quiet"])]
    null: bool,

    #[command(flatten)]
    pub(super) connection: ConnectionArgs,
}

impl KeysArgs {
    pub(super) async fn run(self) -> CommandResult {
        let client = ServiceClient::new(&self.connection)?;
        let mut output = Printer::new(self.connection.json);
        let (mut after, mut listed) = (self.after.clone(), 0);
        let mut passed_over: Vec<String> = Vec::new();
        loop {
            let left = self.limit.map_or(PAGE, |limit| limit.saturating_sub(listed).min(PAGE));
            if left == 0 {
                break;
            }
            let limit = left.to_string();
            let mut query = vec![("pattern", self.pattern.as_str()), ("limit", &limit)];
            query.extend(after.as_deref().map(|after| ("after", after)));
            let page = client.get(&["cache", "keys"], &query).await?;
            for key in page["keys"].as_array().into_iter().flatten() {
                self.show(&mut output, key)?;
                listed += 1;
            }
            output.flush()?;
            for tier in page["passed_over"].as_array().into_iter().flatten() {
                let why = tier["error"].as_str().unwrap_or("it can't list what it holds");
                let told = format!("{}: {why}", tier["name"].as_str().unwrap_or("a tier"));
                if !passed_over.contains(&told) {
                    print_to_stderr(&format!("warning: left out is {}", printable(&told)));
                    passed_over.push(told);
                }
            }
            after = page["next"].as_str().map(str::to_owned);
            if after.is_none() {
                break;
            }
        }
        if let (Some(after), Some(_)) = (&after, self.limit) {
            print_to_stderr(&format!("there are more: --after {}", printable(after)));
        }
        match listed {
            0 if self.limit != Some(0) => Err(CommandError::new(
                Exit::NotFound,
                format!("no key matches {:?}: a pattern is of whole keys, as in price:A*", self.pattern),
            )),
            _ => Ok(()),
        }
    }

    fn show(&self, output: &mut Printer, key: &Value) -> CommandResult {
        if output.is_json() {
            return output.line(key);
        }
        if self.null {
            return output.ended_by_nul(key["key"].as_str().unwrap_or_default());
        }
        let name = printable(key["key"].as_str().unwrap_or_default()).into_owned();
        if self.quiet {
            return output.line(name);
        }
        let places = key["places"].as_array().into_iter().flatten();
        let held = places.filter(|place| place["held"] == true).map(|place| {
            let (name, entry) = (printable(place["name"].as_str().unwrap_or("-")), &place["entry"]);
            let state = entry["state"].as_str().unwrap_or("held");
            match (state, entry["fresh_for_ms"].as_u64()) {
                ("fresh", Some(left)) => {
                    format!("{name} {} {}", styled(GOOD, "fresh"), styled(DIM, duration_ms(left)))
                }
                ("fresh", None) => format!("{name} {}", styled(GOOD, "fresh")),
                ("stale", _) => format!("{name} {}", styled(WARN, "stale")),
                (other, _) => format!("{name} {}", styled(DIM, printable(other))),
            }
        });
        let held: Vec<String> = held.collect();
        output.line(format_args!("{name:<32}  {}", held.join(", ")))
    }
}
