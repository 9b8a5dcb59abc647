//! ClientStream: the stream of a client, on which hyper's own errors become problems, and which is read to its end
//! before it is closed, so that the client gets the last answer.

use std::{
    future::Future,
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use cache_http::Problem;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf},
    time::{Sleep, sleep},
};
use tokio_io_timeout::TimeoutStream;

use super::{places::Place, plain_error};

/// How long to read on after an answer that refuses the rest of a request. A connection that is closed with unread
/// bytes is reset, and the client may lose the answer.
const LINGER: Duration = Duration::from_millis(500);
/// How many bytes to read on at most.
const MAX_LINGER_BYTES: usize = 1 << 20;

/// The stream of a client.
pub(super) struct ClientStream<S> {
    stream: Pin<Box<TimeoutStream<S>>>,
    place: Arc<Place>,
    /// What is written instead of hyper's own error, and how much of it was written.
    replaced: Option<(Vec<u8>, usize)>,
    linger: Option<Linger>,
}

struct Linger {
    ended: Pin<Box<Sleep>>,
    left: usize,
}

impl<S: AsyncRead + AsyncWrite> ClientStream<S> {
    pub(super) fn new(stream: S, stall: Duration, place: Arc<Place>) -> Self {
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(stall));
        Self { stream: Box::pin(stream), place, replaced: None, linger: None }
    }

    /// Tells the client a problem, whatever it sends, and ends.
    pub(super) async fn refuse(mut self, problem: Problem) -> io::Result<()> {
        self.replaced = Some((plain_error::answer(problem), 0));
        self.flush().await
    }

    /// Keeps `bufs` to be written with hyper's own error replaced, if they end with one. hyper writes nothing
    /// after it.
    fn replace(&mut self, bufs: &[IoSlice<'_>]) -> Option<usize> {
        let last = bufs.iter().rev().find(|buf| !buf.is_empty())?;
        let (at, problem) = plain_error::find(last)?;
        let all: Vec<u8> = bufs.iter().flat_map(|buf| buf.iter().copied()).collect();
        let replaced = [&all[..all.len() - last.len() + at], &problem].concat();
        self.replaced = Some((replaced, 0));
        Some(all.len())
    }

    /// Writes what replaces hyper's error, and then lingers.
    fn poll_replaced(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some((bytes, written)) = &mut self.replaced else { return Poll::Ready(Ok(())) };
        while *written < bytes.len() {
            match ready!(self.stream.as_mut().poll_write(cx, &bytes[*written..]))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => *written += count,
            }
        }
        self.poll_linger(cx)
    }

    /// Ends the writing half, and reads until the client has ended the other, within limits.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.linger.is_none() {
            ready!(self.stream.as_mut().poll_shutdown(cx))?;
        }
        let linger = self
            .linger
            .get_or_insert_with(|| Linger { ended: Box::pin(sleep(LINGER)), left: MAX_LINGER_BYTES });
        let mut scrap = [0; 4096];
        loop {
            if linger.left == 0 || linger.ended.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Ok(()));
            }
            let mut buf = ReadBuf::new(&mut scrap);
            match ready!(self.stream.as_mut().poll_read(cx, &mut buf)) {
                Ok(()) if !buf.filled().is_empty() => {
                    linger.left = linger.left.saturating_sub(buf.filled().len());
                }
                // Either it has ended, or it is gone: the answer was sent.
                _ => return Poll::Ready(Ok(())),
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite> AsyncRead for ClientStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite> AsyncWrite for ClientStream<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let Some(len) = self.replace(bufs) {
            return Poll::Ready(Ok(len));
        }
        let written = ready!(self.stream.as_mut().poll_write_vectored(cx, bufs));
        self.place.goes_on();
        Poll::Ready(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_replaced(cx))?;
        self.stream.as_mut().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.place.has_unread() { self.poll_linger(cx) } else { self.stream.as_mut().poll_shutdown(cx) }
    }
}
