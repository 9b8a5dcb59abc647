//! `cache-server invalidate`: ends what is named, or marks it stale, and counts it by tier.

use std::{
    io::{self, BufRead, IsTerminal, Write},
    time::Duration,
};

use serde_json::{Map, Value, json};
use tokio::time::sleep;

use super::{
    client::{ConnectionArgs, ServiceClient},
    exit::{CommandError, CommandResult, Exit},
    key_names::{MAX_SUGGESTED, real_kind, suggestion},
    output::{BOLD, Printer, Progress, TextTable, WARN, count, printable, styled},
};

/// How often it is looked whether tiers that take longer are done.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How many values are ended without a question.
const A_LITTLE: u64 = 20;

/// Ends what is named in every tier and on every node, or marks it stale, and counts it by tier.
#[derive(Clone, Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true))]
pub struct InvalidateArgs {
    /// Keys, such as `price:AAPL`.
    #[arg(value_name = "KEY", group = "what")]
    keys: Vec<String>,

    /// All with this tag.
    #[arg(long = "tag", value_name = "TAG", group = "what")]
    tags: Vec<String>,

    /// All keys that match, such as `technical:*`.
    #[arg(long = "pattern", value_name = "PATTERN", group = "what")]
    patterns: Vec<String>,

    /// All of a kind, such as `news`.
    #[arg(long = "kind", value_name = "KIND", group = "what")]
    kinds: Vec<String>,

    /// All market data about an asset, such as AAPL.
    #[arg(long = "asset", value_name = "ASSET", group = "what")]
    assets: Vec<String>,

    /// All of a user.
    #[arg(long = "user", value_name = "USER", group = "what")]
    users: Vec<String>,

    /// Everything.
    #[arg(long, group = "what")]
    all: bool,

    /// Mark it stale: it is served, flagged, until a load brings another.
    #[arg(long)]
    soft: bool,

    /// Count it, and end nothing.
    #[arg(long)]
    dry_run: bool,

    /// Don't wait for tiers that take longer to remove what matches a pattern: they go on by themselves.
    #[arg(long)]
    no_wait: bool,

    /// Don't ask before more than 20 values are ended, as a terminal is asked.
    #[arg(long, short)]
    yes: bool,

    #[command(flatten)]
    pub(super) connection: ConnectionArgs,
}

impl InvalidateArgs {
    pub(super) async fn run(self) -> CommandResult {
        let client = ServiceClient::new(&self.connection)?;
        let mut output = Printer::new(self.connection.json);
        if !self.dry_run && !self.yes && io::stdin().is_terminal() && io::stderr().is_terminal() {
            let counted = self.send(&client, true).await?;
            let most = counted["at_most"].as_u64().unwrap_or(u64::MAX);
            let is_more = most > A_LITTLE || counted["complete"] != true;
            if is_more && !self.is_confirmed(&counted)? {
                return Err(CommandError::failed("nothing was changed"));
            }
        }
        let mut outcome = self.send(&client, self.dry_run).await?;
        if outcome["done"] == false && !self.no_wait {
            wait_until_done(&client, &mut outcome).await?;
        }
        if output.is_json() {
            output.document(&outcome)?;
        } else {
            self.show(&mut output, &outcome)?;
        }
        output.flush()?;
        // What could not be counted may have been held.
        if outcome["at_most"] != 0 || outcome["complete"] != true {
            return Ok(());
        }
        let mut told = "nothing was held of what was named".to_owned();
        for key in self.keys.iter().take(MAX_SUGGESTED) {
            told.push_str(&format!("\n  {}: {}", printable(key), suggestion(&client, key).await));
        }
        Err(CommandError::new(Exit::NotFound, told))
    }

    /// Sends it. Where it is refused for a kind that keys don't have, says which they have instead.
    async fn send(&self, client: &ServiceClient, dry_run: bool) -> CommandResult<Value> {
        let mut failure = match self.post(client, dry_run).await {
            Err(failure) if failure.exit == Exit::Usage => failure,
            sent => return sent,
        };
        let kinds = self.keys.iter().filter_map(|key| key.split_once(':')).map(|(kind, _)| kind);
        let kinds = kinds.chain(self.kinds.iter().map(String::as_str));
        for (kind, real) in kinds.filter_map(|kind| Some((kind, real_kind(kind)?))) {
            failure.message.push_str(&format!("\n  here: what get calls {kind} has keys of {real}"));
        }
        Err(failure)
    }

    async fn post(&self, client: &ServiceClient, dry_run: bool) -> CommandResult<Value> {
        let _progress = Progress::spinner(if dry_run { "counting" } else { "invalidating" });
        let names = [
            ("keys", &self.keys),
            ("tags", &self.tags),
            ("patterns", &self.patterns),
            ("kinds", &self.kinds),
            ("assets", &self.assets),
            ("users", &self.users),
        ];
        let given = names.iter().filter(|(_, names)| !names.is_empty());
        let mut body: Map<String, Value> =
            given.map(|(word, names)| ((*word).to_owned(), json!(names))).collect();
        if self.all {
            body.insert("all".to_owned(), json!(true));
        }
        body.insert("mode".to_owned(), json!(if self.soft { "soft" } else { "hard" }));
        body.insert("dry_run".to_owned(), json!(dry_run));
        client.post_patiently(&["cache", "invalidate"], &Value::Object(body)).await
    }

    /// Asks on the terminal.
    fn is_confirmed(&self, counted: &Value) -> CommandResult<bool> {
        let does = if self.soft { "marks stale" } else { "ends" };
        let more = if counted["complete"] == true { "" } else { ", and what could not be counted" };
        let mut terminal = io::stderr();
        let asked = write!(terminal, "This {does} {}{more}. Go on? [y/N] ", values(counted))
            .and_then(|()| terminal.flush());
        let mut answer = String::new();
        let read = asked.and_then(|()| io::stdin().lock().read_line(&mut answer));
        read.map_err(|error| {
            CommandError::failed(format!("the terminal can't be asked: {error}; give --yes"))
        })?;
        Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
    }

    fn show(&self, output: &mut Printer, outcome: &Value) -> CommandResult {
        let done = match (self.dry_run, self.soft) {
            (true, true) => "would mark stale",
            (true, false) => "would end",
            (false, true) => "marked stale",
            (false, false) => "ended",
        };
        output.line(format_args!("{}", styled(BOLD, format_args!("{done} {}", values(outcome)))))?;
        let mut table = TextTable::new(&["  place", ">values"]);
        let removed = outcome["removed"].as_object();
        // Memory is asked first, and so it is told first.
        let mut places: Vec<(&String, u64)> = removed
            .into_iter()
            .flatten()
            .map(|(name, number)| (name, number.as_u64().unwrap_or_default()))
            .collect();
        places.sort_by_key(|(name, _)| *name != "memory");
        for (name, number) in places {
            table.row([format!("  {}", printable(name)).into(), count(number).into()]);
        }
        output.table(&table)?;
        for name in names(&outcome["under_way"]) {
            let told = if outcome["done"] == true {
                format!("{name} took longer, is done now, and was not counted")
            } else {
                format!("{name} is still removing what matches, and goes on by itself")
            };
            output.line(styled(WARN, told))?;
        }
        if outcome["complete"] != true && names(&outcome["under_way"]).is_empty() {
            let why = "a tier failed, can't list what it holds, or holds too much to be counted";
            output.line(styled(WARN, format_args!("not all was counted: {why}")))?;
        }
        for (name, number) in outcome["pending"].as_object().into_iter().flatten() {
            let (name, number) = (printable(name), count(number.as_u64().unwrap_or_default()));
            let told = format_args!(
                "{name} has yet to take {number} writes and removals: it is asked again until it has"
            );
            output.line(styled(WARN, told))?;
        }
        Ok(())
    }
}

/// Waits until the tiers that are named as under way are done, and says so in the outcome.
async fn wait_until_done(client: &ServiceClient, outcome: &mut Value) -> CommandResult {
    let waited = names(&outcome["under_way"]);
    let progress = Progress::spinner(format!("removing from {}", waited.join(", ")));
    loop {
        let overview = client.get(&["cache", "overview"], &[]).await?;
        let tiers = overview["tiers"].as_array().into_iter().flatten();
        let left = tiers.filter(|tier| tier["removing"].as_u64().unwrap_or_default() > 0);
        let left: Vec<&str> = left.filter_map(|tier| tier["name"].as_str()).collect();
        let left: Vec<&String> = waited.iter().filter(|name| left.contains(&name.as_str())).collect();
        if left.is_empty() {
            outcome["done"] = json!(true);
            return Ok(());
        }
        progress.say(format!("removing from {} of {} tiers: {}", left.len(), waited.len(), left[0]));
        sleep(LOOK_EVERY).await;
    }
}

/// Returns the texts of a list.
fn names(list: &Value) -> Vec<String> {
    let names = list.as_array().into_iter().flatten().filter_map(Value::as_str);
    names.map(|name| printable(name).to_string()).collect()
}

/// Returns how many values these are: a key may be held in several places.
fn values(counted: &Value) -> String {
    let number = |member: &str| counted[member].as_u64().unwrap_or_default();
    match (number("at_least"), number("at_most")) {
        (1, 1) => "1 value".to_owned(),
        (least, most) if least == most => format!("{} values", count(least)),
        (least, most) => format!("{} to {} values", count(least), count(most)),
    }
}
