//! Ids and tags: a text in which `{name}` stands for an argument.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, Expr, LitStr, Result};

/// What an id or tag is made of.
pub(crate) struct Template {
    /// For `format!`.
    pattern: String,
    /// What is put in, in order.
    parts: Vec<Expr>,
}

impl Template {
    /// Reads `user:{id}`, where `{id}` and `{user.id}` are expressions over `known` names.
    ///
    /// # Errors
    ///
    /// Points at the text for a brace that stays open, or a name that no argument has.
    pub(crate) fn read(text: &LitStr, known: &[String]) -> Result<Self> {
        let wrong = |message: String| Error::new(text.span(), message);
        let source = text.value();
        let (mut rest, mut pattern, mut parts) = (source.as_str(), String::new(), Vec::new());
        while let Some(at) = rest.find(['{', '}']) {
            pattern.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix(brace) {
                // Written twice, it stands for itself.
                pattern.push_str(brace);
                pattern.push_str(brace);
                rest = after;
                continue;
            }
            let Some(end) = rest.find('}').filter(|_| brace == "{") else {
                return Err(wrong("a brace without its other: write {{ or }} for one that stays".to_owned()));
            };
            let name = rest[..end].trim();
            let root = name.split('.').next().unwrap_or_default();
            if !known.iter().any(|known| known == root) {
                let known = if known.is_empty() { "there are none".to_owned() } else { known.join(", ") };
                return Err(wrong(format!("{{{name}}} is no argument of the function: {known}")));
            }
            parts.push(syn::parse_str(name).map_err(|_| wrong(format!("{{{name}}} is no argument")))?);
            pattern.push_str("{}");
            rest = &rest[end + 1..];
        }
        pattern.push_str(rest);
        Ok(Self { pattern, parts })
    }

    /// All of these arguments, one after the other.
    pub(crate) fn of_all(names: &[syn::Ident]) -> Self {
        let pattern = vec!["{}"; names.len()].join(":");
        Self { pattern, parts: names.iter().map(|name| syn::parse_quote!(#name)).collect() }
    }

    /// An expression that makes the text.
    pub(crate) fn text(&self) -> TokenStream {
        let Self { pattern, parts } = self;
        quote! { ::std::format!(#pattern, #(::cache_facade::Part(&#parts)),*) }
    }
}
