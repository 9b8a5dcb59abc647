//! The function under the attribute: its parameters, its answer, and the id of a call.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};
use syn::{
    Error, Expr, FnArg, GenericArgument, GenericParam, Ident, ItemFn, Pat, PathArguments, Receiver, Result,
    ReturnType, Type, spanned::Spanned,
};

use crate::{arguments::Arguments, template::Template};

/// A parameter that has a name.
pub(crate) struct Parameter {
    pub(crate) name: Ident,
    /// What it points to, if it is a reference.
    pub(crate) pointee: Option<Type>,
}

/// An async function or method.
pub(crate) struct Function {
    pub(crate) item: ItemFn,
    pub(crate) parameters: Vec<Parameter>,
}

impl Function {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// Points at what can't be cached: a function that isn't async, a pattern without a name, `&mut`.
    pub(crate) fn read(item: TokenStream) -> Result<Self> {
        let item: ItemFn = syn::parse2(item)?;
        if item.sig.asyncness.is_none() {
            let message = "only an async function can wait for a cache: make it `async fn`";
            return Err(Error::new(item.sig.fn_token.span(), message));
        }
        let mut parameters = Vec::new();
        for input in &item.sig.inputs {
            if let FnArg::Typed(typed) = input {
                let Pat::Ident(pattern) = &*typed.pat else {
                    let message = "give this argument a name, and take it apart in the body";
                    return Err(Error::new(typed.pat.span(), message));
                };
                let pointee = match &*typed.ty {
                    Type::Reference(reference) => Some((*reference.elem).clone()),
                    _ => None,
                };
                parameters.push(Parameter { name: pattern.ident.clone(), pointee });
            }
        }
        Ok(Self { item, parameters })
    }

    pub(crate) fn receiver(&self) -> Option<&Receiver> {
        self.item.sig.receiver()
    }

    fn names(&self) -> Vec<String> {
        let this = self.receiver().map(|_| "self".to_owned());
        this.into_iter().chain(self.parameters.iter().map(|parameter| parameter.name.to_string())).collect()
    }

    /// The expression of the cache: what was said, or the parameter of that name.
    ///
    /// # Errors
    ///
    /// Points at the function's name if there is neither.
    pub(crate) fn cache(&self, arguments: &Arguments) -> Result<Expr> {
        if let Some(cache) = &arguments.cache {
            return Ok(cache.clone());
        }
        match self.parameters.iter().find(|parameter| parameter.name == "cache") {
            Some(Parameter { name, .. }) => Ok(syn::parse_quote!(#name)),
            None => {
                let message = "which cache? Say cache = self.cache or the like, or name a parameter `cache`";
                Err(Error::new(self.item.sig.ident.span(), message))
            }
        }
    }

    /// The kind of the keys.
    pub(crate) fn region(&self, arguments: &Arguments) -> String {
        arguments.region.as_ref().map_or_else(|| self.item.sig.ident.to_string(), syn::LitStr::value)
    }

    /// The id of a call: what was said, or all arguments that aren't ignored and aren't the cache.
    ///
    /// # Errors
    ///
    /// Points at a name that no argument has.
    pub(crate) fn id(&self, arguments: &Arguments, cache: &Expr) -> Result<Template> {
        for ignored in &arguments.ignore {
            if !self.parameters.iter().any(|parameter| parameter.name == *ignored) {
                let known = self.names().join(", ");
                let message = format!("`{ignored}` is no argument of the function: {known}");
                return Err(Error::new(ignored.span(), message));
            }
        }
        if let Some(key) = &arguments.key {
            return Template::read(key, &self.names());
        }
        let cache = cache.to_token_stream().to_string();
        let root = cache.split([' ', '.']).find(|word| !word.is_empty() && *word != "&");
        let named = self.parameters.iter().map(|parameter| parameter.name.clone());
        let counted =
            named.filter(|name| !arguments.ignore.contains(name) && root != Some(&name.to_string()));
        Ok(Template::of_all(&counted.collect::<Vec<_>>()))
    }

    /// Each tag as a template.
    ///
    /// # Errors
    ///
    /// As [`Function::id`].
    pub(crate) fn tags(&self, arguments: &Arguments) -> Result<Vec<Template>> {
        arguments.tags.iter().map(|tag| Template::read(tag, &self.names())).collect()
    }

    /// The types by which a call of the function itself says its generics; none where they must be inferred.
    pub(crate) fn turbofish(&self) -> TokenStream {
        let sig = &self.item.sig;
        let hidden = sig.inputs.iter().any(|input| match input {
            FnArg::Typed(typed) => typed.ty.to_token_stream().to_string().contains("impl "),
            FnArg::Receiver(_) => false,
        });
        let said: Vec<&Ident> = sig
            .generics
            .params
            .iter()
            .filter_map(|param| match param {
                GenericParam::Type(param) => Some(&param.ident),
                GenericParam::Const(param) => Some(&param.ident),
                GenericParam::Lifetime(_) => None,
            })
            .collect();
        if hidden || said.is_empty() { quote!() } else { quote!(::<#(#said),*>) }
    }

    /// The name under which the function itself goes on.
    pub(crate) fn itself(&self) -> Ident {
        format_ident!("__{}_itself", self.item.sig.ident)
    }
}

/// What a function answers with.
pub(crate) struct Answer {
    /// What is cached.
    pub(crate) value: Type,
    pub(crate) fallible: bool,
    pub(crate) optional: bool,
    pub(crate) shared: bool,
}

impl Answer {
    /// Takes the answer apart: `Result<Option<Arc<T>>, E>`, or less of it.
    ///
    /// # Errors
    ///
    /// Points at the function's name if it answers nothing.
    pub(crate) fn of(function: &Function) -> Result<Self> {
        let ReturnType::Type(_, whole) = &function.item.sig.output else {
            let message = "there is nothing to cache: the function answers nothing";
            return Err(Error::new(function.item.sig.ident.span(), message));
        };
        let mut value = (**whole).clone();
        let mut take = |wrapper: &str| match within(&value, wrapper) {
            Some(inner) => {
                value = inner;
                true
            }
            None => false,
        };
        let (fallible, optional, shared) = (take("Result"), take("Option"), take("Arc"));
        Ok(Self { value, fallible, optional, shared })
    }
}

/// The first type in the angles of `wrapper`, if this is one.
fn within(whole: &Type, wrapper: &str) -> Option<Type> {
    let Type::Path(path) = whole else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == wrapper)?;
    let PathArguments::AngleBracketed(angles) = &last.arguments else { return None };
    angles.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(inner) => Some(inner.clone()),
        _ => None,
    })
}
