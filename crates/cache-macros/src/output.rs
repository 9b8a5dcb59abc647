//! What a function answers with: a value, perhaps none, perhaps an error, perhaps shared.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Error, GenericArgument, PathArguments, Result, ReturnType, Type, spanned::Spanned};

/// The shape of an answer.
pub(crate) struct Answer<'a> {
    /// `Result<_, E>`
    pub(crate) fallible: bool,
    /// `Option<_>`
    pub(crate) optional: bool,
    /// `Arc<_>`
    pub(crate) shared: bool,
    /// What is kept.
    pub(crate) value: &'a Type,
}

impl<'a> Answer<'a> {
    pub(crate) fn read(output: &'a ReturnType) -> Result<Self> {
        let ReturnType::Type(_, output) = output else {
            return Err(Error::new(output.span(), "there is no answer to keep: answer with a value"));
        };
        let (fallible, inner) = within(output, "Result");
        let (optional, inner) = within(inner, "Option");
        let (shared, value) = within(inner, "Arc");
        match value {
            Type::ImplTrait(_) | Type::Reference(_) | Type::Never(_) | Type::TraitObject(_) => {
                Err(Error::new_spanned(value, "this can't be kept: answer with a type of its own, by value"))
            }
            Type::Tuple(tuple) if tuple.elems.is_empty() => {
                Err(Error::new_spanned(value, "there is no answer to keep: answer with a value"))
            }
            _ => Ok(Self { fallible, optional, shared, value }),
        }
    }

    /// The body's answer, `answer`, as what a load brings: a `Result<Loaded<V>, E>`.
    pub(crate) fn to_loaded(
        &self,
        answer: &TokenStream,
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
            quote!(#answer.map(|value| #loaded))
        } else {
            quote!({
                let value = #answer;
                ::core::result::Result::<_, ::core::convert::Infallible>::Ok(#loaded)
            })
        }
    }

    /// What was found, an `Option<Arc<V>>`, as the function's answer; `absent` is what to do if there is none
    /// and the function has no word for that.
    pub(crate) fn answered(&self, found: &TokenStream, absent: &TokenStream) -> TokenStream {
        let span = self.value.span();
        let value = if self.shared {
            quote!(value)
        } else {
            quote_spanned!(span=> ::std::sync::Arc::unwrap_or_clone(value))
        };
        let answer = if self.optional {
            quote!(#found.map(|value| #value))
        } else {
            quote! {
                match #found {
                    ::core::option::Option::Some(value) => #value,
                    ::core::option::Option::None => #absent,
                }
            }
        };
        if self.fallible { quote!(::core::result::Result::Ok(#answer)) } else { answer }
    }
}

/// Whether `ty` is spelled `name<inner, ...>`, and then `inner`.
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

/// Whether a function answers with a `Result`.
pub(crate) fn is_result(output: &ReturnType) -> bool {
    matches!(output, ReturnType::Type(_, output) if within(output, "Result").0)
}
