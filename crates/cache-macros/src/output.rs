//! What a function returns: a value, perhaps within an `Option`, a `Result` or an `Arc`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote_spanned};
use syn::{Error, GenericArgument, PathArguments, Result, ReturnType, Type, spanned::Spanned};

/// The output type of a function, as it is spelled.
pub(crate) struct Output<'a> {
    /// Spelled `Result<_, E>`. An alias is found by its type, later.
    pub(crate) fallible: bool,
    /// `Option<_>`, perhaps within the `Result`.
    pub(crate) optional: bool,
    /// All of it.
    pub(crate) ty: &'a Type,
}

impl<'a> Output<'a> {
    pub(crate) fn read(output: &'a ReturnType) -> Result<Self> {
        let ReturnType::Type(_, output) = output else {
            return Err(Error::new(output.span(), "there is nothing to cache: return a value"));
        };
        let (fallible, inner) = within(output, "Result");
        let (optional, inner) = within(inner, "Option");
        let (_, value) = within(inner, "Arc");
        match value {
            Type::ImplTrait(_) | Type::Reference(_) | Type::Never(_) | Type::TraitObject(_) => {
                Err(Error::new_spanned(value, "this can't be cached: return an owned type by value"))
            }
            Type::Tuple(tuple) if tuple.elems.is_empty() => {
                Err(Error::new_spanned(value, "there is nothing to cache: return a value"))
            }
            _ => Ok(Self { fallible, optional, ty: output }),
        }
    }

    /// Returns statements that make `shape` of the type: how it becomes what is kept, and the other way round.
    pub(crate) fn to_shape(&self, shape: &Ident) -> TokenStream {
        let ty = self.ty;
        let local = |name: &str| format_ident!("{name}", span = Span::mixed_site());
        let [outer, result, option, within, innermost, whole] =
            ["outer", "result", "option", "within", "innermost", "whole"].map(local);
        quote_spanned! {ty.span()=>
            let #shape = {
                #[allow(unused_imports)]
                use ::cache_facade::macro_support::{AnyShape as _, Layer as _, Undescribed as _};
                let #outer = ::cache_facade::macro_support::Shape::<#ty>::of().result();
                let #result = #outer.inner().result();
                // Of two `Option`s only the first is absence, or they would become one.
                let #option = #result.inner().option();
                let #within = #option.inner().result();
                let #innermost = #within.inner().result();
                let #whole = #innermost.inner().leaf();
                let #innermost = ::cache_facade::macro_support::Within(#innermost, #whole);
                let #within = ::cache_facade::macro_support::Within(#within, #innermost);
                let #option = ::cache_facade::macro_support::Within(#option, #within);
                let #result = ::cache_facade::macro_support::Within(#result, #option);
                ::cache_facade::macro_support::Within(#outer, #result)
            };
        }
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

/// Whether a function returns what is spelled `Result`.
pub(crate) fn is_result(output: &ReturnType) -> bool {
    matches!(output, ReturnType::Type(_, output) if within(output, "Result").0)
}
