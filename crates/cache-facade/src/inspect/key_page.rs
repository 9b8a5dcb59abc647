//! The keys that a cache holds, page by page: those of memory, then those of each tier that no place before it
//! has.

use std::sync::Arc;

use cache_core::{Error, ErrorKind, Key, ListCursor, Pattern, Result};

use super::key_report::KeyReport;
use crate::{cache::Cache, engine::Engine, tier::handle::TierHandle};

/// How many keys a page has at most.
const MAX_KEYS_PER_PAGE: usize = 1000;

/// How many times memory and tiers are asked for a page at most, if what they list is little, or listed already.
const MAX_STEPS_PER_PAGE: usize = 16;

/// A part of the keys that a cache holds.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct KeyPage {
    /// What is held of each key, and where. There may be none though more follow.
    pub keys: Vec<KeyReport>,
    /// From where to go on; `None` after the last page.
    pub next: Option<String>,
    /// The tiers that were passed over for this page, since they failed or can't list what they hold. A key that
    /// they alone hold is missing.
    pub passed_over: Vec<PassedOver>,
}

/// A tier that could not say which keys it holds.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PassedOver {
    /// The name of the tier.
    pub tier: &'static str,
    /// Why it failed; `None` if it can't list what it holds at all.
    pub error: Option<Error>,
}

/// Where a listing of keys goes on. As text: the place, the tiers that were passed over as bits, and the place's
/// own cursor, all in hexadecimal digits.
struct Place {
    /// 0 for memory, and from 1 on the tiers.
    place: usize,
    passed_over: u64,
    within: Option<ListCursor>,
}

impl Cache {
    /// Returns which keys that match are held, at most `limit` and at most 1,000: the first, or those that come
    /// `after` an earlier page. The pattern, a text or a [`Pattern`], is over whole keys without the namespace. Of
    /// each key it is told what memory and each tier hold, as by [`Cache::inspect`]: dead entries too, while
    /// they are there.
    ///
    /// Keys come in no order, first those of memory, then those that each tier has and no place before it. A key
    /// that is held all the while, is not written, and whose value no read brings to a place before it, is there
    /// once; of others one may be missing or be there twice.
    /// What is pending for a tier that does not take it, and held nowhere, is missing. A page asks each tier for
    /// the entries of its keys, values and all.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_facade::Result<()> {
    /// # let cache = cache_facade::Cache::builder().build().await?;
    /// let prices = cache.region::<f64>("price").open()?;
    /// prices.put_many([("AAPL", 190.5), ("AMZN", 180.0), ("MSFT", 330.0)]).await?;
    /// let (mut ids, mut after) = (Vec::new(), None);
    /// loop {
    ///     let page = cache.keys("price:A*", after.as_deref(), 100).await?;
    ///     ids.extend(page.keys.iter().map(|report| report.key.id().to_owned()));
    ///     after = page.next;
    ///     if after.is_none() {
    ///         break;
    ///     }
    /// }
    /// ids.sort();
    /// assert_eq!(ids, ["AAPL", "AMZN"]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `Config` for a text that is no pattern, and for an `after` that is of no page, or that can't be gone on
    /// from any more. A tier that fails is passed over, which the page tells.
    pub async fn keys(
        &self,
        pattern: impl TryInto<Pattern, Error: Into<Error>>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<KeyPage> {
        let pattern = pattern.try_into().map_err(Into::into)?;
        let start = Place { place: 0, passed_over: 0, within: None };
        let place = after.map_or(Some(start), Place::parse).ok_or_else(|| {
            let message = "the cursor is not one of a page of keys: begin anew without one";
            Error::new(ErrorKind::Config, "keys", message)
        })?;
        let pattern = self.engine.within(&pattern);
        self.engine.key_page(&pattern, place, limit.clamp(1, MAX_KEYS_PER_PAGE)).await
    }
}

impl Engine {
    async fn key_page(
        self: &Arc<Self>,
        pattern: &Pattern,
        mut place: Place,
        limit: usize,
    ) -> Result<KeyPage> {
        let (mut keys, mut passed_over) = (Vec::new(), Vec::new());
        for _ in 0..MAX_STEPS_PER_PAGE {
            if keys.len() >= limit || place.place > self.tiers().len() {
                break;
            }
            let (listed, within) = match self.list_place(pattern, &place, limit - keys.len()).await {
                Ok(Some(listed)) => listed,
                // A cursor that can't be gone on from: its caller must know.
                Err(error) if error.kind() == ErrorKind::Config => return Err(error),
                failed => {
                    let tier = self.tiers()[place.place - 1].name();
                    passed_over.push(PassedOver { tier, error: failed.err() });
                    place.passed_over |= 1_u64.checked_shl(place.place as u32).unwrap_or(0);
                    (Vec::new(), None)
                }
            };
            let reports = self.report(&listed).await;
            keys.extend(reports.into_iter().filter(|report| place.is_first_to_hold(report)));
            match within {
                Some(within) => place.within = Some(within),
                None => (place.place, place.within) = (place.place + 1, None),
            }
        }
        let next = (place.place <= self.tiers().len()).then(|| place.text());
        Ok(KeyPage { keys, next, passed_over })
    }

    /// Lists keys of one place, and where it goes on there; `None` if it can't list.
    async fn list_place(
        &self,
        pattern: &Pattern,
        place: &Place,
        limit: usize,
    ) -> Result<Option<(Vec<Key>, Option<ListCursor>)>> {
        let Some(tier) = place.place.checked_sub(1).map(|at| &self.tiers()[at]) else {
            let from = place.within.as_ref().map_or(Some(0), ListCursor::number);
            let foreign =
                || Error::new(ErrorKind::Config, "keys", "the cursor is not one of memory: begin anew");
            let from = from.ok_or_else(foreign)?;
            let (held, next) = self.memory().held_from(from, limit, |key| pattern.matches(key));
            let keys = held.into_iter().map(|(key, _)| key).collect();
            return Ok(Some((keys, next.map(ListCursor::of_number))));
        };
        let Some(page) = tier.list(pattern, place.within.as_ref(), limit).await? else { return Ok(None) };
        Ok(Some((self.listed_in(tier, page.items).into_iter().map(|(key, _)| key).collect(), page.next)))
    }

    /// Returns what a tier lists with keys as this cache makes them, and without what is to be removed there.
    pub(super) fn listed_in(
        &self,
        tier: &TierHandle,
        items: Vec<cache_core::ListItem>,
    ) -> Vec<(Key, cache_core::ListItem)> {
        let listed = items.into_iter().filter_map(|item| {
            let key = self.key_of_text(&item.key)?;
            let item = tier.listed_with_pending(&key, item)?;
            Some((key, item))
        });
        listed.collect()
    }
}

impl Place {
    /// Whether this place holds the key of a report, and none before it that is listed.
    fn is_first_to_hold(&self, report: &KeyReport) -> bool {
        let in_tiers = report.tiers.iter().map(|tier| tier.held.is_some());
        let holds: Vec<bool> = std::iter::once(report.memory.is_some()).chain(in_tiers).collect();
        let is_passed_over =
            |place: usize| 1_u64.checked_shl(place as u32).is_some_and(|bit| self.passed_over & bit != 0);
        let first = holds.iter().enumerate().position(|(place, holds)| *holds && !is_passed_over(place));
        first == Some(self.place)
    }

    fn text(&self) -> String {
        let within = self.within.as_ref().map_or(&[][..], ListCursor::as_bytes);
        let within: String = within.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{:x}.{:x}.{within}", self.place, self.passed_over)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let place = usize::from_str_radix(parts.next()?, 16).ok()?;
        let passed_over = u64::from_str_radix(parts.next()?, 16).ok()?;
        let within = parts.next()?;
        if parts.next().is_some() || !within.is_ascii() || within.len() % 2 != 0 {
            return None;
        }
        let byte = |at: usize| u8::from_str_radix(&within[at..at + 2], 16).ok();
        let bytes = (0..within.len()).step_by(2).map(byte).collect::<Option<Vec<u8>>>()?;
        let within = (!bytes.is_empty()).then(|| ListCursor::new(bytes));
        Some(Self { place, passed_over, within })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_place_is_read_back_from_its_text(place in 0_usize..9, passed_over: u64, within: Vec<u8>) {
            let within = Some(within).filter(|bytes| !bytes.is_empty()).map(ListCursor::new);
            let place = Place { place, passed_over, within };
            let read = Place::parse(&place.text()).unwrap();
            prop_assert_eq!((read.place, read.passed_over), (place.place, place.passed_over));
            prop_assert_eq!(read.within, place.within);
        }

        #[test]
        fn any_other_text_is_no_place_and_harms_nothing(text in "[0-9a-fx.é+]{0,12}") {
            if let Some(place) = Place::parse(&text) {
                prop_assert!(Place::parse(&place.text()).is_some());
            }
        }
    }
}
