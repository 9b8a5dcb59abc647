//! The options that several attributes have: the cache, the region, the id and the tags.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Error, Expr, Ident, Result, Type, parse_quote, spanned::Spanned};

use crate::{
    options::{Options, text},
    signature::Signature,
    template::{Template, names_in},
    type_arguments::TypeArguments,
};

/// Returns the cache: the option `cache`, else the parameter `cache`, else `self.cache`.
pub(crate) fn cache(options: &mut Options, signature: &Signature<'_>) -> Result<Expr> {
    if let Some(given) = options.value("cache")? {
        return Ok(given);
    }
    match signature.parameter("cache") {
        Some(parameter) => {
            let name = parameter.name;
            Ok(parse_quote!(#name))
        }
        None if signature.receiver.is_some() => Ok(parse_quote!(self.cache)),
        None => {
            let message = "no cache is given: add `cache = ...`, or a parameter `cache: &Cache`";
            Err(Error::new(signature.name().span(), message))
        }
    }
}

/// Returns the region, if one was given.
pub(crate) fn region(options: &mut Options) -> Result<Option<Expr>> {
    let Some(region) = options.value("region")? else { return Ok(None) };
    match (text(&region), &region) {
        (Some(text), _) => {
            let kind = text.value();
            let wrong = |char: char| char == ':' || char.is_control();
            if kind.is_empty() || kind.starts_with('!') || kind.contains(wrong) {
                let message = "the name of a region must not be empty, start with `!`, or contain `:`";
                return Err(Error::new_spanned(text, message));
            }
        }
        (None, Expr::Path(_)) => {}
        (None, _) => {
            let message = "a region must be a text or a constant: it is opened once, not at each call";
            return Err(Error::new_spanned(region, message));
        }
    }
    Ok(Some(region))
}

/// Returns an expression that opens the region of this kind of `cache`: a `RegionBuilder` of the option `schema`.
/// An error about the type of its values is shown at `output`.
pub(crate) fn opened(options: &mut Options, kind: &Expr, output: &Type) -> Result<TokenStream> {
    let schema = options.value("schema")?.map(|version| quote!(.schema(#version)));
    let region = quote_spanned!(output.span()=> ::cache_facade::Cache::region::<_>);
    Ok(quote!(#region(cache, #kind) #schema))
}

/// Returns the builder with the option `settings` applied.
pub(crate) fn with_settings(options: &mut Options, region: TokenStream) -> Result<TokenStream> {
    Ok(match options.value("settings")? {
        Some(settings) => quote!(::cache_facade::macro_support::set(#region, #settings)),
        None => region,
    })
}

/// Which of the attributes asks for an id.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum IdOf<'a> {
    /// What a function keeps: the id tells apart all that the body can.
    Cached,
    /// The same for one element of this parameter, by whose name it is called.
    Element(&'a Ident),
    /// What a function ends: the id names that of another.
    Invalidated,
}

/// How an id is made, and of what.
pub(crate) struct IdOption {
    pub(crate) template: Template,
    /// An expression of the type `CachedFunction`, for a region to tell functions apart.
    pub(crate) function: TokenStream,
}

/// Returns the id: the option `key`, else all arguments but for the cache and those in `ignore`.
pub(crate) fn id(
    options: &mut Options,
    signature: &Signature<'_>,
    cache: &Expr,
    of: IdOf<'_>,
) -> Result<IdOption> {
    let ignore = options.names("ignore")?;
    let ignored = ignore.as_ref().map_or_else(Vec::new, |(_, names)| names.clone());
    for name in ignored.iter().filter(|name| !TypeArguments::is_one(signature, name)) {
        if signature.parameter(&name.to_string()).is_none() {
            let known: Vec<String> = signature.parameters.iter().map(|p| format!("`{}`", p.name)).collect();
            let message = format!("there is no parameter `{name}`: the parameters are {}", known.join(", "));
            return Err(Error::new(name.span(), message));
        }
    }
    if let IdOf::Element(element) = of
        && let Some(name) = ignored.iter().find(|name| *name == element)
    {
        let message =
            format!("each element of `{name}` has an entry of its own, which only its key tells apart");
        return Err(Error::new(name.span(), message));
    }
    let is_cache = |name: &Ident| matches!(cache, Expr::Path(path) if path.path.is_ident(name));
    let types = TypeArguments::read(signature, ignored.clone(), is_cache);
    if let Some(key) = options.value("key")? {
        let is_argument =
            |name: &Ident| signature.parameter(&name.to_string()).is_some_and(|p| !p.is_anonymous());
        if let Some((ignore, names)) = &ignore
            && names.iter().any(is_argument)
        {
            let message =
                "`ignore` has no effect with `key`, which contains only what is written in it: remove one";
            return Err(Error::new(ignore.span(), message));
        }
        let (template, mentioned) = (Template::read(&key, signature)?, names_in(&key)?);
        if let IdOf::Element(element) = of
            && !mentioned.contains(element)
        {
            let message = format!(
                "each element has an entry of its own: write `{{{element}}}` in the key, which stands for one"
            );
            return Err(Error::new_spanned(key, message));
        }
        if of != IdOf::Invalidated {
            types.check_in_key(&mentioned)?;
        }
        return Ok(IdOption { template, function: function(signature, &types, Some(&mentioned)) });
    }
    if of == IdOf::Invalidated {
        types.check_decided()?;
    }
    let kept = |name: &Ident| !ignored.contains(name) && !is_cache(name);
    let parts = signature.parameters.iter().filter(|parameter| kept(parameter.name));
    let template = Template::of_all(parts.map(|parameter| parameter.part()), &types);
    Ok(IdOption { template, function: function(signature, &types, None) })
}

fn function(
    signature: &Signature<'_>,
    types: &TypeArguments<'_>,
    mentioned: Option<&[Ident]>,
) -> TokenStream {
    let (name, types) = (signature.name().to_string(), types.to_function(mentioned));
    let written_key = mentioned.is_some();
    quote! {
        ::cache_facade::macro_support::CachedFunction::new(
            ::core::concat!(::core::module_path!(), "::", #name),
            ::core::concat!(::core::file!(), ":", ::core::line!(), ":", ::core::column!()),
            #written_key,
        ) #types
    }
}

/// Returns the tags, each an expression of the type `Id`.
pub(crate) fn tags(options: &mut Options, signature: &Signature<'_>) -> Result<Vec<Template>> {
    let tags = options.list("tags")?.map_or_else(Vec::new, |(_, tags)| tags);
    tags.iter().map(|tag| Template::read(tag, signature)).collect()
}
