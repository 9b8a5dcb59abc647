//! The expansion of `#[cached]`.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{format_ident, quote, quote_spanned};
use syn::{Error, Expr, ItemFn, Result, spanned::Spanned};

use crate::{
    duration,
    options::Options,
    output::Answer,
    shared_options,
    signature::{Signature, outer},
    template::Template,
};

const PARTS: [&str; 10] =
    ["region", "cache", "ttl", "grace", "negative", "key", "ignore", "tags", "schema", "settings"];

/// What an attribute says.
struct Cached {
    cache: Expr,
    /// An expression that opens the region.
    region: TokenStream,
    id: Template,
    /// An expression of the type `Option<Ttl>`.
    ttl: TokenStream,
    tags: Vec<Template>,
}

pub(crate) fn expand(options: TokenStream, function: ItemFn) -> Result<TokenStream> {
    let signature = Signature::read(&function, "cached")?;
    let answer = Answer::read(&function.sig.output)?;
    signature.check_movable()?;
    let body = signature.body(&mentioned(options.clone()));
    let cached = Cached::read(options, &signature, &answer)?;
    Ok(cached.around(&function, &body, &signature, &answer))
}

impl Cached {
    fn read(options: TokenStream, signature: &Signature<'_>, answer: &Answer<'_>) -> Result<Self> {
        let mut options = Options::parse(options, &PARTS)?;
        let cache = shared_options::cache(&mut options, signature)?;
        let kind = shared_options::region(&mut options)?.ok_or_else(|| {
            Error::new(Span::call_site(), "which region? Say what is kept there: `region = \"price\"`")
        })?;
        let value = answer.value;
        let mut region = quote!(cache.region::<#value>(#kind));
        if let Some(version) = options.value("schema")? {
            region.extend(quote!(.schema(#version)));
        }
        if let Some(life) = options.value("negative")? {
            if !answer.optional {
                let message = "this function always answers with a value: `negative` is for those that answer with an Option";
                return Err(Error::new_spanned(life, message));
            }
            let life = duration::Span::read(life)?;
            region.extend(quote!(.negative(#life)));
        }
        if let Some(settings) = options.value("settings")? {
            region = quote!(::cache_facade::macro_support::set(#region, #settings));
        }
        let id = shared_options::id(&mut options, signature, &cache)?;
        Ok(Self { cache, region, id, ttl: ttl(&mut options)?, tags: shared_options::tags(&mut options)? })
    }

    /// The function with the cache around it, and its body.
    fn around(
        &self,
        function: &ItemFn,
        body: &ItemFn,
        signature: &Signature<'_>,
        answer: &Answer<'_>,
    ) -> TokenStream {
        let ItemFn { attrs, vis, .. } = function;
        let outer = outer(function);
        let calling = self.calling(function, signature, answer);
        if signature.is_associated() {
            quote! {
                #(#attrs)* #vis #outer { #calling }
                #[doc(hidden)] #body
            }
        } else {
            quote!(#(#attrs)* #vis #outer { #body #calling })
        }
    }

    fn calling(&self, function: &ItemFn, signature: &Signature<'_>, answer: &Answer<'_>) -> TokenStream {
        let Self { cache: cache_expr, region: open, id: id_expr, ttl: ttl_expr, tags: tag_exprs } = self;
        // Names that no argument and no expression of the attribute can mean.
        let local = |name: &str| format_ident!("{name}", span = Span::mixed_site());
        let [cache, region, id, found, error, this, load, errors, ttl, tags] =
            ["cache", "region", "id", "found", "error", "this", "load", "errors", "ttl", "tags"].map(local);
        let unable = unable(function, signature, answer, &error);
        let restored = if answer.fallible {
            quote!(return ::core::result::Result::Err((&#errors).restore(#error)))
        } else {
            unable.clone()
        };
        let take_along = signature.take_along(&this, !answer.fallible);
        let called = signature.call_taken(&this);
        let loaded = answer.to_loaded(&quote!(#called.await), &quote!(#ttl), &quote!(#tags));
        let absent = quote!({
            let #error = ::cache_facade::macro_support::absent(&#region, &#id);
            #unable
        });
        let answered = answer.answered(&quote!(#found), &absent);
        let errors_of = answer.fallible.then(|| {
            quote! {
                use ::cache_facade::macro_support::{Cloned as _, Taken as _};
                let #errors = ::cache_facade::macro_support::errors_of(&#load);
            }
        });
        let cache_ref = quote_spanned!(cache_expr.span()=> &#cache_expr);
        quote! {
            let #cache = #cache_ref;
            // What refers to a cache is one here.
            let #cache: &::cache_facade::Cache = #cache;
            let #region = match #cache.region_once(|cache: &::cache_facade::Cache| #open) {
                ::core::result::Result::Ok(region) => region,
                ::core::result::Result::Err(#error) => #unable,
            };
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
                        #take_along
                        move || async move { #loaded }
                    };
                    #errors_of
                    match ::cache_facade::macro_support::load(&#region, &#id, #load).await {
                        ::core::result::Result::Ok(found) => found,
                        ::core::result::Result::Err(#error) => #restored,
                    }
                }
            };
            #answered
        }
    }
}

/// What a function does when the cache can't answer: it says so if it can, else it is called past it.
fn unable(function: &ItemFn, signature: &Signature<'_>, answer: &Answer<'_>, error: &Ident) -> TokenStream {
    if answer.fallible {
        let span = function.sig.output.span();
        return quote_spanned! {span=>
            return ::core::result::Result::Err(::cache_facade::macro_support::own(#error))
        };
    }
    let (name, call) = (signature.name().to_string(), signature.call());
    quote!({
        ::cache_facade::macro_support::bypassed(#name, &#error);
        return #call.await
    })
}

/// The life of a value: an expression of the type `Option<Ttl>`.
fn ttl(options: &mut Options) -> Result<TokenStream> {
    let ttl = options.value("ttl")?;
    let grace = options.value("grace")?;
    let (ttl, grace) = match (ttl, grace) {
        (None, None) => return Ok(quote!(::core::option::Option::None)),
        (None, Some(grace)) => {
            return Err(Error::new_spanned(grace, "a grace follows a life: say `ttl = ...` too"));
        }
        (Some(ttl), grace) => (duration::Span::read(ttl)?, grace),
    };
    let life = match &ttl {
        duration::Span::Known(_) => quote!(::cache_facade::Ttl::new(#ttl)),
        duration::Span::Computed(expr) => {
            quote_spanned!(expr.span()=> ::cache_facade::macro_support::ttl(#expr))
        }
    };
    let Some(grace) = grace else { return Ok(quote!(::core::option::Option::Some(#life))) };
    let span = grace.span();
    let grace = duration::Span::read(grace)?;
    if let (Some(life), Some(grace)) = (ttl.known(), grace.known())
        && grace <= life
    {
        let message = "this grace is over before the life is: both count from when the value was asked for";
        return Err(Error::new(span, message));
    }
    Ok(quote!(::core::option::Option::Some(#life.grace(#grace))))
}

/// Every identifier in the attribute, and the cache's.
fn mentioned(options: TokenStream) -> Vec<Ident> {
    fn collect(tokens: TokenStream, names: &mut Vec<Ident>) {
        for token in tokens {
            match token {
                TokenTree::Ident(name) => names.push(name),
                TokenTree::Group(group) => collect(group.stream(), names),
                TokenTree::Literal(_) | TokenTree::Punct(_) => {}
            }
        }
    }
    let mut names = vec![format_ident!("cache")];
    collect(options, &mut names);
    names
}
