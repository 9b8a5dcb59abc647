//! `#[cached]`: the function goes on under another name, and one that asks the cache first takes its place.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{FnArg, Ident, Result, spanned::Spanned};

use crate::{
    arguments::{Arguments, CACHED, Ttl},
    function::{Answer, Function},
};

/// What takes the place of `item`.
///
/// # Errors
///
/// Points at what can't be honoured.
pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let arguments = Arguments::read(arguments, CACHED)?;
    let function = Function::read(item)?;
    let answer = Answer::of(&function)?;
    if let Some(receiver) = function.receiver().filter(|receiver| receiver.mutability.is_some()) {
        let message = "a cached method may not run at all, and so can't change its receiver: take `&self`";
        return Err(syn::Error::new(receiver.span(), message));
    }
    let cache = function.cache(&arguments)?;
    let (id, tags) = (function.id(&arguments, &cache)?.text(), function.tags(&arguments)?);
    let tags = tags.iter().map(crate::template::Template::text);
    let open = open(&function, &answer, &arguments);
    let (keep, itself) = (keep(&function), call(&function));
    let ask = ask(&answer, &itself);

    let (attributes, visibility, signature) = (&function.item.attrs, &function.item.vis, plain(&function));
    let (inner, sibling) = hidden(&function);
    Ok(quote! {
        #(#attributes)*
        #visibility #signature {
            #inner
            let __cache: &::cache_facade::Cache = &#cache;
            let __id = #id;
            let __tags: ::std::vec::Vec<::std::string::String> = ::std::vec![#(#tags),*];
            #open
            #(#keep)*
            #ask
        }
        #sibling
    })
}

/// The region, opened as the arguments say.
fn open(function: &Function, answer: &Answer, arguments: &Arguments) -> TokenStream {
    let (value, region) = (&answer.value, function.region(arguments));
    let ttl = arguments.ttl.as_ref().map(|ttl| match ttl {
        Ttl::Policy(policy) => quote!(.ttl(#policy)),
        Ttl::Millis(life) => {
            let grace = arguments.grace.map_or(*life, |(_, grace)| grace);
            quote! {
                .ttl(::cache_facade::Ttl {
                    life: ::std::time::Duration::from_millis(#life),
                    grace: ::std::time::Duration::from_millis(#grace),
                })
            }
        }
    });
    let absent =
        arguments.absent.map(|absent| quote!(.negative(::std::time::Duration::from_millis(#absent))));
    let schema = arguments.schema.as_ref().map(|schema| quote!(.schema(#schema)));
    let codec = arguments.codec.as_ref().map(|codec| quote!(.codec(#codec)));
    // What can't be cached is told where its type stands.
    quote_spanned! { value.span() =>
        let __region = __cache.region::<#value>(#region) #ttl #absent #schema #codec .open();
    }
}

/// Copies of the arguments that outlive the caller.
fn keep(function: &Function) -> Vec<TokenStream> {
    let this = function.receiver().map(|_| quote!(let __this = ::std::clone::Clone::clone(self);));
    let this = match function.receiver() {
        Some(receiver) if receiver.reference.is_none() => {
            Some(quote!(let __this = ::std::clone::Clone::clone(&self);))
        }
        _ => this,
    };
    let kept = function.parameters.iter().map(|parameter| {
        let (name, kept) = (&parameter.name, kept(&parameter.name));
        match parameter.pointee {
            Some(_) => quote!(let #kept = ::std::borrow::ToOwned::to_owned(#name);),
            None => quote!(let #kept = ::std::clone::Clone::clone(&#name);),
        }
    });
    this.into_iter().chain(kept).collect()
}

fn kept(name: &Ident) -> Ident {
    quote::format_ident!("__kept_{name}")
}

/// Calls of the function itself: with the copies, and with what the caller gave.
struct Calls {
    with_copies: TokenStream,
    directly: TokenStream,
}

fn call(function: &Function) -> Calls {
    let (itself, turbofish) = (function.itself(), function.turbofish());
    let target = if function.receiver().is_some() { quote!(Self::#itself) } else { quote!(#itself) };
    let copies = function.parameters.iter().map(|parameter| {
        let kept = kept(&parameter.name);
        match &parameter.pointee {
            Some(pointee) => quote!(::std::borrow::Borrow::<#pointee>::borrow(&#kept)),
            None => quote!(#kept),
        }
    });
    let names = function.parameters.iter().map(|parameter| &parameter.name);
    let by_reference = function.receiver().is_some_and(|receiver| receiver.reference.is_some());
    let this = function.receiver().map(|_| if by_reference { quote!(&__this,) } else { quote!(__this,) });
    let own = function.receiver().map(|_| quote!(self,));
    Calls {
        with_copies: quote!(#target #turbofish(#this #(#copies),*).await),
        directly: quote!(#target #turbofish(#own #(#names),*).await),
    }
}

/// Asks the region, and makes of its answer what the function answers with.
fn ask(answer: &Answer, calls: &Calls) -> TokenStream {
    let Answer { value, fallible, optional, shared } = answer;
    let Calls { with_copies, directly } = calls;
    let unwrap = if *shared { quote!(__value) } else { quote!(::std::sync::Arc::unwrap_or_clone(__value)) };
    let given = if *shared { quote!(::std::sync::Arc::unwrap_or_clone(__value)) } else { quote!(__value) };
    let fresh = quote! {{
        let __fresh = ::cache_facade::Fresh::new(#given);
        let __tags = __tags.iter().map(|__tag| ::cache_facade::Tag::new(__tag));
        let __tags = __tags.collect::<::cache_facade::Result<::std::vec::Vec<_>>>()?;
        ::cache_facade::Loaded::Value(__tags.into_iter().fold(__fresh, ::cache_facade::Fresh::tag))
    }};
    let loaded = if *optional {
        quote! {
            match __value {
                ::std::option::Option::Some(__value) => #fresh,
                ::std::option::Option::None => ::cache_facade::Loaded::Absent,
            }
        }
    } else {
        fresh
    };
    let error =
        quote!(::std::boxed::Box<dyn ::std::error::Error + ::std::marker::Send + ::std::marker::Sync>);
    let outcome = quote!(::std::result::Result::<::cache_facade::Loaded<#value>, #error>);
    if !fallible {
        let (found, rest) = if *optional {
            (
                quote!(::std::result::Result::Ok(__found) => __found.map(|__value| #unwrap)),
                quote!(::std::result::Result::Err(_) => #directly),
            )
        } else {
            (
                quote!(::std::result::Result::Ok(::std::option::Option::Some(__value)) => #unwrap),
                quote!(_ => #directly),
            )
        };
        return quote! {
            let __found = match __region {
                ::std::result::Result::Ok(__region) => {
                    __region.get_or_load(__id.as_str(), move || async move {
                        let __value = #with_copies;
                        #outcome::Ok(#loaded)
                    }).await
                }
                ::std::result::Result::Err(__error) => ::std::result::Result::Err(__error),
            };
            match __found { #found, #rest }
        };
    }
    let found = if *optional {
        quote!(::std::result::Result::Ok(__found) => ::std::result::Result::Ok(__found.map(|__value| #unwrap)))
    } else {
        quote! {
            ::std::result::Result::Ok(::std::option::Option::Some(__value)) => ::std::result::Result::Ok(#unwrap),
            // Another function of this region says that there is nothing.
            ::std::result::Result::Ok(::std::option::Option::None) => #directly
        }
    };
    quote! {
        let __failed = ::std::sync::Arc::new(::std::sync::Mutex::new(::std::option::Option::None));
        let __found = match __region {
            ::std::result::Result::Ok(__region) => {
                let __failed = ::std::sync::Arc::clone(&__failed);
                __region.get_or_load(__id.as_str(), move || async move {
                    let __value = match #with_copies {
                        ::std::result::Result::Ok(__value) => __value,
                        ::std::result::Result::Err(__error) => {
                            let __message = ::std::string::ToString::to_string(&__error);
                            *__failed.lock().unwrap_or_else(::std::sync::PoisonError::into_inner) =
                                ::std::option::Option::Some(__error);
                            return #outcome::Err(::std::convert::From::from(__message));
                        }
                    };
                    #outcome::Ok(#loaded)
                }).await
            }
            ::std::result::Result::Err(__error) => ::std::result::Result::Err(__error),
        };
        match __found {
            #found,
            ::std::result::Result::Err(__error) => {
                let __own = __failed.lock().unwrap_or_else(::std::sync::PoisonError::into_inner).take();
                ::std::result::Result::Err(match __own {
                    ::std::option::Option::Some(__own) => __own,
                    ::std::option::Option::None => ::std::convert::From::from(__error),
                })
            }
        }
    }
}

/// The signature without `mut` before arguments, which is the body's own affair.
fn plain(function: &Function) -> syn::Signature {
    let mut signature = function.item.sig.clone();
    for input in &mut signature.inputs {
        if let FnArg::Typed(typed) = input
            && let syn::Pat::Ident(pattern) = &mut *typed.pat
        {
            pattern.mutability = None;
        }
    }
    signature
}

/// The function itself: within the other one, or beside it if it is a method.
fn hidden(function: &Function) -> (Option<TokenStream>, Option<TokenStream>) {
    let mut item = function.item.clone();
    item.sig.ident = function.itself();
    item.attrs.retain(|attribute| attribute.path().is_ident("allow") || attribute.path().is_ident("expect"));
    if function.receiver().is_some() {
        item.vis = syn::Visibility::Inherited;
        (None, Some(quote!(#[doc(hidden)] #item)))
    } else {
        item.vis = syn::Visibility::Inherited;
        (Some(quote!(#item)), None)
    }
}
