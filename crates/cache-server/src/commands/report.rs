//! `cache-server report`: what was asked for and how it was answered, with advice.

use super::{
    client::{ConnectionArgs, ServiceClient},
    exit::CommandResult,
    output::{BOLD, DIM, Printer, Progress, WARN, printable, styled},
};

/// Shows what was asked for, by kind, and how it was answered, with advice.
#[derive(Clone, Debug, clap::Args)]
pub struct ReportArgs {
    #[command(flatten)]
    pub(super) connection: ConnectionArgs,
}

impl ReportArgs {
    pub(super) async fn run(self) -> CommandResult {
        let client = ServiceClient::new(&self.connection)?;
        let mut output = Printer::new(self.connection.json);
        let progress = Progress::spinner("reporting");
        if output.is_json() {
            let report = client.get(&["cache", "report"], &[]).await?;
            drop(progress);
            output.document(&report)?;
            return output.flush();
        }
        let text = client.text(&["cache", "report"], &[("format", "text")]).await?;
        drop(progress);
        for (number, line) in text.lines().enumerate() {
            let line = printable(line);
            match number {
                0 => output.line(styled(DIM, line))?,
                _ if line.starts_with("all ") => output.line(styled(BOLD, line))?,
                _ if line.starts_with("advice ") => output.line(styled(WARN, line))?,
                _ => output.line(line)?,
            }
        }
        output.flush()
    }
}
