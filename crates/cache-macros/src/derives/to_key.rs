//! The expansion of `#[derive(ToKey)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Error, parse_quote};

use super::id_type::{IdType, fields};

/// Returns the implementations. Those of a type that can't be an id do nothing, so that its error is the only one:
/// the functions that look something up with it know it as an id.
pub(crate) fn expand(mut input: DeriveInput) -> TokenStream {
    let (error, written) = match IdType::read(&input) {
        Ok(ty) => (None, written(&ty)),
        Err(error) => (Some(error), quote!(let _ = text;)),
    };
    let error = error.map(Error::into_compile_error);
    for parameter in input.generics.type_params_mut() {
        parameter.bounds.push(parse_quote!(::cache_facade::ToId));
    }
    let ident = &input.ident;
    let (generics, arguments, bounds) = input.generics.split_for_impl();
    quote! {
        #error

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
    }
}

fn written(ty: &IdType<'_>) -> TokenStream {
    match ty {
        IdType::Struct(of) => {
            let (pattern, parts) = fields(of);
            quote!(let Self #pattern = self; text.parts(&[#(#parts),*]);)
        }
        IdType::Enum(variants) => {
            let arms = variants.iter().map(|variant| {
                let (ident, name) = (&variant.ident, variant.ident.to_string());
                let (pattern, parts) = fields(&variant.fields);
                quote!(Self::#ident #pattern => text.parts(&[&#name, #(#parts),*]),)
            });
            quote!(match self { #(#arms)* })
        }
    }
}
