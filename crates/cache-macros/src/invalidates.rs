//! `#[invalidates]`: the function's body runs, and then what it changed is ended.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Result, ReturnType};

use crate::{
    arguments::{Arguments, INVALIDATES},
    function::{Answer, Function},
    template::Template,
};

/// What takes the place of `item`.
///
/// # Errors
///
/// Points at what can't be honoured, and at the name if nothing is said to be ended.
pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let arguments = Arguments::read(arguments, INVALIDATES)?;
    let function = Function::read(item)?;
    if arguments.region.is_none() && arguments.tags.is_empty() {
        let message = "what is to be ended? Say region = \"name\", with key = \"{id}\" or without, or tags(\"user:{id}\")";
        return Err(syn::Error::new(function.item.sig.ident.span(), message));
    }
    let cache = function.cache(&arguments)?;
    let id = function.id(&arguments, &cache)?.text();
    let region = arguments
        .region
        .as_ref()
        .map(|region| quote!(let _ = __cache.remove(#region, &[__id.as_str()]).await;));
    let tags = function.tags(&arguments)?;
    let tags = tags.iter().map(Template::text);
    // What can't be a key or a tag was never cached under it.
    let end = quote! {
        #region
        for __tag in &__tags {
            if let ::std::result::Result::Ok(__tag) = ::cache_facade::Tag::new(__tag) {
                let _ = __cache.invalidate(&__tag).await;
            }
        }
    };
    let before = arguments.before.then(|| quote!(#end));
    let fallible =
        matches!(function.item.sig.output, ReturnType::Type(..)) && Answer::of(&function)?.fallible;
    let succeeded = if fallible { quote!(__answer.is_ok()) } else { quote!(true) };
    let syn::ItemFn { attrs, vis, sig, block } = &function.item;
    let answer = match &sig.output {
        ReturnType::Type(_, answer) => quote!(#answer),
        ReturnType::Default => quote!(()),
    };
    Ok(quote! {
        #(#attrs)*
        #vis #sig {
            let __cache: ::cache_facade::Cache = ::std::clone::Clone::clone(&#cache);
            let __id = #id;
            let __tags: ::std::vec::Vec<::std::string::String> = ::std::vec![#(#tags),*];
            #before
            let __answer: #answer = (async move #block).await;
            if #succeeded {
                #end
            }
            __answer
        }
    })
}
