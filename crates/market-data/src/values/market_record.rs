//! What quotes, series and documents have in common: asset, version, provider.

use std::sync::Arc;

use crate::{Asset, Document, Quote, Series};

/// The schema version of [`Quote`], [`Series`] and [`Document`] as regions store them; raised when one changes.
pub const SCHEMA: u32 = 4;

/// A value that a provider gives: a quote, a series or a document.
pub trait MarketRecord: Send + 'static {
    /// Returns the asset it is about.
    fn asset(&self) -> &Asset;

    /// Returns a text that changes whenever the value does.
    fn version(&self) -> String;

    /// Returns whether it says nothing, as a series without bars does.
    fn is_empty(&self) -> bool {
        false
    }

    /// Returns the name of the provider that gave it, to be read or set.
    fn provider(&mut self) -> &mut Option<Arc<str>>;
}

macro_rules! market_record {
    ($($kind:ty $(: $is_empty:expr)?),+) => {$(
        impl MarketRecord for $kind {
            $(
                fn is_empty(&self) -> bool {
                    let is_empty: fn(&Self) -> bool = $is_empty;
                    is_empty(self)
                }
            )?

            fn asset(&self) -> &Asset {
                &self.asset
            }

            fn version(&self) -> String {
                self.version()
            }

            fn provider(&mut self) -> &mut Option<Arc<str>> {
                &mut self.provider
            }
        }
    )+};
}

market_record!(Quote, Series: |series| series.bars.is_empty(), Document);
