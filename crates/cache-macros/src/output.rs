//! What a function returns: a value, perhaps within an `Option`, a `Result` or an `Arc`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Error, GenericArgument, PathArguments, Result, ReturnType, Type, spanned::Spanned};

/// The output type of a function, taken apart.
pub(crate) struct Output<'a> {
    /// `Result<_, E>`
    pub(crate) fallible: bool,
    /// `Option<_>`
    pub(crate) optional: bool,
    /// `Arc<_>`
    pub(crate) shared: bool,
    /// The type of the cached value.
    pub(crate) value: &'a Type,
}

impl<'a> Output<'a> {
    pub(crate) fn read(output: &'a ReturnType) -> Result<Self> {
        let ReturnType::Type(_, output) = output else {
            return Err(Error::new(output.span(), "there is nothing to cache: return a value"));
        };
        let (fallible, inner) = within(output, "Result");
        let (optional, inner) = within(inner, "Option");
        let (shared, value) = within(inner, "Arc");
        match value {
            Type::ImplTrait(_) | Type::Reference(_) | Type::Never(_) | Type::TraitObject(_) => {
                Err(Error::new_spanned(value, "this can't be cached: return an owned type by value"))
            }
            Type::Tuple(tuple) if tuple.elems.is_empty() => {
                Err(Error::new_spanned(value, "there is nothing to cache: return a value"))
            }
            _ => Ok(Self { fallible, optional, shared, value }),
        }
    }

    /// Returns an expression that turns what the body returned, `returned`, into the outcome of a load: a
    /// `Result<Loaded<V>, E>`.
    pub(crate) fn to_loaded(
        &self,
        returned: &TokenStream,
        ttl: &TokenStream,
        tags: &TokenStream,
    ) -> TokenStream {
        let value =
            if self.shared { quote!(::std::sync::Arc::unwrap_or_clone(value)) } else { quote!(value) };
        let loaded = quote!(::cache_facade::macro_support::loaded(#value, #ttl, #tags));
        let loaded = if self.optional {
            quote! {
                match value {
                    ::core::option::Option::Some(value) => #loaded,
                    ::core::option::Option::None => ::cache_facade::Loaded::Absent,
                }
            }
        } else {
            loaded
        };
        if self.fallible {
            quote!(#returned.map(|value| #loaded))
        } else {
            quote!({
                let value = #returned;
                ::core::result::Result::<_, ::core::convert::Infallible>::Ok(#loaded)
            })
        }
    }

    /// Returns an expression that turns what was found, an `Option<Arc<V>>`, into what the function returns.
    /// `absent` is what to do if there is no value and the function can't return `None`.
    pub(crate) fn wrap_found(&self, found: &TokenStream, absent: &TokenStream) -> TokenStream {
        let span = self.value.span();
        let value = if self.shared {
            quote!(value)
        } else {
            quote_spanned!(span=> ::std::sync::Arc::unwrap_or_clone(value))
        };
        let output = if self.optional {
            quote!(#found.map(|value| #value))
        } else {
            quote! {
                match #found {
                    ::core::option::Option::Some(value) => #value,
                    ::core::option::Option::None => #absent,
                }
            }
        };
        if self.fallible { quote!(::core::result::Result::Ok(#output)) } else { output }
    }
}

/// Returns whether `ty` is spelled `name<inner, ...>`, and `inner` if so, else `ty`.
fn within<'a>(ty: &'a Type, name: &str) -> (bool, &'a Type) {
    if let Type::Path(path) = ty
        && let Some(last) = path.path.segments.last()
        && last.ident == name
        && let PathArguments::AngleBracketed(arguments) = &last.arguments
        && let Some(GenericArgument::Type(inner)) = arguments.args.first()
    {
        return (true, inner);
    }
    (false, ty)
}

/// Whether a function returns a `Result`.
pub(crate) fn is_result(output: &ReturnType) -> bool {
    matches!(output, ReturnType::Type(_, output) if within(output, "Result").0)
}
