//! What a function returns: a value, perhaps within an `Option`, a `Result` or an `Arc`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
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

    /// Returns the name of what [`Output::to_shape`] makes. It stands where the type does, which is where an error
    /// about the type is shown, and once: of several errors at one place, the compiler shows those that no other
    /// implies.
    pub(crate) fn shape_name(&self) -> Ident {
        format_ident!("shape", span = self.ty.span().resolved_at(Span::mixed_site()))
    }

    /// Returns a name of `macro_support` that stands there, too.
    pub(crate) fn support(&self, name: &str) -> TokenStream {
        let name = format_ident!("{name}", span = self.ty.span());
        quote_spanned!(self.ty.span()=> ::cache_facade::macro_support::#name)
    }

    /// Returns statements that make `shape` of the type: how it becomes what is kept, and the other way round.
    pub(crate) fn to_shape(&self, shape: &Ident) -> TokenStream {
        let ty = self.ty;
        shape_of(ty.span(), shape, &quote!(::cache_facade::macro_support::Shape::<#ty>::of()))
    }
}

/// As [`Output::to_shape`], of the type whose `Shape` the expression `whole` is.
pub(crate) fn shape_of(span: Span, shape: &Ident, whole: &TokenStream) -> TokenStream {
    let local = |name: &str| format_ident!("{name}", span = Span::mixed_site());
    let [outer, result, option, within, innermost, leaf] =
        ["outer", "result", "option", "within", "innermost", "leaf"].map(local);
    quote_spanned! {span=>
        let #shape = {
            #[allow(unused_imports)]
            use ::cache_facade::macro_support::{AnyShape as _, Layer as _, Undescribed as _, Unsearched as _};
            let #outer = #whole.result();
            let #result = #outer.inner().result();
            // Of two `Option`s only the first is absence, or they would become one.
            let #option = #result.inner().option();
            let #within = #option.inner().result();
            let #innermost = #within.inner().result();
            let #leaf = #innermost.inner().leaf().searched();
            let #innermost = ::cache_facade::macro_support::Within(#innermost, #leaf);
            let #within = ::cache_facade::macro_support::Within(#within, #innermost);
            let #option = ::cache_facade::macro_support::Within(#option, #within);
            let #result = ::cache_facade::macro_support::Within(#result, #option);
            ::cache_facade::macro_support::Within(#outer, #result)
        };
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

/// Returns where the error of a function stands, if that is spelled, else where all that it returns does.
pub(crate) fn error_span(output: &ReturnType) -> Span {
    let ReturnType::Type(_, output) = output else { return output.span() };
    let Type::Path(path) = &**output else { return output.span() };
    let last = path.path.segments.last().map(|last| &last.arguments);
    match last {
        Some(PathArguments::AngleBracketed(arguments)) if arguments.args.len() == 2 => {
            arguments.args[1].span()
        }
        _ => output.span(),
    }
}

/// Whether a function returns what is spelled `Result`.
pub(crate) fn is_result(output: &ReturnType) -> bool {
    matches!(output, ReturnType::Type(_, output) if within(output, "Result").0)
}
