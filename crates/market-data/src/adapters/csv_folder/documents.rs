//! Documents out of files: adjusted closes and dividends beside bars, and what subfolders hold.

use super::{CsvProvider, OnBadRow, figures};
use crate::{
    Answer, DataType, Document, DocumentBody, DocumentId, Interval, Invalid, ProviderError,
    ProviderErrorKind, SeriesId,
    formulas::{DocumentDays, adjusted_closes},
};

impl CsvProvider {
    /// Returns a document of a kind that is offered.
    ///
    /// # Errors
    ///
    /// If a parameter can't be, a file could not be read to its end, or has no such data.
    pub(super) async fn document(
        &self,
        data: DataType,
        id: &DocumentId,
    ) -> Result<Answer<Document>, ProviderError> {
        match data {
            DataType::AdjustedClose => self.adjusted_closes(id).await,
            DataType::Dividend => self.dividends(id).await,
            _ if self.files.has(data) => self.observations(data, id).await,
            _ => Err(ProviderError::not_offered(&self.config.name, data)),
        }
    }

    async fn adjusted_closes(&self, id: &DocumentId) -> Result<Answer<Document>, ProviderError> {
        let days = self.days(DataType::AdjustedClose, id)?;
        Ok(match self.one(&SeriesId::new(id.asset.clone(), Interval::Day)).await? {
            Answer::Value(series) => {
                let closes = adjusted_closes(&series, days);
                let has_none = series.bars.iter().all(|bar| bar.adjusted_close.is_none());
                match has_none && !series.bars.is_empty() {
                    true => Answer::Failed(self.lacks(id, "adjusted closes", "a column Adj Close")),
                    false => self.made(id, &closes),
                }
            }
            Answer::Unknown => Answer::Unknown,
            Answer::Failed(error) => Answer::Failed(error),
        })
    }

    async fn dividends(&self, id: &DocumentId) -> Result<Answer<Document>, ProviderError> {
        let days = self.days(DataType::Dividend, id)?;
        let plain = DocumentId::new(id.asset.clone());
        let own = self.files.document(DataType::Dividend, &plain);
        let Some(path) = own.or_else(|| self.files.bars.get(&id.asset)) else { return Ok(Answer::Unknown) };
        // What is bad in a file of bars is a matter of its bars, but for the day and these columns.
        let faults = self.config.faults;
        let (mut told, skipped) = match self.read(path, move |file| figures::dividends(file, faults)).await? {
            Ok((Some(told), skipped)) => (told, skipped),
            Ok((None, _)) if own.is_some() => {
                let message = format!(
                    "{} can't serve {}: its header has no column amount or dividends",
                    self.config.name,
                    path.display()
                );
                return Ok(Answer::Failed(ProviderError::new(ProviderErrorKind::BadAnswer, message)));
            }
            Ok((None, _)) => {
                let wanted = format!("a column Dividends, or a file dividend/{}.csv", id.asset);
                return Ok(Answer::Failed(self.lacks(id, "dividends", &wanted)));
            }
            Err(error) => return Ok(Answer::Failed(error)),
        };
        if own.is_some() {
            self.skipped.lock().insert(path.clone(), skipped);
        }
        told.dividends.retain(|one| days.contains(one.date));
        told.splits.retain(|one| days.contains(one.date));
        Ok(self.made(id, &told))
    }

    async fn observations(&self, data: DataType, id: &DocumentId) -> Result<Answer<Document>, ProviderError> {
        let Some(path) = self.files.document(data, id) else {
            return Ok(match self.files.documents_of(data, &id.asset).as_slice() {
                [] => Answer::Unknown,
                others => {
                    let others = others.join(", ");
                    let message = format!("{} has no {data} {id}: it has {others}", self.config.name);
                    Answer::Failed(ProviderError::new(ProviderErrorKind::NotOffered, message))
                }
            });
        };
        let faults: OnBadRow = self.config.faults;
        Ok(match self.read(path, move |file| figures::observations(file, faults)).await? {
            Ok((told, skipped)) => {
                self.skipped.lock().insert(path.clone(), skipped);
                self.made(id, &told)
            }
            Err(error) => Answer::Failed(error),
        })
    }

    fn days(&self, data: DataType, id: &DocumentId) -> Result<DocumentDays, ProviderError> {
        DocumentDays::of(id).map_err(|why: Invalid| {
            let message = format!("{} can't be asked for {data} of {id}: {why}", self.config.name);
            ProviderError::new(ProviderErrorKind::BadRequest, message)
        })
    }

    fn made<B: DocumentBody>(&self, id: &DocumentId, body: &B) -> Answer<Document> {
        match Document::of(id.asset.clone(), body) {
            Ok(document) => Answer::Value(document),
            Err(why) => {
                let message = format!("{} can't serve {id}: {why}", self.config.name);
                Answer::Failed(ProviderError::new(ProviderErrorKind::BadAnswer, message))
            }
        }
    }

    fn lacks(&self, id: &DocumentId, what: &str, wanted: &str) -> ProviderError {
        let message = format!("{} has no {what} of {}: they come from {wanted}", self.config.name, id.asset);
        ProviderError::new(ProviderErrorKind::NotOffered, message)
    }
}
