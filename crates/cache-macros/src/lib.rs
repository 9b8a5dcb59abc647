//! `#[cached]` and `#[invalidates]`: a region of a cache behind a function.
//!
//! Both are used as `cache_facade::cached` and `cache_facade::invalidates`, behind the feature `macros`,
//! and expand to names of `cache_facade` and of `core` alone.

mod cached;
mod duration;
mod invalidates;
mod options;
mod output;
mod shared_options;
mod signature;
mod template;

use proc_macro::TokenStream;
use syn::{ItemFn, parse_macro_input};

/// Answers a call of an async function or method from a region of a cache, and runs its body only for what
/// is not there. What the region promises holds here too: concurrent calls of one key share one run,
/// which goes on though its caller is dropped; what is in grace stands in while the body fails.
///
/// ```
/// use std::time::Duration;
/// use cache_facade::{Cache, Error, cached};
///
/// #[derive(Clone)]
/// struct Prices {
///     cache: Cache,
/// }
///
/// impl Prices {
///     /// The price of a symbol at a venue; `None` if it isn't traded there.
///     #[cached(region = "price", ttl = "5m", grace = "1h", key = "{symbol}:{venue}", tags("{symbol}"))]
///     async fn price(&self, symbol: &str, venue: &str) -> Result<Option<f64>, Error> {
///         println!("asking {venue} for {symbol}");
///         Ok((symbol == "AAPL").then_some(190.5))
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let prices = Prices { cache: Cache::builder().build().await? };
/// for _ in 0..2 {
///     assert_eq!(prices.price("AAPL", "XNAS").await?, Some(190.5));
/// }
/// assert_eq!(prices.cache.stats().loads, 1);
/// # Ok(())
/// # }
/// ```
///
/// # Parts
///
/// | part | says | default |
/// |---|---|---|
/// | `region = "price"` | the kind of the entries: a text or a constant | none: it must be said |
/// | `cache = expr` | a `Cache`, or what refers to one | the parameter `cache`, else `self.cache` |
/// | `ttl = "5m"` | how long a value is fresh: a text, or an expression of a `Duration` or `Ttl` | the region's, 60 s |
/// | `grace = "1h"` | until when after its birth it may be served stale | none |
/// | `negative = "30s"` | how long "there is none" is kept | it is not |
/// | `key = "{symbol}:{venue}"` | the key, of expressions that `Display` | all arguments |
/// | `ignore(timestamp)` | which arguments are not in the key | all are, but for `self` and the cache |
/// | `tags("user:{id}", ...)` | labels to invalidate by | none |
/// | `schema = 2` | the version of the value's type, see `RegionBuilder::schema` | 0 |
/// | `settings = \|region\| region.eager(0.8)` | anything else that a `RegionBuilder` can be told, once | |
///
/// Durations in text are as `humantime` reads them: `250ms`, `5m`, `1h 30m`, `1d`.
///
/// # Keys
///
/// A key by default is made of all arguments as serde writes them, joined by `:`. In a `key` each `{expr}` is
/// put as it is displayed; `{{` and `}}` are braces. Either way, `:` and `%` inside a part are
/// percent-encoded, so that different parts never make one key; two parts have to have a `:` between
/// them. What is longer than 256 bytes is cut and ends in its hash. `self` is in no key
/// unless it is put there: `key = "{self.venue}:{symbol}"`. Functions that share a region share its entries.
///
/// # What it can be put on
///
/// Answers are `T`, `Option<T>`, `Result<T, E>` or `Result<Option<T>, E>`, spelled so, where `T` may be an `Arc<T>`;
/// `T` is `Clone` and serde can write and read it. `None` is absent, and kept only if `negative` says so. An
/// error is never kept. `E` is `From<cache_facade::Error>`, for when the cache itself can't answer, `Display` and
/// `Send`. Who waited for a body that failed gets its error as it is if `E` is `Clone`; else
/// one of them does, and the others get the cache's error with its text. Functions without a `Result` are
/// called past the cache when it can't answer.
///
/// The body runs in a task of its own. So its future is `Send`, and on a miss the arguments move into it:
/// references are cloned (`ToOwned`), `self` too, for which it is `Clone`; no argument holds a
/// reference further inside, or `&mut`. Of an `impl Trait for` block an attribute can't know, and there it
/// does not work; nor below `#[async_trait]`.
#[proc_macro_attribute]
pub fn cached(options: TokenStream, function: TokenStream) -> TokenStream {
    let function = parse_macro_input!(function as ItemFn);
    cached::expand(options.into(), function).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Ends what a cache holds when an async function or method, which changes what it was made of, succeeds:
/// one that answers with a `Result` when that is `Ok`, any other always.
///
/// ```
/// use cache_facade::{Cache, Error, cached, invalidates};
///
/// #[cached(region = "name", key = "{id}", tags("user:{id}"))]
/// async fn name(cache: &Cache, id: u64) -> Result<String, Error> {
///     Ok(format!("user {id}"))
/// }
///
/// #[invalidates(region = "name", key = "{id}")]
/// async fn rename(cache: &Cache, id: u64, name: &str) -> Result<(), Error> {
///     println!("{id} is {name} now");
///     Ok(())
/// }
///
/// #[invalidates(tags("user:{id}"))]
/// async fn forget(cache: &Cache, id: u64) {}
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let cache = Cache::builder().build().await?;
/// name(&cache, 7).await?;
/// rename(&cache, 7, "Ada").await?;
/// name(&cache, 7).await?;
/// forget(&cache, 7).await;
/// name(&cache, 7).await?;
/// assert_eq!(cache.stats().loads, 3);
/// # Ok(())
/// # }
/// ```
///
/// # Parts
///
/// | part | says |
/// |---|---|
/// | `cache = expr` | as for [`macro@cached`] |
/// | `region = "name"` | removes one key of this region: `key`, or all arguments but for those of `ignore(...)` |
/// | `key`, `ignore` | as for [`macro@cached`]: written alike, they name the same entry |
/// | `tags("user:{id}", ...)` | ends what carries one of these tags |
/// | `before` | does so before the body, and whether or not it succeeds, instead of after |
///
/// It can be put on one function several times. A key or tag that can't be one is the function's error
/// if it has one, else a warning in the log; a tier that fails is an event of the cache.
#[proc_macro_attribute]
pub fn invalidates(options: TokenStream, function: TokenStream) -> TokenStream {
    let function = parse_macro_input!(function as ItemFn);
    invalidates::expand(options.into(), function).unwrap_or_else(syn::Error::into_compile_error).into()
}
