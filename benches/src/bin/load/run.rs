//! A whole run: each set-up one after the other, or the service that was named.

use std::{path::Path, time::Duration};

use anyhow::{Context, Result, anyhow, ensure};
use tokio::time::timeout;

use crate::{
    interrupt::unless_interrupted,
    options::Options,
    progress::Progress,
    report::{LeftOut, Report, SetupReport},
    scenario::Scenario,
    scenarios::Load,
    setup::{ServerVersion, Setup, SetupKind},
    subject::{Subject, embedded::EmbeddedCache, service::LoadedService},
};

/// How long removing what was written to a service may take.
const REMOVAL: Duration = Duration::from_secs(30);

/// What is said of what was not run any more.
const INTERRUPTED: &str = "interrupted: what would have followed was not run";

/// Runs what the options ask for. What can't be run to its end is told in the report, beside what was.
pub(crate) async fn all(options: &Options, folder: &Path) -> Result<Report> {
    let scenarios = Scenario::chosen(&options.only);
    if let Some(url) = &options.url {
        let setup = of_service(options, url, &scenarios).await?;
        return Ok(Report::new(options, vec![setup]));
    }
    let kinds = if options.embedded { vec![SetupKind::Disk] } else { SetupKind::ALL.to_vec() };
    let progress = Progress::new(kinds.len() * scenarios.len());
    let mut setups = Vec::new();
    for kind in kinds {
        progress.setup(kind.name());
        progress.say("starting");
        let mut report = SetupReport::new(kind.name());
        let one = async {
            let setup = Setup::start(kind, folder).await?;
            of_setup(options, &setup, &scenarios, &progress, &mut report).await
        };
        let ended = unless_interrupted(one).await?;
        if let Some(Err(error)) = &ended {
            report.note_failure(None, &format!("{error:#}"));
        }
        if ended.is_none() {
            report.note_failure(None, INTERRUPTED);
        }
        setups.push(report);
        if ended.is_none() {
            break;
        }
    }
    drop(progress);
    Ok(Report::new(options, setups))
}

async fn of_setup(
    options: &Options,
    setup: &Setup,
    scenarios: &[Scenario],
    progress: &Progress,
    report: &mut SetupReport,
) -> Result<()> {
    report.servers = setup.versions()?;
    let cache = EmbeddedCache::open(setup.cache("load", |builder| builder).await?)?;
    report.tiers = ["memory"].into_iter().chain(cache.tiers()).map(str::to_owned).collect();
    let load = Load { subject: Subject::Embedded(cache.clone()), setup: Some(setup), options, progress };
    run(&load, scenarios, report).await;
    cache.close().await;
    Ok(())
}

/// Runs scenarios one after the other. What each reads is written anew before it, so that it is there.
async fn run(load: &Load<'_>, scenarios: &[Scenario], report: &mut SetupReport) {
    for scenario in scenarios {
        let of_service = load.setup.is_none();
        if let Some(why) = scenario.left_out_over_http().filter(|_| of_service) {
            report.left_out.push(LeftOut { scenario: scenario.name(), why });
        } else {
            let ended = match load.preload().await {
                Ok(()) => load.run(*scenario).await,
                Err(error) => Err(error.context("what is to be read can't be written")),
            };
            match ended {
                Ok(rows) => {
                    report.scenarios.extend(rows.into_iter().map(|row| row.at_scale(load.options.scale)))
                }
                Err(error) => report.note_failure(Some(scenario.name()), &format!("{error:#}")),
            }
        }
        load.progress.done();
    }
}

async fn of_service(options: &Options, url: &str, scenarios: &[Scenario]) -> Result<SetupReport> {
    ensure!(
        scenarios.iter().any(|scenario| scenario.left_out_over_http().is_none()),
        "none of these scenarios can be run over HTTP: {}",
        scenarios.iter().map(|scenario| scenario.name()).collect::<Vec<_>>().join(", ")
    );
    let service = LoadedService::new(url, options.connections as usize)?;
    let version = service.version().await?;
    let (name, version) = version.split_once(' ').unwrap_or((&version, ""));
    let mut report = SetupReport::new(&service.name());
    report.servers = vec![ServerVersion { name: name.to_owned(), version: version.to_owned() }];
    let progress = Progress::new(scenarios.len());
    progress.setup(service.name());
    let load = Load { subject: Subject::Service(service.clone()), setup: None, options, progress: &progress };
    let one = async {
        service.connect().await?;
        run(&load, scenarios, &mut report).await;
        anyhow::Ok(())
    };
    let ended = unless_interrupted(one).await?;
    drop(progress);
    match ended {
        Some(Ok(())) => {}
        Some(Err(error)) => report.note_failure(None, &format!("{error:#}")),
        None => report.note_failure(None, INTERRUPTED),
    }
    let removal = async { timeout(REMOVAL, service.remove_all()).await.context("not in time").flatten() };
    // Whoever interrupts once more does not wait for it.
    let removed = unless_interrupted(removal).await?.unwrap_or_else(|| Err(anyhow!("interrupted")));
    if let Err(error) = removed {
        let why = format!("what was written was not removed, and dies within 30 minutes: {error:#}");
        report.note_failure(None, &why);
    }
    Ok(report)
}
