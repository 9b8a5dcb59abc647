//! Sections: structs of settings, declared by the macro `section!`.

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    profile::Profile,
    setting::{Setting, SettingSpec},
    values::Values,
};

/// A struct of settings. [`section!`](crate::section) implements it; a struct of sections joins theirs.
pub trait Section: Sized {
    /// The settings of this section, in the order in which they are printed.
    fn settings() -> Vec<Setting>;

    /// Makes the section from `values`, which were checked when they were read. A setting without a value has
    /// its default.
    fn from_values(values: &Values) -> Self;
}

/// Makes the setting of a field of type `T`, for [`section!`](crate::section).
#[doc(hidden)]
pub fn declare<T: Serialize + DeserializeOwned>(
    key: &'static str,
    about: &'static str,
    default: fn(Profile) -> T,
    spec: SettingSpec,
) -> Setting {
    Setting::new(key, about, default, spec)
}

/// Declares a section: a struct with its defaults, and the [`Setting`] of each field.
///
/// A field has a type, a default (which may depend on the profile), and the rest of its
/// [`SettingSpec`]. The literal is the prefix of the keys.
///
/// ```
/// use cache_config::{ConfigReader, Section, section, setting};
///
/// section! {
///     /// What clients may ask for.
///     pub struct Limits("limits.", profile) {
///         /// How many connections are served at once.
///         connections: u32 = profile.choose(2048, 8192),
///             setting().range(1.0..=1e6).env(&["APP_MAX_CONNECTIONS"]),
///     }
/// }
///
/// let mut reader = ConfigReader::new(Limits::settings());
/// reader.yaml("app.yaml", "limits: {connections: 0}");
/// let error = reader.finish().unwrap_err().to_string();
/// assert_eq!(error, "app.yaml:1:23: limits.connections is '0': give a number in 1..=1000000");
/// ```
#[macro_export]
macro_rules! section {
    (
        $(#[doc = $section:literal])+
        pub struct $name:ident($prefix:literal, $profile:ident) {
            $($(#[doc = $about:literal])+ $field:ident: $type:ty = $default:expr, $spec:expr,)+
        }
    ) => {
        $(#[doc = $section])+
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $($(#[doc = $about])+ pub $field: $type,)+
        }

        impl $crate::Section for $name {
            fn settings() -> ::std::vec::Vec<$crate::Setting> {
                ::std::vec![$($crate::declare::<$type>(
                    ::std::concat!($prefix, ::std::stringify!($field)),
                    ::std::concat!($($about),+),
                    |$profile| {
                        let _ = &$profile;
                        $default
                    },
                    $spec,
                )),+]
            }

            fn from_values(values: &$crate::Values) -> Self {
                let $profile = values.profile();
                let _ = &$profile;
                Self {
                    $($field: values
                        .get(::std::concat!($prefix, ::std::stringify!($field)))
                        .unwrap_or_else(|| $default),)+
                }
            }
        }

        impl ::std::default::Default for $name {
            fn default() -> Self {
                <Self as $crate::Section>::from_values(&$crate::Values::default())
            }
        }
    };
}
