//! A whole run: each set-up one after the other, or the service that was named.

use std::{path::Path, time::Duration};

use anyhow::{Context, Result};
use tokio::time::timeout;

use crate::{
    interrupt::unless_interrupted,
    options::Options,
    progress::Progress,
    report::{LeftOut, Report, SetupReport, row::Row},
    scenario::Scenario,
    scenarios::Load,
    setup::{ServerVersion, Setup, SetupKind},
    subject::{Subject, embedded::EmbeddedCache, service::LoadedService},
};

/// How long removing what was written to a service may take.
const REMOVAL: Duration = Duration::from_secs(30);

/// Runs what the options ask for.
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
        let one = async {
            let setup = Setup::start(kind, folder).await?;
            of_setup(options, &setup, kind, &scenarios, &progress).await
        };
        setups.push(unless_interrupted(one).await?);
    }
    drop(progress);
    Ok(Report::new(options, setups))
}

async fn of_setup(
    options: &Options,
    setup: &Setup,
    kind: SetupKind,
    scenarios: &[Scenario],
    progress: &Progress,
) -> Result<SetupReport> {
    let cache = EmbeddedCache::open(setup.cache("load", |builder| builder).await?)?;
    let tiers = ["memory"].into_iter().chain(cache.tiers()).map(str::to_owned).collect();
    let load = Load { subject: Subject::Embedded(cache.clone()), setup: Some(setup), options, progress };
    load.preload().await.context("what is to be read can't be written")?;
    let mut rows = Vec::new();
    for scenario in scenarios {
        let of_scenario = load.run(*scenario).await;
        rows.extend(of_scenario.with_context(|| format!("{} on {}", scenario.name(), kind.name()))?);
        progress.done();
    }
    cache.close().await;
    let servers = setup.versions()?;
    Ok(SetupReport { name: kind.name().to_owned(), tiers, servers, scenarios: rows, left_out: Vec::new() })
}

async fn of_service(options: &Options, url: &str, scenarios: &[Scenario]) -> Result<SetupReport> {
    let service = LoadedService::new(url, options.connections as usize)?;
    let version = service.version().await?;
    let (name, version) = version.split_once(' ').unwrap_or((&version, ""));
    let servers = vec![ServerVersion { name: name.to_owned(), version: version.to_owned() }];
    let ended = unless_interrupted(rows_of_service(options, &service, scenarios)).await;
    let removed = timeout(REMOVAL, service.remove_all()).await;
    let (scenarios, left_out) = ended?;
    removed.context("what was written was not removed in time: it dies within 30 minutes")??;
    Ok(SetupReport { name: service.name(), tiers: Vec::new(), servers, scenarios, left_out })
}

async fn rows_of_service(
    options: &Options,
    service: &LoadedService,
    scenarios: &[Scenario],
) -> Result<(Vec<Row>, Vec<LeftOut>)> {
    let progress = Progress::new(scenarios.len());
    progress.setup(service.name());
    let load = Load { subject: Subject::Service(service.clone()), setup: None, options, progress: &progress };
    load.preload().await.context("what is to be read can't be written")?;
    service.connect().await?;
    let (mut rows, mut left_out) = (Vec::new(), Vec::new());
    for scenario in scenarios {
        match scenario.left_out_over_http() {
            Some(why) => left_out.push(LeftOut { scenario: scenario.name(), why }),
            None => rows.extend(load.run(*scenario).await.with_context(|| scenario.name())?),
        }
        progress.done();
    }
    Ok((rows, left_out))
}
