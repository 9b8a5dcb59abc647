//! A file to begin with: every setting at its default, commented out, with what it means.

use crate::{print::parts, profile::Profile, setting::Setting};

/// How wide a comment may be.
const WIDTH: usize = 100;

/// A file in which every one of `settings` stands at its default behind a `#`, explained by lines that begin
/// with `##`.
///
/// ```
/// use cache_config::{Section, example, section, setting};
///
/// section! {
///     /// The near tier.
///     pub struct Memory("memory.", profile) {
///         /// What may be kept in memory.
///         mib: u64 = profile.choose(64, 256),
///             setting().unit("MiB").within(1.0..=1_048_576.0).env(&["CACHE_MEMORY_MIB"]).flag("memory-mib"),
///     }
/// }
///
/// let text = example(&Memory::settings());
/// assert!(text.contains("\nmemory:\n"), "{text}");
/// assert!(text.contains("\n  ## What may be kept in memory. In MiB, 1..=1048576. CACHE_MEMORY_MIB, --memory-mib. In production 256.\n"), "{text}");
/// assert!(text.contains("\n  #mib: 64\n"), "{text}");
/// ```
#[must_use]
pub fn example(settings: &[Setting]) -> String {
    let mut text = String::new();
    let mut open: Vec<&str> = Vec::new();
    for setting in settings {
        let (sections, _) = parts(setting.key);
        if sections != open || sections.is_empty() {
            text.push('\n');
        }
        let shared = open.iter().zip(&sections).take_while(|(a, b)| a == b).count();
        for (depth, section) in sections.iter().enumerate().skip(shared) {
            text.push_str(&format!("{}{section}:\n", "  ".repeat(depth)));
        }
        let indent = "  ".repeat(sections.len());
        open = sections;
        for line in wrapped(&about(setting)) {
            text.push_str(&format!("{indent}## {line}\n"));
        }
        for line in setting.traits.sample.lines() {
            text.push_str(&format!("{indent}##   {line}\n"));
        }
        for line in setting.default_lines() {
            text.push_str(&format!("{indent}#{line}\n"));
        }
    }
    text
}

/// All that is to be said of a setting, in sentences.
fn about(setting: &Setting) -> String {
    let mut about = setting.about.to_owned();
    let mut say = |text: String| about.push_str(&format!(" {text}."));
    let measure = setting.measure();
    if !measure.is_empty() {
        say(measure);
    }
    let ways = setting.ways();
    if !ways.is_empty() {
        say(ways.join(", "));
    }
    let production = setting.shown_default(Profile::Production);
    if production != setting.shown_default(Profile::Development) {
        say(format!("In production {production}"));
    }
    if setting.traits.idle {
        say("Read and checked, not yet acted on".to_owned());
    }
    about
}

impl Setting {
    /// In what it is counted, and from where to where: `In MiB, 1..=1048576`.
    #[must_use]
    pub fn measure(&self) -> String {
        let unit = (!self.traits.unit.is_empty()).then(|| format!("In {}", self.traits.unit));
        let range = self.traits.range.as_ref().map(|range| format!("{}..={}", range.start(), range.end()));
        [unit, range].into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// By what else it may be given: its variables, and its flag with the `--`.
    #[must_use]
    pub fn ways(&self) -> Vec<String> {
        let variables = self.traits.variables.iter().map(|name| (*name).to_owned());
        variables.chain(self.traits.flag.map(|flag| format!("--{flag}"))).collect()
    }
}

fn wrapped(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
