//! Lives by class: code says "short", and the deployment what that comes to.

use std::{fmt, str::FromStr, time::Duration};

use crate::{Error, ErrorKind, Ttl};

/// A TTL by name. What it comes to is the cache's setting: its [`Lives`].
///
/// ```
/// use std::time::Duration;
/// use cache_core::{Class, Lives};
///
/// assert_eq!("very_long".parse::<Class>()?, Class::VeryLong);
/// assert_eq!(Lives::default().of(Class::Medium).life, Duration::from_secs(1800));
/// # Ok::<(), cache_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "named for what they are")]
pub enum Class {
    Short,
    Medium,
    Long,
    VeryLong,
}

impl Class {
    /// All of them, shortest first.
    pub const ALL: [Self; 4] = [Self::Short, Self::Medium, Self::Long, Self::VeryLong];

    /// Returns the name: `"very_long"`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Short => "short",
            Self::Medium => "medium",
            Self::Long => "long",
            Self::VeryLong => "very_long",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Class {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|class| class.as_str() == name).ok_or_else(|| {
            let known = Self::ALL.map(Self::as_str).join(", ");
            Error::new(ErrorKind::Config, "class", format!("there is no class {name:?}: give one of {known}"))
        })
    }
}

/// What each [`Class`] comes to: 300, 1,800, 3,600 and 86,400 s without grace, unless set otherwise.
///
/// ```
/// use std::time::Duration;
/// use cache_core::{Class, Lives, Ttl};
///
/// let short = Ttl::new(Duration::from_secs(60)).stale_for(Duration::from_secs(600));
/// let lives = Lives { short, ..Lives::default() };
/// assert_eq!(lives.of(Class::Short), short);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named for what they are")]
pub struct Lives {
    pub short: Ttl,
    pub medium: Ttl,
    pub long: Ttl,
    pub very_long: Ttl,
}

impl Lives {
    /// Returns what a class comes to.
    #[must_use]
    pub const fn of(&self, class: Class) -> Ttl {
        match class {
            Class::Short => self.short,
            Class::Medium => self.medium,
            Class::Long => self.long,
            Class::VeryLong => self.very_long,
        }
    }
}

impl Default for Lives {
    fn default() -> Self {
        let seconds = |seconds| Ttl::new(Duration::from_secs(seconds));
        Self { short: seconds(300), medium: seconds(1800), long: seconds(3600), very_long: seconds(86_400) }
    }
}

/// A TTL as code gives it: itself, or by class. Made of a [`Ttl`], a `Duration`, which has no grace, or a
/// [`Class`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GivenTtl {
    /// This one.
    Fixed(Ttl),
    /// The one that the class comes to when it is used.
    Class(Class),
}

impl From<Ttl> for GivenTtl {
    fn from(ttl: Ttl) -> Self {
        Self::Fixed(ttl)
    }
}

impl From<Duration> for GivenTtl {
    /// Returns a TTL without grace.
    fn from(life: Duration) -> Self {
        Self::Fixed(Ttl::new(life))
    }
}

impl From<Class> for GivenTtl {
    fn from(class: Class) -> Self {
        Self::Class(class)
    }
}
