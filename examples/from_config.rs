//! A cache by configuration: tiers, sizes and lives from a file and the environment, with all errors at once.
//!
//! `cargo run -p examples --bin from_config`, or `CACHE_TTL_SHORT=10m cargo run -p examples --bin from_config cache.yaml`

use std::{env, path::Path};

use cache_facade::{CacheBuilder, Class, Clock, Region, Result, config::CacheConfig};

/// What is configured if there is no file. A cache by configuration has a disk tier.
fn without_a_file(folder: &Path) -> String {
    format!(
        "memory: {{mib: 16, policy: fifo}}\nlives: {{short: 5m, long: 2h}}\ndisk: {{dir: '{}'}}",
        folder.display()
    )
}

/// Returns for how many seconds a session is fresh: what "short" comes to is the deployment's.
async fn life_of_a_session(config: &CacheConfig) -> Result<u64> {
    let cache = CacheBuilder::from_config(config, Clock::system())?.build().await?;
    let sessions: Region<String> = cache.region("session").ttl(Class::Short).open()?;
    sessions.put("42", "Ada".to_owned()).await?;
    Ok(sessions.time_to_live("42").await?.unwrap_or_default().as_secs())
}

#[tokio::main]
async fn main() -> Result<()> {
    let config = match env::args().nth(1) {
        Some(file) => CacheConfig::from_file(file.as_ref(), env::vars())?,
        None => CacheConfig::from_yaml(&without_a_file(&env::temp_dir().join("cache-example-config")))?,
    };
    println!("a session is fresh for {} s", life_of_a_session(&config).await?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lives_come_from_the_configuration_and_its_errors_come_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let config = CacheConfig::from_yaml(&without_a_file(folder.path())).unwrap();
        let life = life_of_a_session(&config).await.unwrap();
        assert!((290..=300).contains(&life), "{life}");
        let error =
            CacheConfig::from_yaml("memory: {mibs: 16}\nlives: {short: soon}\n").unwrap_err().to_string();
        assert!(error.contains("mibs") && error.contains("lives.short"), "{error}");
    }
}
