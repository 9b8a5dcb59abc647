//! A thread that writes log lines, and drops and counts those that can't be written.

use std::{
    io::{self, Write},
    sync::Arc,
    thread,
    time::Duration,
};

use cache_core::Clock;
use tracing_subscriber::fmt::MakeWriter;

use super::queue::LineQueue;

/// The pause before another attempt on an output that takes nothing now, as a full pipe in non-blocking mode.
const FULL_PIPE_PAUSE: Duration = Duration::from_millis(10);

/// Takes log lines without ever failing or waiting: a thread of its own writes them. Lines that find no room in
/// its queue, or can't be written, are dropped and counted; once lines can be written again, one of them says how
/// many were dropped. Clones share the queue.
///
/// ```
/// use std::{io::Write, time::Duration};
/// use cache_server::LogWriter;
///
/// let log = LogWriter::start(std::io::sink())?;
/// log.clone().write_all(b"one line\n")?;
/// assert!(log.flush_within(Duration::from_secs(10)));
/// assert_eq!(log.dropped(), 0);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct LogWriter(Arc<LineQueue>);

impl LogWriter {
    /// Starts the thread that writes to `output`, for the rest of the process.
    ///
    /// # Errors
    ///
    /// If the thread can't be started.
    pub fn start(output: impl Write + Send + 'static) -> io::Result<Self> {
        let queue = Arc::new(LineQueue::default());
        let lines = Arc::clone(&queue);
        let mut writer = LineOutput { output, torn: false, told: 0 };
        thread::Builder::new().name("log".into()).spawn(move || {
            loop {
                writer.write(&lines.next(), &lines);
            }
        })?;
        Ok(Self(queue))
    }

    /// Waits until all queued lines are written or dropped, for at most `limit`. Returns whether they were.
    #[must_use = "lines may still be queued"]
    pub fn flush_within(&self, limit: Duration) -> bool {
        self.0.wait_until_idle(limit)
    }

    /// Returns how many lines were dropped so far.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.0.dropped()
    }

    /// Returns how many lines wait to be written.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.0.len()
    }
}

impl Write for LogWriter {
    /// Queues a whole line.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.push(line);
        Ok(line.len())
    }

    /// Returns at once: see [`flush_within`](LogWriter::flush_within).
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for LogWriter {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// Where lines are written.
struct LineOutput<W> {
    output: W,
    /// Whether only a part of the last line was written.
    torn: bool,
    /// How many dropped lines the log itself has mentioned.
    told: u64,
}

impl<W: Write> LineOutput<W> {
    /// Writes a line, or counts it as dropped.
    fn write(&mut self, line: &[u8], queue: &LineQueue) {
        if !self.try_write(line) {
            return queue.count_dropped();
        }
        let dropped = queue.dropped();
        // Told once the queue has been caught up with: until then the number grows.
        if dropped > self.told && queue.len() == 0 && self.try_write(notice(dropped - self.told).as_bytes()) {
            self.told = dropped;
        }
    }

    /// Returns whether the line is there, on a line of its own.
    fn try_write(&mut self, line: &[u8]) -> bool {
        if self.torn && !self.try_write_part(b"\n").is_empty() {
            return false;
        }
        let rest = self.try_write_part(line);
        // The end of a line is made up for in front of the next.
        rest.is_empty() || (rest.len() < line.len() && rest == b"\n")
    }

    /// Writes as much of `bytes` as it can. Returns the rest.
    fn try_write_part<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.output.write(rest) {
                Ok(0) => break,
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Only this thread waits; meanwhile the queue fills and lines are dropped.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(FULL_PIPE_PAUSE),
                Err(_) => break,
            }
        }
        if rest.len() < bytes.len() {
            self.torn = !rest.is_empty();
        }
        rest
    }
}

/// The line that says how many others are missing.
fn notice(dropped: u64) -> String {
    let now = market_data::moment::to_jiff(Clock::system().now());
    format!(
        "{now:.6}  WARN cache_server::log: log lines were dropped, since standard error took none for a while dropped={dropped}\n"
    )
}

#[cfg(test)]
mod tests {
    use std::{
        collections::VecDeque,
        sync::mpsc::{Receiver, Sender, channel},
    };

    use cache_core::sync::Mutex;
    use proptest::prelude::*;

    use super::*;
    use crate::log::queue::MAX_QUEUED_BYTES;

    const PATIENCE: Duration = Duration::from_secs(20);

    /// How an output deals with one call.
    #[derive(Clone, Copy, Debug)]
    enum Deal {
        Take(usize),
        Fail(io::ErrorKind),
        TakeNothing,
    }

    /// An output that deals with calls as listed, and takes everything afterwards.
    #[derive(Clone, Default)]
    struct Scripted(Arc<Mutex<(VecDeque<Deal>, Vec<u8>)>>);

    impl Write for Scripted {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let (deals, taken) = &mut *self.0.lock();
            match deals.pop_front() {
                Some(Deal::Fail(kind)) => Err(kind.into()),
                Some(Deal::TakeNothing) => Ok(0),
                Some(Deal::Take(most)) => {
                    let most = most.min(bytes.len());
                    taken.extend(&bytes[..most]);
                    Ok(most)
                }
                None => {
                    taken.extend(bytes);
                    Ok(bytes.len())
                }
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// An output that says when a write began, and blocks until it is told to go on.
    struct Blocking(Sender<()>, Receiver<()>);

    impl Write for Blocking {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.send(());
            let _ = self.1.recv();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn deal() -> impl Strategy<Value = Deal> {
        use io::ErrorKind::{BrokenPipe, FileTooLarge, Interrupted, StorageFull, WouldBlock};
        prop_oneof![
            3 => (1_usize..12).prop_map(Deal::Take),
            3 => prop::sample::select(&[BrokenPipe, FileTooLarge, StorageFull][..]).prop_map(Deal::Fail),
            1 => prop::sample::select(&[Interrupted, WouldBlock][..]).prop_map(Deal::Fail),
            1 => Just(Deal::TakeNothing),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

        /// However an output fails: every line is there whole, on a line of its own, or counted as dropped, and
        /// the log itself says how many are.
        #[test]
        fn rule_71_each_line_is_whole_or_counted(deals in prop::collection::vec(deal(), 0..60), lines in 1_usize..40) {
            let output = Scripted::default();
            output.0.lock().0 = deals.into();
            let log = LogWriter::start(output.clone()).unwrap();
            for line in 0..lines {
                log.clone().write_all(format!("line {line}.\n").as_bytes()).unwrap();
                if line % 3 == 0 {
                    prop_assert!(log.flush_within(PATIENCE));
                }
            }
            prop_assert!(log.flush_within(PATIENCE));
            // From now on it takes everything.
            output.0.lock().0.clear();
            log.clone().write_all(b"last.\n").unwrap();
            prop_assert!(log.flush_within(PATIENCE));
            let text = String::from_utf8(output.0.lock().1.clone()).unwrap();
            let whole = (0..lines).filter(|line| text.lines().any(|text| text == format!("line {line}."))).count();
            prop_assert_eq!(whole as u64 + log.dropped(), lines as u64, "{}", text);
            prop_assert!(text.lines().any(|line| line == "last."), "{}", text);
            let told: u64 = text.lines().filter_map(|line| {
                line.split_once("log lines were dropped")?.1.rsplit_once("dropped=")?.1.parse::<u64>().ok()
            }).sum();
            prop_assert_eq!(told, log.dropped(), "{}", text);
        }
    }

    #[test]
    fn rule_71_an_output_that_blocks_holds_up_nobody() {
        let (began, beginnings) = channel();
        let (_go_on, blocked) = channel();
        let log = LogWriter::start(Blocking(began, blocked)).unwrap();
        let line = [b'x'; 1000];
        log.clone().write_all(&line).unwrap();
        beginnings.recv_timeout(PATIENCE).unwrap();
        let lines = 2 * MAX_QUEUED_BYTES / line.len();
        for _ in 0..lines {
            log.clone().write_all(&line).unwrap();
        }
        let dropped = log.dropped() as usize;
        assert!((lines / 2..lines).contains(&dropped), "{dropped} of {lines}");
        assert!(!log.flush_within(Duration::from_millis(1)), "it can't be flushed, and says so in time");
        log.clone().write_all(&vec![b'x'; MAX_QUEUED_BYTES]).unwrap();
        assert_eq!(log.dropped() as usize, dropped + 1, "a line that would never fit is no different");
    }
}
