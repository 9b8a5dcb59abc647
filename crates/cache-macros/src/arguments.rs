//! What is said in the brackets of an attribute.

use proc_macro2::{Span, TokenStream};
use syn::{
    Error, Expr, Ident, LitInt, LitStr, Result, Token, parenthesized,
    parse::{Parse, ParseStream, Parser},
    punctuated::Punctuated,
};

use crate::duration;

/// All that either attribute may be told; which of it applies is checked by name.
#[derive(Default)]
pub(crate) struct Arguments {
    pub(crate) cache: Option<Expr>,
    pub(crate) region: Option<LitStr>,
    pub(crate) key: Option<LitStr>,
    pub(crate) ignore: Vec<Ident>,
    pub(crate) tags: Vec<LitStr>,
    pub(crate) ttl: Option<Ttl>,
    pub(crate) grace: Option<(Span, u64)>,
    pub(crate) absent: Option<u64>,
    pub(crate) schema: Option<LitInt>,
    pub(crate) codec: Option<Expr>,
    pub(crate) before: bool,
}

/// How long a value lives.
pub(crate) enum Ttl {
    Millis(u64),
    Policy(Box<Expr>),
}

/// What each attribute knows.
pub(crate) const CACHED: &[&str] =
    &["cache", "region", "key", "ignore", "ttl", "grace", "absent", "tags", "schema", "codec"];
pub(crate) const INVALIDATES: &[&str] = &["cache", "region", "key", "ignore", "tags", "before"];

impl Arguments {
    /// Reads them, of those that are `known`.
    ///
    /// # Errors
    ///
    /// Points at what is unknown, said twice, or can't be read.
    pub(crate) fn read(tokens: TokenStream, known: &'static [&'static str]) -> Result<Self> {
        let read = |input: ParseStream<'_>| {
            let mut said: Vec<Ident> = Vec::new();
            let mut arguments = Self::default();
            while !input.is_empty() {
                let name: Ident = input.parse()?;
                if !known.iter().any(|known| name == known) {
                    let message = format!("`{name}` can't be said here: there are {}", known.join(", "));
                    return Err(Error::new(name.span(), message));
                }
                if said.contains(&name) {
                    return Err(Error::new(name.span(), format!("`{name}` was said before")));
                }
                arguments.take(&name, input)?;
                said.push(name);
                if !input.is_empty() {
                    input.parse::<Token![,]>()?;
                }
            }
            Ok(arguments)
        };
        let arguments = read.parse2(tokens)?;
        if let (Some((span, _)), Some(Ttl::Policy(_)) | None) = (&arguments.grace, &arguments.ttl) {
            let message =
                "grace needs a ttl that is a span, such as ttl = \"5m\"; a policy says its own grace";
            return Err(Error::new(*span, message));
        }
        Ok(arguments)
    }

    fn take(&mut self, name: &Ident, input: ParseStream<'_>) -> Result<()> {
        match name.to_string().as_str() {
            "cache" => self.cache = Some(value(input)?),
            "region" => self.region = Some(value(input)?),
            "key" => self.key = Some(value(input)?),
            "ignore" => self.ignore = list(input)?,
            "tags" => self.tags = list(input)?,
            "ttl" => self.ttl = Some(value(input)?),
            "grace" => self.grace = Some((name.span(), duration::millis(&value(input)?)?)),
            "absent" => self.absent = Some(duration::millis(&value(input)?)?),
            "schema" => self.schema = Some(value(input)?),
            "codec" => self.codec = Some(value(input)?),
            _ => self.before = true,
        }
        Ok(())
    }
}

impl Parse for Ttl {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if input.peek(LitStr) {
            return Ok(Self::Millis(duration::millis(&input.parse()?)?));
        }
        Ok(Self::Policy(Box::new(input.parse()?)))
    }
}

fn value<T: Parse>(input: ParseStream<'_>) -> Result<T> {
    input.parse::<Token![=]>()?;
    input.parse()
}

fn list<T: Parse>(input: ParseStream<'_>) -> Result<Vec<T>> {
    let content;
    parenthesized!(content in input);
    Ok(Punctuated::<T, Token![,]>::parse_terminated(&content)?.into_iter().collect())
}
