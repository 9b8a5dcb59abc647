//! `#[cached]` and `#[invalidates]`: a region of a cache behind an attribute.
//!
//! They are used through `cache-facade` with its feature `macros`, and expand to nothing but its public API.

mod arguments;
mod cached;
mod duration;
mod function;
mod invalidates;
mod template;

use proc_macro::TokenStream;

/// Answers an async function or method from a cache.
///
/// ```
/// use cache_facade::{Cache, cached};
///
/// /// Asks a slow upstream. A minute later it is asked again, and until an hour is over an old price may stand
/// /// in while that takes, or fails.
/// #[cached(region = "price", ttl = "1m", grace = "1h", ignore(trace), tags("{symbol}"))]
/// async fn price(cache: &Cache, symbol: &str, trace: u64) -> Result<f64, cache_facade::Error> {
///     let _ = trace;
///     Ok(symbol.len() as f64)
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), cache_facade::Error> {
/// let cache = Cache::builder().build().await?;
/// assert_eq!(price(&cache, "AAPL", 1).await?, 4.0);
/// assert_eq!(price(&cache, "AAPL", 2).await?, 4.0);
/// assert_eq!((cache.stats().loads, cache.stats().memory.hits), (1, 1));
/// # Ok(())
/// # }
/// ```
///
/// | argument | meaning |
/// |---|---|
/// | `cache = self.cache` | the cache, as an expression; without it, the parameter named `cache` |
/// | `region = "price"` | the kind of the keys; without it, the function's name |
/// | `key = "{symbol}:{venue}"` | the id; without it, all arguments. What stands for an argument is escaped, so that different ones never make the same id |
/// | `ignore(trace)` | arguments that are left out of the id |
/// | `ttl = "5m"` | how long a value is fresh: of `ms`, `s`, `m`, `h`, `d`; or any `TtlPolicy`, as an expression |
/// | `grace = "1h"` | until what age it may stand in for one that can't be had |
/// | `absent = "30s"` | how long it is remembered that there is nothing |
/// | `tags("user:{id}")` | labels to invalidate it by |
/// | `schema = 2` | the version of the value's type, to be raised when it changes |
/// | `codec = Codec::Json` | how it is written in tiers |
///
/// The answer may be `T`, `Option<T>` (nothing is remembered as nothing), `Arc<T>`, `Option<Arc<T>>` or a `Result`
/// of one of them. `T` is anything that serde can write and read, and is cloned unless it is in an `Arc`. An error
/// is not kept. Whoever's call loaded gets the function's own error; who waited for it, or when the cache fails, gets
/// the cache's, so the error type must be `From<cache_facade::Error>` and `Display`. Without a `Result` the function is
/// called as it is when the cache can't answer.
///
/// Loads outlive their callers, so arguments are cloned for them, references by `ToOwned`; a method needs
/// `Self: Clone`. Concurrent calls for one id run the function once.
#[proc_macro_attribute]
pub fn cached(arguments: TokenStream, item: TokenStream) -> TokenStream {
    cached::expand(arguments.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Ends what is cached when an async function or method has succeeded: an `Err` ends nothing.
///
/// ```
/// use cache_facade::{Cache, cached, invalidates};
///
/// #[cached(region = "name", ttl = "1h", tags("user:{id}"))]
/// async fn name(cache: &Cache, id: u64) -> String {
///     format!("user {id}")
/// }
///
/// #[invalidates(region = "name", key = "{id}")]
/// async fn rename(cache: &Cache, id: u64, name: &str) -> Result<(), String> {
///     if name.is_empty() { Err("no name".to_owned()) } else { Ok(()) }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let cache = Cache::builder().build().await?;
/// name(&cache, 7).await;
/// assert!(rename(&cache, 7, "").await.is_err());
/// name(&cache, 7).await;
/// assert_eq!(cache.stats().loads, 1, "nothing was ended");
/// rename(&cache, 7, "Ada").await?;
/// name(&cache, 7).await;
/// assert_eq!(cache.stats().loads, 2);
/// # Ok(())
/// # }
/// ```
///
/// `cache`, `region`, `key` and `ignore` are those of [`macro@cached`]; `tags("user:{id}")` ends all that carries a tag,
/// in whatever region; `before` ends it before the function runs as well. It can be given several times.
#[proc_macro_attribute]
pub fn invalidates(arguments: TokenStream, item: TokenStream) -> TokenStream {
    invalidates::expand(arguments.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}
