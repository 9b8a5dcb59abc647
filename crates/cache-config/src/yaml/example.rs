//! Prints an example file: every setting with its meaning, commented out at its default.

use super::print::sections_and_name;
use crate::{profile::Profile, setting::Setting};

/// How many bytes wide a comment may be.
const MAX_COMMENT_WIDTH: usize = 100;

/// Returns an example file: each of `settings` commented out by a `#` at its default, below lines with `##` that
/// explain it.
///
/// ```
/// use cache_config::{Section, example, section, setting};
///
/// section! {
///     /// Memory.
///     pub struct Memory("memory.", profile) {
///         /// How much memory is used.
///         mib: u64 = profile.choose(64, 256),
///             setting().unit("MiB").range(1.0..=1_048_576.0).env(&["APP_MEMORY_MIB"]).flag("memory-mib"),
///     }
/// }
///
/// let text = example(&Memory::settings());
/// assert!(text.contains("\nmemory:\n"), "{text}");
/// assert!(text.contains("\n  ## How much memory is used. In MiB, 1..=1048576. APP_MEMORY_MIB, --memory-mib. In production 256.\n"), "{text}");
/// assert!(text.contains("\n  #mib: 64\n"), "{text}");
/// ```
#[must_use]
pub fn example(settings: &[Setting]) -> String {
    let mut text = String::new();
    let mut open: Vec<&str> = Vec::new();
    for setting in settings {
        let (sections, _) = sections_and_name(setting.key);
        if sections != open || sections.is_empty() {
            text.push('\n');
        }
        let shared = open.iter().zip(&sections).take_while(|(a, b)| a == b).count();
        for (depth, section) in sections.iter().enumerate().skip(shared) {
            text.push_str(&format!("{}{section}:\n", "  ".repeat(depth)));
        }
        let indent = "  ".repeat(sections.len());
        open = sections;
        for line in wrapped(&comment(setting)) {
            text.push_str(&format!("{indent}## {line}\n"));
        }
        for line in setting.spec.sample.lines() {
            text.push_str(&format!("{indent}##   {line}\n"));
        }
        for line in setting.default_lines() {
            text.push_str(&format!("{indent}#{line}\n"));
        }
    }
    text
}

/// Returns all that is known of a setting, in sentences.
fn comment(setting: &Setting) -> String {
    let mut comment = setting.about().into_owned();
    let mut add = |text: String| comment.push_str(&format!(" {text}."));
    let unit_and_range = setting.unit_and_range();
    if !unit_and_range.is_empty() {
        add(unit_and_range);
    }
    let others = setting.variables_and_flag();
    if !others.is_empty() {
        add(others.join(", "));
    }
    let production = setting.default_text(Profile::Production);
    if production != setting.default_text(Profile::Development) {
        add(format!("In production {production}"));
    }
    comment
}

fn wrapped(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= MAX_COMMENT_WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
