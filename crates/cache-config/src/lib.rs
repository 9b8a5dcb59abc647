//! Settings of a program, read from a YAML file, the environment and flags, with all errors reported at once.
//!
//! A program declares its settings as structs with [`section!`]: each field has a type, a default, a
//! range, and the variable and flag that set it. A [`ConfigReader`] reads the sources in order, the later
//! replacing the earlier, and returns either [`Values`] or [`ConfigErrors`]: every error, with its file, line
//! and column, its variable or its flag, and with the nearest known name.
//!
//! ```
//! use cache_config::{ConfigReader, Section, example, section, setting};
//!
//! section! {
//!     /// The mail server.
//!     pub struct Mail("mail.", profile) {
//!         /// The host to connect to.
//!         host: String = "localhost".to_owned(),
//!             setting().env(&["APP_MAIL_HOST"]).flag("mail-host"),
//!         /// How many connections are kept open.
//!         connections: u32 = profile.choose(1, 8),
//!             setting().range(1.0..=64.0).env(&["APP_MAIL_CONNECTIONS"]),
//!         /// The password.
//!         password: Option<String> = None,
//!             setting().secret().env(&["APP_MAIL_PASSWORD"]),
//!     }
//! }
//!
//! // Instead of these texts a program passes a path, `std::env::vars()` and its parsed flags.
//! let mut reader = ConfigReader::new(Mail::settings()).env_prefix("APP_");
//! reader.yaml("app.yaml", "mail:\n  host: mx1\n  connections: 4\n");
//! reader.env([("APP_MAIL_PASSWORD", "hunter2"), ("APP_MAIL_HOTS", "mx2")]);
//! reader.flag("mail-host", "mail.host", "mx3");
//! let (values, warnings) = reader.finish()?;
//!
//! let mail = Mail::from_values(&values);
//! assert_eq!((mail.host.as_str(), mail.connections), ("mx3", 4));
//! assert_eq!(values.origin("mail.host").to_string(), "--mail-host");
//! assert_eq!(warnings, ["unknown variable APP_MAIL_HOTS: did you mean APP_MAIL_HOST?"]);
//! assert!(!values.to_yaml(&Mail::settings()).contains("hunter2"));
//! assert!(example(&Mail::settings()).contains("  ## The host to connect to. APP_MAIL_HOST, --mail-host.\n"));
//!
//! let mut reader = ConfigReader::new(Mail::settings());
//! reader.yaml("app.yaml", "mail:\n  hots: mx1\n  connections: many\n");
//! let errors = reader.finish().unwrap_err();
//! assert_eq!(
//!     errors.to_string(),
//!     "app.yaml:2:3: unknown setting mail.hots: did you mean mail.host?\n\
//!      app.yaml:3:16: mail.connections is 'many': give a number in 1..=64"
//! );
//! # Ok::<(), cache_config::ConfigErrors>(())
//! ```
//!
//! Settings that are declared [`secret`](SettingSpec::secret) are masked in all output, whatever their type is.

mod errors;
mod file;
mod mask;
mod nearest;
mod profile;
mod reader;
mod section;
mod setting;
mod unit;
mod values;
mod yaml;

pub use errors::{ConfigErrors, shortened};
pub use file::read_text_file;
pub use profile::Profile;
pub use reader::ConfigReader;
pub use section::Section;
#[doc(hidden)]
pub use section::declare;
pub use setting::{Setting, SettingSpec, Validator, setting};
pub use values::{Origin, Values};
pub use yaml::{Position, YamlValue, example, read_value};
