//! Where entries are: the cache, the region, and the id in it.

use syn::{Error, Expr, Ident, Result, parse_quote};

use crate::{
    options::{Options, text},
    signature::Signature,
    template::Template,
};

/// The cache: as it was said, else the parameter `cache`, else the field of that name.
pub(crate) fn cache(options: &mut Options, signature: &Signature<'_>) -> Result<Expr> {
    if let Some(said) = options.value("cache")? {
        return Ok(said);
    }
    match signature.parameter("cache") {
        Some(parameter) => {
            let name = parameter.name;
            Ok(parse_quote!(#name))
        }
        None if signature.receiver.is_some() => Ok(parse_quote!(self.cache)),
        None => {
            let message = "which cache? Say `cache = ...`, or take it as the parameter `cache: &Cache`";
            Err(Error::new(signature.name().span(), message))
        }
    }
}

/// The region, if one was said.
pub(crate) fn region(options: &mut Options) -> Result<Option<Expr>> {
    let Some(region) = options.value("region")? else { return Ok(None) };
    match (text(&region), &region) {
        (Some(text), _) => {
            let kind = text.value();
            let wrong = |char: char| char == ':' || char.is_control();
            if kind.is_empty() || kind.starts_with('!') || kind.contains(wrong) {
                let message = "a region's name is not empty, doesn't start with `!`, and holds no `:`";
                return Err(Error::new_spanned(text, message));
            }
        }
        (None, Expr::Path(_)) => {}
        (None, _) => {
            let message = "a region is a text or a constant: it is opened once, not at each call";
            return Err(Error::new_spanned(region, message));
        }
    }
    Ok(Some(region))
}

/// The id: as it was said, else all arguments but for the cache and those to be ignored.
pub(crate) fn id(options: &mut Options, signature: &Signature<'_>, cache: &Expr) -> Result<Template> {
    let ignored = options.names("ignore")?;
    if let Some(key) = options.value("key")? {
        if let Some((ignore, _)) = ignored {
            let message = "there is nothing to ignore: a `key` holds only what is put in it";
            return Err(Error::new(ignore.span(), message));
        }
        return Template::read(&key);
    }
    let ignored = ignored.map_or_else(Vec::new, |(_, names)| names);
    for name in &ignored {
        if signature.parameter(&name.to_string()).is_none() {
            let known: Vec<String> = signature.parameters.iter().map(|p| format!("`{}`", p.name)).collect();
            let message = format!("there is no parameter `{name}`: there are {}", known.join(", "));
            return Err(Error::new(name.span(), message));
        }
    }
    let is_cache = |name: &Ident| matches!(cache, Expr::Path(path) if path.path.is_ident(name));
    let kept = |name: &Ident| !ignored.contains(name) && !is_cache(name);
    let parts = signature.parameters.iter().filter(|parameter| kept(parameter.name));
    Ok(Template::of_all(parts.map(|parameter| parameter.part())))
}

/// The tags, each an expression of the type `Id`.
pub(crate) fn tags(options: &mut Options) -> Result<Vec<Template>> {
    let tags = options.list("tags")?.map_or_else(Vec::new, |(_, tags)| tags);
    tags.iter().map(Template::read).collect()
}
