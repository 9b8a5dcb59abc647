//! The expansion of `#[invalidates]`.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{Error, Expr, ItemFn, Result, ReturnType, Type, spanned::Spanned};

use crate::{
    options::Options,
    output::{error_span, is_result},
    shared_options::{self, IdOf},
    signature::Signature,
    template::Template,
};

const OPTIONS: [&str; 6] = ["region", "cache", "key", "ignore", "tags", "before"];

/// The options of the attribute, read.
struct Invalidates {
    cache: Expr,
    /// An expression of the type `Option<(&str, Id)>`.
    key: TokenStream,
    tags: Vec<Template>,
    before: bool,
}

pub(crate) fn expand(options: TokenStream, function: &ItemFn) -> Result<TokenStream> {
    let signature = Signature::read(function, "invalidates")?;
    if let ReturnType::Type(_, output) = &function.sig.output
        && matches!(**output, Type::ImplTrait(_))
    {
        return Err(Error::new_spanned(output, "name the type that this function returns"));
    }
    let invalidates = Invalidates::read(options, &signature)?;
    Ok(invalidates.around(function, &signature))
}

impl Invalidates {
    fn read(options: TokenStream, signature: &Signature<'_>) -> Result<Self> {
        let mut options = Options::parse(options, &OPTIONS)?;
        let cache = shared_options::cache(&mut options, signature)?;
        let before = options.flag("before")?;
        let tags = shared_options::tags(&mut options, signature)?;
        let key = match shared_options::region(&mut options)? {
            Some(region) => {
                let id = shared_options::id(&mut options, signature, &cache, IdOf::Invalidated)?.template;
                quote!(::core::option::Option::Some((#region, #id)))
            }
            None => {
                if let Some(name) = options.any_of(&["key", "ignore"]) {
                    return Err(Error::new(name.span(), "a key needs its region: add `region = ...`"));
                }
                if tags.is_empty() {
                    let message = "nothing to invalidate is given: add `region = ...` for one of its keys, or `tags(...)`";
                    return Err(Error::new(Span::call_site(), message));
                }
                quote!(::core::option::Option::None)
            }
        };
        Ok(Self { cache, key, tags, before })
    }

    fn around(&self, function: &ItemFn, signature: &Signature<'_>) -> TokenStream {
        let Self { cache: cache_expr, key, tags, before } = self;
        let ItemFn { attrs, vis, sig, block } = function;
        let local = |name: &str| format_ident!("{name}", span = Span::mixed_site());
        let [cache, ended, returned, error, shape] =
            ["cache", "ended", "returned", "error", "shape"].map(local);
        let fallible = is_result(&sig.output);
        let output = match &sig.output {
            ReturnType::Default => quote!(()),
            ReturnType::Type(_, output) => quote!(#output),
        };
        let failed = if fallible {
            let span = error_span(&sig.output);
            quote_spanned! {span=>
                return ::core::result::Result::Err(::cache_facade::macro_support::own(#error))
            }
        } else {
            let name = signature.name().to_string();
            quote! {
                match #shape.refuse(#error) {
                    ::core::result::Result::Ok(refused) => return refused,
                    ::core::result::Result::Err(#error) => {
                        ::cache_facade::macro_support::not_ended(&#cache, #name, &#error)
                    }
                }
            }
        };
        let without = if fallible {
            failed.clone()
        } else {
            quote!({ #failed; ::cache_facade::macro_support::Ended::nothing() })
        };
        let end = quote! {
            if let ::core::result::Result::Err(#error) = #ended.end(&#cache).await {
                #failed
            }
        };
        let (first, then) = if *before {
            (end, TokenStream::new())
        } else {
            // Whoever drops the call while its body runs can't tell whether the body has written.
            let guarded = quote!(let #ended = #ended.if_dropped(&#cache););
            let then = quote! {
                let #ended = #ended.take();
                if #shape.succeeded(&#returned) { #end }
            };
            (guarded, then)
        };
        let cache_ref = quote_spanned!(cache_expr.span()=> &#cache_expr);
        quote! {
            #(#attrs)* #vis #sig {
                #[allow(unused_imports)]
                use ::cache_facade::macro_support::AnyShape as _;
                let #shape = ::cache_facade::macro_support::Shape::<#output>::of();
                // What to invalidate is computed before the body takes the arguments.
                let #cache = #cache_ref;
                let #cache = <::cache_facade::Cache as ::core::clone::Clone>::clone(#cache);
                let #ended = match ::cache_facade::macro_support::Ended::new(#key, [#(#tags),*]) {
                    ::core::result::Result::Ok(ended) => ended,
                    ::core::result::Result::Err(#error) => #without,
                };
                #first
                #[allow(clippy::let_unit_value)]
                let #returned: #output = async move #block.await;
                #then
                #returned
            }
        }
    }
}
