//! What can be set, by flag or by environment, and to what.

use std::{path::PathBuf, time::Duration};

use cache_core::{Error, ErrorKind, Pattern, Result, Ttl};
use cache_facade::{Eviction, Memory, MemoryBuilder};
use cache_market::{ProviderSettings, Replay};

use crate::shared::SharedSettings;

/// A market-data service: quotes and daily bars from memory, then disk, then a slow provider.
#[derive(Clone, Debug, clap::Parser)]
#[command(version, about)]
pub struct Settings {
    /// Where to listen: an address and a port, 0 for any free one.
    #[arg(long, env = "CACHE_LISTEN", value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub listen: String,

    /// The folder for what outlives a restart; made if it isn't there.
    #[arg(long, env = "CACHE_SERVER_DATA_DIR", value_name = "DIR", default_value = "./data")]
    pub data_dir: PathBuf,

    /// What may be kept in memory, in MiB.
    #[arg(long, env = "CACHE_MEMORY_MIB", value_name = "MIB", default_value_t = 64,
          value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    pub memory_mib: u64,

    /// Which entry goes first when memory is full: lru, lfu, fifo, ttl or hybrid.
    #[arg(long, env = "CACHE_MEMORY_POLICY", value_name = "POLICY", default_value_t)]
    pub memory_policy: Eviction,

    /// The share of memory that protected keys may take, 0 to 1.
    #[arg(long, env = "CACHE_MEMORY_PROTECTED_SHARE", value_name = "SHARE", default_value_t = 0.25,
          value_parser = share)]
    pub memory_protected_share: f64,

    /// Keys that are never evicted from memory for space: patterns such as price:AAPL*, parted by commas.
    #[arg(long, env = "CACHE_MEMORY_PROTECT", value_name = "PATTERNS", value_delimiter = ',',
          value_parser = protected)]
    pub memory_protect: Vec<Pattern>,

    /// What may be kept on disk, in MiB.
    #[arg(long, env = "CACHE_DISK_MIB", value_name = "MIB", default_value_t = 1024,
          value_parser = clap::value_parser!(u64).range(16..=1 << 30))]
    pub disk_mib: u64,

    /// What is shared with other nodes.
    #[command(flatten)]
    pub shared: SharedSettings,

    /// How many connections are served at once; more wait.
    #[arg(long, env = "CACHE_MAX_CONNECTIONS", value_name = "COUNT", default_value_t = 2048,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub max_connections: u32,

    /// How long a quote is fresh, in seconds.
    #[arg(long, env = "CACHE_TTL_PRICE", value_name = "SECONDS", default_value_t = 300)]
    pub ttl_price: u64,

    /// Until what age a quote may stand in while a new one can't be had, in seconds.
    #[arg(long, env = "CACHE_GRACE_PRICE", value_name = "SECONDS", default_value_t = 3600)]
    pub grace_price: u64,

    /// How long daily bars are fresh, in seconds.
    #[arg(long, env = "CACHE_TTL_OHLCV", value_name = "SECONDS", default_value_t = 86_400)]
    pub ttl_ohlcv: u64,

    /// Until what age daily bars may stand in while new ones can't be had, in seconds.
    #[arg(long, env = "CACHE_GRACE_OHLCV", value_name = "SECONDS", default_value_t = 604_800)]
    pub grace_ohlcv: u64,

    /// How long it is remembered that the provider doesn't know a symbol, in seconds.
    #[arg(long, env = "CACHE_TTL_UNKNOWN", value_name = "SECONDS", default_value_t = 60)]
    pub ttl_unknown: u64,

    /// How long a request waits for the provider at most, in milliseconds.
    #[arg(long, env = "CACHE_LOAD_TIMEOUT_MS", value_name = "MS", default_value_t = 10_000,
          value_parser = clap::value_parser!(u64).range(1..=600_000))]
    pub load_timeout_ms: u64,

    /// How long after a failed load a stale value is served without trying again, in milliseconds.
    #[arg(long, env = "CACHE_THROTTLE_MS", value_name = "MS", default_value_t = 1000)]
    pub throttle_ms: u64,

    /// How long each call of the provider takes, in milliseconds.
    #[arg(long, env = "CACHE_PROVIDER_LATENCY_MS", value_name = "MS", default_value_t = 300)]
    pub provider_latency_ms: u64,

    /// How many quotes one call of the provider may ask for.
    #[arg(long, env = "CACHE_PROVIDER_BATCH", value_name = "COUNT", default_value_t = 50,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub provider_batch: u32,

    /// How many calls a second the provider lets through.
    #[arg(long, env = "CACHE_PROVIDER_RATE", value_name = "COUNT", default_value_t = 100,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub provider_rate: u32,

    /// The share of calls of the provider that fail, 0 to 1.
    #[arg(long, env = "CACHE_PROVIDER_FAILURE_RATE", value_name = "SHARE", default_value_t = 0.0,
          value_parser = share)]
    pub provider_failure_rate: f64,

    /// Which calls those are: the same seed fails the same ones.
    #[arg(long, env = "CACHE_PROVIDER_SEED", value_name = "NUMBER", default_value_t = 0)]
    pub provider_seed: u64,

    /// What to log, to standard error: off, error, warn, info, debug, trace, or by module.
    #[arg(long, env = "CACHE_LOG", value_name = "FILTER", default_value = "info")]
    pub log: String,
}

impl Settings {
    /// Whether the settings go together.
    ///
    /// # Errors
    ///
    /// `Config` if keys are to be protected in a share of memory that has no room for any.
    pub fn check(&self) -> Result<()> {
        self.shared.check()?;
        let share = self.memory_protected_share;
        match self.memory_protect.first() {
            Some(pattern) if ((self.memory_mib << 20) as f64 * share) < 1.0 => {
                let message = format!(
                    "{pattern} can't be protected, --memory-protected-share or CACHE_MEMORY_PROTECTED_SHARE \
                     is {share}: give a share above 0, such as 0.25, or no --memory-protect"
                );
                Err(Error::new(ErrorKind::Config, "memory", message))
            }
            _ => Ok(()),
        }
    }

    /// How the provider is treated. A load is tried but once, and again when its throttle is over: the
    /// provider is left alone no longer than that.
    #[must_use]
    pub fn provider(&self) -> ProviderSettings {
        ProviderSettings {
            timeout_ms: self.load_timeout_ms,
            retries: 0,
            breaker_pause_ms: self.throttle_ms.max(1),
            ..ProviderSettings::default()
        }
    }

    /// The near tier.
    #[must_use]
    pub fn memory(&self) -> MemoryBuilder {
        // Some policies set the share aside, so it is asked for only where something is to take it.
        let share = if self.memory_protect.is_empty() { 0.0 } else { self.memory_protected_share };
        Memory::builder().mib(self.memory_mib).eviction(self.memory_policy).protected_share(share)
    }

    /// The promise about a quote.
    #[must_use]
    pub fn price_ttl(&self) -> Ttl {
        Ttl::new(Duration::from_secs(self.ttl_price)).grace(Duration::from_secs(self.grace_price))
    }

    /// The promise about daily bars.
    #[must_use]
    pub fn ohlcv_ttl(&self) -> Ttl {
        Ttl::new(Duration::from_secs(self.ttl_ohlcv)).grace(Duration::from_secs(self.grace_ohlcv))
    }

    /// How the provider behaves.
    #[must_use]
    pub fn replay(&self) -> Replay {
        Replay {
            latency: Duration::from_millis(self.provider_latency_ms),
            max_batch: self.provider_batch as usize,
            calls_per_second: self.provider_rate,
            failure_rate: self.provider_failure_rate,
            seed: self.provider_seed,
            ..Replay::default()
        }
    }

    /// The folder of the disk tier.
    #[must_use]
    pub fn disk_dir(&self) -> PathBuf {
        self.data_dir.join("disk")
    }
}

fn protected(text: &str) -> cache_core::Result<Pattern> {
    Pattern::glob(text.trim())
}

fn share(text: &str) -> std::result::Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("give a share from 0 to 1, such as 0.2".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    #[test]
    fn the_flags_are_sound_and_the_defaults_those_of_the_documentation() {
        Settings::command().debug_assert();
        let settings = Settings::parse_from(["cache-server"]);
        assert_eq!(settings.listen, "127.0.0.1:8080");
        assert_eq!(settings.price_ttl().life, Duration::from_secs(300));
        assert_eq!(settings.replay(), Replay::default());
    }

    #[test]
    fn a_value_that_cannot_hold_is_refused_with_the_flag_and_the_value() {
        for (flag, value) in [
            ("--provider-failure-rate", "1.5"),
            ("--provider-failure-rate", "nan"),
            ("--provider-batch", "0"),
            ("--memory-mib", "0"),
            ("--memory-policy", "mru"),
            ("--memory-protected-share", "2"),
            ("--memory-protect", "price:\\"),
            ("--ttl-price", "-1"),
        ] {
            let error = Settings::try_parse_from(["cache-server", &format!("{flag}={value}")]).unwrap_err();
            let message = error.to_string();
            assert!(message.contains(flag) && message.contains(value), "{message}");
        }
    }

    #[test]
    fn keys_are_protected_only_where_there_is_a_share_for_them() {
        for (flags, sound) in [
            (vec![], true),
            (vec!["--memory-protected-share=0"], true),
            (vec!["--memory-protect=price:AAPL*"], true),
            (vec!["--memory-protect=price:AAPL*", "--memory-protected-share=0"], false),
            (vec!["--memory-protect=price:AAPL*", "--memory-protected-share=0.000000001"], false),
        ] {
            let settings = Settings::parse_from([vec!["cache-server"], flags.clone()].concat());
            assert_eq!(settings.check().is_ok(), sound, "{flags:?}");
        }
    }
}
