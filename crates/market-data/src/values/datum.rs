//! What loaders, registries and stores need to know of a value, whatever its kind.

use std::sync::Arc;

use crate::{Asset, Document, Quote, Series};

/// The version of [`Quote`], [`Series`] and [`Document`] as regions store them: raised when one changes.
pub const SCHEMA: u32 = 2;

/// A value that a provider answers with.
pub trait Datum: Send + 'static {
    /// What it is about.
    fn asset(&self) -> &Asset;

    /// A text that changes whenever it does.
    fn version(&self) -> String;

    /// Which provider it came from.
    fn provider(&mut self) -> &mut Option<Arc<str>>;
}

macro_rules! datum {
    ($($kind:ty),+) => {$(
        impl Datum for $kind {
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

datum!(Quote, Series, Document);
