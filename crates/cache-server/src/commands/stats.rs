//! `cache-server stats`: what the service counted since its start.

use serde_json::Value;

use super::{
    client::{ConnectionArgs, ServiceClient, ServiceFigures},
    exit::CommandResult,
    output::{
        BAD, BOLD, Cell, DIM, GOOD, Printer, TextTable, WARN, bytes, count, maybe, percent, printable, styled,
    },
};

/// Shows what was counted since the start: reads by source, tiers, kinds, providers, hot keys.
#[derive(Clone, Debug, clap::Args)]
pub struct StatsArgs {
    #[command(flatten)]
    pub(super) connection: ConnectionArgs,
}

impl StatsArgs {
    pub(super) async fn run(self) -> CommandResult {
        let client = ServiceClient::new(&self.connection)?;
        let mut output = Printer::new(self.connection.json);
        let stats = with_failed_reads(client.figures().await?);
        if output.is_json() {
            output.document(&stats)?
        } else {
            show(&mut output, &stats)?
        }
        output.flush()
    }
}

/// Returns statistics with what the report knows besides: how many reads failed.
pub(super) fn with_failed_reads(ServiceFigures { mut stats, report }: ServiceFigures) -> Value {
    stats["failed_reads"] = report["since_start"]["failed"].clone();
    stats
}

/// Shows statistics as tables, with `failed_reads` of the report among them.
pub(super) fn show(output: &mut Printer, stats: &Value) -> CommandResult {
    reads(output, stats)?;
    tiers(output, stats)?;
    kinds(output, stats)?;
    providers(output, stats)?;
    hot_keys(output, stats)
}

fn number(value: &Value) -> String {
    maybe(value, |number| count(number as u64))
}

fn text(value: &Value) -> String {
    printable(value.as_str().unwrap_or("-")).into_owned()
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn reads(output: &mut Printer, stats: &Value) -> CommandResult {
    let hits = stats["hits"].as_object().into_iter().flatten().filter_map(|(_, hits)| hits.as_u64());
    // Whatever a service claims.
    let reads = hits.chain(stats["misses"].as_u64()).fold(0, u64::saturating_add);
    let rate = maybe(&stats["hit_rate"], percent);
    output.line(format_args!("{}  {rate} of {} reads", styled(BOLD, "Hit rate"), count(reads)))?;
    for (name, value) in [
        ("missed", &stats["misses"]),
        ("failed", &stats["failed_reads"]),
        ("served stale", &stats["stale_served"]),
        ("joined a load", &stats["coalesced"]),
        ("loads", &stats["loads"]),
        ("keys loaded", &stats["loaded_keys"]),
        ("keys failed", &stats["load_failures"]),
    ] {
        output.line(format_args!("  {} {:>12}", styled(DIM, format_args!("{name:<14}")), number(value)))?;
    }
    Ok(())
}

fn tiers(output: &mut Printer, stats: &Value) -> CommandResult {
    let (memory, disk) = (&stats["memory"], &stats["disk"]);
    let mut table =
        TextTable::new(&["  place", ">hits", ">misses", ">entries", ">size", ">of", ">errors", ">pending"]);
    let size = |value: &Value| maybe(value, |size| bytes(size as u64));
    table.row([
        "  memory".into(),
        number(&stats["hits"]["memory"]).into(),
        "".into(),
        number(&memory["entries"]).into(),
        size(&memory["weight"]).into(),
        size(&memory["budget"]).into(),
        "".into(),
        "".into(),
    ]);
    for tier in items(&stats["tiers"]) {
        let is_disk = tier["name"] == "disk";
        let told = |value: &Value, text: &dyn Fn(&Value) -> String| {
            if is_disk { text(value) } else { String::new() }
        };
        let errors = tier["errors"].as_u64().unwrap_or_default();
        table.row([
            format!("  {}", text(&tier["name"])).into(),
            number(&tier["hits"]).into(),
            number(&tier["misses"]).into(),
            told(&disk["entries"], &number).into(),
            told(&disk["bytes"], &size).into(),
            "".into(),
            Cell::new(if errors > 0 { WARN } else { anstyle::Style::new() }, count(errors)),
            number(&tier["pending"]).into(),
        ]);
    }
    output.heading("Tiers")?;
    output.table(&table)?;
    if let Some(connected) = stats["bus"]["connected"].as_bool() {
        let state = if connected { styled(GOOD, "connected") } else { styled(BAD, "not connected") };
        let (sent, received) = (number(&stats["bus"]["sent"]), number(&stats["bus"]["received"]));
        output.line(format_args!(
            "  bus {}: {state}, {sent} sent, {received} received",
            text(&stats["bus"]["name"])
        ))?;
    }
    Ok(())
}

fn kinds(output: &mut Printer, stats: &Value) -> CommandResult {
    let mut table = TextTable::new(&[
        "  kind",
        ">hits",
        ">from tiers",
        ">stale",
        ">misses",
        ">hit rate",
        ">loads",
        ">failed",
    ]);
    for region in items(&stats["regions"]) {
        let get = |member: &str| region[member].as_u64().unwrap_or_default();
        let reads = get("hits").saturating_add(get("misses"));
        if reads == 0 && get("puts") == 0 {
            continue;
        }
        let answered = get("hits").saturating_add(get("tier_hits")).min(reads);
        let rate = (reads > 0).then(|| percent(answered as f64 / reads as f64));
        let number = |member: &str| Cell::from(count(get(member)));
        table.row([
            format!("  {}", text(&region["kind"])).into(),
            number("hits"),
            number("tier_hits"),
            number("stale"),
            number("misses"),
            rate.unwrap_or_else(|| "-".to_owned()).into(),
            number("loads"),
            number("load_failures"),
        ]);
    }
    if table.is_empty() {
        return Ok(());
    }
    output.heading("Kinds")?;
    output.table(&table)
}

fn providers(output: &mut Printer, stats: &Value) -> CommandResult {
    let mut table = TextTable::new(&[
        "  provider",
        "state",
        ">calls",
        ">keys",
        ">keys/call",
        ">failed",
        ">not made",
        ">left",
    ]);
    for provider in items(&stats["providers"]) {
        let (style, state) = match provider_state(provider) {
            ProviderState::Healthy => (GOOD, "healthy".to_owned()),
            ProviderState::UsedUp => (WARN, "quota used up".to_owned()),
            ProviderState::Unhealthy(why) => (BAD, printable(why).into_owned()),
        };
        table.row([
            format!("  {}", text(&provider["name"])).into(),
            Cell::new(style, state),
            number(&provider["calls"]).into(),
            number(&provider["keys"]).into(),
            maybe(&provider["keys_per_call"], |keys| format!("{keys:.1}")).into(),
            number(&provider["failures"]).into(),
            number(&provider["refused"]).into(),
            provider["calls_left"].as_u64().map_or_else(|| "no quota".to_owned(), count).into(),
        ]);
    }
    output.heading("Providers")?;
    output.table(&table)
}

/// How a provider is doing, for whoever waits for its answers.
pub(super) enum ProviderState<'a> {
    Healthy,
    /// It would answer, and is not asked.
    UsedUp,
    Unhealthy(&'a str),
}

pub(super) fn provider_state(provider: &Value) -> ProviderState<'_> {
    match (provider["healthy"] == true, provider["calls_left"].as_u64()) {
        (false, _) => ProviderState::Unhealthy(provider["unhealthy_reason"].as_str().unwrap_or("not asked")),
        (true, Some(0)) => ProviderState::UsedUp,
        (true, _) => ProviderState::Healthy,
    }
}

fn hot_keys(output: &mut Printer, stats: &Value) -> CommandResult {
    let mut table = TextTable::new(&["  key", ">share of reads", ">reads, about"]);
    for hot in items(&stats["memory"]["hottest"]) {
        table.row([
            format!("  {}", text(&hot["key"])).into(),
            maybe(&hot["share"], percent).into(),
            number(&hot["estimated_reads"]).into(),
        ]);
    }
    if table.is_empty() {
        return Ok(());
    }
    output.heading("Hot keys")?;
    output.table(&table)
}
