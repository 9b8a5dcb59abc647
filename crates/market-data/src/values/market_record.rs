//! What loaders, registries and stores need to know of a value, whatever its kind.

use std::sync::Arc;

use crate::{Asset, Document, Quote, Series};

/// The version of [`Quote`], [`Series`] and [`Document`] as regions store them: raised when one changes.
pub const SCHEMA: u32 = 2;

/// A value that a provider answers with.
pub trait MarketRecord: Send + 'static {
    /// Returns what it is about.
    fn asset(&self) -> &Asset;

    /// Returns a text that changes whenever it does.
    fn version(&self) -> String;

    /// Returns which provider it came from.
    fn provider(&mut self) -> &mut Option<Arc<str>>;
}

macro_rules! market_record {
    ($($kind:ty),+) => {$(
        impl MarketRecord for $kind {
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

market_record!(Quote, Series, Document);
