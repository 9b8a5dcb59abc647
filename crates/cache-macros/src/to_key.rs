//! The expansion of `#[derive(ToKey)]`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Data, DeriveInput, Error, Fields, Result, parse_quote};

pub(crate) fn expand(mut input: DeriveInput) -> Result<TokenStream> {
    let written = match &input.data {
        Data::Struct(data) => {
            if data.fields.is_empty() {
                return Err(Error::new_spanned(
                    &input.ident,
                    "a type without fields names one entry: give a text",
                ));
            }
            let (pattern, parts) = parts(&data.fields);
            quote!(let Self #pattern = self; text.parts(&[#parts]);)
        }
        Data::Enum(data) => {
            if data.variants.is_empty() {
                return Err(Error::new_spanned(&input.ident, "an enum without variants names no entry"));
            }
            let arms = data.variants.iter().map(|variant| {
                let (ident, name) = (&variant.ident, variant.ident.to_string());
                let (pattern, parts) = parts(&variant.fields);
                quote!(Self::#ident #pattern => text.parts(&[&#name, #parts]),)
            });
            quote!(match self { #(#arms)* })
        }
        Data::Union(_) => {
            return Err(Error::new_spanned(
                &input.ident,
                "a union can't name an entry: nothing says which field it has",
            ));
        }
    };
    for parameter in input.generics.type_params_mut() {
        parameter.bounds.push(parse_quote!(::cache_facade::ToId));
    }
    let ident = &input.ident;
    let (generics, arguments, bounds) = input.generics.split_for_impl();
    Ok(quote! {
        #[automatically_derived]
        impl #generics ::cache_facade::ToId for #ident #arguments #bounds {
            fn write(&self, text: &mut ::cache_facade::IdText) {
                #written
            }
        }

        #[automatically_derived]
        impl #generics ::cache_facade::ToKey for #ident #arguments #bounds {
            type Lookup<'lookup> = ::cache_facade::WrittenKey<'lookup> where Self: 'lookup;

            fn to_lookup<'lookup>(
                &'lookup self,
                prefix: &'lookup ::cache_facade::Prefix,
            ) -> ::cache_facade::WrittenKey<'lookup> {
                prefix.write(self)
            }

            fn to_key(&self, prefix: &::cache_facade::Prefix) -> ::cache_facade::Result<::cache_facade::Key> {
                prefix.key_of(self)
            }
        }
    })
}

/// The pattern that takes the fields apart, and what it binds, as ids.
fn parts(fields: &Fields) -> (TokenStream, TokenStream) {
    let bound = |at: usize| format_ident!("field_{at}");
    let names: Vec<_> = (0..fields.len()).map(bound).collect();
    let pattern = match fields {
        Fields::Named(named) => {
            let fields = named.named.iter().map(|field| &field.ident);
            quote!({ #(#fields: #names),* })
        }
        Fields::Unnamed(_) => quote!((#(#names),*)),
        Fields::Unit => TokenStream::new(),
    };
    (pattern, quote!(#(#names),*))
}
