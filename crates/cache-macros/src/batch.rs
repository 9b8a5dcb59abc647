//! The expansion of `#[cached(batch)]`: a function of many elements, each of which has an entry of its own.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{
    Error, Expr, ExprLit, GenericArgument, ItemFn, Lit, PathArguments, Result, Type, spanned::Spanned,
};

use crate::{
    cached::{Cached, unable},
    options::Options,
    output::{self, Output},
    signature::Signature,
};

/// What the options say of the batch.
pub(crate) struct BatchOption<'a> {
    /// The parameter that has the elements.
    pub(crate) parameter: &'a Ident,
    /// The type of one.
    element: &'a Type,
    /// How many the body takes at once: an expression of the type `usize`.
    max: TokenStream,
}

impl<'a> BatchOption<'a> {
    /// Reads the options `batch` and `max_batch`, if the first is given.
    pub(crate) fn read(options: &mut Options, signature: &Signature<'a>) -> Result<Option<Self>> {
        let Some((batch, given)) = options.flag_or_value("batch")? else {
            return match options.value("max_batch")? {
                Some(max) => {
                    let message = "`max_batch` needs a `batch`: add `batch`, or `batch = ...` with the name of a parameter";
                    Err(Error::new_spanned(max, message))
                }
                None => Ok(None),
            };
        };
        let max = options.value("max_batch")?;
        if let Some(Expr::Lit(ExprLit { lit: Lit::Int(int), .. })) = &max
            && int.base10_digits() == "0"
        {
            return Err(Error::new_spanned(max, "a body that takes no element loads nothing: say 1 or more"));
        }
        let max = max.map_or_else(|| quote!(::core::primitive::usize::MAX), ToTokens::into_token_stream);
        let slices =
            signature.parameters.iter().filter_map(|parameter| Some((parameter, element(parameter.ty)?)));
        let slices: Vec<_> = slices.collect();
        let names =
            || slices.iter().map(|(slice, _)| format!("`{}`", slice.name)).collect::<Vec<_>>().join(", ");
        let (parameter, element) = match (&given, &slices[..]) {
            (None, [one]) => *one,
            (_, []) => {
                let message = "`batch` needs a parameter of many elements: `&[T]` or `Vec<T>`";
                return Err(Error::new(batch.span(), message));
            }
            (None, _) => {
                let message =
                    format!("several parameters have elements, {}: say which, `batch = ...`", names());
                return Err(Error::new(batch.span(), message));
            }
            (Some(given), _) => {
                let is_it = |slice: &Ident| matches!(given, Expr::Path(path) if path.path.is_ident(slice));
                match slices.iter().find(|(slice, _)| is_it(slice.name)) {
                    Some(one) => *one,
                    None => {
                        let message = format!(
                            "this is no parameter of many elements, `&[T]` or `Vec<T>`: those are {}",
                            names()
                        );
                        return Err(Error::new_spanned(given, message));
                    }
                }
            }
        };
        if parameter.is_anonymous() {
            return Err(Error::new_spanned(
                element,
                "name the type of the elements: `T` rather than `impl Trait`",
            ));
        }
        Ok(Some(Self { parameter: parameter.name, element, max }))
    }

    /// Returns the statements of the function that asks the cache.
    pub(crate) fn calling(
        &self,
        cached: &Cached<'_>,
        function: &ItemFn,
        signature: &Signature<'_>,
        output: &Output<'_>,
    ) -> TokenStream {
        let Self { parameter, element: element_ty, max } = self;
        let Cached { cache: cache_expr, ttl: ttl_expr, cache_if, tags: tag_exprs, .. } = cached;
        let id_expr = &cached.id.template;
        let local = |name: &str| format_ident!("{name}", span = Span::mixed_site());
        let [cache, region, id, error, this, load, ttl, returned] =
            ["cache", "region", "id", "error", "this", "load", "ttl", "returned"].map(local);
        let [whole, each, elements, element, call, wanted, found, answer, value, says_errors] = [
            "whole",
            "each",
            "elements",
            "element",
            "call",
            "wanted",
            "found",
            "answer",
            "value",
            "says_errors",
        ]
        .map(local);
        let ty = output.ty;
        let (shape, loaded_each) = (output.shape_name(), output.support("loaded_each"));
        let unable = unable(function, signature, output, [&cache, &error]);
        let opening = cached.opening([&shape, &cache, &region, &error], &unable);
        let shaped = output::shape_of(ty.span(), &shape, &quote!(#each));
        let rest = signature.without(parameter);
        let owned_arguments = rest.to_owned_arguments(&this, !output.fallible);
        let (cloned_arguments, called) = (rest.to_clones(&this), signature.call_with_owned(&this));
        let cache_ref = quote_spanned!(cache_expr.span()=> &#cache_expr);
        // An error about the type is shown where the type stands.
        let outer = format_ident!("outer", span = ty.span().resolved_at(Span::mixed_site()));
        let batch_shape = quote_spanned! {ty.span()=>
            ::cache_facade::macro_support::BatchShape::<#element_ty, _, _>::of(#outer)
        };
        // The name of the parameter stands for one element.
        let of_element = |made: TokenStream| {
            quote!({
                #[allow(unused_variables)]
                let #parameter = #element;
                #made
            })
        };
        let id_of_element = of_element(quote!(#id_expr.finish()));
        let tags_of_element = of_element(quote!(::cache_facade::macro_support::tags([#(#tag_exprs),*])));
        quote! {
            let #cache = #cache_ref;
            let #cache: &::cache_facade::Cache = #cache;
            let #outer = {
                #[allow(unused_imports)]
                use ::cache_facade::macro_support::{AnyShape as _, Undescribed as _};
                ::cache_facade::macro_support::Shape::<#ty>::of().result()
            };
            let #whole = #batch_shape;
            let #each = #whole.each();
            #shaped
            #opening
            let #elements: &[#element_ty] = &#parameter[..];
            let mut #call = ::cache_facade::macro_support::BatchCall::<#element_ty, _>::new(#elements.len());
            for #element in #elements {
                let #id = match #id_of_element {
                    ::core::result::Result::Ok(id) => id,
                    ::core::result::Result::Err(#error) => #unable,
                };
                match #call.look_up(&#region, &#id) {
                    ::core::result::Result::Ok(true) => continue,
                    ::core::result::Result::Ok(false) => {}
                    ::core::result::Result::Err(#error) => #unable,
                }
                match #tags_of_element {
                    ::core::result::Result::Ok(tags) => #call.want(::core::clone::Clone::clone(#element), tags),
                    ::core::result::Result::Err(#error) => #unable,
                }
            }
            if #call.wants_any() {
                let #ttl: ::core::option::Option<::cache_facade::Ttl> = #ttl_expr;
                let #load = {
                    #owned_arguments
                    move |#wanted: ::cache_facade::macro_support::Wanted<#element_ty>| {
                        #cloned_arguments
                        async move {
                            let #parameter = #wanted.elements();
                            let #returned = #called.await;
                            #loaded_each(
                                #whole, #shape, #returned, #wanted, #cache_if, #ttl,
                            )
                        }
                    }
                };
                let #says_errors = {
                    #[allow(unused_imports)]
                    use ::cache_facade::macro_support::AnyShape as _;
                    ::cache_facade::macro_support::Shape::<#ty>::of().says_errors()
                };
                #call.load(&#region, #says_errors, #max, #load).await;
            }
            let mut #found = ::std::vec::Vec::with_capacity(#elements.len());
            for (#element, #answer) in ::core::iter::zip(#elements, #call.into_answers()) {
                #[allow(unused_imports)]
                use ::cache_facade::macro_support::{AnyShape as _, Cloned as _, Taken as _};
                let #value = match #answer {
                    ::core::result::Result::Ok(::core::option::Option::Some(value)) => {
                        ::core::option::Option::Some(::cache_facade::macro_support::Returns::join(&#shape, value))
                    }
                    ::core::result::Result::Ok(::core::option::Option::None) => {
                        ::cache_facade::macro_support::Returns::absent(&#shape)
                    }
                    // It is what the body returned of this element, of all of them, or else the cache's.
                    ::core::result::Result::Err(#error) => {
                        match (&::cache_facade::macro_support::errors_of(&#shape)).restore(#error) {
                            ::core::result::Result::Ok(value) => ::core::option::Option::Some(value),
                            ::core::result::Result::Err(#error) => {
                                match (&::cache_facade::macro_support::Errors::<#ty>::new()).restore(#error) {
                                    ::core::result::Result::Ok(returned) => return returned,
                                    ::core::result::Result::Err(#error) => match #each.refuse(#error) {
                                        ::core::result::Result::Ok(value) => ::core::option::Option::Some(value),
                                        ::core::result::Result::Err(#error) => #unable,
                                    },
                                }
                            }
                        }
                    }
                };
                if let ::core::option::Option::Some(value) = #value {
                    #found.push((::core::clone::Clone::clone(#element), value));
                }
            }
            #whole.join(#found)
        }
    }
}

/// Returns the type of an element, if this is the type of a slice or of a `Vec`.
fn element(ty: &Type) -> Option<&Type> {
    match ty {
        Type::Reference(reference) => match &*reference.elem {
            Type::Slice(slice) => Some(&slice.elem),
            elem => element_of_vec(elem),
        },
        ty => element_of_vec(ty),
    }
}

fn element_of_vec(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == "Vec")?;
    match &last.arguments {
        PathArguments::AngleBracketed(arguments) => match arguments.args.first() {
            Some(GenericArgument::Type(element)) => Some(element),
            _ => None,
        },
        _ => None,
    }
}
