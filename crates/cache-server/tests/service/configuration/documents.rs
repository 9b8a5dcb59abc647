//! The example file and the guide say what the code says.
//!
//! With `CACHE_WRITE_DOCUMENTS=1` they are written instead of compared.

use std::{env, fs, path::PathBuf};

use cache_config::{ConfigErrors, ConfigReader, Profile, Section, Setting, Values, example};
use cache_server::Settings;

const OPENING: &str = "\
## What cache-server can be told, each setting at its default behind a `#`.
##
## Start with a copy: cache-server --config cache.yaml. The environment counts more than the file, and flags
## count more than the environment. What is wrong is told with its line: cache-server config --check cache.yaml
";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The document at `path` below the root, or, where it is to be written, `wanted`.
fn document(path: &str, wanted: impl Fn(&str) -> String) -> String {
    let path = root().join(path);
    let text = fs::read_to_string(&path).unwrap_or_default();
    if env::var_os("CACHE_WRITE_DOCUMENTS").is_some() {
        fs::write(&path, wanted(&text)).unwrap();
    }
    fs::read_to_string(&path).unwrap()
}

fn read(text: &str) -> Result<(Values, Vec<String>), ConfigErrors> {
    let mut reader = ConfigReader::new(Settings::settings());
    reader.file("example", text);
    reader.finish()
}

/// Takes the `#` from settings, and with `##` from explanations too.
fn commented_in(text: &str) -> String {
    let line = |line: &str| match line.trim_start().starts_with("##") {
        true => String::new(),
        false => line.replacen('#', "", 1),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_example_has_every_setting_and_all_of_it_commented_in_is_the_defaults() {
    let wanted = format!("{OPENING}{}", example(&Settings::settings()));
    let text = document("crates/cache-server/cache.example.yaml", |_| wanted.clone());
    assert_eq!(text, wanted, "write it anew with CACHE_WRITE_DOCUMENTS=1");

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
    let text = document("crates/cache-server/cache.example.yaml", str::to_owned);
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
    let fill = |text: &str| {
        let (before, rest) = text.split_once(begin).expect("the guide marks where the table begins");
        let (_, after) = rest.split_once(end).expect("the guide marks where the table ends");
        format!("{before}{begin}{table}{end}{after}")
    };
    let text = document("docs/guide/configuration.md", fill);
    assert_eq!(text, fill(&text), "write it anew with CACHE_WRITE_DOCUMENTS=1");
}

fn table(settings: &[Setting]) -> String {
    let mut text =
        "| setting | variables and flag | default | unit and range | at run time | what it means |\n\
                    |---|---|---|---|---|---|\n"
            .to_owned();
    for setting in settings {
        let code = |text: &str| format!("`{text}`");
        let ways: Vec<String> = setting.variables_and_flag().iter().map(|way| code(way)).collect();
        let (usual, production) =
            (setting.default_text(Profile::Development), setting.default_text(Profile::Production));
        let mut default = if usual == "null" { "none".to_owned() } else { code(&short(&usual)) };
        if production != usual {
            default = format!("{default}; in production {}", code(&production));
        }
        let live = if setting.spec.reloadable { "yes" } else { "" };
        let idle = if setting.spec.without_effect { " *Not yet acted on.*" } else { "" };
        text.push_str(&format!(
            "| {} | {} | {default} | {} | {live} | {}{idle} |\n",
            code(setting.key),
            ways.join(", "),
            setting.unit_and_range().trim_start_matches("In "),
            setting.about.replace('|', "\\|"),
        ));
    }
    text
}

/// A default that fits a table.
fn short(text: &str) -> String {
    if text.len() > 60 { "see the example".to_owned() } else { text.to_owned() }
}
