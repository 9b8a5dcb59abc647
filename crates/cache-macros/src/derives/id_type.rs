//! Types that name entries: structs and enums, taken apart into the parts of ids.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::{
    Data, DeriveInput, Error, Fields, Ident, Result, Variant, punctuated::Punctuated, spanned::Spanned,
};

/// A type whose values can be ids.
pub(crate) enum IdType<'a> {
    Struct(&'a Fields),
    Enum(&'a Punctuated<Variant, syn::Token![,]>),
}

impl<'a> IdType<'a> {
    pub(crate) fn read(input: &'a DeriveInput) -> Result<Self> {
        let wrong = |message: &str| Err(Error::new_spanned(&input.ident, message));
        match &input.data {
            Data::Struct(data) if data.fields.is_empty() => {
                wrong("a type without fields names one entry: give a text")
            }
            Data::Struct(data) => Ok(Self::Struct(&data.fields)),
            Data::Enum(data) if data.variants.is_empty() => wrong("an enum without variants names no entry"),
            Data::Enum(data) => Ok(Self::Enum(&data.variants)),
            Data::Union(_) => wrong("a union can't name an entry: nothing says which field it has"),
        }
    }
}

/// Returns the pattern that takes fields apart, and the names that it binds. Each stands where the type of its
/// field does, so that this is where an error about the field points.
pub(crate) fn fields(fields: &Fields) -> (TokenStream, Vec<Ident>) {
    let bound = |(at, field): (usize, &syn::Field)| {
        format_ident!("field_{at}", span = field.ty.span().resolved_at(Span::mixed_site()))
    };
    let names: Vec<_> = fields.iter().enumerate().map(bound).collect();
    let pattern = match fields {
        Fields::Named(named) => {
            let fields = named.named.iter().map(|field| &field.ident);
            quote!({ #(#fields: #names),* })
        }
        Fields::Unnamed(_) => quote!((#(#names),*)),
        Fields::Unit => TokenStream::new(),
    };
    (pattern, names)
}
