//! The functions whose values a region keeps: no two may take one id for different things.

use std::{
    any::{TypeId, type_name},
    collections::HashMap,
    fmt::{Display, Write},
    sync::Arc,
};

use cache_core::{Error, ErrorKind, Result, sync::Mutex};

use crate::cache::Cache;

/// A cached function with its type arguments, as its region knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CachedFunction {
    name: &'static str,
    /// Where it is in the source.
    place: &'static str,
    /// The type that it is a function of, without the arguments of that type.
    owner: Option<&'static str>,
    /// Whether its key was written out, so that other functions may name the same entries.
    written_key: bool,
    /// What its keys say of its type arguments.
    named: String,
    /// The type arguments that its body can tell apart.
    types: Vec<TypeId>,
}

impl CachedFunction {
    /// A function of this path, at this place in the source.
    #[must_use]
    pub fn new(name: &'static str, place: &'static str, written_key: bool) -> Self {
        Self { name, place, owner: None, written_key, named: String::new(), types: Vec::new() }
    }

    /// Says that it is a function of the type `T`.
    #[must_use]
    pub fn owner<T: ?Sized>(mut self) -> Self {
        self.owner = type_name::<T>().split('<').next();
        self
    }

    /// Adds a type argument, which is in the key or isn't.
    #[must_use]
    pub fn type_argument<T: ?Sized + 'static>(mut self, in_key: bool) -> Self {
        self.types.push(TypeId::of::<T>());
        if in_key { self.constant(&type_name::<T>()) } else { self }
    }

    /// Adds a constant argument, which is in the key.
    #[must_use]
    pub fn constant(mut self, value: &impl Display) -> Self {
        // Writing to a string does not fail.
        let _ = write!(self.named, "{value};");
        self
    }

    /// Says why `other` can't keep its values in the same region, if that is so.
    fn conflict(&self, other: &Self) -> Option<String> {
        if (self.name, self.place, self.owner) != (other.name, other.place, other.owner) {
            return (!self.written_key || !other.written_key).then(|| {
                "give each a region of its own, or write out the `key` of both if they share entries"
                    .to_owned()
            });
        }
        (self.named == other.named && self.types != other.types).then(|| {
            "its keys don't tell the two types apart: write `{Self}` in the key, or `ignore(Self)`, or give the \
             types names that differ"
                .to_owned()
        })
    }
}

/// The functions of each region of a cache.
#[derive(Debug, Default)]
struct CachedFunctions(Mutex<HashMap<String, Vec<CachedFunction>>>);

/// Notes that a function keeps its values in the region of this kind.
///
/// # Errors
///
/// `Config` if another keeps its own there, and the ids of the two might be the same.
pub(super) fn admit(cache: &Cache, kind: &str, function: CachedFunction) -> Result<()> {
    let (regions, id) = (cache.engine.regions(), TypeId::of::<CachedFunctions>());
    let functions = regions.opened_by::<CachedFunctions>(id).unwrap_or_else(|| {
        let functions = Arc::new(CachedFunctions::default());
        regions.note_opened_by(id, Arc::clone(&functions));
        functions
    });
    let mut functions = functions.0.lock();
    let of_kind = functions.entry(kind.to_owned()).or_default();
    if of_kind.contains(&function) {
        return Ok(());
    }
    for other in of_kind.iter() {
        if let Some(remedy) = function.conflict(other) {
            let CachedFunction { name, place, .. } = &function;
            let (other, its) = (other.name, other.place);
            let message = format!(
                "the region {kind:?} of {name} ({place}) already keeps values of {other} ({its}): {remedy}"
            );
            return Err(Error::new(ErrorKind::Config, "open", message));
        }
    }
    of_kind.push(function);
    Ok(())
}
