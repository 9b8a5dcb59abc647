//! The attributes `#[cached]`, `#[invalidates]` and `#[updates]`, which put a cache in front of functions, and the
//! derives of `ToKey` and `FromId`.
//!
//! All are used by their names in `cache_facade`, behind the feature `macros`, and expand to names of
//! `cache_facade` and of `core` alone.

mod batch;
mod cached;
mod derives;
mod duration;
mod invalidates;
mod options;
mod output;
mod shared_options;
mod signature;
mod template;
mod type_arguments;
mod updates;

use proc_macro::TokenStream;
use quote::ToTokens;
use syn::{DeriveInput, ItemFn, parse_macro_input};

/// Serves calls of an async function or method from a region of a cache, and runs the body only on a miss.
/// Concurrent calls of one key share one run of the body, which goes on if its caller is dropped. A value past
/// its `ttl` and within its `grace` is returned at once and refreshed in the background. With
/// `settings = |region| region.soft_timeout(limit)` a call waits that long for a fresh one first. If the body
/// fails, the stale value stands in.
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
/// # Options
///
/// | option | what it sets | default |
/// |---|---|---|
/// | `region = "price"` | the kind of the entries: a text or a constant | none: it is required |
/// | `cache = expr` | a `Cache`, or a reference to one | the parameter `cache`, else `self.cache` |
/// | `ttl = "5m"` | how long a value is fresh: a text, a class (`"short"`, `"medium"`, `"long"`, `"very_long"`), or an expression of type `Duration`, `Ttl` or `Class` | the region's, 60 s |
/// | `grace = "1h"` | how long after its birth it may be served, stale in the end | none |
/// | `negative = "30s"` | how long `None` is cached | it is not |
/// | `cache_if = \|value\| value.is_final` | which values are cached: a function of a `&T` | all |
/// | `key = "{symbol}:{venue}"` | the key, made of expressions that are `Display` | all arguments |
/// | `ignore(timestamp)` | which arguments are left out of the key | `self` and the cache |
/// | `tags("user:{id}", ...)` | the tags to invalidate by | none |
/// | `schema = 2` | the version of the value's type, see `RegionBuilder::schema` | 0 |
/// | `settings = \|region\| region.eager(0.8)` | any other setting of a `RegionBuilder`, applied once | none |
/// | `batch`, `batch = ids` | that each element of a slice has an entry: see [below](#batches) | one a call |
/// | `max_batch = 50` | how many elements the body takes at once, with `batch` | all |
///
/// Durations are written as `humantime` reads them: `250ms`, `5m`, `1h 30m`, `1d`.
///
/// # Keys
///
/// Whatever the body can tell apart is in the key. Without `key`, the key is made of all arguments as serde
/// writes them, joined by `:`, and of all type arguments. A text, a number, a `bool`, a `char`, or an `Option`
/// of one is written plainly: `AAPL:5:null`. Everything else is written with its names and widths, `[1u8,2u8]`
/// or `Side.Buy/0;`, so that `1_u8` is not `1_u64`, NaN is not `None`, and `None` is not `Some(None)`. A
/// `HashMap` or `HashSet` is sorted; one behind `#[serde(flatten)]`, `transparent` or `untagged` is written as
/// it iterates, and seldom makes the same key twice: use a `BTreeMap` there. What serde skips is not in the key.
///
/// Types and constants follow: `fee::<Lon>("VOD")` makes `VOD%<venues::Lon>`. So do the type of an `impl Trait`
/// argument, and `Self` if it has type arguments. `ignore(V)` and `ignore(Self)` leave one out; to ignore an
/// argument is to ignore its `impl Trait`, too.
///
/// In a `key`, each `{expr}` is written by its `Display`, and `{V}` or `{Self}` by the name of the type; `{{`
/// and `}}` are braces. A `key` contains all type arguments, unless they are ignored. Either way, `:` and `%`
/// inside a part are percent-encoded, so that different parts never make one key, and two parts must have a `:`
/// between them. A key longer than 256 bytes is cut and ends in its hash. `self` is in no key unless the `key`
/// contains it: `key = "{self.venue}:{symbol}"`.
///
/// Write out a `key` if its entries are named elsewhere, too: with `key = "{symbol}:{days}"` a region of the
/// kind has them under `("AAPL", 20)`.
///
/// A region belongs to one function. Functions may share the entries of one if each writes out its `key`;
/// otherwise the second of them fails with an error of the cache, or calls its body directly.
///
/// # Batches
///
/// With `batch`, a function takes many elements, `&[T]` or `Vec<T>`, and each has an entry of its own. A call
/// looks all of them up at once and runs the body with those that are missing, in one call or in calls of
/// `max_batch`; what other callers load already it waits for. If several parameters are slices, `batch = symbols`
/// says which. In `key` and `tags`, the name of that parameter stands for one element.
///
/// ```
/// use std::collections::HashMap;
/// use cache_facade::{Cache, Error, cached};
///
/// #[cached(batch, max_batch = 50, region = "price", ttl = "5m", key = "{symbols}:{venue}")]
/// async fn prices(cache: &Cache, symbols: &[String], venue: &str) -> Result<HashMap<String, f64>, Error> {
///     println!("asking {venue} for {symbols:?}");
///     Ok(symbols.iter().filter(|symbol| *symbol != "NOPE").map(|symbol| (symbol.clone(), 190.5)).collect())
/// }
///
/// // It shares the entries: both write out the same key.
/// #[cached(region = "price", ttl = "5m", key = "{symbol}:{venue}")]
/// async fn price(cache: &Cache, symbol: &str, venue: &str) -> Result<f64, Error> {
///     Ok(190.5)
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let cache = Cache::builder().build().await?;
/// price(&cache, "AAPL", "XNAS").await?;
/// let symbols = ["AAPL", "MSFT", "NOPE"].map(String::from);
/// let found = prices(&cache, &symbols, "XNAS").await?;
/// assert_eq!((found["MSFT"], found.contains_key("NOPE")), (190.5, false));
/// assert_eq!((cache.stats().loads, cache.stats().loaded_keys), (2, 3), "AAPL was there");
/// # Ok(())
/// # }
/// ```
///
/// The function returns `HashMap<T, V>`, `BTreeMap<T, V>` or `Vec<(T, V)>`, or a `Result` of one. It gets back all
/// that was found, in a `Vec` in the order of its elements. What the body leaves out has no value, which is
/// remembered with `negative`. `V` is what a function of one returns: an `Option` is `None` for what has no value,
/// and an `Err` fails one element. If the body fails, so does the call, unless stale values stand in for all that
/// it needed; what other calls of the body brought is cached. The elements and the other arguments are `Clone`,
/// `Send` and `Sync`, and elements of a `HashMap` or a `Vec` are `Eq` and `Hash`.
///
/// # Requirements on the function
///
/// It returns `T`, `Option<T>`, `Result<T, E>` or `Result<Option<T>, E>`, where `T` may be an `Arc<T>`. An alias
/// is what it stands for. `T` is `Clone`, and serde can write and read it. `None` means that the value is
/// absent, and is cached only with `negative`.
///
/// An error is never cached: neither of a `Result`, also within an `Option`, another `Result`, or the name of
/// the type in any other way, as in `Vec<Result<T, E>>`, nor an own type's variant that serde writes as `Err`.
/// Any other own type is a value, whatever its variants mean: say which of them to cache by `cache_if`. What is
/// not cached is returned, and a stale value within its grace is served instead, as for an error.
///
/// `E` is `From<cache_facade::Error>`, for failures of the cache itself; behind an alias it need not be. If the
/// body fails, every caller that waited for it gets its error if that is `Clone`; otherwise one caller does, and
/// the others get an error of the cache with the text that the error displays. A function whose type can't
/// express an error of the cache is waited for by all its callers, however long it takes; if its body panics,
/// they panic. If the cache itself can't be used, such a function calls its body directly.
///
/// The body runs in a task of its own, so its future is `Send`, and on a miss the arguments move into the
/// task: references are cloned (`ToOwned`), and so is `self`, which is `Clone`. No argument is a `&mut` or
/// contains a reference. The attribute does not work in an `impl Trait for` block or below
/// `#[async_trait]`.
#[proc_macro_attribute]
pub fn cached(options: TokenStream, function: TokenStream) -> TokenStream {
    let function = parse_macro_input!(function as ItemFn);
    or_as_written(cached::expand(options.into(), &function), &function)
}

/// Invalidates entries of a cache after an async function or method that changes what they were made of. If it
/// returns a `Result`, only an `Ok` invalidates. A call that is dropped or panics while its body runs
/// invalidates as well, since the body may have written.
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
/// # Options
///
/// | option | what it does |
/// |---|---|
/// | `cache = expr` | as for [`macro@cached`] |
/// | `region = "name"` | removes one key of this region, made by `key` or of all arguments |
/// | `key`, `ignore` | as for [`macro@cached`]: the same options name the same entry; a `key` says no more than it has to |
/// | `tags("user:{id}", ...)` | invalidates every entry that carries one of these tags |
/// | `before` | invalidates before the body runs, whether or not it will succeed |
///
/// It can be put on one function several times. If a key or tag is invalid, the function returns the error,
/// or logs a warning if it returns no `Result`. A tier that fails is an event of the cache.
#[proc_macro_attribute]
pub fn invalidates(options: TokenStream, function: TokenStream) -> TokenStream {
    let function = parse_macro_input!(function as ItemFn);
    or_as_written(invalidates::expand(options.into(), &function), &function)
}

/// Puts what an async function or method returns into a region of a cache: for a function that writes what a
/// [`macro@cached`] one reads, so that the next read finds it rather than load it.
///
/// The value is put once the body succeeded: an `Ok`, a `Some` or a plain value. `None` removes the key, and an
/// `Err` changes nothing. A call that is dropped or panics while its body runs removes the key as well, since the
/// body may have written. What can't be put, as a value that is too large, is removed, too.
///
/// ```
/// use cache_facade::{Cache, Error, cached, updates};
///
/// #[cached(region = "user", ttl = "5m", key = "{id}", tags("user:{id}"))]
/// async fn user(cache: &Cache, id: u64) -> Result<String, Error> {
///     Ok(format!("user {id}"))
/// }
///
/// #[updates(region = "user", ttl = "5m", key = "{id}", tags("user:{id}"))]
/// async fn rename(cache: &Cache, id: u64, name: &str) -> Result<String, Error> {
///     println!("{id} is {name} now");
///     Ok(name.to_owned())
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let cache = Cache::builder().build().await?;
/// rename(&cache, 7, "Ada").await?;
/// assert_eq!(user(&cache, 7).await?, "Ada");
/// assert_eq!(cache.stats().loads, 0);
/// # Ok(())
/// # }
/// ```
///
/// # Options
///
/// | option | what it does |
/// |---|---|
/// | `region = "user"` | the region, as the function that reads the value names it; it is required |
/// | `cache = expr` | as for [`macro@cached`] |
/// | `key`, `ignore` | as for [`macro@invalidates`]: the key of all arguments, or what is written out |
/// | `ttl`, `grace`, `tags` | as for [`macro@cached`]: say the same as there |
/// | `cache_if` | as for [`macro@cached`]; a value that it refuses removes the key |
/// | `schema`, `settings` | as for [`macro@cached`]: a schema, and a codec, have to be the same |
///
/// The function returns what a cached one may, and what is put is the same part of it: `T`, which is `Clone`, or
/// may be an `Arc`. It can have `#[invalidates]` as well, for other keys and for tags. If the key, a tag or the
/// region is invalid, the body does not run and the function returns the error; one that returns no `Result` logs
/// a warning and runs its body.
///
/// Of two calls for one key at the same time, the one that ends last is what is served, in whatever order they
/// wrote: where that matters, use [`macro@invalidates`].
#[proc_macro_attribute]
pub fn updates(options: TokenStream, function: TokenStream) -> TokenStream {
    let function = parse_macro_input!(function as ItemFn);
    or_as_written(updates::expand(options.into(), &function), &function)
}

/// Lets a type name an entry of a region, and be a part of other ids.
///
/// A struct is written as its fields joined by `:`, an enum as the name of its variant and that variant's
/// fields. A struct of one field is written as the field alone. Inside each part, `:` and `%` are
/// percent-encoded, so that different values never make one key. Each field is a `ToId`. A lookup allocates
/// nothing if the id has 64 bytes at most.
///
/// ```
/// use cache_facade::{Cache, ToKey};
///
/// #[derive(ToKey)]
/// struct UserId(u64);
///
/// #[derive(ToKey)]
/// enum Window {
///     Day,
///     Days(u16),
/// }
///
/// #[derive(ToKey)]
/// struct Average {
///     symbol: String,
///     window: Window,
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cache_facade::Result<()> {
/// let cache = Cache::builder().build().await?;
/// let names = cache.region::<String>("name").open()?;
/// names.put(&UserId(7), "Ada".to_owned()).await?;
/// assert_eq!(names.get("7").await?.as_deref().map(String::as_str), Some("Ada"));
///
/// let averages = cache.region::<f64>("average").open()?;
/// for (window, id) in [(Window::Day, "AAPL:Day"), (Window::Days(20), "AAPL:Days%3A20")] {
///     averages.put(&Average { symbol: "AAPL".to_owned(), window }, 190.5).await?;
///     assert!(averages.peek(id).is_some());
/// }
/// # Ok(())
/// # }
/// ```
#[proc_macro_derive(ToKey)]
pub fn to_key(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    derives::to_key::expand(input).into()
}

/// Reads a type back out of the ids that `#[derive(ToKey)]` writes, so that a loader is a function of ids.
///
/// What was written is read back, and of all texts only that is read: another number of parts, an unknown name of
/// a variant, or a part that its field's type would have written otherwise is no id. Each field is a `FromId`.
///
/// ```
/// use std::{collections::HashMap, io};
/// use cache_facade::{Cache, FromId, ToKey};
///
/// #[derive(Clone, Debug, PartialEq, Eq, Hash, ToKey, FromId)]
/// struct UserId(u64);
///
/// #[derive(Debug, PartialEq, ToKey, FromId)]
/// enum Window {
///     Day,
///     Days { count: u16 },
/// }
///
/// async fn names(ids: Vec<UserId>) -> io::Result<HashMap<UserId, String>> {
///     Ok(ids.into_iter().map(|id| (id.clone(), format!("user {}", id.0))).collect())
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cache_facade::Result<()> {
/// let cache = Cache::builder().build().await?;
/// let names = cache.region::<String>("name").load_many(50, names).open()?;
/// let found = names.get_many(&[UserId(7), UserId(8)]).await?;
/// assert_eq!(found[1].as_deref().map(String::as_str), Some("user 8"));
/// assert_eq!(cache.stats().loads, 1);
///
/// assert_eq!(Window::from_id("Days:20"), Some(Window::Days { count: 20 }));
/// assert_eq!(Window::from_id("Days:020"), None, "20 is not written so");
/// assert_eq!(Window::from_id("Day:1"), None, "a day has no parts");
/// # Ok(())
/// # }
/// ```
#[proc_macro_derive(FromId)]
pub fn from_id(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    derives::from_id::expand(input).into()
}

/// Returns the expansion, or an error beside the function as it was written, so that the error is the only one:
/// those who call the function find it.
fn or_as_written(expanded: syn::Result<proc_macro2::TokenStream>, function: &ItemFn) -> TokenStream {
    let with_error = |error: syn::Error| {
        let mut tokens = error.into_compile_error();
        function.to_tokens(&mut tokens);
        tokens
    };
    expanded.unwrap_or_else(with_error).into()
}
