//! `cache-server events`: follows what happens, and goes on after the service was gone.

use std::time::Duration;

use cache_core::Backoff;
use clap::ValueEnum;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{
    client::{ConnectionArgs, ServerEvent, ServiceClient},
    exit::{CommandError, CommandResult, Exit},
    output::{BAD, BOLD, DIM, GOOD, Printer, WARN, bytes, count, maybe, printable, styled},
};
use crate::log::print_to_stderr;

/// How long is waited before the service is asked again.
const PAUSES: std::ops::RangeInclusive<Duration> = Duration::from_millis(250)..=Duration::from_secs(10);

/// Follows what happens: figures each second, and changes made over HTTP.
#[derive(Clone, Debug, clap::Args)]
pub struct EventsArgs {
    /// Which events to show. Left out: all.
    #[arg(long, value_name = "NAME")]
    only: Option<EventName>,

    /// Changes of this kind alone.
    #[arg(long, value_name = "ACTION")]
    action: Option<ChangeAction>,

    /// End after so many events.
    #[arg(long, value_name = "NUMBER")]
    count: Option<u64>,

    /// End with a failure once the connection breaks off, rather than connect again.
    #[arg(long)]
    no_reconnect: bool,

    #[command(flatten)]
    pub(super) connection: ConnectionArgs,
}

/// The events that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum EventName {
    /// Each second.
    Figures,
    /// Changes made over HTTP, and how many were missed by reading too slowly.
    Change,
}

/// The changes that are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum ChangeAction {
    /// Something was ended or marked stale.
    Invalidate,
    /// Warming was run by hand.
    Warm,
    /// Updates were scheduled.
    Schedule,
    /// A market event was announced.
    Announce,
    /// One was withdrawn.
    Withdraw,
    /// The configuration was read again.
    Reload,
}

/// How many events the service told, and how many of them were shown.
#[derive(Debug, Default)]
struct SeenEvents {
    told: u64,
    shown: u64,
}

impl EventsArgs {
    pub(super) async fn run(self) -> CommandResult {
        if self.only == Some(EventName::Figures) && self.action.is_some() {
            return Err(CommandError::usage(
                "figures have no action: leave out --action, or give --only change",
            ));
        }
        let client = ServiceClient::new(&self.connection)?;
        let mut output = Printer::new(self.connection.json);
        let (mut seen, mut backoff, mut was_there) = (SeenEvents::default(), Backoff::new(PAUSES), false);
        loop {
            let told = seen.told;
            let failure = match self.follow(&client, &mut output, &mut seen).await {
                Ok(true) => return Ok(()),
                Ok(false) => {
                    was_there = true;
                    CommandError::new(Exit::Unreachable, format!("{} ended the stream", client.base()))
                }
                Err(failure) => failure,
            };
            // A stream that ends at once is not asked for again and again.
            if seen.told > told {
                (was_there, backoff) = (true, Backoff::new(PAUSES));
            }
            // What was never there, or refuses, would not come back; what is taken will be free.
            let may_return = match failure.retry_after {
                Some(_) => true,
                None => failure.exit == Exit::Unreachable && was_there,
            };
            if self.no_reconnect || !may_return {
                return Err(failure);
            }
            let pause = failure.retry_after.unwrap_or_else(|| backoff.pause_at_least_half());
            print_to_stderr(&format!("{failure}\ntrying again in {:.1} s", pause.as_secs_f64()));
            sleep(pause).await;
        }
    }

    /// Shows events until the stream ends; returns true if enough were shown.
    async fn follow(
        &self,
        client: &ServiceClient,
        output: &mut Printer,
        seen: &mut SeenEvents,
    ) -> CommandResult<bool> {
        if self.only == Some(EventName::Change) || self.action.is_some() {
            client.check_private().await?;
        }
        let mut events = client.events().await?;
        while let Some(event) = events.next().await? {
            seen.told += 1;
            if !self.wants(&event) {
                continue;
            }
            let data: Value = serde_json::from_str(&event.data).unwrap_or_else(|_| json!(event.data));
            if !self.is_of_action(&event, &data) {
                continue;
            }
            if output.is_json() {
                output.json_line(&json!({ "event": event.name, "data": data }))?;
            } else {
                show(output, &event.name, &data)?;
                output.flush()?;
            }
            seen.shown += 1;
            if self.count.is_some_and(|count| seen.shown >= count) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn wants(&self, event: &ServerEvent) -> bool {
        match self.only {
            None => true,
            Some(EventName::Figures) => event.name == "figures",
            Some(EventName::Change) => matches!(&*event.name, "change" | "missed"),
        }
    }

    fn is_of_action(&self, event: &ServerEvent, data: &Value) -> bool {
        // What was missed may have been of any action.
        self.action.is_none_or(|action| {
            let named = action.to_possible_value();
            let is_named = named.is_some_and(|named| data["action"] == named.get_name());
            event.name == "missed" || event.name == "change" && is_named
        })
    }
}

fn show(output: &mut Printer, name: &str, data: &Value) -> CommandResult {
    match name {
        "figures" => {
            let number = |member: &str| maybe(&data[member], |number| count(number as u64));
            let health = match data["healthy"] == true {
                true => styled(GOOD, "healthy"),
                false => styled(BAD, "degraded"),
            };
            output.line(format_args!(
                "{}  {health}  hit rate {} of {} reads, {} errors, {} entries, {} in memory",
                styled(DIM, "figures"),
                maybe(&data["hit_rate"], |percent| format!("{percent:.1} %")),
                number("total_operations"),
                number("errors"),
                number("entries"),
                maybe(&data["weight"], |weight| bytes(weight as u64)),
            ))
        }
        "change" => {
            let action = printable(data["action"].as_str().unwrap_or("-")).into_owned();
            let shown = |member: &str| printable(&data[member].to_string()).into_owned();
            output.line(format_args!(
                "{}   {}  {} {}",
                styled(DIM, "change"),
                styled(BOLD, action),
                shown("request"),
                styled(DIM, format_args!("→ {}", shown("outcome")))
            ))
        }
        "missed" => {
            let missed = maybe(&data["changes"], |number| count(number as u64));
            output.line(format_args!(
                "{}   {missed} changes, told faster than they were read",
                styled(WARN, "missed")
            ))
        }
        other => output.line(format_args!("{}  {}", printable(other), printable(&data.to_string()))),
    }
}
