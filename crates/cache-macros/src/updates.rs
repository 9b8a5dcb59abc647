//! The expansion of `#[updates]`.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{Error, Expr, ItemFn, Result, ReturnType, Type, spanned::Spanned};

use crate::{
    cached::{cache_if, ttl},
    options::Options,
    output::{Output, error_span},
    shared_options::{self, IdOf},
    signature::Signature,
    template::Template,
};

const OPTIONS: [&str; 10] =
    ["region", "cache", "ttl", "grace", "cache_if", "key", "ignore", "tags", "schema", "settings"];

/// The options of the attribute, read.
struct Updates {
    cache: Expr,
    /// The kind of the region, and an expression that opens it.
    kind: Expr,
    region: TokenStream,
    id: Template,
    /// An expression of the type `Option<Ttl>`.
    ttl: TokenStream,
    /// A function of the value, which says whether it is put.
    cache_if: TokenStream,
    tags: Vec<Template>,
}

pub(crate) fn expand(options: TokenStream, function: &ItemFn) -> Result<TokenStream> {
    let signature = Signature::read(function, "updates")?;
    let output = Output::read(&function.sig.output).map_err(|_| {
        let ReturnType::Type(_, output) = &function.sig.output else {
            let message = "there is no value to put: return it, or use `#[invalidates]`";
            return Error::new(signature.name().span(), message);
        };
        let message = match &**output {
            Type::Tuple(_) => "there is no value to put: return it, or use `#[invalidates]`",
            _ => "this can't be put: return an owned type by value, or use `#[invalidates]`",
        };
        Error::new_spanned(output, message)
    })?;
    let updates = Updates::read(options, &signature, &output)?;
    Ok(updates.around(function, &signature, &output))
}

impl Updates {
    fn read(options: TokenStream, signature: &Signature<'_>, output: &Output<'_>) -> Result<Self> {
        let mut options = Options::parse(options, &OPTIONS)?;
        let cache = shared_options::cache(&mut options, signature)?;
        let kind = shared_options::region(&mut options)?.ok_or_else(|| {
            let message =
                "no region is given: name that of the function which reads the value, `region = \"price\"`";
            Error::new(Span::call_site(), message)
        })?;
        let region = shared_options::opened(&mut options, &kind, output.ty)?;
        let region = shared_options::with_settings(&mut options, region)?;
        let id = shared_options::id(&mut options, signature, &cache, IdOf::Invalidated)?.template;
        let (ttl, tags) = (ttl(&mut options)?, shared_options::tags(&mut options, signature)?);
        let cache_if = cache_if(&mut options)?;
        Ok(Self { cache, kind, region, id, ttl, cache_if, tags })
    }

    fn around(&self, function: &ItemFn, signature: &Signature<'_>, output: &Output<'_>) -> TokenStream {
        let Self { cache: cache_expr, kind, region: open, id, ttl, cache_if, tags } = self;
        let ItemFn { attrs, vis, sig, block } = function;
        let local = |name: &str| format_ident!("{name}", span = Span::mixed_site());
        let [cache, update, returned, put, error] =
            ["cache", "update", "returned", "put", "error"].map(local);
        let (ty, shape, put_returned) = (output.ty, output.shape_name(), output.support("put_returned"));
        let shaped = output.to_shape(&shape);
        // What to do about an error of the cache, with which the statement ends or an update is not made.
        let failed = if output.fallible {
            quote_spanned! {error_span(&sig.output)=>
                return ::core::result::Result::Err(::cache_facade::macro_support::own(#error))
            }
        } else {
            let name = signature.name().to_string();
            quote! {
                match ::cache_facade::macro_support::Shape::<#ty>::of().refuse(#error) {
                    ::core::result::Result::Ok(refused) => return refused,
                    ::core::result::Result::Err(#error) => {
                        ::cache_facade::macro_support::not_ended(&#cache, #name, &#error)
                    }
                }
            }
        };
        let without =
            if output.fallible { failed.clone() } else { quote!({ #failed; ::core::option::Option::None }) };
        let cache_ref = quote_spanned!(cache_expr.span()=> &#cache_expr);
        quote! {
            #(#attrs)* #vis #sig {
                #[allow(unused_imports)]
                use ::cache_facade::macro_support::AnyShape as _;
                #shaped
                // What to put where is computed before the body takes the arguments.
                let #cache = #cache_ref;
                let #cache = <::cache_facade::Cache as ::core::clone::Clone>::clone(#cache);
                let #update = {
                    let #cache = &#cache;
                    ::cache_facade::macro_support::Update::new(
                        #shape, #cache, |cache: &::cache_facade::Cache| #open, #kind, #id, #ttl, [#(#tags),*],
                    )
                };
                let #update = match #update {
                    ::core::result::Result::Ok(update) => ::core::option::Option::Some(update),
                    ::core::result::Result::Err(#error) => #without,
                };
                let #returned: #ty = async move #block.await;
                let (#returned, #put) =
                    #put_returned(#update, #shape, #returned, #cache_if).await;
                if let ::core::result::Result::Err(#error) = #put {
                    #failed
                }
                #returned
            }
        }
    }
}
