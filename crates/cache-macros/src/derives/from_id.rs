//! The expansion of `#[derive(FromId)]`: what `#[derive(ToKey)]` wrote, read back.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{DeriveInput, Error, Fields, Ident, parse_quote, spanned::Spanned};

use super::id_type::{IdType, fields};

/// Returns the implementation. That for a type that can't be an id reads nothing, so that its error is the only
/// one.
pub(crate) fn expand(mut input: DeriveInput) -> TokenStream {
    let (error, read) = match IdType::read(&input) {
        Ok(ty) => (None, read(&ty)),
        Err(error) => (
            Some(error),
            quote!({
                let _ = id;
                ::core::option::Option::None
            }),
        ),
    };
    let error = error.map(Error::into_compile_error);
    for parameter in input.generics.type_params_mut() {
        parameter.bounds.push(parse_quote!(::cache_facade::FromId));
    }
    let ident = &input.ident;
    let (generics, arguments, bounds) = input.generics.split_for_impl();
    quote! {
        #error

        #[automatically_derived]
        impl #generics ::cache_facade::FromId for #ident #arguments #bounds {
            fn from_id(id: &str) -> ::core::option::Option<Self> {
                #read
            }
        }
    }
}

fn read(ty: &IdType<'_>) -> TokenStream {
    match ty {
        IdType::Struct(of) => parts(of, &quote!(Self), None),
        IdType::Enum(variants) => {
            let arms = variants.iter().map(|variant| {
                let (ident, name) = (&variant.ident, variant.ident.to_string());
                let alone = variant.fields.is_empty().then(|| quote!(if id == #name));
                let read = parts(&variant.fields, &quote!(Self::#ident), Some(ident));
                quote!(#name #alone => #read,)
            });
            // The name of a variant has no sign that is written in another way within a part.
            quote! {
                match id.split(':').next()? {
                    #(#arms)*
                    _ => ::core::option::Option::None,
                }
            }
        }
    }
}

/// Returns an expression of the type `Option<Self>`, which reads `path` and its fields out of `id`. With `name`,
/// the first part is the name of the variant, which is known to be there.
fn parts(of: &Fields, path: &TokenStream, name: Option<&Ident>) -> TokenStream {
    let (pattern, parts) = fields(of);
    let count = parts.len() + usize::from(name.is_some());
    let name = name.map(|_| quote!(_,));
    // The pattern of the fields is an expression too, once each is bound to what was read.
    let each = parts.iter().zip(of).map(|(part, field)| {
        quote_spanned!(field.ty.span()=> let #part = ::cache_facade::FromId::from_id(&#part)?;)
    });
    quote! {{
        let [#name #(#parts),*] = ::cache_facade::id_parts::<#count>(id)?;
        #(#each)*
        ::core::option::Option::Some(#path #pattern)
    }}
}
