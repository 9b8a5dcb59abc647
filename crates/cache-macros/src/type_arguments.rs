//! The type arguments of a function, which its body can tell apart as it can its arguments.

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{Error, GenericParam, Ident, Result, Type};

use crate::signature::{Parameter, Signature};

/// What a key has to say of types.
pub(crate) struct TypeArguments<'a> {
    signature: &'a Signature<'a>,
    /// The parameters whose type is `impl Trait`, and which are part of the key.
    anonymous: Vec<&'a Ident>,
    ignored: Vec<Ident>,
}

impl<'a> TypeArguments<'a> {
    /// Reads what is left after `ignored`, where `is_cache` is the parameter of the cache.
    pub(crate) fn read(
        signature: &'a Signature<'a>,
        ignored: Vec<Ident>,
        is_cache: impl Fn(&Ident) -> bool,
    ) -> Self {
        let counts = |parameter: &&Parameter<'_>| {
            parameter.is_anonymous() && !is_cache(parameter.name) && !ignored.contains(parameter.name)
        };
        let anonymous = signature.parameters.iter().filter(counts).map(|parameter| parameter.name).collect();
        Self { signature, anonymous, ignored }
    }

    /// Whether this is the name of a type argument, `Self` included.
    pub(crate) fn is_one(signature: &Signature<'_>, name: &Ident) -> bool {
        name == "Self" || signature.generics().any(|param| ident(param) == Some(name))
    }

    fn named(&self) -> impl Iterator<Item = &'a GenericParam> {
        let kept = |param: &&GenericParam| ident(param).is_some_and(|name| !self.ignored.contains(name));
        self.signature.generics().filter(kept)
    }

    /// Returns calls that add all of them to an id.
    pub(crate) fn to_parts(&self) -> TokenStream {
        let named = self.named().map(|param| match param {
            GenericParam::Const(constant) => {
                let name = &constant.ident;
                quote!(.constant(&#name))
            }
            param => {
                let name = ident(param);
                quote!(.type_of::<#name>())
            }
        });
        let anonymous = self.anonymous.iter().map(|name| quote!(.type_of_value(&#name)));
        let of_self = (self.signature.is_associated() && !self.ignored.iter().any(|name| name == "Self"))
            .then(|| quote!(.type_if_generic::<Self>()));
        quote!(#(#named)* #(#anonymous)* #of_self)
    }

    /// Returns calls that add all of them to a `CachedFunction`. `mentioned` are the names in a key that was
    /// written out.
    pub(crate) fn to_function(&self, mentioned: Option<&[Ident]>) -> TokenStream {
        let named = self.named().map(|param| match param {
            GenericParam::Const(constant) => {
                let name = &constant.ident;
                quote!(.constant(&#name))
            }
            param => {
                let name = ident(param);
                quote!(.type_argument::<#name>(true))
            }
        });
        let of_self = self.signature.is_associated().then(|| {
            let in_key = mentioned
                .is_none_or(|mentioned| mentioned.iter().any(|name| name == "Self" || name == "self"));
            let is_ignored = self.ignored.iter().any(|name| name == "Self");
            let argument = (!is_ignored).then(|| quote!(.type_argument::<Self>(#in_key)));
            quote!(.owner::<Self>() #argument)
        });
        quote!(#(#named)* #of_self)
    }

    /// Checks that a key which was written out contains all of them: `mentioned` are the names in it.
    pub(crate) fn check_in_key(&self, mentioned: &[Ident]) -> Result<()> {
        let left_out = self.named().filter_map(ident).find(|name| !mentioned.contains(name));
        if let Some(name) = left_out {
            let message = format!(
                "the body can tell apart what `{name}` is, and the key can't: write `{{{name}}}` in the key, or `ignore({name})`"
            );
            return Err(Error::new(name.span(), message));
        }
        if let Some(name) = self.anonymous.first() {
            let message = format!(
                "the body can tell apart the type of `{name}`, and the key can't: name the type `T` and write `{{T}}` in the key, or `ignore({name})`"
            );
            return Err(Error::new(name.span(), message));
        }
        Ok(())
    }

    /// Checks that it is clear which of them are part of the key of what is invalidated.
    pub(crate) fn check_decided(&self) -> Result<()> {
        for name in self.named().filter_map(ident) {
            let mut of_it = self.signature.parameters.iter().filter(|parameter| mentions(parameter.ty, name));
            let mut any = false;
            let all_ignored = of_it.all(|parameter| {
                any = true;
                self.ignored.contains(parameter.name)
            });
            if any && all_ignored {
                let message = format!(
                    "only ignored arguments are of the type `{name}`: add it, `ignore({name})`, or write the `key`"
                );
                return Err(Error::new(name.span(), message));
            }
        }
        Ok(())
    }
}

/// Returns the name of a type or constant; a lifetime has none, for nothing can depend on it.
fn ident(param: &GenericParam) -> Option<&Ident> {
    match param {
        GenericParam::Type(ty) => Some(&ty.ident),
        GenericParam::Const(constant) => Some(&constant.ident),
        GenericParam::Lifetime(_) => None,
    }
}

fn mentions(ty: &Type, name: &Ident) -> bool {
    let mut names = Vec::new();
    collect_idents(ty.to_token_stream(), &mut names);
    names.contains(name)
}

/// Collects all identifiers in `tokens`.
pub(crate) fn collect_idents(tokens: TokenStream, names: &mut Vec<Ident>) {
    for token in tokens {
        match token {
            TokenTree::Ident(name) => names.push(name),
            TokenTree::Group(group) => collect_idents(group.stream(), names),
            TokenTree::Literal(_) | TokenTree::Punct(_) => {}
        }
    }
}
