//! The expansion of `#[cached]`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{Error, Expr, ItemFn, Result, parse_quote, spanned::Spanned};

use crate::{
    batch::BatchOption,
    duration::DurationExpr,
    options::{Options, text},
    output::{Output, error_span},
    shared_options::{self, IdOf, IdOption},
    signature::{Signature, outer},
    template::Template,
    type_arguments::collect_idents,
};

const OPTIONS: [&str; 13] = [
    "region",
    "cache",
    "ttl",
    "grace",
    "negative",
    "cache_if",
    "key",
    "ignore",
    "tags",
    "schema",
    "settings",
    "batch",
    "max_batch",
];

/// The options of the attribute, read.
pub(crate) struct Cached<'a> {
    pub(crate) cache: Expr,
    /// An expression that opens the region.
    pub(crate) region: TokenStream,
    pub(crate) id: IdOption,
    /// An expression of the type `Option<Ttl>`.
    pub(crate) ttl: TokenStream,
    /// A function of the value, which says whether it is kept.
    pub(crate) cache_if: TokenStream,
    pub(crate) tags: Vec<Template>,
    batch: Option<BatchOption<'a>>,
}

pub(crate) fn expand(options: TokenStream, function: &ItemFn) -> Result<TokenStream> {
    let signature = Signature::read(function, "cached")?;
    let output = Output::read(&function.sig.output)?;
    signature.check_movable()?;
    let body = signature.body(&mentioned(options.clone()));
    let cached = Cached::read(options, &signature, &output)?;
    Ok(cached.around(function, &body, &signature, &output))
}

impl<'a> Cached<'a> {
    fn read(options: TokenStream, signature: &Signature<'a>, output: &Output<'_>) -> Result<Self> {
        let mut options = Options::parse(options, &OPTIONS)?;
        let batch = BatchOption::read(&mut options, signature)?;
        let cache = shared_options::cache(&mut options, signature)?;
        let kind = shared_options::region(&mut options)?.ok_or_else(|| {
            Error::new(
                Span::call_site(),
                "no region is given: name the kind of the entries, `region = \"price\"`",
            )
        })?;
        let mut region = shared_options::opened(&mut options, &kind, output.ty)?;
        if let Some(life) = options.value("negative")? {
            if !output.optional && batch.is_none() {
                let message =
                    "this function never returns `None`: `negative` is for functions that return an Option";
                return Err(Error::new_spanned(life, message));
            }
            let life = DurationExpr::read(life)?;
            region.extend(quote!(.negative(#life)));
        }
        let region = shared_options::with_settings(&mut options, region)?;
        let of = batch.as_ref().map_or(IdOf::Cached, |batch| IdOf::Element(batch.parameter));
        let id = shared_options::id(&mut options, signature, &cache, of)?;
        let cache_if = cache_if(&mut options)?;
        let ttl = ttl(&mut options)?;
        let tags = shared_options::tags(&mut options, signature)?;
        Ok(Self { cache, region, id, ttl, cache_if, tags, batch })
    }

    /// Returns the function that asks the cache, and its body as a function of its own.
    fn around(
        &self,
        function: &ItemFn,
        body: &ItemFn,
        signature: &Signature<'_>,
        output: &Output<'_>,
    ) -> TokenStream {
        let ItemFn { attrs, vis, .. } = function;
        let outer = outer(function);
        let calling = match &self.batch {
            Some(batch) => batch.calling(self, function, signature, output),
            None => self.calling(function, signature, output),
        };
        if signature.is_associated() {
            quote! {
                #(#attrs)* #vis #outer { #calling }
                #[doc(hidden)] #body
            }
        } else {
            quote!(#(#attrs)* #vis #outer { #body #calling })
        }
    }

    /// Returns the statements that bind `region` to the region of the function in `cache`.
    pub(crate) fn opening(
        &self,
        [shape, cache, region, error]: [&Ident; 4],
        unable: &TokenStream,
    ) -> TokenStream {
        let (open, function) = (&self.region, &self.id.function);
        quote! {
            let #region = ::cache_facade::macro_support::region(
                #shape, #cache, || #function, |cache: &::cache_facade::Cache| #open,
            );
            let #region = match #region {
                ::core::result::Result::Ok(region) => region,
                ::core::result::Result::Err(#error) => #unable,
            };
        }
    }

    fn calling(&self, function: &ItemFn, signature: &Signature<'_>, output: &Output<'_>) -> TokenStream {
        let Self { cache: cache_expr, ttl: ttl_expr, cache_if, tags: tag_exprs, .. } = self;
        let id_expr = &self.id.template;
        // Names that no argument and no expression of the attribute can refer to.
        let local = |name: &str| format_ident!("{name}", span = Span::mixed_site());
        let [cache, region, id, found, error, this, load, ttl, tags, returned] =
            ["cache", "region", "id", "found", "error", "this", "load", "ttl", "tags", "returned"].map(local);
        let (shape, loaded) = (output.shape_name(), output.support("loaded"));
        let shaped = output.to_shape(&shape);
        let unable = unable(function, signature, output, [&cache, &error]);
        let opening = self.opening([&shape, &cache, &region, &error], &unable);
        let restored = quote!({
            #[allow(unused_imports)]
            use ::cache_facade::macro_support::{Cloned as _, Taken as _};
            match (&::cache_facade::macro_support::errors_of(&#shape)).restore(#error) {
                ::core::result::Result::Ok(returned) => return returned,
                ::core::result::Result::Err(#error) => #unable,
            }
        });
        let owned_arguments = signature.to_owned_arguments(&this, !output.fallible);
        let called = signature.call_with_owned(&this);
        let cache_ref = quote_spanned!(cache_expr.span()=> &#cache_expr);
        let (ty, says_errors) = (output.ty, local("says_errors"));
        quote! {
            let #cache = #cache_ref;
            // A reference to a reference to a cache is coerced here.
            let #cache: &::cache_facade::Cache = #cache;
            #shaped
            #opening
            let #id = match #id_expr.finish() {
                ::core::result::Result::Ok(id) => id,
                ::core::result::Result::Err(#error) => #unable,
            };
            let #found = match ::cache_facade::macro_support::hit(&#region, &#id) {
                ::core::option::Option::Some(found) => found,
                ::core::option::Option::None => {
                    let #ttl: ::core::option::Option<::cache_facade::Ttl> = #ttl_expr;
                    let #tags = match ::cache_facade::macro_support::tags([#(#tag_exprs),*]) {
                        ::core::result::Result::Ok(tags) => tags,
                        ::core::result::Result::Err(#error) => #unable,
                    };
                    let #load = {
                        #owned_arguments
                        move || async move {
                            let #returned = #called.await;
                            #loaded(#shape, #returned, #cache_if, #ttl, #tags)
                        }
                    };
                    let #says_errors = {
                        #[allow(unused_imports)]
                        use ::cache_facade::macro_support::AnyShape as _;
                        ::cache_facade::macro_support::Shape::<#ty>::of().says_errors()
                    };
                    match ::cache_facade::macro_support::load(&#region, &#id, #says_errors, #load).await {
                        ::core::result::Result::Ok(found) => found,
                        ::core::result::Result::Err(#error) => #restored,
                    }
                }
            };
            match #found {
                ::core::option::Option::Some(found) => ::cache_facade::macro_support::Returns::join(&#shape, found),
                ::core::option::Option::None => match ::cache_facade::macro_support::Returns::absent(&#shape) {
                    ::core::option::Option::Some(returned) => returned,
                    ::core::option::Option::None => {
                        let #error = ::cache_facade::macro_support::absent(&#region, &#id);
                        #unable
                    }
                },
            }
        }
    }
}

/// Returns what a function does when the cache fails: it returns the error if its type can be one, else it calls
/// its body directly.
pub(crate) fn unable(
    function: &ItemFn,
    signature: &Signature<'_>,
    output: &Output<'_>,
    [cache, error]: [&Ident; 2],
) -> TokenStream {
    if output.fallible {
        let span = error_span(&function.sig.output);
        return quote_spanned! {span=>
            return ::core::result::Result::Err(::cache_facade::macro_support::own(#error))
        };
    }
    let (name, call, ty) = (signature.name().to_string(), signature.call(), output.ty);
    quote!({
        #[allow(unused_imports)]
        use ::cache_facade::macro_support::AnyShape as _;
        match ::cache_facade::macro_support::Shape::<#ty>::of().refuse(#error) {
            ::core::result::Result::Ok(returned) => return returned,
            ::core::result::Result::Err(#error) => {
                ::cache_facade::macro_support::resume_panic(&#error);
                ::cache_facade::macro_support::bypassed(#cache, #name, &#error);
                return #call.await
            }
        }
    })
}

/// Returns the function of a value that says whether it is cached.
pub(crate) fn cache_if(options: &mut Options) -> Result<TokenStream> {
    Ok(options.value("cache_if")?.map_or_else(|| quote!(|_| true), ToTokens::into_token_stream))
}

/// Returns the TTL of a value: an expression of the type `Option<Ttl>`.
pub(crate) fn ttl(options: &mut Options) -> Result<TokenStream> {
    let ttl = options.value("ttl")?;
    let grace = options.value("grace")?;
    let (ttl, grace) = match (ttl, grace) {
        (None, None) => return Ok(quote!(::core::option::Option::None)),
        (None, Some(grace)) => {
            return Err(Error::new_spanned(grace, "`grace` needs a `ttl`: add `ttl = ...`"));
        }
        (Some(ttl), grace) => (class(&ttl).map_or_else(|| DurationExpr::read(ttl), Ok)?, grace),
    };
    let cache = format_ident!("cache", span = Span::mixed_site());
    let life = match &ttl {
        DurationExpr::Known(_) => quote!(::cache_facade::Ttl::new(#ttl)),
        DurationExpr::Computed(expr) => {
            quote_spanned!(expr.span()=> ::cache_facade::macro_support::ttl(#cache, #expr))
        }
    };
    let Some(grace) = grace else { return Ok(quote!(::core::option::Option::Some(#life))) };
    let span = grace.span();
    let grace = DurationExpr::read(grace)?;
    if let (Some(life), Some(grace)) = (ttl.known(), grace.known())
        && grace <= life
    {
        let message = "`grace` is not longer than `ttl`: both count from the birth of the value";
        return Err(Error::new(span, message));
    }
    Ok(quote!(::core::option::Option::Some(#life.grace(#grace))))
}

/// Returns the class of lives that a text names.
fn class(ttl: &Expr) -> Option<DurationExpr> {
    let name = text(ttl)?;
    let class = match name.value().as_str() {
        "short" => "Short",
        "medium" => "Medium",
        "long" => "Long",
        "very_long" => "VeryLong",
        _ => return None,
    };
    let class = Ident::new(class, name.span());
    Some(DurationExpr::Computed(parse_quote!(::cache_facade::Class::#class)))
}

/// Returns every identifier in the attribute, and `cache`.
fn mentioned(options: TokenStream) -> Vec<Ident> {
    let mut names = vec![format_ident!("cache")];
    collect_idents(options, &mut names);
    names
}
