//! One id for each document, however its parameters are written.

use super::{DocumentDays, Indicator};
use crate::{AssetType, DataType, DocumentId, Invalid};

impl DocumentId {
    /// Returns the one id of the document of such data: parameters that are known to several providers are written
    /// in one way, and an indicator's defaults filled in; a macroeconomic series is an index, whether or not
    /// that is said. Others stay as they are.
    ///
    /// ```
    /// use market_data::{DataType, DocumentId};
    ///
    /// let id = |text: &str| text.parse::<DocumentId>()?.canonical(DataType::Technical);
    /// let sma = id("AAPL:function=sma")?;
    /// assert_eq!(sma.to_string(), "AAPL:function=SMA&interval=1d&of=close&period=20");
    /// assert_eq!(id("AAPL:time_period=020&function=SMA&of=close")?, sma);
    /// assert_eq!(id("AAPL:function=BBANDS&time_period=5")?.to_string(), "AAPL:function=BBANDS&time_period=5");
    /// assert!(id("AAPL:function=SMA&period=x").is_err());
    /// assert_eq!("CPI@US".parse::<DocumentId>()?.canonical(DataType::CpiIndex)?.to_string(), "CPI@US.index");
    /// # Ok::<(), market_data::Invalid>(())
    /// ```
    ///
    /// # Errors
    ///
    /// For a parameter of an indicator that is computed here, or of a range of days, which can't be.
    pub fn canonical(self, data: DataType) -> Result<Self, Invalid> {
        let asset = match data.is_of_an_economy() {
            true => self.asset.clone().of_type(AssetType::Index),
            false => self.asset.clone(),
        };
        let parameters = match data {
            DataType::Technical if Indicator::is_named(&self) => Indicator::of(&renamed(self)?)?.parameters(),
            DataType::AdjustedClose | DataType::Dividend | DataType::TotalReturn => {
                DocumentDays::of(&self)?.parameters()
            }
            _ => self.parameters,
        };
        Ok(Self { asset, parameters })
    }
}

/// Returns the same with the names of Alpha Vantage's parameters replaced by ours.
fn renamed(mut id: DocumentId) -> Result<DocumentId, Invalid> {
    for (theirs, ours) in [("time_period", "period"), ("series_type", "of")] {
        if let Some(value) = id.parameters.remove(theirs)
            && id.parameters.insert(ours.to_owned(), value).is_some()
        {
            return Err(Invalid::new(format!(
                "{theirs} is given beside {ours}, which means the same: give one"
            )));
        }
    }
    Ok(id)
}
