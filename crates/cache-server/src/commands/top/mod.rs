//! `cache-server top`: the service live, in the terminal.

mod draw;
mod model;
mod panel_table;
mod plain;
mod terminal;

#[cfg(test)]
mod tests;

use std::{
    env,
    ffi::OsStr,
    io::{self, IsTerminal},
    time::{Duration, Instant},
};

use serde_json::json;
use tokio::time::sleep;

use self::{
    model::{Model, Snapshot},
    terminal::Screen,
};
use super::{
    client::{ConnectionArgs, ServiceClient},
    exit::{CommandError, CommandResult, Exit},
    output::Printer,
};

/// Shows the service live: rates, hit rate, latency, tiers, misses, providers and hot keys. `q` ends it.
#[derive(Clone, Debug, clap::Args)]
pub struct TopArgs {
    /// How often to look, in seconds.
    #[arg(long, short, value_name = "SECONDS", default_value = "1", value_parser = interval)]
    interval: Duration,

    /// Look once and print it: also where standard output is no terminal.
    #[arg(long)]
    once: bool,

    #[command(flatten)]
    pub(super) connection: ConnectionArgs,
}

impl TopArgs {
    pub(super) async fn run(self) -> CommandResult {
        let client = ServiceClient::new(&self.connection)?;
        let mut model = Model::new(client.base().to_string(), self.interval);
        // Whoever is refused, or finds nothing, reads why on a terminal as it was.
        model.take(Ok(look_patiently(&client).await?), Instant::now());
        if self.connection.json {
            return self.print_lines(&client, &mut model).await;
        }
        if self.once || !can_draw(io::stdout().is_terminal(), env::var_os("TERM").as_deref()) {
            sleep(self.interval).await;
            model.take(Ok(look_patiently(&client).await?), Instant::now());
            let mut output = Printer::new(false);
            plain::show(&mut output, &model)?;
            return output.flush();
        }
        self.show_live(&client, &mut model).await
    }

    /// Prints figures as lines of JSON, for as long as somebody reads them.
    async fn print_lines(&self, client: &ServiceClient, model: &mut Model) -> CommandResult {
        let mut output = Printer::new(true);
        loop {
            sleep(self.interval).await;
            model.take(Ok(look_patiently(client).await?), Instant::now());
            output.json_line(&document(model))?;
            if self.once {
                return Ok(());
            }
        }
    }

    async fn show_live(&self, client: &ServiceClient, model: &mut Model) -> CommandResult {
        let mut screen = Screen::open()?;
        let mut next = Instant::now() + self.interval;
        loop {
            screen.draw(model)?;
            tokio::select! {
                wants = screen.wants_end() => if wants { return Ok(()) },
                () = tokio::time::sleep_until(next.into()) => {
                    let looked = tokio::select! {
                        looked = look(client) => looked,
                        wants = screen.until_end() => { let () = wants; return Ok(()) }
                    };
                    next = Instant::now() + self.interval;
                    match looked {
                        Err(failure @ CommandError { exit: Exit::Refused, .. }) => return Err(failure),
                        looked => model.take(looked.map_err(|failure| failure.message), Instant::now()),
                    }
                }
            }
        }
    }
}

/// Asks for the figures of now.
async fn look(client: &ServiceClient) -> CommandResult<Snapshot> {
    let figures = client.figures().await?;
    Ok(Snapshot { at: Instant::now(), figures })
}

/// Asks for the figures of now, again for as long as the service says when.
async fn look_patiently(client: &ServiceClient) -> CommandResult<Snapshot> {
    loop {
        match look(client).await {
            Err(CommandError { retry_after: Some(after), .. }) => sleep(after).await,
            looked => return looked,
        }
    }
}

/// Whether standard output is a screen on which the cursor can be moved.
fn can_draw(is_terminal: bool, term: Option<&OsStr>) -> bool {
    is_terminal && term.is_none_or(|term| term != "dumb")
}

/// Returns what is shown, for programs.
fn document(model: &Model) -> serde_json::Value {
    let places = model.places();
    let misses = model.misses();
    json!({
        "reads_per_second": model.per_second("reads"),
        "misses_per_second": model.per_second("misses"),
        "calls_per_second": model.per_second("calls"),
        "last_minute": model.summary("last_minute"),
        "since_start": model.summary("since_start"),
        "places": places.iter().map(|place| json!({
            "name": place.name, "hits_per_second": place.hits_per_second, "hits": place.hits, "entries": place.entries,
            "bytes": place.size, "budget": place.budget, "errors": place.errors, "pending": place.pending,
        })).collect::<Vec<_>>(),
        "misses": misses.iter().map(|(cause, number, rate)| json!({
            "cause": cause, "misses": number, "per_second": rate,
        })).collect::<Vec<_>>(),
        "providers": model.providers().iter().map(|(provider, rate)| json!({
            "name": provider["name"], "healthy": provider["healthy"], "calls": provider["calls"],
            "calls_per_second": rate, "calls_left": provider["calls_left"],
        })).collect::<Vec<_>>(),
        "hot_keys": model.hot_keys(),
    })
}

fn interval(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "give seconds, such as 1 or 0.5".to_owned())?;
    if (0.1..=3600.0).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err("give 0.1 to 3600 seconds".to_owned())
    }
}
