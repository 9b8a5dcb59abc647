//! What is printed beside the log: a reader who is gone or doesn't read takes nothing else with it.

use std::{
    io::{self, Write},
    sync::mpsc::channel,
    thread,
    time::Duration,
};

/// How long text that nothing depends on may take to be written.
const BACKGROUND_LIMIT: Duration = Duration::from_millis(500);

/// How long the reason why the program ends may take to be written.
const FAILURE_LIMIT: Duration = Duration::from_secs(5);

/// Prints `text` to standard output. A reader that closed the pipe is no error: it has what it wanted.
///
/// # Errors
///
/// If standard output can't be written to for another reason, such as a full disk.
pub fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

/// Prints why the program ends to standard error: it waits longer for a busy machine than other lines do.
pub fn print_failure(line: &str) {
    let line = format!("{line}\n");
    within(FAILURE_LIMIT, move || io::stderr().write_all(line.as_bytes()));
}

/// Prints a line to standard error, and goes on if it can't be written, or after a moment if nobody takes it.
pub fn print_to_stderr(line: &str) {
    let line = format!("{line}\n");
    in_background(move || io::stderr().write_all(line.as_bytes()));
}

/// Prints something on which nothing depends, in a thread of its own, and goes on after a moment if nobody
/// takes it.
pub fn in_background(print: impl FnOnce() -> io::Result<()> + Send + 'static) {
    within(BACKGROUND_LIMIT, print);
}

fn within(limit: Duration, print: impl FnOnce() -> io::Result<()> + Send + 'static) {
    let (done, waiting) = channel();
    // If there can be no thread, there is no text either.
    let _ = thread::Builder::new().name("print".into()).spawn(move || done.send(print()));
    let _ = waiting.recv_timeout(limit);
}
