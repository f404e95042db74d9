//! A connection's bytes: they keep its place, and a peer that takes none of them for a while is given up.

use super::Place;
use std::{
    future::Future as _,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// A peer that takes nothing of what is sent for so long is given up.
const TAKES_WITHIN: Duration = Duration::from_secs(30);

/// A stream that holds its place, also when it has become a socket.
pub(super) struct Line<S> {
    stream: S,
    /// Runs while the peer takes nothing.
    waits: Option<Pin<Box<Sleep>>>,
    takes_within: Duration,
    _place: Arc<Place>,
}

impl<S> Line<S> {
    pub(super) fn new(stream: S, place: Arc<Place>) -> Self {
        Self { stream, waits: None, takes_within: TAKES_WITHIN, _place: place }
    }

    /// Lets an answer of the stream pass, and turns too long a wait into an error.
    fn bounded<T>(&mut self, cx: &mut Context<'_>, answer: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if answer.is_ready() {
            self.waits = None;
            return answer;
        }
        let takes_within = self.takes_within;
        let waits = self.waits.get_or_insert_with(|| Box::pin(sleep(takes_within)));
        ready!(waits.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer takes nothing")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Line<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Line<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let answer = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.bounded(cx, answer)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let answer = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.bounded(cx, answer)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let answer = Pin::new(&mut self.stream).poll_flush(cx);
        self.bounded(cx, answer)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let answer = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.bounded(cx, answer)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::place::Places, *};
    use crate::connection::Caps;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    #[tokio::test]
    async fn a_peer_that_takes_nothing_is_given_up_and_a_slow_one_is_not() {
        let places = Arc::new(Places::new(Caps { all: 2, per_address: 2 }, &[]));
        let place = || places.take(std::net::IpAddr::from([192, 0, 2, 1])).expect("a place");
        let (ours, mut theirs) = duplex(4);
        let mut line = Line::new(ours, place());
        let slow = tokio::spawn(async move {
            let mut bytes = [0; 2];
            for _ in 0..6 {
                tokio::task::yield_now().await;
                theirs.read_exact(&mut bytes).await.expect("read");
            }
            theirs
        });
        line.write_all(&[0; 12]).await.expect("slow, but taken");
        let _theirs = slow.await.expect("read all");
        line.takes_within = Duration::from_millis(20);
        let error = line.write_all(&[0; 9]).await.expect_err("nobody reads");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
