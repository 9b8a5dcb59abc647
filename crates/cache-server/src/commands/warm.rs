//! `cache-server warm`: runs a strategy of warming, or shows what they did.

use serde_json::{Value, json};

use super::{
    client::{ConnectionArgs, ServiceClient},
    exit::{CommandError, CommandResult, Exit},
    output::{
        BAD, BOLD, Cell, DIM, GOOD, Printer, Progress, TextTable, count, duration_ms, maybe, percent,
        printable, styled,
    },
};

/// Has values loaded before they are asked for, by a strategy or by all, and shows what came of it.
#[derive(Clone, Debug, clap::Args)]
pub struct WarmArgs {
    /// The strategy, such as `popular`. Left out: all.
    #[arg(value_name = "STRATEGY", conflicts_with = "list")]
    strategy: Option<String>,

    /// Run nothing: show the strategies, and what they brought since the start.
    #[arg(long)]
    list: bool,

    #[command(flatten)]
    pub(super) connection: ConnectionArgs,
}

impl WarmArgs {
    pub(super) async fn run(self) -> CommandResult {
        let client = ServiceClient::new(&self.connection)?;
        let mut output = Printer::new(self.connection.json);
        if self.list {
            let stats = client.get(&["cache", "warming", "metrics"], &[]).await?;
            if output.is_json() {
                output.document(&stats)?
            } else {
                show_strategies(&mut output, &stats)?
            }
            return output.flush();
        }
        let body = self.strategy.as_ref().map_or_else(|| json!({}), |name| json!({ "strategy": name }));
        let outcome = {
            let _progress = Progress::spinner("warming");
            client.post_patiently(&["cache", "warming", "trigger"], &body).await?
        };
        if output.is_json() {
            output.document(&outcome)?
        } else {
            show_runs(&mut output, &outcome)?
        }
        output.flush()?;
        let results = outcome["results"].as_array().into_iter().flatten();
        match results.into_iter().all(|result| result["success"] == true) {
            true => Ok(()),
            false => Err(CommandError::silent(Exit::Failed)),
        }
    }
}

fn show_runs(output: &mut Printer, outcome: &Value) -> CommandResult {
    let mut table = TextTable::new(&[
        "strategy",
        "outcome",
        ">picked",
        ">fresh anyway",
        ">from tiers",
        ">fetched",
        ">absent",
        ">failed",
        ">left out",
        ">calls",
        ">took",
    ]);
    let results: Vec<&Value> = outcome["results"].as_array().into_iter().flatten().collect();
    for result in &results {
        let number = |member: &str| result[member].as_u64().unwrap_or_default();
        let (style, said) = if result["success"] == true { (GOOD, "done") } else { (BAD, "failed") };
        table.row([
            result["strategy"].as_str().unwrap_or("-").into(),
            Cell::new(style, said),
            count(number("items")).into(),
            count(number("fresh")).into(),
            count(number("lifted")).into(),
            count(number("fetched")).into(),
            count(number("absent")).into(),
            count(number("failures")).into(),
            count(number("left_out") + number("set_aside")).into(),
            count(number("calls")).into(),
            duration_ms(number("duration_ms")).into(),
        ]);
    }
    output.table(&table)?;
    for result in results {
        if let Some(error) = result["error"].as_str() {
            let name = printable(result["strategy"].as_str().unwrap_or("-"));
            output.line(format_args!("{} {}", styled(BAD, format_args!("{name}:")), printable(error)))?;
        }
    }
    Ok(())
}

fn show_strategies(output: &mut Printer, stats: &Value) -> CommandResult {
    let share = |value: &Value| maybe(value, percent);
    let state = if stats["enabled"] == true { styled(GOOD, "on") } else { styled(BAD, "off") };
    output.line(format_args!("{}  {state}", styled(BOLD, "Warming")))?;
    for (name, text) in [
        ("keys remembered", maybe(&stats["tracked"], |number| count(number as u64))),
        ("asked for a second", maybe(&stats["requests_per_second"], |rate| format!("{rate:.1}"))),
        ("misses spared", share(&stats["coverage"])),
        ("calls saved", stats["calls_saved"].to_string()),
    ] {
        output.line(format_args!("  {}  {text}", styled(DIM, format_args!("{name:<18}"))))?;
    }
    let mut table =
        TextTable::new(&["  strategy", ">runs", ">fetched", ">read", ">unread", ">precision", "last run"]);
    for strategy in stats["strategies"].as_array().into_iter().flatten() {
        let number = |member: &str| maybe(&strategy[member], |number| count(number as u64));
        let last = &strategy["last"];
        let last = match last["success"].as_bool() {
            None => Cell::new(DIM, "never"),
            Some(true) => Cell::new(GOOD, format!("{} of {} fetched", last["fetched"], last["items"])),
            Some(false) => Cell::new(BAD, last["error"].as_str().unwrap_or("failed")),
        };
        table.row([
            format!("  {}", strategy["name"].as_str().unwrap_or("-")).into(),
            number("runs").into(),
            number("fetched").into(),
            number("read").into(),
            number("unread").into(),
            share(&strategy["precision"]).into(),
            last,
        ]);
    }
    output.line("")?;
    output.table(&table)
}
