//! A request's body that has to come at a pace: whoever drips it, byte by byte, is cut off.

use axum::body::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use std::{
    future::Future as _,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::{Instant, Sleep, sleep_until};

/// A body may take so long whatever its size.
const GRACE: Duration = Duration::from_secs(30);
/// Beyond it, so many bytes have to come each second on average: slower than any line that carries an agent.
const BYTES_PER_SECOND: u64 = 512;

/// A body at a pace.
pub(super) struct Paced<B> {
    body: B,
    began_at: Instant,
    grace: Duration,
    received: u64,
    deadline: Pin<Box<Sleep>>,
}

impl<B> Paced<B> {
    pub(super) fn new(body: B) -> Self {
        Self::within(body, GRACE)
    }

    fn within(body: B, grace: Duration) -> Self {
        let began_at = Instant::now();
        Self { body, began_at, grace, received: 0, deadline: Box::pin(sleep_until(began_at + grace)) }
    }
}

impl<B> Body for Paced<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                self.received += u64::try_from(bytes).unwrap_or(u64::MAX);
                let deadline =
                    self.began_at + self.grace + Duration::from_secs(self.received / BYTES_PER_SECOND);
                self.deadline.as_mut().reset(deadline);
                if Instant::now() > deadline {
                    return Poll::Ready(Some(Err(too_slow())));
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(ended) => Poll::Ready(ended.map(|frame| frame.map_err(Into::into))),
            Poll::Pending => match self.deadline.as_mut().poll(cx) {
                Poll::Ready(()) => Poll::Ready(Some(Err(too_slow()))),
                Poll::Pending => Poll::Pending,
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn too_slow() -> Box<dyn std::error::Error + Send + Sync> {
    io::Error::new(io::ErrorKind::TimedOut, "the body came too slowly").into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use futures::{StreamExt as _, stream};
    use hyper::body::Body as _;
    use std::convert::Infallible;

    /// A body of which a part of this size comes every few moments.
    fn dripping(part: usize, grace: Duration) -> Paced<Body> {
        let parts = stream::repeat(()).then(move |()| async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            Ok::<_, Infallible>(Bytes::from(vec![0; part]))
        });
        Paced::within(Body::from_stream(Box::pin(parts)), grace)
    }

    /// How many parts of a hundred came until the body was given up.
    async fn parts(mut body: Paced<Body>) -> usize {
        for part in 0..100 {
            match std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
                Some(Ok(_)) => {}
                _ => return part,
            }
        }
        100
    }

    #[tokio::test]
    async fn whoever_drips_a_body_is_cut_off_and_a_slow_line_is_not() {
        let moment = Duration::from_millis(50);
        assert!(parts(dripping(1, moment)).await < 100);
        assert_eq!(parts(dripping(1, GRACE)).await, 100, "a small body has its time");
        assert_eq!(parts(dripping(2048, moment)).await, 100, "fast enough");
        let silent = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
        assert_eq!(parts(Paced::within(silent, moment)).await, 0);
    }
}
