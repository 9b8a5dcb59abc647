//! A log that can't be written, or that nobody reads, changes nothing but the log (rule 71).

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, PipeReader, Write},
    net::TcpListener,
    path::Path,
    process::{Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use crate::fixture::process::{PATIENCE, Server, command, refused};

/// Where standard error, or standard output, may lead.
#[derive(Clone, Copy, Debug)]
enum Sink {
    /// A device that is always full.
    Full,
    /// A pipe that nobody reads.
    Unread,
    /// A pipe whose reader is gone.
    ReaderGone,
    /// A file that is as large as it may be.
    TooLarge,
    /// Closed from the start.
    Closed,
    /// A file that can only be read.
    ReadOnly,
}

const SINKS: [Sink; 6] =
    [Sink::Full, Sink::Unread, Sink::ReaderGone, Sink::TooLarge, Sink::Closed, Sink::ReadOnly];

/// The largest size of a file for a process whose log is a file of that size.
const MAX_FILE_BYTES: u64 = 1 << 30;

impl Sink {
    /// Returns a command like `command` whose output of this number leads here, and a reader to hold.
    fn of(self, command: &Command, descriptor: u8, data: &Path) -> (Command, Option<PipeReader>) {
        let by_shell = |script: String| {
            let mut shell = Command::new("sh");
            shell.env_clear().args(["-c", &script]).arg(command.get_program()).args(command.get_args());
            shell.stdin(Stdio::null());
            shell
        };
        let mut held = None;
        let redirected = match self {
            Self::Closed => return (by_shell(format!("exec \"$0\" \"$@\" {descriptor}>&-")), None),
            Self::Full => Stdio::from(OpenOptions::new().write(true).open("/dev/full").unwrap()),
            Self::Unread | Self::ReaderGone => {
                let (reader, writer) = io::pipe().unwrap();
                held = matches!(self, Self::Unread).then_some(reader);
                // A pipe takes 64 KiB, and then nothing more.
                if held.is_some() {
                    (&writer).write_all(&[b'\n'; 65_536]).unwrap();
                }
                Stdio::from(writer)
            }
            Self::TooLarge => {
                let file = File::create(data.join("log")).unwrap();
                file.set_len(MAX_FILE_BYTES).unwrap();
                Stdio::from(OpenOptions::new().append(true).open(data.join("log")).unwrap())
            }
            Self::ReadOnly => Stdio::from(File::open("/dev/null").unwrap()),
        };
        let mut changed = match self {
            Self::TooLarge => by_shell(format!("ulimit -f {}; exec \"$0\" \"$@\"", MAX_FILE_BYTES / 512)),
            _ => by_shell("exec \"$0\" \"$@\"".to_owned()),
        };
        if descriptor == 1 {
            changed.stdout(redirected)
        } else {
            changed.stderr(redirected)
        };
        (changed, held)
    }
}

fn ended(command: &mut Command) -> ExitStatus {
    let mut child = command.spawn().unwrap();
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(began.elapsed() < PATIENCE, "still running after {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Loads through an outage of the provider, with a log of each step.
async fn keep_busy(server: &Server) {
    for symbol in 0..300 {
        let path = format!("/v1/quotes?symbols=AAPL,SYM{symbol},MSFT");
        let status = server.get(&path).await.status().as_u16();
        assert!([200, 404, 502].contains(&status), "{status} for {path}");
    }
}

const BUSY: [&str; 6] = [
    "--log=trace",
    "--provider-latency-ms=0",
    "--provider-failure-rate=0.5",
    "--batch-window-ms=0",
    "--ttl-price=1",
    "--set=limits.throttle_ms=1",
];

#[tokio::test(flavor = "multi_thread")]
async fn rule_71_whatever_becomes_of_standard_error_the_service_goes_on() {
    for sink in SINKS {
        let data = tempfile::tempdir().unwrap();
        let (mut changed, _held) = sink.of(&command(&data.path().join("data"), &BUSY), 2, data.path());
        let server = Server::run(&mut changed);
        drop(changed);
        keep_busy(&server).await;
        let stats = server.json("/v1/stats").await;
        let dropped = stats["log"]["dropped"].as_u64().unwrap();
        // What is closed at the start is /dev/null to the process, which takes everything; a pipe takes none, and
        // the first lines wait in the queue.
        assert_eq!(dropped > 300, !matches!(sink, Sink::Closed | Sink::Unread), "{sink:?}: {dropped}");
        server.signal("-HUP");
        assert_eq!(server.get("/health").await.status(), 200, "{sink:?}");
        server.terminate();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_71_whatever_becomes_of_standard_output_the_service_goes_on() {
    for sink in SINKS {
        let data = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let listen = format!("--listen=127.0.0.1:{port}");
        let (mut changed, _held) = sink.of(&command(&data.path().join("data"), &[&listen]), 1, data.path());
        let server = Server::spawn(changed.stderr(Stdio::null()), &format!("http://127.0.0.1:{port}"));
        server.wait_until_reachable().await;
        assert_eq!(server.get("/v1/quotes/AAPL").await.status(), 200, "{sink:?}");
        server.terminate();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_71_once_lines_can_be_written_again_one_says_how_many_are_missing() {
    let data = tempfile::tempdir().unwrap();
    let (reader, writer) = io::pipe().unwrap();
    let mut command = command(data.path(), &BUSY);
    let server = Server::run(command.stderr(writer));
    drop(command);
    let mut dropped = 0;
    while dropped == 0 {
        keep_busy(&server).await;
        dropped = server.json("/v1/stats").await["log"]["dropped"].as_u64().unwrap();
    }
    let lines = std::thread::spawn(move || {
        let lines = BufReader::new(reader).lines();
        lines
            .map_while(Result::ok)
            .filter_map(|line| line.split_once("dropped=")?.1.parse::<u64>().ok())
            .sum::<u64>()
    });
    // Another line, after which nothing is queued.
    tokio::time::sleep(Duration::from_millis(50)).await;
    server.get("/health").await;
    let dropped = server.json("/v1/stats").await["log"]["dropped"].as_u64().unwrap();
    server.terminate();
    assert_eq!(lines.join().unwrap(), dropped);
}

/// Loads go on and end well while a shared tier is down, whose every change of state is a line that fails.
#[tokio::test(flavor = "multi_thread")]
async fn rule_71_with_a_tier_down_and_no_log_the_service_starts_and_serves() {
    for sink in [Sink::Full, Sink::ReaderGone] {
        let data = tempfile::tempdir().unwrap();
        let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let url = format!("--set=redis.url=redis://{nobody}");
        let (mut changed, _held) = sink.of(&command(&data.path().join("data"), &[&url]), 2, data.path());
        let server = Server::run(&mut changed);
        for symbol in ["AAPL", "MSFT", "AAPL"] {
            assert_eq!(server.get(&format!("/v1/quotes/{symbol}")).await.status(), 200, "{sink:?}");
        }
        assert!(server.json("/v1/stats").await["log"]["dropped"].as_u64().unwrap() > 0, "{sink:?}");
        server.terminate();
    }
}

/// What is no level is refused at the start, by a check and by a reload, which leaves the log as it was.
#[tokio::test(flavor = "multi_thread")]
async fn rule_71_a_level_that_is_none_is_refused_wherever_it_comes_from() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("config.yaml");
    let config = format!("--config={}", file.display());
    let named = |said: &str| said.contains("debgu") && said.contains("did you mean debug?");

    std::fs::write(&file, "log: info\n").unwrap();
    let server = Server::start(&data.path().join("data"), &[&config]);
    for bad in ["log: debgu\n", "log: info,cache_disk=debgu\n"] {
        std::fs::write(&file, bad).unwrap();
        let reply = server.client.post(format!("{}/v1/config/reload", server.url)).send().await.unwrap();
        assert_eq!(reply.status(), 422);
        let said = reply.text().await.unwrap();
        assert!(named(&said), "{said}");
    }
    server.terminate();

    let other = data.path().join("other");
    let said = refused(&mut command(&other, &[&config]));
    assert!(named(&said) && said.contains("config.yaml:1:"), "{said}");
    let said = refused(&mut command(&other, &["--log=debgu"]));
    assert!(named(&said), "{said}");
    let said = refused(command(&other, &[]).env("CACHE_LOG", "debgu"));
    assert!(named(&said), "{said}");
    let mut check = Command::new(env!("CARGO_BIN_EXE_cache-server"));
    let said = refused(check.env_clear().args(["config", "--check"]).arg(&file));
    assert!(named(&said), "{said}");
}

#[test]
fn rule_71_commands_end_well_if_their_reader_has_had_enough_and_else_fail() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("config.yaml");
    std::fs::write(&file, "ttl:\n  price: 60\n").unwrap();
    let check = ["config", "--check", file.to_str().unwrap()];
    let all: [&[&str]; 6] = [
        &["calendar", "XNYS", "--csv"],
        &["calendar", "XNYS"],
        &["config"],
        &["--help"],
        &["--version"],
        &check,
    ];
    for flags in all {
        let program = || {
            let mut program = Command::new(env!("CARGO_BIN_EXE_cache-server"));
            program.env_clear().args(flags);
            program
        };
        for (sink, code) in [(Sink::ReaderGone, 0), (Sink::Full, 1), (Sink::TooLarge, 1)] {
            let (mut changed, _held) = sink.of(&program(), 1, data.path());
            let status = ended(changed.stderr(Stdio::null()));
            assert_eq!(status.code(), Some(code), "{flags:?} to {sink:?}");
        }
        for sink in SINKS {
            let (mut changed, _held) = sink.of(&program(), 2, data.path());
            let status = ended(changed.stdout(Stdio::null()));
            assert_eq!(status.code(), Some(0), "{flags:?} with {sink:?} for errors");
        }
    }
}

#[test]
fn rule_71_a_refusal_that_cannot_be_told_is_still_a_refusal() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("config.yaml");
    std::fs::write(&file, "log: debgu\n").unwrap();
    let file = file.to_str().unwrap();
    let all: [(&[&str], i32); 5] = [
        (&["--no-such-flag"], 2),
        (&["--log=debgu"], 2),
        (&["config", "--check", file], 1),
        (&["--config", file], 1),
        (&["--listen=nowhere", "--data-dir", data.path().to_str().unwrap()], 1),
    ];
    for (flags, code) in all {
        for sink in SINKS {
            let mut program = Command::new(env!("CARGO_BIN_EXE_cache-server"));
            program.env_clear().args(flags);
            let (mut changed, _held) = sink.of(&program, 2, data.path());
            assert_eq!(ended(changed.stdout(Stdio::null())).code(), Some(code), "{flags:?} to {sink:?}");
        }
    }
}
