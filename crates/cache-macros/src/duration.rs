//! Durations: texts such as "5m", parsed when the attribute expands, or expressions.

use std::time::Duration;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Error, Expr, Result};

use crate::options::text;

/// A duration in an attribute.
pub(crate) enum DurationExpr {
    Known(Duration),
    Computed(Expr),
}

impl DurationExpr {
    pub(crate) fn read(expr: Expr) -> Result<Self> {
        let Some(text) = text(&expr) else {
            return match expr {
                Expr::Lit(_) => Err(Error::new_spanned(expr, "a duration needs a unit: write \"5m\"")),
                expr => Ok(Self::Computed(expr)),
            };
        };
        match humantime::parse_duration(&text.value()) {
            Ok(Duration::ZERO) => {
                Err(Error::new_spanned(text, "a duration of zero caches nothing: leave it out"))
            }
            Ok(span) => Ok(Self::Known(span)),
            Err(why) => {
                let message = format!("not a duration: {why}; write \"250ms\", \"5m\" or \"1h 30m\"");
                Err(Error::new_spanned(text, message))
            }
        }
    }

    /// Returns the duration if it was given as a text.
    pub(crate) fn known(&self) -> Option<Duration> {
        match self {
            Self::Known(span) => Some(*span),
            Self::Computed(_) => None,
        }
    }
}

impl ToTokens for DurationExpr {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.extend(match self {
            Self::Known(span) => {
                let (seconds, nanos) = (span.as_secs(), span.subsec_nanos());
                quote!(::core::time::Duration::new(#seconds, #nanos))
            }
            Self::Computed(expr) => quote!(#expr),
        });
    }
}
