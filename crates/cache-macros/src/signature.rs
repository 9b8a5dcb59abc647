//! What a function takes, and how its body is called from a task of its own.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{
    Attribute, Error, FnArg, GenericArgument, GenericParam, Ident, ItemFn, Pat, PathArguments, Receiver,
    Result, Token, Type, Visibility, ext::IdentExt, parse_quote, spanned::Spanned,
};

/// The parameters of a function.
pub(crate) struct Signature<'a> {
    function: &'a ItemFn,
    pub(crate) receiver: Option<&'a Receiver>,
    pub(crate) parameters: Vec<Parameter<'a>>,
}

/// One of them.
pub(crate) struct Parameter<'a> {
    pub(crate) name: &'a Ident,
    ty: &'a Type,
}

impl<'a> Signature<'a> {
    pub(crate) fn read(function: &'a ItemFn, attribute: &str) -> Result<Self> {
        let signature = &function.sig;
        if signature.asyncness.is_none() {
            let name = &signature.ident;
            let message = format!(
                "`#[{attribute}]` is for async functions, for a cache is waited for: `async fn {name}`"
            );
            return Err(Error::new(signature.fn_token.span, message));
        }
        let parameters = signature.inputs.iter().filter_map(|input| match input {
            FnArg::Receiver(_) => None,
            FnArg::Typed(typed) => Some(match &*typed.pat {
                Pat::Ident(pat) if pat.by_ref.is_none() && pat.subpat.is_none() => {
                    Ok(Parameter { name: &pat.ident, ty: &typed.ty })
                }
                pat => Err(Error::new_spanned(pat, "give the parameter a name, and take it apart inside")),
            }),
        });
        let parameters = parameters.collect::<Result<_>>()?;
        Ok(Self { function, receiver: signature.receiver(), parameters })
    }

    pub(crate) fn name(&self) -> &'a Ident {
        &self.function.sig.ident
    }

    /// The parameter of this name.
    pub(crate) fn parameter(&self, name: &str) -> Option<&Parameter<'a>> {
        self.parameters.iter().find(|parameter| parameter.name == name)
    }

    /// Refuses what can't be taken along into a task.
    pub(crate) fn check_movable(&self) -> Result<()> {
        if let Some(receiver) = self.receiver
            && let (Some(_), Some(mutable)) = (&receiver.reference, &receiver.mutability)
        {
            let message = "a cached function changes nothing: take `&self`";
            return Err(Error::new(mutable.span, message));
        }
        self.parameters.iter().try_for_each(|parameter| match parameter.ty {
            Type::Reference(reference) => match &reference.mutability {
                Some(mutable) => Err(Error::new(mutable.span, "a cached function changes nothing: take `&`")),
                None => check_owned(&reference.elem),
            },
            ty => check_owned(ty),
        })
    }

    /// What the body is called.
    pub(crate) fn body_name(&self) -> Ident {
        format_ident!("__{}_uncached", self.name().unraw(), span = Span::mixed_site())
    }

    /// The function as it was written, under another name. Parameters that the attribute uses need no other use.
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

    /// Whether the body has to be beside the function, where `self` and `Self` mean something, rather than in it.
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

    /// Statements that make the arguments the task's own. With `spare`, the originals can be used again.
    pub(crate) fn take_along(&self, this: &Ident, spare: bool) -> TokenStream {
        let receiver = self.receiver.map(|receiver| {
            let span = receiver.span();
            match (&receiver.reference, receiver.colon_token, &*receiver.ty) {
                (Some(_), None, _) => {
                    quote_spanned!(span=> let #this = <Self as ::core::clone::Clone>::clone(self);)
                }
                (None, Some(_), Type::Reference(_)) => {
                    quote_spanned!(span=> let #this = ::std::borrow::ToOwned::to_owned(self);)
                }
                _ if spare => quote_spanned!(span=> let #this = ::core::clone::Clone::clone(&self);),
                _ => quote_spanned!(span=> let #this = self;),
            }
        });
        let parameters = self.parameters.iter().map(|Parameter { name, ty }| {
            let span = ty.span();
            match ty {
                Type::Reference(_) => {
                    quote_spanned!(span=> let #name = ::std::borrow::ToOwned::to_owned(#name);)
                }
                _ if spare => quote_spanned!(span=> let #name = ::core::clone::Clone::clone(&#name);),
                _ => TokenStream::new(),
            }
        });
        quote!(#receiver #(#parameters)*)
    }

    /// Calls the body with what [`Signature::take_along`] took.
    pub(crate) fn call_taken(&self, this: &Ident) -> TokenStream {
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

    /// Calls the body with the arguments as they are.
    pub(crate) fn call(&self) -> TokenStream {
        let receiver = self.receiver.map(|_| quote!(self,));
        let parameters = self.parameters.iter().map(|parameter| parameter.name);
        let path = self.body_path();
        quote!(#path(#receiver #(#parameters),*))
    }

    fn body_path(&self) -> TokenStream {
        let name = self.body_name();
        let generics = self.function.sig.generics.params.iter().filter_map(|param| match param {
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
    /// The parameter as a part of an id: plain texts as they are, everything else as serde writes it.
    pub(crate) fn part(&self) -> TokenStream {
        let Self { name, ty } = self;
        let plain = match ty {
            Type::Reference(reference) => &reference.elem,
            ty => *ty,
        };
        let is_text =
            matches!(plain, Type::Path(path) if path.path.is_ident("str") || path.path.is_ident("String"));
        let method = if is_text { quote!(shown) } else { quote!(part) };
        quote_spanned!(ty.span()=> .#method(&#name))
    }
}

/// Whether an attribute of the function is its body's too.
fn is_for_body(attribute: &Attribute) -> bool {
    ["allow", "warn", "deny", "forbid", "expect", "cfg"].iter().any(|name| attribute.path().is_ident(name))
}

/// Refuses types that hold a reference or name a lifetime other than `'static`.
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

/// The signature without what only a body needs: `mut` before parameters.
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
