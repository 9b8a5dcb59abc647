//! Standard keys: what each names, and its text.

mod digest;
mod part;
mod tags;
mod timeframe;

use std::{fmt, str::FromStr};

use cache_core::{Key, Pattern, Prefix, Result};

pub use self::{
    digest::Digest,
    tags::{asset_tag, data_tag, user_tag},
};
use market_data::{Asset, AssetType, DataType, DocumentId, Interval, Invalid, SeriesId};

/// A standard key by its parts. Different keys have different texts, whatever their parts contain, and a
/// text is read back as the same key.
///
/// The kind, before the first `:`, is the name of the key's region.
///
/// ```
/// use cache_market::StandardKey;
///
/// for text in [
///     "price:AAPL:yahoo", "price:AAPL", "ohlcv:AAPL:1d", "market:EUR_USD:M5", "news:BTC@CRYPTO",
///     "users:17", "users:session:17", "signals:42",
/// ] {
///     assert_eq!(text.parse::<StandardKey>()?.key()?.as_str(), text);
/// }
/// let odd = StandardKey::User("session:17".to_owned());
/// assert_eq!(odd.key()?.as_str(), "users:session%3A17");
/// # Ok::<(), cache_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StandardKey {
    /// `price:AAPL:yahoo`: the price from this provider; `price:AAPL`: the price from any provider. Each is
    /// an entry of its own.
    Price {
        /// The asset.
        asset: Asset,
        /// The provider; `None` is any. No provider may be called `any`.
        provider: Option<String>,
    },
    /// `ohlcv:AAPL:1d`, `ohlcv:AAPL:1d:2020-01-01..2020-01-31`: bars.
    Ohlcv(SeriesId),
    /// `news:AAPL`, `technical:AAPL:function=SMA&period=20`: a document about an asset.
    Document {
        /// The kind of data, one that comes as documents: see [`DataType::is_document`].
        data: DataType,
        /// The document.
        id: DocumentId,
    },
    /// `market:EUR_USD:M5`: market data of an asset in a timeframe, written as OANDA writes it. A pair of
    /// currencies is of [`Market::FX`](market_data::Market::FX) here, unless another market is named.
    Market {
        /// The asset.
        asset: Asset,
        /// How much time one bar covers.
        timeframe: Interval,
    },
    /// `api:endpoint:digest`: the response of an endpoint to some parameters.
    Api {
        /// The endpoint, such as `v1/quotes`.
        endpoint: String,
        /// The digest of the parameters.
        parameters: Digest,
    },
    /// `users:17`: data of a user.
    User(String),
    /// `users:session:17`: a user's session.
    Session(String),
    /// `signals:42`: a trading signal.
    Signal(String),
}

impl StandardKey {
    /// Returns the key, outside any namespace.
    ///
    /// # Errors
    ///
    /// `Config` for an empty part, a provider called `any`, or a [`StandardKey::Document`] of data that
    /// don't come as documents; `Limit` for a key that is too long.
    pub fn key(&self) -> Result<Key> {
        Key::new(self.kind(), &self.id()?)
    }

    /// Returns the key within a namespace: `md:price:AAPL`.
    ///
    /// # Errors
    ///
    /// As [`StandardKey::key`], and `Config` for an invalid namespace.
    pub fn within(&self, namespace: &str) -> Result<Key> {
        Prefix::new(Some(namespace), self.kind())?.key(&self.id()?)
    }

    /// Returns the pattern that matches this key alone, outside any namespace.
    ///
    /// # Errors
    ///
    /// As [`StandardKey::key`].
    pub fn pattern(&self) -> Result<Pattern> {
        Pattern::glob(&Pattern::escape(self.key()?.as_str()))
    }

    /// Returns the kind, which is the name of the key's region: `"price"`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Price { .. } | Self::Ohlcv(_) | Self::Document { .. } | Self::Api { .. } => {
                self.data().as_str()
            }
            Self::Market { .. } => "market",
            Self::User(_) | Self::Session(_) => "users",
            Self::Signal(_) => "signals",
        }
    }

    /// Returns the kind of data it names.
    #[must_use]
    pub fn data(&self) -> DataType {
        match self {
            Self::Price { .. } => DataType::Price,
            Self::Ohlcv(_) | Self::Market { .. } => DataType::Ohlcv,
            Self::Document { data, .. } => *data,
            Self::Api { .. } => DataType::ApiResponse,
            Self::User(_) => DataType::User,
            Self::Session(_) => DataType::Session,
            Self::Signal(_) => DataType::Signal,
        }
    }

    /// Returns the asset, if the key has one.
    #[must_use]
    pub fn asset(&self) -> Option<&Asset> {
        match self {
            Self::Price { asset, .. } | Self::Market { asset, .. } => Some(asset),
            Self::Ohlcv(id) => Some(&id.asset),
            Self::Document { id, .. } => Some(&id.asset),
            Self::Api { .. } | Self::User(_) | Self::Session(_) | Self::Signal(_) => None,
        }
    }

    /// Returns the interval, if the key names bars.
    #[must_use]
    pub fn interval(&self) -> Option<Interval> {
        match self {
            Self::Ohlcv(id) => Some(id.interval),
            Self::Market { timeframe, .. } => Some(*timeframe),
            _ => None,
        }
    }

    /// Reads a key of any namespace.
    ///
    /// # Errors
    ///
    /// If it is no standard key: the message says what is wanted.
    pub fn of(key: &Key) -> Result<Self, Invalid> {
        let kind = key.prefix().trim_end_matches(':').rsplit(':').next().unwrap_or_default();
        Self::read(kind, key.id())
    }

    /// Returns the id, which follows the kind.
    ///
    /// # Errors
    ///
    /// As [`StandardKey::key`].
    pub fn id(&self) -> Result<String> {
        Ok(match self {
            Self::Price { asset, provider: None } => asset.to_string(),
            Self::Price { asset, provider: Some(provider) } => {
                format!("{asset}:{}", part::write("provider", refuse_any(provider)?)?)
            }
            Self::Ohlcv(id) => id.to_string(),
            Self::Document { data, id } if data.is_document() => id.to_string(),
            Self::Document { data, .. } => return Err(no_document(*data).into()),
            Self::Market { asset, timeframe } => {
                format!("{}:{}", timeframe::instrument(asset), timeframe::write(*timeframe))
            }
            Self::Api { endpoint, parameters } => {
                format!("{}:{parameters}", part::write("endpoint", endpoint)?)
            }
            Self::User(id) => part::write("user", id)?.into_owned(),
            Self::Session(id) => format!("session:{}", part::write("session", id)?),
            Self::Signal(id) => part::write("signal", id)?.into_owned(),
        })
    }

    /// Reads a kind and an id.
    ///
    /// # Errors
    ///
    /// If it is no standard key: the message says what is wanted.
    pub fn read(kind: &str, id: &str) -> Result<Self, Invalid> {
        match kind {
            "market" => {
                let (asset, timeframe) = two(id, "market:EUR_USD:M5")?;
                Ok(Self::Market {
                    asset: timeframe::read_instrument(asset)?,
                    timeframe: timeframe::read(timeframe)?,
                })
            }
            "users" => match id.split_once(':') {
                None => Ok(Self::User(part::read(id)?)),
                Some(("session", id)) => Ok(Self::Session(part::read(id)?)),
                Some(_) => Err(no_key(&format!("{kind}:{id}"), "write users:17 or users:session:17")),
            },
            "signals" => Ok(Self::Signal(part::read(id)?)),
            _ => Self::read_data(kind.parse()?, id),
        }
    }

    fn read_data(data: DataType, id: &str) -> Result<Self, Invalid> {
        match data {
            DataType::Price => Self::read_price(id),
            DataType::Ohlcv => Ok(Self::Ohlcv(id.parse()?)),
            DataType::ApiResponse => {
                let (endpoint, digest) = two(id, "api:endpoint:digest")?;
                Ok(Self::Api { endpoint: part::read(endpoint)?, parameters: digest.parse()? })
            }
            _ if data.is_document() => {
                let mut id: DocumentId = id.parse()?;
                if data.is_of_an_economy() {
                    id.asset = id.asset.of_type(AssetType::Index);
                }
                Ok(Self::Document { data, id })
            }
            _ => Err(no_document(data)),
        }
    }

    fn read_price(id: &str) -> Result<Self, Invalid> {
        let (asset, provider) = match id.split_once(':') {
            Some((asset, provider)) => (asset, Some(part::read(provider)?)),
            None => (id, None),
        };
        if let Some(provider) = &provider {
            refuse_any(provider)?;
        }
        Ok(Self::Price { asset: asset.parse()?, provider })
    }
}

impl FromStr for StandardKey {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text.split_once(':') {
            Some((kind, id)) => Self::read(kind, id),
            None => Err(no_key(text, "write a kind and an id, such as price:AAPL")),
        }
    }
}

impl fmt::Display for StandardKey {
    /// Writes the key's text; the kind alone if it can't be a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind(), self.id().unwrap_or_default())
    }
}

fn two<'a>(id: &'a str, form: &str) -> Result<(&'a str, &'a str), Invalid> {
    id.split_once(':').ok_or_else(|| no_key(id, &format!("write it as {form}")))
}

/// Refuses the provider name "any": its entry would differ from that of `provider: None`, which means the same.
fn refuse_any(provider: &str) -> Result<&str, Invalid> {
    if provider.eq_ignore_ascii_case("any") {
        return Err(Invalid::new("no provider is called \"any\": leave it out, as in price:AAPL"));
    }
    Ok(provider)
}

fn no_document(data: DataType) -> Invalid {
    let keys = match data {
        DataType::User => "users:17",
        DataType::Session => "users:session:17",
        DataType::Signal => "signals:42",
        _ => "others",
    };
    Invalid::new(format!("{data} data are no documents about an asset: their keys are {keys}"))
}

fn no_key(text: &str, wanted: &str) -> Invalid {
    let start: String = text.chars().take(48).collect();
    Invalid::new(format!("{start:?} is no standard key: {wanted}"))
}

#[cfg(test)]
mod tests;
