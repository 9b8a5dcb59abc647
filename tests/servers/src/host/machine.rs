//! The machine that something was measured on.

use std::{fmt, fs, thread::available_parallelism};

use serde::{Deserialize, Serialize};

/// What of a machine makes figures comparable. Nothing in it tells one machine of a kind from another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The model of its processors.
    pub cpu: String,
    /// The processors that this process may use.
    pub cores: usize,
    /// Its memory; `None` where that isn't told.
    pub memory_mib: Option<u64>,
    /// The system and its kernel.
    pub os: String,
}

impl Machine {
    /// Returns this machine.
    #[must_use]
    pub fn this() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let kernel = rustix::system::uname();
        let kernel = format!("{} {}", kernel.sysname().to_string_lossy(), kernel.release().to_string_lossy());
        let name =
            field(&read("/etc/os-release"), "PRETTY_NAME", '=').map(|name| name.trim_matches('"').to_owned());
        let kib = field(&read("/proc/meminfo"), "MemTotal", ':');
        let kib = kib.and_then(|kib| kib.trim_end_matches("kB").trim().parse::<u64>().ok());
        Self {
            cpu: field(&read("/proc/cpuinfo"), "model name", ':')
                .unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            cores: available_parallelism().map_or(1, usize::from),
            memory_mib: kib.map(|kib| kib >> 10),
            os: name.map_or_else(|| kernel.clone(), |name| format!("{name}, {kernel}")),
        }
    }
}

/// In a line, such as `AMD EPYC 7B13, 2 cores, 7.8 GiB, Debian GNU/Linux 12, Linux 6.1.0`.
impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cpu, cores, memory_mib, os } = self;
        write!(f, "{cpu}, {cores} {}", if *cores == 1 { "core" } else { "cores" })?;
        if let Some(mib) = memory_mib {
            write!(f, ", {:.1} GiB", *mib as f64 / 1024.0)?;
        }
        write!(f, ", {os}")
    }
}

/// Returns what a line says that begins with this name.
fn field(text: &str, name: &str, separator: char) -> Option<String> {
    text.lines().find_map(|line| {
        let (field, value) = line.split_once(separator)?;
        (field.trim() == name).then(|| value.trim().to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::{Machine, field};

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let text = "model\t\t: 7\nmodel name\t: Some CPU: 2 GHz\n";
        assert_eq!(field(text, "model name", ':').as_deref(), Some("Some CPU: 2 GHz"));
        assert_eq!(field(text, "name", ':'), None);
    }

    #[test]
    fn this_machine_says_what_it_is_in_a_line() {
        let machine = Machine::this();
        assert!(!machine.cpu.is_empty() && machine.cores > 0 && !machine.os.is_empty(), "{machine:?}");
        let known =
            Machine { cpu: "Some".to_owned(), cores: 1, memory_mib: Some(7936), os: "Linux 6".to_owned() };
        assert_eq!(known.to_string(), "Some, 1 core, 7.8 GiB, Linux 6");
    }
}
