//! Files that are large and of nothing but mistakes are read in a time that grows with their length alone.

use std::{fmt::Write, time::Instant};

use cache_config::{ConfigErrors, ConfigReader, Section, YamlValue, section, setting};

section! {
    /// Settings of several types.
    pub struct Sample("sample.", _profile) {
        /// A number.
        number: u64 = 1, setting().range(1.0..=1e6),
        /// A list of texts.
        texts: Vec<String> = Vec::new(), setting().list(),
        /// A list of texts that are checked.
        checked: Vec<String> = Vec::new(), setting().list().validate(|_| Err("is wrong".to_owned())),
        /// Any value.
        any: Option<YamlValue> = None, setting(),
        /// A switch.
        switch: bool = true, setting(),
    }
}

fn read(text: &str) -> Result<(), ConfigErrors> {
    let mut reader = ConfigReader::new(Sample::settings()).env_prefix("APP_");
    reader.yaml("app.yaml", text);
    reader.finish().map(drop)
}

/// Repeats numbered lines up to `len` bytes.
fn lines(len: usize, line: impl Fn(&mut String, usize)) -> String {
    let mut text = String::new();
    for number in 0.. {
        line(&mut text, number);
        if text.len() >= len {
            break;
        }
    }
    text
}

#[test]
fn rule_75_a_file_of_mistakes_is_checked_in_linear_time() {
    type Line = fn(&mut String, usize);
    let shapes: &[(&str, &str, Line)] = &[
        ("unknown settings", "", |text, at| writeln!(text, "x{at}: 1").unwrap()),
        ("settings of an unknown section", "x:\n", |text, at| writeln!(text, "  y{at}: 1").unwrap()),
        ("settings of a known section", "sample:\n", |text, at| writeln!(text, "  numbr{at}: 1").unwrap()),
        ("one name", "", |text, _| writeln!(text, "x: 1").unwrap()),
        ("a list", "sample:\n  texts:\n", |text, at| writeln!(text, "  - {at}").unwrap()),
        ("a list of what is wrong", "sample:\n  checked:\n", |text, at| writeln!(text, "  - {at}").unwrap()),
        ("a list of the wrong type", "sample:\n  texts:\n", |text, _| writeln!(text, "  - {{}}").unwrap()),
        ("a flow list", "sample: {texts: [", |text, at| write!(text, "{at}, ").unwrap()),
        ("a flow map", "sample: {any: {", |text, at| write!(text, "x{at}: 1, ").unwrap()),
        ("any map", "sample:\n  any:\n", |text, at| writeln!(text, "    x{at}: 1").unwrap()),
        ("one long name", "", |text, _| text.push_str("abc")),
        ("one long value", "x: ", |text, _| text.push_str("abc")),
        ("one long text in quotes", "x: \"", |text, _| text.push_str("ab\\n")),
        ("a text of many lines", "x: a\n", |text, _| writeln!(text, "  b").unwrap()),
        ("a block", "x: |\n", |text, _| writeln!(text, "  b").unwrap()),
        ("comments", "", |text, _| writeln!(text, "# x").unwrap()),
        ("empty lines", "", |text, _| text.push('\n')),
        ("brackets", "x: ", |text, _| text.push('[')),
        ("dashes", "x: ", |text, _| text.push_str("- ")),
        ("questions", "", |text, _| text.push_str("? ")),
        ("colons", "", |text, _| text.push_str(": ")),
        ("flow keys without values", "{", |text, at| write!(text, "x{at}, ").unwrap()),
        ("documents", "", |text, _| writeln!(text, "---").unwrap()),
        ("anchors", "", |text, at| writeln!(text, "x{at}: &a{at} 1").unwrap()),
    ];
    for (name, start, line) in shapes {
        let mut took = [0.0; 2];
        for (took, len) in took.iter_mut().zip([64 << 10, 512 << 10]) {
            let text = format!("{start}{}", lines(len, line));
            let began = Instant::now();
            let result = read(&text);
            *took = began.elapsed().as_secs_f64();
            if let Err(errors) = result {
                assert!(errors.iter().count() <= 101, "{name}");
                assert!(errors.iter().all(|error| error.len() < 1000), "{name}");
            }
        }
        println!("{name}: {took:?}");
        // Eight times the length: quadratic time would be 64 times as much.
        assert!(took[1] < 0.2 || took[1] < 32.0 * took[0], "{name}: {took:?}");
    }
}
