//! A TCP proxy between a client and its server, to cut the line or hold back what it carries.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;

use anyhow::{Context, Result};

use crate::ports;

/// A TCP proxy on a free port of 127.0.0.1; dropping it closes all connections.
#[derive(Debug)]
pub struct Proxy {
    line: Arc<Line>,
}

#[derive(Debug)]
struct Line {
    addr: SocketAddr,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    /// Where new connections lead to.
    target: SocketAddr,
    wanted: Wanted,
    /// Whether the acceptor listens.
    listens: bool,
    stalled: bool,
    /// Both ends of every connection that was not cut.
    open: Vec<Arc<TcpStream>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Open,
    Cut,
    Ended,
}

impl Proxy {
    /// Starts a proxy in threads of its own; each connection to it is one to `target`.
    ///
    /// # Errors
    /// Fails if no port is free.
    pub fn start(target: SocketAddr) -> Result<Self> {
        let listener = listener()?;
        let addr = listener.local_addr().context("a listener without an address")?;
        let state = State { target, wanted: Wanted::Open, listens: true, stalled: false, open: Vec::new() };
        let line = Arc::new(Line { addr, state: Mutex::new(state), changed: Condvar::new() });
        let accepting = Arc::clone(&line);
        thread::Builder::new()
            .name("proxy".to_owned())
            .spawn(move || accepting.accept(listener))
            .context("cannot start the proxy's thread")?;
        Ok(Self { line })
    }

    /// Where clients connect to.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.line.addr
    }

    /// Closes every connection, and refuses new ones until [`Proxy::restore`]. Both hold on return.
    pub fn cut(&self) {
        self.line.close(Wanted::Cut);
    }

    /// Accepts connections again, on the same address. That holds on return.
    ///
    /// # Panics
    /// If another process took the port meanwhile.
    pub fn restore(&self) {
        let mut state = self.line.lock();
        state.wanted = Wanted::Open;
        self.line.changed.notify_all();
        while !state.listens {
            assert_ne!(state.wanted, Wanted::Ended, "another process took {}", self.line.addr);
            state = wait(&self.line.changed, state);
        }
    }

    /// From now on new connections lead to `target`; those that are open stay where they are, as behind an
    /// address that was given to another server.
    pub fn switch(&self, target: SocketAddr) {
        self.line.lock().target = target;
    }

    /// Holds back every byte, both ways; connections are accepted and stay open.
    pub fn stall(&self) {
        self.line.lock().stalled = true;
    }

    /// Lets bytes flow again, first those that were held back.
    pub fn flow(&self) {
        self.line.lock().stalled = false;
        self.line.changed.notify_all();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.line.close(Wanted::Ended);
    }
}

impl Line {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Accepts until the proxy ends; while it is cut, the port is closed.
    fn accept(self: &Arc<Self>, mut listener: TcpListener) {
        loop {
            self.accept_until_cut(&listener);
            drop(listener);
            let Some(again) = self.listen_again() else { return };
            listener = again;
        }
    }

    fn accept_until_cut(self: &Arc<Self>, listener: &TcpListener) {
        while self.lock().wanted == Wanted::Open {
            if let Ok((client, _)) = listener.accept() {
                self.connect(client);
            }
        }
    }

    /// Waits until the line is restored, and listens; `None` once the proxy is to end.
    fn listen_again(&self) -> Option<TcpListener> {
        let mut state = self.lock();
        state.listens = false;
        self.changed.notify_all();
        while state.wanted == Wanted::Cut {
            state = wait(&self.changed, state);
        }
        let listener = match state.wanted {
            Wanted::Open => TcpListener::bind(self.addr).ok(),
            _ => None,
        };
        state.listens = listener.is_some();
        if listener.is_none() {
            state.wanted = Wanted::Ended;
        }
        self.changed.notify_all();
        listener
    }

    /// Joins a client with the target; if that can't be reached, the client's connection is closed.
    fn connect(self: &Arc<Self>, client: TcpStream) {
        let target = self.lock().target;
        let Ok(server) = TcpStream::connect(target) else { return };
        let _ = client.set_nodelay(true).and_then(|()| server.set_nodelay(true));
        let (client, server) = (Arc::new(client), Arc::new(server));
        let mut state = self.lock();
        if state.wanted == Wanted::Open {
            state.open.retain(|end| Arc::strong_count(end) > 1);
            state.open.extend([Arc::clone(&client), Arc::clone(&server)]);
            self.carry(Arc::clone(&client), Arc::clone(&server));
            self.carry(server, client);
        }
    }

    /// Copies bytes one way in a thread of its own, until either end closes.
    fn carry(self: &Arc<Self>, from: Arc<TcpStream>, to: Arc<TcpStream>) {
        let line = Arc::clone(self);
        thread::spawn(move || {
            let mut bytes = vec![0; 64 * 1024];
            loop {
                let read = match (&*from).read(&mut bytes) {
                    Ok(0) => break,
                    Ok(read) => read,
                    Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                    Err(_) => break,
                };
                line.wait_while_stalled();
                if (&*to).write_all(&bytes[..read]).is_err() {
                    break;
                }
            }
            let _ = to.shutdown(Shutdown::Write);
            let _ = from.shutdown(Shutdown::Read);
        });
    }

    fn wait_while_stalled(&self) {
        let mut state = self.lock();
        while state.stalled && state.wanted == Wanted::Open {
            state = wait(&self.changed, state);
        }
    }

    /// Closes the port and every connection, and returns once that is done.
    fn close(&self, wanted: Wanted) {
        let mut state = self.lock();
        if state.wanted == Wanted::Ended {
            return;
        }
        state.wanted = wanted;
        for end in state.open.drain(..) {
            let _ = end.shutdown(Shutdown::Both);
        }
        self.changed.notify_all();
        while state.listens {
            drop(state);
            // The acceptor sleeps in `accept` until somebody knocks.
            let _ = TcpStream::connect(self.addr);
            state = self.lock();
            if state.listens {
                state = wait(&self.changed, state);
            }
        }
    }
}

fn wait<'a>(changed: &Condvar, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
    changed.wait(state).unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn listener() -> Result<TcpListener> {
    for _ in 1..ports::MAX_ATTEMPTS {
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, ports::free()?)) {
            return Ok(listener);
        }
    }
    TcpListener::bind((Ipv4Addr::LOCALHOST, ports::free()?)).context("cannot listen on a free port")
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::thread;
    use std::time::Duration;

    use super::Proxy;

    /// A proxy before a server that says everything twice.
    fn proxy() -> Proxy {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = server.local_addr().unwrap();
        thread::spawn(move || {
            for client in server.incoming() {
                let mut client = client.unwrap();
                thread::spawn(move || {
                    let mut byte = [0];
                    while client.read(&mut byte).is_ok_and(|read| read == 1) {
                        client.write_all(&[byte[0], byte[0]]).unwrap();
                    }
                });
            }
        });
        Proxy::start(addr).unwrap()
    }

    fn client(proxy: &Proxy) -> TcpStream {
        let client = TcpStream::connect(proxy.addr()).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        client
    }

    fn answer(client: &mut TcpStream) -> std::io::Result<[u8; 2]> {
        let mut answer = [0; 2];
        client.read_exact(&mut answer).map(|()| answer)
    }

    #[test]
    fn bytes_go_both_ways() {
        let proxy = proxy();
        let (mut one, mut other) = (client(&proxy), client(&proxy));
        one.write_all(b"a").unwrap();
        other.write_all(b"b").unwrap();
        assert_eq!(answer(&mut one).unwrap(), *b"aa");
        assert_eq!(answer(&mut other).unwrap(), *b"bb");
    }

    #[test]
    fn a_cut_line_is_closed_and_refuses_until_restored() {
        let proxy = proxy();
        let mut before = client(&proxy);
        before.write_all(b"a").unwrap();
        answer(&mut before).unwrap();
        for _ in 0..3 {
            proxy.cut();
            assert!(answer(&mut before).is_err());
            let refused = TcpStream::connect(proxy.addr()).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
            proxy.restore();
            before = client(&proxy);
            before.write_all(b"c").unwrap();
            assert_eq!(answer(&mut before).unwrap(), *b"cc");
        }
    }

    #[test]
    fn a_stalled_line_holds_bytes_back_until_they_flow() {
        let proxy = proxy();
        let mut client = client(&proxy);
        proxy.stall();
        client.write_all(b"a").unwrap();
        client.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let held = answer(&mut client).unwrap_err().kind();
        assert!(matches!(held, ErrorKind::WouldBlock | ErrorKind::TimedOut), "{held:?}");
        client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        proxy.flow();
        assert_eq!(answer(&mut client).unwrap(), *b"aa");
    }

    #[test]
    fn a_dropped_proxy_closes_everything() {
        let proxy = proxy();
        let (addr, mut client) = (proxy.addr(), client(&proxy));
        proxy.stall();
        client.write_all(b"a").unwrap();
        drop(proxy);
        assert!(answer(&mut client).is_err());
        assert!(TcpStream::connect(addr).is_err());
    }
}
