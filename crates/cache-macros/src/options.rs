//! The options of an attribute: flags, values and lists, each given once and by a known name.

use proc_macro2::TokenStream;
use syn::{
    Error, Expr, Ident, LitStr, Result, Token, parenthesized,
    parse::{ParseStream, Parser},
    punctuated::Punctuated,
    token::Paren,
};

/// The options that were given and not yet taken.
pub(crate) struct Options(Vec<(Ident, Form)>);

/// How an option was written.
enum Form {
    /// `before`
    Flag,
    /// `ttl = "5m"`
    Value(Expr),
    /// `tags("a", "b")`
    List(Vec<Expr>),
}

impl Options {
    /// Parses the options, all of which must be `known`.
    pub(crate) fn parse(tokens: TokenStream, known: &[&str]) -> Result<Self> {
        let list = Punctuated::<_, Token![,]>::parse_terminated_with;
        let given = (|input: ParseStream<'_>| list(input, option)).parse2(tokens)?;
        let mut options = Self(Vec::new());
        for (name, form) in given {
            if !known.iter().any(|known| name == known) {
                let message = format!("there is no option `{name}`: the options are {}", known.join(", "));
                return Err(Error::new(name.span(), message));
            }
            if options.0.iter().any(|(other, _)| *other == name) {
                return Err(Error::new(name.span(), format!("`{name}` is given twice")));
            }
            options.0.push((name, form));
        }
        Ok(options)
    }

    /// Takes `name = value`.
    pub(crate) fn value(&mut self, name: &str) -> Result<Option<Expr>> {
        match self.take(name) {
            None => Ok(None),
            Some((_, Form::Value(value))) => Ok(Some(value)),
            Some((name, _)) => {
                Err(Error::new(name.span(), format!("`{name}` needs a value: `{name} = ...`")))
            }
        }
    }

    /// Takes `name(a, b)`.
    pub(crate) fn list(&mut self, name: &str) -> Result<Option<(Ident, Vec<Expr>)>> {
        match self.take(name) {
            None => Ok(None),
            Some((name, Form::List(list))) if !list.is_empty() => Ok(Some((name, list))),
            Some((name, _)) => Err(Error::new(name.span(), format!("`{name}` needs a list: `{name}(...)`"))),
        }
    }

    /// Takes `name(a, b)` as identifiers.
    pub(crate) fn names(&mut self, name: &str) -> Result<Option<(Ident, Vec<Ident>)>> {
        let Some((name, list)) = self.list(name)? else { return Ok(None) };
        let ident = |expr: &Expr| match expr {
            Expr::Path(path) => path.path.get_ident().cloned(),
            _ => None,
        };
        let names = list
            .iter()
            .map(|expr| ident(expr).ok_or_else(|| Error::new_spanned(expr, "write the name of a parameter")));
        Ok(Some((name, names.collect::<Result<_>>()?)))
    }

    /// Takes `name`.
    pub(crate) fn flag(&mut self, name: &str) -> Result<bool> {
        match self.take(name) {
            None => Ok(false),
            Some((_, Form::Flag)) => Ok(true),
            Some((name, _)) => Err(Error::new(name.span(), format!("`{name}` takes no value"))),
        }
    }

    /// Takes `name`, or `name = value`.
    pub(crate) fn flag_or_value(&mut self, name: &str) -> Result<Option<(Ident, Option<Expr>)>> {
        match self.take(name) {
            None => Ok(None),
            Some((name, Form::Flag)) => Ok(Some((name, None))),
            Some((name, Form::Value(value))) => Ok(Some((name, Some(value)))),
            Some((name, Form::List(_))) => {
                Err(Error::new(name.span(), format!("`{name}` takes one value: `{name} = ...`")))
            }
        }
    }

    /// Returns the first of these names that was given and not yet taken.
    pub(crate) fn any_of(&self, names: &[&str]) -> Option<&Ident> {
        self.0.iter().map(|(given, _)| given).find(|given| names.iter().any(|name| given == name))
    }

    fn take(&mut self, name: &str) -> Option<(Ident, Form)> {
        let at = self.0.iter().position(|(given, _)| given == name)?;
        Some(self.0.remove(at))
    }
}

fn option(input: ParseStream<'_>) -> Result<(Ident, Form)> {
    let name: Ident = input.parse()?;
    let form = if input.parse::<Option<Token![=]>>()?.is_some() {
        Form::Value(input.parse()?)
    } else if input.peek(Paren) {
        let list;
        parenthesized!(list in input);
        Form::List(Punctuated::<Expr, Token![,]>::parse_terminated(&list)?.into_iter().collect())
    } else {
        Form::Flag
    };
    Ok((name, form))
}

/// Returns the expression as a string literal, if it is one.
pub(crate) fn text(expr: &Expr) -> Option<&LitStr> {
    match expr {
        Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text),
        _ => None,
    }
}
