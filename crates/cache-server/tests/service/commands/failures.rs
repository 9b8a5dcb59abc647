//! What may go wrong between a command and a service: each with an exit code, and with what to do.

use std::{
    io::Read,
    process::Stdio,
    time::{Duration, Instant},
};

use crate::fixture::{
    cli::{cli, run, say, silent},
    process::{Server, command},
};

const TOKEN: &str = "sixteen-letters-or-more";
/// Every command that speaks to a service, with arguments that would do.
const COMMANDS: [&[&str]; 10] = [
    &["get", "price:AAPL"],
    &["inspect", "price:AAPL"],
    &["invalidate", "price:AAPL"],
    &["warm", "popular"],
    &["stats"],
    &["report"],
    &["top", "--once"],
    &["events", "--count=1"],
    &["keys"],
    &["bench", "--seconds=1"],
];

#[test]
fn a_service_that_is_down_is_said_to_be_with_what_to_do() {
    let silent = silent();
    let free = silent.local_addr().unwrap();
    for args in COMMANDS {
        let begun = Instant::now();
        let said =
            say(&format!("http://{free}"), args).expect(5, &["can't be reached", "refused", "CACHE_URL"]);
        assert_eq!(said.out, "", "{args:?}");
        assert!(begun.elapsed() < Duration::from_secs(20), "{args:?}");
    }
}

#[test]
fn the_token_is_taken_from_the_environment_or_a_file_and_a_wrong_one_is_refused() {
    let data = tempfile::tempdir().unwrap();
    let server =
        Server::run(command(data.path(), &["--provider-latency-ms=0"]).env("CACHE_ACCESS_TOKEN", TOKEN));
    let file = data.path().join("token");
    std::fs::write(&file, format!("{TOKEN}\n")).unwrap();
    for args in
        [&["keys"][..], &["inspect", "price:AAPL"], &["invalidate", "price:AAPL"], &["get", "users:u1"]]
    {
        say(&server.url, args).expect(4, &["Token missing (401)", "CACHE_ACCESS_TOKEN", "--token-file"]);
        let wrong = run(cli(&server.url, args).env("CACHE_ACCESS_TOKEN", "wrong-sixteen-letters"));
        let wrong = wrong.expect(4, &["Wrong token (401)", "--token-file FILE"]);
        assert!(!wrong.err.contains("wrong-sixteen"), "{wrong:?}");
        let right = run(cli(&server.url, args).env("CACHE_ACCESS_TOKEN", TOKEN));
        assert!([0, 3].contains(&right.code), "{right:?}");
        let right = run(cli(&server.url, args).arg("--token-file").arg(&file));
        assert!([0, 3].contains(&right.code), "{right:?}");
    }
    std::fs::write(&file, " \n").unwrap();
    let empty = run(cli(&server.url, &["keys"]).arg("--token-file").arg(&file));
    empty.expect(2, &["the token file", "is empty"]);
}

#[test]
fn a_reader_who_has_enough_ends_a_command_quietly() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &["--provider-latency-ms=0"]);
    say(&server.url, &["get", "price", "AAPL", "MSFT"]).expect(0, &[]);
    for args in [&["events"][..], &["top", "--json", "-i", "0.1"], &["stats"], &["keys"]] {
        let mut child = cli(&server.url, args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // As head does once it has its lines: streams find out by their next event.
        let mut first = [0; 1];
        child.stdout.take().unwrap().read_exact(&mut first).unwrap();
        let ended = child.wait_with_output().unwrap();
        assert!(ended.status.success() && ended.stderr.is_empty(), "{args:?}: {ended:?}");
    }
}

#[test]
fn wrong_usage_is_told_from_failure() {
    for (args, said) in [
        (&["get"][..], "required"),
        (&["get", "price"], "no symbol follows"),
        (&["stats", "--url", "ftp://x"], "not of a service by HTTP"),
        (&["stats", "--url", "http://x?y"], "nothing else behind"),
        (&["stats", "--ca-file", "/nowhere"], "can't be read"),
        (&["bench", "--connections", "0"], "0"),
        (&["--listen", "127.0.0.1:1", "stats"], "leave them out"),
        (&["nope"], "nope"),
        (&["man", "nope"], "there is no command"),
    ] {
        run(&mut cli("http://127.0.0.1:1", args)).expect(2, &[said]);
    }
}

#[test]
fn what_is_no_cache_server_is_told_so() {
    use std::io::Write;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for (stream, status) in listener.incoming().zip(["200 OK", "502 Bad Gateway"]) {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 1024]);
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\ncontent-length: 4\r\nconnection: close\r\n\r\n<\u{1b}p>"
            );
        }
    });
    say(&url, &["keys"]).expect(5, &["no cache-server answers", "something other than our JSON"]);
    let said = say(&url, &["keys"]).expect(5, &["502 Bad Gateway without a reason", "<\\u{1b}p>"]);
    assert!(!said.err.contains('\u{1b}'), "{said:?}");
}

/// Gives this answer to every request, each on a connection of its own. Returns the URL.
fn answering(answer: &'static str) -> String {
    use std::io::Write;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer.as_bytes());
            // What comes late would have the answer lost, if nobody read it.
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let _ = stream.read_to_end(&mut Vec::new());
        }
    });
    url
}

#[test]
fn a_service_that_hangs_is_not_waited_for_in_silence() {
    // It takes connections, and answers none.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    say(&url, &["events", "--timeout", "1"]).expect(5, &["told nothing for 1s", "it hangs"]);
    say(&url, &["stats", "--timeout", "1"]).expect(5, &["did not answer in time"]);
}

#[test]
fn an_answer_without_an_end_is_given_up() {
    use std::io::Write;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n";
            let _ = stream.write_all(head.as_bytes());
            while stream.write_all(&[b'['; 1 << 20]).is_ok() {}
        }
    });
    // Those that are waited for without a limit of time, too.
    for args in [&["warm"][..], &["invalidate", "--all", "--dry-run"], &["stats"]] {
        say(&url, args).expect(5, &["answers with more than 64 MiB"]);
    }
}

#[test]
fn a_wrong_url_is_told_from_what_is_not_held() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &["--provider-latency-ms=0"]);
    let below = format!("{}/elsewhere", server.url);
    let html = answering("HTTP/1.1 404 Not Found\r\ncontent-length: 5\r\nconnection: close\r\n\r\n<h1/>");
    let json = answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}");
    for url in [&below, &html, &json] {
        for args in COMMANDS {
            say(url, args).expect(5, &["no cache-server answers at", "--url"]);
        }
    }
}

#[test]
fn completions_and_man_pages_are_printed() {
    let program = |args: &[&str]| run(&mut cli("http://127.0.0.1:1", args));
    program(&["completions", "bash"]).expect(0, &["complete -F _cache__server", "invalidate"]);
    program(&["man"]).expect(0, &[".TH", "Exit codes"]);
    program(&["man", "top"]).expect(0, &["cache\\-server\\-top"]);
    program(&["--help"]).expect(0, &["invalidate", "CACHE_ACCESS_TOKEN", "5 service unreachable"]);
}
