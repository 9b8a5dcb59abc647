//! The example file and the guide's table are those that the code generates.
//!
//! `CACHE_WRITE_DOCUMENTS=1` writes them instead of comparing.

use std::{
    env, fs,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use cache_config::{ConfigErrors, Profile, Section, Setting, Values, example};
use cache_server::Settings;

const OPENING: &str = "\
## All settings of cache-server, each commented out by a `#` at its default.
##
## Copy this file, remove the `#` from what you change, and run: cache-server --config cache.yaml
## The environment replaces values of the file, and flags replace both.
## All errors of a file, with their lines: cache-server config --check cache.yaml
";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Returns a document in which what is between two marks is replaced.
pub(crate) fn between_marks(text: &str, begin: &str, end: &str, wanted: &str) -> String {
    let (before, rest) = text.split_once(begin).expect("the guide marks where it begins");
    let (_, after) = rest.split_once(end).expect("the guide marks where it ends");
    format!("{before}{begin}{wanted}{end}{after}")
}

/// Returns the document at `path` below the root, first writing `wanted` to it if documents are written.
pub(crate) fn document(path: &str, wanted: impl Fn(&str) -> String) -> String {
    // Two tests read the example, and neither may see it half written.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let path = root().join(path);
    let text = fs::read_to_string(&path).unwrap_or_default();
    if env::var_os("CACHE_WRITE_DOCUMENTS").is_some() {
        fs::write(&path, wanted(&text)).unwrap();
    }
    fs::read_to_string(&path).unwrap()
}

fn wanted_example() -> String {
    format!("{OPENING}{}", example(&Settings::settings()))
}

fn example_file() -> String {
    document("crates/cache-server/cache.example.yaml", |_| wanted_example())
}

fn read(text: &str) -> Result<(Values, Vec<String>), ConfigErrors> {
    let mut reader = Settings::reader();
    reader.yaml("example", text);
    reader.finish()
}

/// Removes the `#` of settings, and comments with `##` altogether.
fn commented_in(text: &str) -> String {
    let line = |line: &str| match line.trim_start().starts_with("##") {
        true => String::new(),
        false => line.replacen('#', "", 1),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_example_has_every_setting_and_all_of_it_commented_in_is_the_defaults() {
    let wanted = wanted_example();
    let text = example_file();
    assert_eq!(text, wanted, "out of date: write it with CACHE_WRITE_DOCUMENTS=1");

    let (values, _) = read(&text).unwrap();
    assert_eq!(format!("{values:?}"), "{}", "as it stands it says nothing");

    let (values, warnings) = read(&commented_in(&text)).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    assert_eq!(Settings::from_values(&values), Settings::default());
    for setting in Settings::settings() {
        let none = setting.default_text(Profile::Development) == "null";
        let given = values.origin(setting.key).to_string().starts_with("example:");
        assert!(given != none, "{}", setting.key);
        let name = setting.key.rsplit('.').next().unwrap();
        assert!(text.contains(&format!("#{name}:")), "{}", setting.key);
    }
}

#[test]
fn the_providers_of_the_example_can_be_read() {
    let text = example_file();
    let sample: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("##   ")).collect();
    let (values, _) = read(&sample.join("\n")).unwrap();
    let names: Vec<String> = Settings::from_values(&values)
        .providers
        .providers
        .iter()
        .map(|provider| provider.name().to_owned())
        .collect();
    assert_eq!(names, ["first", "second", "files"]);
}

#[test]
fn the_guide_lists_every_setting_as_it_is() {
    let table = table(&Settings::settings());
    let (begin, end) = ("<!-- settings -->\n", "<!-- end of settings -->");
    let fill = |text: &str| between_marks(text, begin, end, &table);
    let text = document("docs/guide/configuration.md", fill);
    assert_eq!(text, fill(&text), "out of date: write it with CACHE_WRITE_DOCUMENTS=1");
}

fn table(settings: &[Setting]) -> String {
    let mut text = "| setting | variables and flag | default | unit and range | reloadable | meaning |\n\
                    |---|---|---|---|---|---|\n"
        .to_owned();
    for setting in settings {
        let code = |text: &str| format!("`{text}`");
        let others: Vec<String> = setting.variables_and_flag().iter().map(|name| code(name)).collect();
        let (usual, production) =
            (setting.default_text(Profile::Development), setting.default_text(Profile::Production));
        let mut default = if usual == "null" { "none".to_owned() } else { code(&short(&usual)) };
        if production != usual {
            default = format!("{default}; in production {}", code(&production));
        }
        let reloadable = if setting.spec.reloadable { "yes" } else { "" };
        text.push_str(&format!(
            "| {} | {} | {default} | {} | {reloadable} | {} |\n",
            code(setting.key),
            others.join(", "),
            setting.unit_and_range().trim_start_matches("In "),
            setting.about().replace('|', "\\|"),
        ));
    }
    text
}

/// Returns a default short enough for a table.
fn short(text: &str) -> String {
    if text.len() > 60 { "see the example".to_owned() } else { text.to_owned() }
}
