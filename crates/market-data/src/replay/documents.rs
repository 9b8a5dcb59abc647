//! Documents that follow from what was recorded: adjusted closes, dividends, indicators and returns.

use cache_core::Error;

use super::recording::{Recorded, Recording};
use crate::{
    Answer, DataType, Document, DocumentId, Interval, Invalid, ProviderError, ProviderErrorKind,
    formulas::{DocumentDays, Indicator, adjusted_closes, total_return},
};

/// The kinds of data that the replay has, besides quotes and bars.
pub(super) const KINDS: [DataType; 4] =
    [DataType::AdjustedClose, DataType::Dividend, DataType::Technical, DataType::TotalReturn];

/// The failure to answer for a kind that the replay lacks.
pub(super) fn lacks(data: DataType) -> ProviderError {
    let has = [DataType::Price, DataType::Ohlcv].into_iter().chain(KINDS);
    let has = has.map(DataType::as_str).collect::<Vec<_>>().join(", ");
    ProviderError::new(ProviderErrorKind::NotOffered, format!("replay offers no {data}: it has {has}"))
}

/// The failure to answer for bars of an interval that wasn't recorded.
pub(super) fn lacks_interval(interval: Interval) -> ProviderError {
    let message = format!("replay has no bars of {interval}: they are daily, say 1d");
    ProviderError::new(ProviderErrorKind::NotOffered, message)
}

impl Recording {
    /// Returns a document of a kind that the replay has; unknown is what was not recorded, and a return over fewer
    /// than two days.
    pub(super) fn document(&self, data: DataType, id: &DocumentId) -> Answer<Document> {
        let recorded = match self.of(&id.asset) {
            Ok(Some(recorded)) => recorded,
            Ok(None) => return Answer::Unknown,
            Err(error) => return Answer::Failed(unreadable(&error)),
        };
        match self.made(data, id, recorded) {
            Ok(document) => document.into(),
            Err(error) => Answer::Failed(error),
        }
    }

    fn made(
        &self,
        data: DataType,
        id: &DocumentId,
        recorded: &Recorded,
    ) -> Result<Option<Document>, ProviderError> {
        let asked = |why: Invalid| {
            let message = format!("replay can't make {data} of {id}: {why}");
            ProviderError::new(ProviderErrorKind::BadRequest, message)
        };
        let days = || DocumentDays::of(id).map_err(asked);
        let asset = || id.asset.clone();
        let document = match data {
            DataType::AdjustedClose => Document::of(asset(), &adjusted_closes(&recorded.series, days()?)),
            DataType::Dividend => {
                let (days, told) =
                    (days()?, recorded.dividends.as_ref().ok_or_else(|| self.lacks_dividends(id))?);
                let mut told = told.clone();
                told.dividends.retain(|one| days.contains(one.date));
                told.splits.retain(|one| days.contains(one.date));
                Document::of(asset(), &told)
            }
            DataType::Technical => {
                let indicator = Indicator::of(id).map_err(asked)?;
                if indicator.interval != recorded.series.interval {
                    return Err(lacks_interval(indicator.interval));
                }
                indicator.values(&recorded.series).and_then(|values| Document::of(asset(), &values))
            }
            DataType::TotalReturn => {
                let days = days()?;
                let closes = adjusted_closes(&recorded.series, DocumentDays::default());
                match total_return(&closes, recorded.dividends.as_ref(), days) {
                    Ok(None) => return Ok(None),
                    Ok(Some(told)) => Document::of(asset(), &told),
                    Err(why) => Err(why),
                }
            }
            other => return Err(lacks(other)),
        };
        document.map(Some).map_err(|why| unreadable(&why.into()))
    }

    fn lacks_dividends(&self, id: &DocumentId) -> ProviderError {
        let has = self.names_with_dividends().collect::<Vec<_>>().join(" and ");
        let message = format!("replay has no dividends of {}: it has those of {has}", id.asset);
        ProviderError::new(ProviderErrorKind::NotOffered, message)
    }
}

/// What was recorded is none of it.
pub(super) fn unreadable(error: &Error) -> ProviderError {
    ProviderError::new(ProviderErrorKind::BadAnswer, error.to_string())
}
