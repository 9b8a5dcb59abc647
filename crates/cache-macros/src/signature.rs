//! The parameters of a function, and how its body is called from a task of its own.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{
    Attribute, Error, FnArg, GenericArgument, GenericParam, Ident, ItemFn, Pat, PathArguments, Receiver,
    Result, Token, Type, Visibility, ext::IdentExt, parse_quote, spanned::Spanned,
};

use crate::type_arguments::collect_idents;

/// The parameters of a function.
pub(crate) struct Signature<'a> {
    function: &'a ItemFn,
    pub(crate) receiver: Option<&'a Receiver>,
    pub(crate) parameters: Vec<Parameter<'a>>,
}

/// One parameter.
#[derive(Clone, Copy)]
pub(crate) struct Parameter<'a> {
    pub(crate) name: &'a Ident,
    pub(crate) ty: &'a Type,
}

impl<'a> Signature<'a> {
    pub(crate) fn read(function: &'a ItemFn, attribute: &str) -> Result<Self> {
        let signature = &function.sig;
        if signature.asyncness.is_none() {
            let name = &signature.ident;
            let message = format!(
                "`#[{attribute}]` is for async functions, since the cache is awaited: `async fn {name}`"
            );
            return Err(Error::new(signature.fn_token.span, message));
        }
        let parameters = signature.inputs.iter().filter_map(|input| match input {
            FnArg::Receiver(_) => None,
            FnArg::Typed(typed) => Some(match &*typed.pat {
                Pat::Ident(pat) if pat.by_ref.is_none() && pat.subpat.is_none() => {
                    Ok(Parameter { name: &pat.ident, ty: &typed.ty })
                }
                pat => {
                    Err(Error::new_spanned(pat, "give the parameter a name, and destructure it in the body"))
                }
            }),
        });
        let parameters = parameters.collect::<Result<_>>()?;
        Ok(Self { function, receiver: signature.receiver(), parameters })
    }

    pub(crate) fn name(&self) -> &'a Ident {
        &self.function.sig.ident
    }

    /// Returns the parameters of the function's type: types, constants and lifetimes.
    pub(crate) fn generics(&self) -> impl Iterator<Item = &'a GenericParam> {
        self.function.sig.generics.params.iter()
    }

    /// Whether this is the name of a type: a parameter of the function's, or `Self`.
    pub(crate) fn is_type(&self, name: &Ident) -> bool {
        name == "Self"
            || self.generics().any(|param| matches!(param, GenericParam::Type(ty) if ty.ident == *name))
    }

    /// Returns the parameter of this name.
    pub(crate) fn parameter(&self, name: &str) -> Option<&Parameter<'a>> {
        self.parameters.iter().find(|parameter| parameter.name == name)
    }

    /// Checks that all parameters can be moved into a task.
    pub(crate) fn check_movable(&self) -> Result<()> {
        if let Some(receiver) = self.receiver
            && let (Some(_), Some(mutable)) = (&receiver.reference, &receiver.mutability)
        {
            let message = "a cached function must not change anything: take `&self`";
            return Err(Error::new(mutable.span, message));
        }
        self.parameters.iter().try_for_each(|parameter| match parameter.ty {
            Type::Reference(reference) => match &reference.mutability {
                Some(mutable) => {
                    Err(Error::new(mutable.span, "a cached function must not change anything: take `&`"))
                }
                None => check_owned(&reference.elem),
            },
            ty => check_owned(ty),
        })
    }

    /// Returns the name of the body.
    pub(crate) fn body_name(&self) -> Ident {
        format_ident!("__{}_uncached", self.name().unraw(), span = Span::mixed_site())
    }

    /// Returns the function as it was written, under the name of the body. Parameters in `used` may be unused
    /// in the body, since the attribute uses them.
    pub(crate) fn body(&self, used: &[Ident]) -> ItemFn {
        let mut body = ItemFn { vis: Visibility::Inherited, ..self.function.clone() };
        body.sig.ident = self.body_name();
        body.attrs.retain(is_for_body);
        for input in &mut body.sig.inputs {
            if let FnArg::Typed(typed) = input
                && matches!(&*typed.pat, Pat::Ident(pat) if used.contains(&pat.ident))
            {
                typed.attrs.push(parse_quote!(#[allow(unused_variables)]));
            }
        }
        body
    }

    /// Whether the body must stand beside the function rather than in it, since it refers to `self` or `Self`.
    pub(crate) fn is_associated(&self) -> bool {
        fn mentions(tokens: TokenStream) -> bool {
            tokens.into_iter().any(|token| match token {
                proc_macro2::TokenTree::Ident(ident) => ident == "Self",
                proc_macro2::TokenTree::Group(group) => mentions(group.stream()),
                _ => false,
            })
        }
        self.receiver.is_some() || mentions(self.function.to_token_stream())
    }

    /// Returns statements that make owned copies of the arguments for the task. With `keep_originals`, by-value
    /// arguments are cloned rather than moved.
    pub(crate) fn to_owned_arguments(&self, this: &Ident, keep_originals: bool) -> TokenStream {
        let receiver = self.receiver.map(|receiver| {
            let span = receiver.span();
            match (&receiver.reference, receiver.colon_token, &*receiver.ty) {
                (Some(_), None, _) => {
                    quote_spanned!(span=> let #this = <Self as ::core::clone::Clone>::clone(self);)
                }
                (None, Some(_), Type::Reference(_)) => {
                    quote_spanned!(span=> let #this = ::std::borrow::ToOwned::to_owned(self);)
                }
                _ if keep_originals => quote_spanned!(span=> let #this = ::core::clone::Clone::clone(&self);),
                _ => quote_spanned!(span=> let #this = self;),
            }
        });
        let parameters = self.parameters.iter().map(|Parameter { name, ty }| {
            let span = ty.span();
            match ty {
                Type::Reference(_) => {
                    quote_spanned!(span=> let #name = ::std::borrow::ToOwned::to_owned(#name);)
                }
                _ if keep_originals => {
                    quote_spanned!(span=> let #name = ::core::clone::Clone::clone(&#name);)
                }
                _ => TokenStream::new(),
            }
        });
        quote!(#receiver #(#parameters)*)
    }

    /// Returns the same without the parameter of this name.
    pub(crate) fn without(&self, name: &Ident) -> Self {
        let parameters = self.parameters.iter().filter(|parameter| parameter.name != name);
        Self { parameters: parameters.copied().collect(), ..*self }
    }

    /// Returns statements that clone what [`Signature::to_owned_arguments`] made, for one of several calls.
    pub(crate) fn to_clones(&self, this: &Ident) -> TokenStream {
        let receiver = self.receiver.map(
            |receiver| quote_spanned!(receiver.span()=> let #this = ::core::clone::Clone::clone(&#this);),
        );
        let parameters = self.parameters.iter().map(|Parameter { name, ty }| {
            quote_spanned!(ty.span()=> let #name = ::core::clone::Clone::clone(&#name);)
        });
        quote!(#receiver #(#parameters)*)
    }

    /// Returns a call of the body with what [`Signature::to_owned_arguments`] made.
    pub(crate) fn call_with_owned(&self, this: &Ident) -> TokenStream {
        let receiver = self.receiver.map(|receiver| match (&receiver.reference, &*receiver.ty) {
            (Some(_), _) | (None, Type::Reference(_)) => quote!(&#this,),
            _ => quote!(#this,),
        });
        let parameters = self.parameters.iter().map(|Parameter { name, ty }| match ty {
            Type::Reference(reference) => match &*reference.elem {
                Type::ImplTrait(_) => quote!(&#name),
                elem => quote!(::core::borrow::Borrow::<#elem>::borrow(&#name)),
            },
            _ => quote!(#name),
        });
        let path = self.body_path();
        quote!(#path(#receiver #(#parameters),*))
    }

    /// Returns a call of the body with the arguments as they are.
    pub(crate) fn call(&self) -> TokenStream {
        let receiver = self.receiver.map(|_| quote!(self,));
        let parameters = self.parameters.iter().map(|parameter| parameter.name);
        let path = self.body_path();
        quote!(#path(#receiver #(#parameters),*))
    }

    fn body_path(&self) -> TokenStream {
        let name = self.body_name();
        let generics = self.generics().filter_map(|param| match param {
            GenericParam::Type(ty) => Some(&ty.ident),
            GenericParam::Const(constant) => Some(&constant.ident),
            GenericParam::Lifetime(_) => None,
        });
        let generics: Vec<_> = generics.collect();
        let generics = (!generics.is_empty()).then(|| quote!(::<#(#generics),*>));
        let within = self.is_associated().then(|| quote!(Self::));
        quote!(#within #name #generics)
    }
}

impl Parameter<'_> {
    /// Returns the parameter as a part of an id, as serde writes it.
    pub(crate) fn part(&self) -> TokenStream {
        let Self { name, ty } = self;
        quote_spanned!(ty.span()=> .part(&#name))
    }

    /// Whether the type, or a part of it, is an `impl Trait`.
    pub(crate) fn is_anonymous(&self) -> bool {
        let mut names = Vec::new();
        collect_idents(self.ty.to_token_stream(), &mut names);
        names.iter().any(|name| name == "impl")
    }
}

/// Whether an attribute of the function applies to its body too.
fn is_for_body(attribute: &Attribute) -> bool {
    ["allow", "warn", "deny", "forbid", "expect", "cfg"].iter().any(|name| attribute.path().is_ident(name))
}

/// Checks that a type contains no reference and no lifetime other than `'static`.
fn check_owned(ty: &Type) -> Result<()> {
    let borrowed = |what: &dyn ToTokens| {
        let message =
            "the body runs in a task of its own and can't borrow this: take it by value, or as a plain `&`";
        Err(Error::new_spanned(what, message))
    };
    let argument = |argument: &GenericArgument| match argument {
        GenericArgument::Type(ty) => check_owned(ty),
        GenericArgument::Lifetime(lifetime) if lifetime.ident != "static" => borrowed(lifetime),
        _ => Ok(()),
    };
    match ty {
        Type::Reference(reference) => match &reference.lifetime {
            Some(lifetime) if lifetime.ident == "static" => Ok(()),
            _ => borrowed(reference),
        },
        Type::Path(path) => path.path.segments.iter().try_for_each(|segment| match &segment.arguments {
            PathArguments::AngleBracketed(arguments) => arguments.args.iter().try_for_each(argument),
            _ => Ok(()),
        }),
        Type::Tuple(tuple) => tuple.elems.iter().try_for_each(check_owned),
        Type::Array(array) => check_owned(&array.elem),
        Type::Slice(slice) => check_owned(&slice.elem),
        Type::Paren(paren) => check_owned(&paren.elem),
        Type::Group(group) => check_owned(&group.elem),
        _ => Ok(()),
    }
}

/// Returns the signature without the `mut` before parameters, which only the body needs.
pub(crate) fn outer(function: &ItemFn) -> syn::Signature {
    let mut signature = function.sig.clone();
    for input in &mut signature.inputs {
        match input {
            FnArg::Typed(typed) => {
                if let Pat::Ident(pat) = &mut *typed.pat {
                    pat.mutability = None::<Token![mut]>;
                }
            }
            FnArg::Receiver(receiver) if receiver.reference.is_none() => receiver.mutability = None,
            FnArg::Receiver(_) => {}
        }
    }
    signature
}
