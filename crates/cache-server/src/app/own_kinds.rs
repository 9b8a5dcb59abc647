//! OwnKinds: the kinds of values that an application keeps here by itself, each with its keys, lives and tags.

use std::{collections::BTreeMap, fmt, time::Duration};

use cache_core::{Codec, Fetched, Key, Result, Tag, Timestamp, Ttl, TtlPolicy};
use cache_facade::{Cache, Region};
use cache_market::{Digest, MarketTime, Scope, StandardKey, asset_tag, data_tag, user_tag};
use market_data::{Asset, DataType, DocumentId, Invalid};

use super::json_text::JsonText;
use crate::settings::{OwnKindEntry, OwnLife, Settings};

/// All kinds of values of an application's own, by name.
#[derive(Debug)]
pub(crate) struct OwnKinds(BTreeMap<String, OwnKind>);

/// One kind of values of an application's own.
#[derive(Clone, Debug)]
pub(crate) struct OwnKind {
    pub(crate) name: String,
    pub(crate) region: Region<JsonText>,
    pub(crate) content: OwnContent,
    /// How many bytes the text of a value may have.
    pub(crate) max_value: usize,
    lives: OwnTtl,
}

/// What the values of a kind are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OwnContent {
    User,
    Session,
    Signal,
    Response,
    Narrative,
    /// What the configuration added.
    Other,
}

/// What names a value within its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OwnId {
    /// The id as it was given; of a response, the endpoint.
    pub(crate) text: String,
    /// The parameters of a response, in any order.
    pub(crate) parameters: Vec<(String, String)>,
}

/// What a put says of a value besides the value.
#[derive(Debug, Default)]
pub(crate) struct Terms {
    pub(crate) life: Option<OwnLife>,
    pub(crate) stale_for: Option<Duration>,
    pub(crate) tags: Vec<String>,
    pub(crate) user: Option<String>,
    pub(crate) asset: Option<Asset>,
}

impl OwnKinds {
    /// Opens a region for each kind.
    ///
    /// # Errors
    ///
    /// `Config` if a kind's region is open with values of another type.
    pub(super) fn open(cache: &Cache, time: &MarketTime, settings: &Settings) -> Result<Self> {
        let max_value = settings.limits.max_value();
        let mut kinds = BTreeMap::new();
        let built_in = [
            ("users", "users", OwnContent::User, DataType::User),
            // Users and their sessions share a kind of key: `users:17`, `users:session:17`.
            ("sessions", "users", OwnContent::Session, DataType::Session),
            ("signals", "signals", OwnContent::Signal, DataType::Signal),
            ("api", DataType::ApiResponse.as_str(), OwnContent::Response, DataType::ApiResponse),
            ("narratives", DataType::Narrative.as_str(), OwnContent::Narrative, DataType::Narrative),
        ];
        let built_in =
            built_in.map(|(name, kind, content, data)| (name, kind, content, Lives::Market(data), max_value));
        let added = settings.own_kinds.own_kinds.iter().map(|entry| {
            let OwnKindEntry { name, ttl, stale_for, max_value_bytes } = entry;
            let lives = Lives::Set { life: *ttl, stale_for: stale_for.span() };
            (&**name, &**name, OwnContent::Other, lives, max_value_bytes.unwrap_or(max_value))
        });
        for (name, kind, content, lives, max_value) in built_in.into_iter().chain(added) {
            let lives = OwnTtl { lives, time: time.clone() };
            let region = cache.region::<JsonText>(kind).codec(Codec::Json).ttl(lives.clone()).open()?;
            let own = OwnKind { name: name.to_owned(), region, content, max_value, lives };
            kinds.insert(name.to_owned(), own);
        }
        Ok(Self(kinds))
    }

    /// Returns a kind by its name.
    pub(crate) fn get(&self, name: &str) -> Option<&OwnKind> {
        self.0.get(name)
    }

    /// Returns the names of all kinds.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl OwnKind {
    /// Returns the key of an id. Different ids have different keys, but for the spellings of an asset.
    ///
    /// # Errors
    ///
    /// `Config` for an empty id, and one that names no asset where it should; `Limit` for one that is too long.
    pub(crate) fn key(&self, id: &OwnId) -> Result<Key> {
        let text = id.text.clone();
        let standard = match self.content {
            OwnContent::User => StandardKey::User(text),
            OwnContent::Session => StandardKey::Session(text),
            OwnContent::Signal => StandardKey::Signal(text),
            OwnContent::Response => StandardKey::Api { endpoint: text, parameters: id.digest() },
            OwnContent::Narrative => {
                StandardKey::Document { data: DataType::Narrative, id: DocumentId::new(id.asset()?) }
            }
            OwnContent::Other if text.is_empty() => {
                return Err(Invalid::new("the id is empty: it would name nothing").into());
            }
            // One part of a key, as in the others.
            OwnContent::Other => return self.region.key(Key::from_parts(&self.name, [&*text])?.id()),
        };
        self.region.key(&*standard.id()?)
    }

    /// Returns the tags that a value has by its id alone.
    ///
    /// # Errors
    ///
    /// As [`OwnKind::key`]; `Limit` for an id that is too long for a tag.
    pub(crate) fn tags(&self, id: &OwnId) -> Result<Vec<Tag>> {
        match self.content {
            OwnContent::User => Ok(vec![user_tag(&id.text)?]),
            OwnContent::Narrative => about(&id.asset()?, DataType::Narrative),
            OwnContent::Session | OwnContent::Signal | OwnContent::Response | OwnContent::Other => {
                Ok(Vec::new())
            }
        }
    }

    /// Returns a value that is to be put under `key` as these terms have it.
    ///
    /// # Errors
    ///
    /// As [`OwnKind::tags`], for the tags that are given too.
    pub(crate) fn fetched(
        &self,
        (id, key): (&OwnId, &Key),
        value: JsonText,
        terms: Terms,
        now: Timestamp,
    ) -> Result<Fetched<JsonText>> {
        let mut tags = self.tags(id)?;
        tags.extend(terms.user.map(|user| user_tag(&user)).transpose()?);
        if let Some(asset) = &terms.asset {
            tags.extend(about(asset, DataType::Signal)?);
        }
        for tag in terms.tags {
            tags.push(Tag::new(&tag)?);
        }
        let mut distinct: Vec<Tag> = Vec::with_capacity(tags.len());
        tags.into_iter().for_each(|tag| {
            if !distinct.contains(&tag) {
                distinct.push(tag);
            }
        });
        let fetched = Fetched::new(value).tags(distinct);
        Ok(match self.lives.given(key, terms.life, terms.stale_for, now) {
            Some(ttl) => fetched.ttl(ttl),
            None => fetched,
        })
    }

    /// Returns what a life comes to by the classes in force.
    pub(crate) fn span(&self, life: OwnLife) -> Duration {
        self.lives.span(life)
    }

    /// Whether a value of this kind is of one person alone, so that nobody else may keep a copy.
    pub(crate) fn is_personal(&self) -> bool {
        matches!(self.content, OwnContent::User | OwnContent::Session)
    }
}

impl OwnId {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), parameters: Vec::new() }
    }

    /// Returns the asset that the id of a narrative names, however it is spelled.
    pub(crate) fn asset(&self) -> Result<Asset, Invalid> {
        self.text.parse()
    }

    fn digest(&self) -> Digest {
        Digest::of(self.parameters.iter().map(|(name, value)| (&**name, &**value)))
    }
}

/// Returns the tags on such data about an asset, by which events end them.
fn about(asset: &Asset, data: DataType) -> Result<Vec<Tag>> {
    Ok(vec![asset_tag(asset)?, data_tag(data, asset)?])
}

/// Returns the tags of users among those of a value: `users:17`.
pub(crate) fn users_of(tags: &[Tag]) -> Vec<Tag> {
    tags.iter().filter(|tag| tag.as_str().starts_with("users:")).cloned().collect()
}

/// How long values of an application's own live, if nothing is said when they are put.
#[derive(Clone)]
struct OwnTtl {
    lives: Lives,
    time: MarketTime,
}

#[derive(Clone, Copy, Debug)]
enum Lives {
    /// By the table of market time.
    Market(DataType),
    /// As configured.
    Set { life: OwnLife, stale_for: Duration },
}

impl OwnTtl {
    /// Nobody loads such a value anew while a stale one is served, so there is no grace that nobody asked for: a
    /// session past its life must not count.
    fn of(&self, key: &Key, now: Timestamp) -> Ttl {
        match self.lives {
            Lives::Market(data) => {
                let ttl = self.time.ttl(data).of(key, false, now);
                if self.has_grace(key, data) { ttl } else { Ttl::new(ttl.life) }
            }
            Lives::Set { life, stale_for } => Ttl::new(self.span(life)).stale_for(stale_for),
        }
    }

    /// Whether the table says for how long past their lives such values may be served.
    fn has_grace(&self, key: &Key, data: DataType) -> bool {
        let named = StandardKey::of(key).ok();
        let data = named.as_ref().map_or(data, StandardKey::data);
        let asset_type = named.as_ref().and_then(StandardKey::asset).map(|asset| asset.asset_type);
        let rules = self.time.rules();
        let rows = [Scope { data, asset_type }, Scope::all(data)].map(|scope| rules.rows.get(&scope));
        rows.into_iter().flatten().any(|row| row.stale_for.is_some() || row.stale_until.is_some())
    }

    /// Returns the TTL of a put that says one, or a part of one.
    fn given(
        &self,
        key: &Key,
        life: Option<OwnLife>,
        stale_for: Option<Duration>,
        now: Timestamp,
    ) -> Option<Ttl> {
        let usual = || self.of(key, now);
        let past_life = |ttl: Ttl| ttl.grace.saturating_sub(ttl.life);
        match (life, stale_for) {
            (None, None) => None,
            (None, Some(stale_for)) => Some(Ttl::new(usual().life).stale_for(stale_for)),
            (Some(life), stale_for) => {
                let stale_for = stale_for.unwrap_or_else(|| past_life(usual()));
                Some(Ttl::new(self.span(life)).stale_for(stale_for))
            }
        }
    }

    fn span(&self, life: OwnLife) -> Duration {
        life.span(&self.time.rules().classes)
    }
}

impl TtlPolicy<JsonText> for OwnTtl {
    fn ttl(&self, key: &Key, _: Option<&JsonText>, now: Timestamp) -> Ttl {
        self.of(key, now)
    }
}

impl fmt::Debug for OwnTtl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OwnTtl").field(&self.lives).finish()
    }
}

#[cfg(test)]
mod tests {
    use cache_core::Clock;
    use cache_market::Row;
    use proptest::prelude::*;
    use serde_json::value::RawValue;

    use super::*;

    async fn opened(time: &MarketTime, clock: &Clock) -> OwnKinds {
        let cache = Cache::builder().clock(clock.clone()).build().await.unwrap();
        OwnKinds::open(&cache, time, &Settings::default()).unwrap()
    }

    /// Puts a value of these terms. Returns for how many seconds it is fresh, and may be stale after that.
    async fn lives(kind: &OwnKind, id: &str, terms: Terms, now: Timestamp) -> (u64, u64) {
        let id = OwnId::new(id);
        let key = kind.key(&id).unwrap();
        let value = JsonText::of(&RawValue::from_string("1".to_owned()).unwrap()).unwrap();
        kind.region.put(&key, kind.fetched((&id, &key), value, terms, now).unwrap()).await.unwrap();
        let there = kind.region.lookup(&key).await.unwrap();
        let seconds = |span: Duration| (span + Duration::from_millis(1)).as_secs();
        (seconds(there.fresh_for), seconds(there.servable_for - there.fresh_for))
    }

    #[tokio::test]
    async fn a_narrative_lives_the_shorter_the_more_its_asset_swings() {
        let (time, clock) = (MarketTime::default(), Clock::manual());
        // From the midnight before a year, UTC, to a Thursday on which New York trades.
        clock.advance(Duration::from_secs(39 * 3600));
        let kinds = opened(&time, &clock).await;
        let narratives = kinds.get("narratives").unwrap();
        for (text, steps) in [
            ("AAPL", &[(100.0, 900), (102.0, 600), (104.0, 300)][..]),
            ("BTC@CRYPTO", &[(100.0, 600), (103.0, 450), (106.0, 300), (112.0, 180)]),
        ] {
            let asset: Asset = text.parse().unwrap();
            for (price, life) in steps {
                time.observe(&asset, *price, clock.now());
                assert_eq!(
                    lives(narratives, text, Terms::default(), clock.now()).await,
                    (*life, 0),
                    "{text} at {price}"
                );
            }
        }
        let said = Terms { life: serde_json::from_str("7200").ok(), ..Terms::default() };
        assert_eq!(lives(narratives, "AAPL", said, clock.now()).await, (7200, 0), "what a put says holds");
        assert_eq!(lives(narratives, "MSFT", Terms::default(), clock.now()).await, (900, 0));
    }

    #[tokio::test]
    async fn the_table_says_how_long_and_grace_is_none_unless_a_row_or_a_put_says_so() {
        let (time, clock) = (MarketTime::default(), Clock::manual());
        let kinds = opened(&time, &clock).await;
        let (users, sessions) = (kinds.get("users").unwrap(), kinds.get("sessions").unwrap());
        assert_eq!(lives(users, "1", Terms::default(), clock.now()).await, (3600, 0));
        assert_eq!(lives(sessions, "1", Terms::default(), clock.now()).await, (1800, 0));
        let mut rules = cache_market::TtlRules::clone(&time.rules());
        let old = rules.row(DataType::Session);
        *rules.row_mut(Scope::all(DataType::Session)) = Row {
            open: Some(cache_market::Life::seconds(60)),
            stale_for: Some(Duration::from_secs(30)),
            ..old
        };
        time.replace(rules).unwrap();
        assert_eq!(lives(users, "1", Terms::default(), clock.now()).await, (3600, 0), "another row");
        assert_eq!(lives(sessions, "1", Terms::default(), clock.now()).await, (60, 30));
        let life = Terms { life: serde_json::from_str("5").ok(), ..Terms::default() };
        assert_eq!(lives(sessions, "1", life, clock.now()).await, (5, 30));
        let stale_for = Terms { stale_for: Some(Duration::from_secs(9)), ..Terms::default() };
        assert_eq!(lives(sessions, "1", stale_for, clock.now()).await, (60, 9));
    }

    fn id() -> impl Strategy<Value = OwnId> {
        let text = prop_oneof!["[a:%3A25]{1,6}", Just("session:1".to_owned()), ".{1,8}"];
        let parameters = prop::collection::vec(("[a=&]{0,2}".prop_map(String::from), "[a=&]{0,2}"), 0..3);
        (text, parameters).prop_map(|(text, parameters)| OwnId { text, parameters })
    }

    proptest! {
        #[test]
        fn different_ids_have_different_keys_within_a_kind_and_across(one in id(), other in id()) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let kinds = runtime.block_on(opened(&MarketTime::default(), &Clock::manual()));
            for first in ["users", "sessions", "signals", "api"] {
                for second in ["users", "sessions", "signals", "api"] {
                    let key = |kind: &str, id: &OwnId| {
                        let kind = kinds.get(kind).unwrap();
                        // The parameters of others than responses mean nothing.
                        let given = if kind.content == OwnContent::Response { id.clone() } else { OwnId::new(&*id.text) };
                        (kind.key(&given).unwrap(), (kind.name.clone(), given.text.clone(), given.digest()))
                    };
                    let ((one_key, one_named), (other_key, other_named)) = (key(first, &one), key(second, &other));
                    prop_assert_eq!(one_key == other_key, one_named == other_named);
                }
            }
        }
    }
}
