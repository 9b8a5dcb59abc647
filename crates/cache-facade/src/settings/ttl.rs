//! How long a region's values live: a policy decides, or a class does; and for how long after that they may be
//! served.

use std::{any::Any, fmt, sync::Arc, time::Duration};

use cache_core::{Class, GivenTtl, Key, Timestamp, Ttl, TtlPolicy};

use crate::{engine::Engine, settings::span::IntoSpan};

/// Who decides how long a value lives.
enum Decider<V> {
    Policy(Arc<dyn TtlPolicy<V>>),
    Class(Class),
}

/// How long the values of a region live. Made by [`IntoTtl`] of what
/// [`RegionBuilder::ttl`](crate::RegionBuilder::ttl) is given.
pub struct RegionTtl<V> {
    decider: Decider<V>,
    /// The TTL of all values, if there is one.
    fixed: Option<Ttl>,
    /// How long past its life a value may be served, whatever the decider says.
    stale_for: Option<Duration>,
}

impl<V> RegionTtl<V> {
    pub(crate) fn by_policy(policy: impl TtlPolicy<V> + 'static) -> Self {
        let fixed = (&policy as &dyn Any).downcast_ref::<Ttl>().copied();
        Self { decider: Decider::Policy(Arc::new(policy)), fixed, stale_for: None }
    }

    fn by_class(class: Class) -> Self {
        Self { decider: Decider::Class(class), fixed: None, stale_for: None }
    }

    /// The same, except that the span past the life stays as it was set.
    pub(crate) fn with_stale_for(self, stale_for: Option<Duration>) -> Self {
        Self { stale_for, ..self }
    }

    pub(crate) fn stale_for(&self) -> Option<Duration> {
        self.stale_for
    }

    /// The TTL of all values whose grace ends before its life, and so is none.
    pub(crate) fn short_grace(&self) -> Option<Ttl> {
        self.fixed.filter(|ttl| self.stale_for.is_none() && ttl.grace < ttl.life)
    }

    /// The TTL of a value, as of `now`.
    pub(crate) fn of(&self, engine: &Engine, key: &Key, value: &V, now: Timestamp) -> Ttl {
        let ttl = match &self.decider {
            Decider::Policy(policy) => policy.ttl(key, Some(value), now),
            Decider::Class(class) => engine.ttl(GivenTtl::Class(*class)),
        };
        self.stale_for.map_or(ttl, |span| ttl.stale_for(span))
    }
}

impl<V> Clone for RegionTtl<V> {
    fn clone(&self) -> Self {
        let decider = match &self.decider {
            Decider::Policy(policy) => Decider::Policy(Arc::clone(policy)),
            Decider::Class(class) => Decider::Class(*class),
        };
        Self { decider, ..*self }
    }
}

impl<V> fmt::Debug for RegionTtl<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let class = match &self.decider {
            Decider::Policy(_) => None,
            Decider::Class(class) => Some(class),
        };
        f.debug_struct("RegionTtl")
            .field("class", &class)
            .field("fixed", &self.fixed)
            .field("stale_for", &self.stale_for)
            .finish_non_exhaustive()
    }
}

/// What says how long a region's values live: a `Duration`, a [`Ttl`], a [`TtlPolicy`], a [`Class`], or a text,
/// which is a span such as `"30m"` or the name of a class such as `"short"`.
///
/// `By` tells the forms apart, and is inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` doesn't say how long values live",
    label = "write \"30m\", or give a `Duration`, a `Ttl`, a `Class` or a `TtlPolicy`"
)]
pub trait IntoTtl<V, By> {
    /// Returns how long values live.
    ///
    /// # Errors
    ///
    /// Why the text says nothing of the kind, and how to write one that does.
    fn into_ttl(self) -> Result<RegionTtl<V>, String>;
}

/// The form of [`IntoTtl`] of a policy, a `Duration` and a [`Ttl`] included.
#[derive(Debug)]
pub enum ByPolicy {}

/// The form of [`IntoTtl`] of a class.
#[derive(Debug)]
pub enum ByClass {}

/// The form of [`IntoTtl`] of a text.
#[derive(Debug)]
pub enum ByText {}

impl<V, P: TtlPolicy<V> + 'static> IntoTtl<V, ByPolicy> for P {
    fn into_ttl(self) -> Result<RegionTtl<V>, String> {
        Ok(RegionTtl::by_policy(self))
    }
}

impl<V> IntoTtl<V, ByClass> for Class {
    fn into_ttl(self) -> Result<RegionTtl<V>, String> {
        Ok(RegionTtl::by_class(self))
    }
}

impl<V> IntoTtl<V, ByText> for &str {
    fn into_ttl(self) -> Result<RegionTtl<V>, String> {
        match self.parse::<Class>() {
            Ok(class) => Ok(RegionTtl::by_class(class)),
            Err(_) => self
                .into_span()
                .map(|life| RegionTtl::by_policy(Ttl::new(life)))
                .map_err(|why| format!("{why}; or a class: {}", Class::ALL.map(Class::as_str).join(", "))),
        }
    }
}

impl<V> IntoTtl<V, ByText> for &String {
    fn into_ttl(self) -> Result<RegionTtl<V>, String> {
        self.as_str().into_ttl()
    }
}
