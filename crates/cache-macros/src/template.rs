//! Ids made of texts with expressions in braces: `{symbol}:{venue}`.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::{Error, Expr, Ident, LitStr, Result, spanned::Spanned};

use crate::{
    options,
    signature::Signature,
    type_arguments::{TypeArguments, collect_idents},
};

/// How an id is made: an expression of the type `cache_facade::macro_support::Id`.
pub(crate) struct Template(TokenStream);

impl Template {
    /// Reads a text with expressions in braces, or any other expression, whose text is then the id. The name of a
    /// type argument in braces is the name of the type.
    pub(crate) fn read(expr: &Expr, signature: &Signature<'_>) -> Result<Self> {
        let Some(text) = options::text(expr) else {
            let text = quote_spanned!(expr.span()=> ::core::convert::AsRef::<str>::as_ref(&#expr));
            return Ok(Self(quote!(::cache_facade::macro_support::Id::new().any_text(#text))));
        };
        let mut id = quote!(::cache_facade::macro_support::Id::new());
        let mut before: Option<(String, bool)> = None;
        for piece in pieces(text)? {
            match piece {
                Piece::Text(text) => {
                    if let Some((_, apart)) = &mut before {
                        *apart |= text.contains(':');
                    }
                    id.extend(if text.contains('%') {
                        quote!(.any_text(#text))
                    } else {
                        quote!(.text(#text))
                    });
                }
                Piece::Part(name, expr) => {
                    if let Some((other, false)) = before {
                        let message = format!("`{{{other}}}` and `{{{name}}}` must have a `:` between them");
                        return Err(Error::new(text.span(), message));
                    }
                    let is_type = match &*expr {
                        Expr::Path(path) => path.path.get_ident().filter(|name| signature.is_type(name)),
                        _ => None,
                    };
                    id.extend(match is_type {
                        Some(ty) => quote_spanned!(text.span()=> .shown(::core::any::type_name::<#ty>())),
                        None => quote_spanned!(text.span()=> .shown(&(#expr))),
                    });
                    before = Some((name, false));
                }
            }
        }
        Ok(Self(id))
    }

    /// Returns the id made of these parts, joined by `:`, and of the types.
    pub(crate) fn of_all(parts: impl IntoIterator<Item = TokenStream>, types: &TypeArguments<'_>) -> Self {
        let mut id = quote!(::cache_facade::macro_support::Id::new());
        for (at, part) in parts.into_iter().enumerate() {
            if at > 0 {
                id.extend(quote!(.text(":")));
            }
            id.extend(part);
        }
        id.extend(types.to_parts());
        Self(id)
    }
}

impl ToTokens for Template {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.0.to_tokens(tokens);
    }
}

/// Returns the names in an expression, those in the braces of a text included.
pub(crate) fn names_in(expr: &Expr) -> Result<Vec<Ident>> {
    let mut names = Vec::new();
    match options::text(expr) {
        None => collect_idents(expr.to_token_stream(), &mut names),
        Some(text) => {
            for piece in pieces(text)? {
                if let Piece::Part(_, expr) = piece {
                    collect_idents(expr.to_token_stream(), &mut names);
                }
            }
        }
    }
    Ok(names)
}

enum Piece {
    Text(String),
    /// The source text of an expression, and the expression.
    Part(String, Box<Expr>),
}

fn pieces(literal: &LitStr) -> Result<Vec<Piece>> {
    let wrong = |message: String| Err(Error::new(literal.span(), message));
    let value = literal.value();
    let mut rest = value.as_str();
    let (mut pieces, mut text) = (Vec::new(), String::new());
    while let Some(at) = rest.find(['{', '}']) {
        text.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix(brace) {
            text.push_str(brace);
            rest = after;
        } else if brace == "}" {
            return wrong("a `}` without its `{`: write `}}` for a brace".to_owned());
        } else {
            let Some((part, after)) = rest.split_once('}') else {
                return wrong("a `{` without its `}`: write `{{` for a brace".to_owned());
            };
            rest = after;
            if !text.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut text)));
            }
            let Ok(expr) = LitStr::new(part, literal.span()).parse::<Expr>() else {
                return wrong(format!(
                    "`{{{part}}}` is not an expression: write a parameter, such as `{{symbol}}`"
                ));
            };
            pieces.push(Piece::Part(part.to_owned(), Box::new(expr)));
        }
    }
    text.push_str(rest);
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    Ok(pieces)
}
