//! What calls of the providers cost, as it is configured, and how the providers are.

use std::{collections::HashMap, sync::Arc};

use cache_analytics::ProviderFigures;
use cache_http::{ProviderStatus, QuotaStatus};
use market_data::{DataType, ProviderReport, QuotaReport, Registry};

use crate::settings::ProviderEntry;

/// What calls of the providers cost.
pub(super) struct Prices {
    /// The price of a call of each provider that has one.
    by_provider: HashMap<String, f64>,
    registry: Arc<Registry>,
}

impl Prices {
    pub(super) fn new(entries: &[ProviderEntry], registry: &Arc<Registry>) -> Self {
        let prices =
            entries.iter().filter_map(|entry| Some((entry.name().to_owned(), entry.price_per_call?)));
        Self { by_provider: prices.collect(), registry: Arc::clone(registry) }
    }

    /// Returns what a call for a kind costs: that of the provider which is asked first. One without a price costs
    /// nothing; `None` if no provider with a price offers such data, as of a kind that an application owns.
    pub(super) fn of_kind(&self, kind: &str) -> Option<f64> {
        let data = kind.parse::<DataType>().ok()?;
        let offers = self.registry.offers_by_name(data);
        let prices: Vec<Option<f64>> = offers.map(|(name, _)| self.by_provider.get(name).copied()).collect();
        prices.iter().flatten().next()?;
        Some(prices.first().copied().flatten().unwrap_or_default())
    }

    /// Returns the usage of each provider.
    pub(super) fn figures(&self) -> Vec<ProviderFigures> {
        let figures = |report: ProviderReport| ProviderFigures {
            calls: report.usage.calls,
            calls_by_kind: report
                .calls_by_data
                .iter()
                .map(|(data, calls)| (data.to_string(), *calls))
                .collect(),
            keys: report.usage.keys,
            failed_calls: report.usage.failures,
            refused: report.usage.refused,
            has_quota: !report.quotas.is_empty(),
            price_per_call: self.by_provider.get(&report.name).copied(),
            name: report.name,
        };
        self.registry.reports().into_iter().map(figures).collect()
    }

    /// Returns how each provider is, as the dashboard shows it.
    pub(super) fn statuses(&self) -> Vec<ProviderStatus> {
        let quota = |quota: &QuotaReport| QuotaStatus {
            limit: quota.limit.into(),
            span: quota.span,
            left: quota.left.into(),
            runs_out_in: quota.runs_out_in,
        };
        let status = |report: ProviderReport| ProviderStatus {
            healthy: report.is_healthy(),
            silent_until: report.silent_until,
            calls: report.usage.calls,
            keys: report.usage.keys,
            failed_calls: report.usage.failures,
            refused: report.usage.refused,
            price_per_call: self.by_provider.get(&report.name).copied(),
            quotas: report.quotas.iter().map(quota).collect(),
            last_failure: report.last_error.map(|(at, _)| at),
            reason: report.unhealthy_reason,
            name: report.name,
        };
        self.registry.reports().into_iter().map(status).collect()
    }
}
