//! The banner, and the errors that prevent a start.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::TcpListener,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::fixture::process::{PATIENCE, Server, command, refused};

#[test]
fn the_start_says_what_is_served_from_where_and_what_to_try() {
    let data = tempfile::tempdir().unwrap();
    let mut child = command(data.path(), &["--listen=127.0.0.1:0"]).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut said = String::new();
    for line in lines.map_while(Result::ok) {
        let last = line.contains("/v1/stats");
        said.push_str(&line);
        said.push('\n');
        if last {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let folder = data.path().to_str().unwrap();
    for part in [
        "listening on http://127.0.0.1:",
        "AAPL",
        "memory (64 MiB), disk (1024 MiB)",
        "replay",
        "300 ms",
        folder,
    ] {
        assert!(said.contains(part), "no {part:?} in\n{said}");
    }
    assert_eq!(said.matches("curl 'http://127.0.0.1:").count(), 4, "{said}");
}

#[test]
fn a_port_in_use_is_named_with_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let data = tempfile::tempdir().unwrap();
    let said = refused(&mut command(data.path(), &["--listen", &address]));
    assert!(said.contains(&address) && said.contains("--listen") && said.contains("CACHE_LISTEN"), "{said}");
}

#[test]
fn an_address_that_is_none_is_named_with_what_to_do() {
    let data = tempfile::tempdir().unwrap();
    for address in ["8080", "127.0.0.1:99999", ""] {
        let said = refused(&mut command(data.path(), &["--listen", address]));
        assert!(said.contains(&format!("{address:?}")) && said.contains("such as 127.0.0.1:8081"), "{said}");
    }
}

#[test]
fn a_data_folder_that_cannot_be_one_is_named_with_what_to_do() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("file");
    fs::write(&file, "x").unwrap();
    let said = refused(&mut command(&file, &["--listen=127.0.0.1:0"]));
    assert!(said.contains(file.to_str().unwrap()) && said.contains("--data-dir"), "{said}");
}

#[test]
fn a_data_folder_in_use_is_named_with_what_to_do() {
    let data = tempfile::tempdir().unwrap();
    let _first = Server::start(data.path(), &[]);
    let said = refused(&mut command(data.path(), &["--listen=127.0.0.1:0"]));
    assert!(said.contains(data.path().to_str().unwrap()) && said.contains("--data-dir"), "{said}");
}

/// A signal would end the process: it is waited for before anything that takes its time, such as a folder in use.
#[cfg(target_os = "linux")]
#[test]
fn a_reload_that_is_asked_for_during_the_start_does_not_end_the_process() {
    let data = tempfile::tempdir().unwrap();
    let first = Server::start(data.path(), &[]);
    let mut second = command(data.path(), &["--listen=127.0.0.1:0"]);
    let mut second = second.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let caught = || {
        let status = fs::read_to_string(format!("/proc/{}/status", second.id())).unwrap();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or("0");
        u64::from_str_radix(mask.trim(), 16).unwrap() & 1 == 1
    };
    let began = Instant::now();
    while !caught() {
        assert!(began.elapsed() < PATIENCE, "SIGHUP is not caught");
        thread::sleep(Duration::from_millis(1));
    }
    assert!(Command::new("kill").args(["-HUP", &second.id().to_string()]).status().unwrap().success());
    let status = second.wait().unwrap();
    assert_eq!(status.code(), Some(1), "it says that the folder is in use: {status}");
    drop(first);
}

#[test]
fn settings_come_from_the_environment_too_and_a_bad_one_is_named() {
    let data = tempfile::tempdir().unwrap();
    let said = refused(command(data.path(), &["--listen=127.0.0.1:0"]).env("CACHE_TTL_PRICE", "soon"));
    assert!(said.contains("--ttl-price") && said.contains("soon"), "{said}");
    let said = refused(command(data.path(), &["--listen=127.0.0.1:0"]).env("CACHE_LOG", "a=b=c"));
    assert!(said.contains("CACHE_LOG") && said.contains("a=b=c"), "{said}");
}
