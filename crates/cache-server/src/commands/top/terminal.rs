//! The terminal while `top` has it, and how it gets it back: at the end, after a panic, and after a signal.

use std::{
    future::poll_fn,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
    thread,
    time::Duration,
};

use ratatui::{
    DefaultTerminal,
    crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers},
};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
};

use super::{draw::draw, model::Model};
use crate::commands::exit::{CommandError, CommandResult};

/// How often the thread that reads keys looks whether it is still wanted.
const POLL: Duration = Duration::from_millis(100);

/// The terminal, on its other screen, until this is dropped.
pub(super) struct Screen {
    terminal: DefaultTerminal,
    input: UnboundedReceiver<Event>,
    ended: Arc<AtomicBool>,
    signals: EndSignals,
}

impl Screen {
    /// Takes the terminal. A panic gives it back before it is told.
    pub(super) fn open() -> CommandResult<Self> {
        let failed = |error: io::Error| {
            CommandError::failed(format!("the terminal can't be used: {error}; try --once"))
        };
        // By now signals end nothing by themselves.
        let signals = EndSignals::catch().map_err(failed)?;
        let terminal = ratatui::try_init().map_err(failed)?;
        let (send, input) = unbounded_channel();
        let ended = Arc::new(AtomicBool::new(false));
        let is_over = Arc::clone(&ended);
        thread::spawn(move || {
            while !is_over.load(Ordering::Relaxed) {
                match event::poll(POLL) {
                    Ok(false) => {}
                    Ok(true) => match event::read() {
                        Ok(event) => {
                            if send.send(event).is_err() {
                                return;
                            }
                        }
                        Err(_) => return,
                    },
                    Err(_) => return,
                }
            }
        });
        Ok(Self { terminal, input, ended, signals })
    }

    pub(super) fn draw(&mut self, model: &Model) -> CommandResult {
        self.terminal.draw(|frame| draw(frame, model))?;
        Ok(())
    }

    /// Waits for anything from outside, and returns whether it asks for the end. Another size is to be drawn.
    pub(super) async fn wants_end(&mut self) -> bool {
        tokio::select! {
            event = self.input.recv() => event.is_none_or(|event| is_end(&event)),
            () = self.signals.come() => true,
        }
    }

    /// Waits for the end, whatever else comes.
    pub(super) async fn until_end(&mut self) {
        while !self.wants_end().await {}
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        ratatui::restore();
    }
}

/// The signals that would end the process where it stands, with the terminal as it is.
struct EndSignals(Vec<Signal>);

impl EndSignals {
    /// Catches them from now on.
    fn catch() -> io::Result<Self> {
        let kinds = [
            SignalKind::terminate(),
            SignalKind::interrupt(),
            SignalKind::hangup(),
            SignalKind::quit(),
            SignalKind::user_defined1(),
            SignalKind::user_defined2(),
            SignalKind::alarm(),
        ];
        kinds.into_iter().map(signal).collect::<io::Result<_>>().map(Self)
    }

    /// Waits for one of them.
    async fn come(&mut self) {
        poll_fn(|context| match self.0.iter_mut().any(|signal| signal.poll_recv(context).is_ready()) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await
    }
}

/// Whether a key asks for the end.
fn is_end(event: &Event) -> bool {
    let Event::Key(key) = event else { return false };
    let is_interrupt = key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c');
    key.kind == KeyEventKind::Press
        && (is_interrupt || matches!(key.code, KeyCode::Char('q' | 'Q') | KeyCode::Esc))
}

#[cfg(test)]
mod tests {
    use signal_hook::{
        consts::{SIGALRM, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2},
        low_level::raise,
    };

    use super::*;

    #[tokio::test]
    async fn whatever_would_end_the_process_asks_for_the_end_instead() {
        let mut signals = EndSignals::catch().unwrap();
        for number in [SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM] {
            raise(number).unwrap();
            tokio::time::timeout(Duration::from_secs(20), signals.come()).await.unwrap();
        }
    }
}
