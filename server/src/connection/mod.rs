//! Connections: taken, counted, perhaps secured, served, and cut off when they dawdle.

mod line;
mod pace;
mod place;
mod refuse;

pub use place::Caps;
pub(crate) use place::Place;

use crate::{config::Config, tls::Certificates};
use axum::{Router, body::Body, extract::ConnectInfo, http::Request};
use hyper::{body::Body as _, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use line::Line;
use pace::Paced;
use place::Places;
use std::{net::SocketAddr, pin::pin, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::watch,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tower::Service as _;

/// Bytes that the head of a request may take.
const HEAD_BYTES_MAX: usize = 32 * 1024;
/// After the system had no connection to give, it gets this long to recover.
const RECOVER: Duration = Duration::from_millis(500);
/// A connection is secured within this time or dropped.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);
/// The first byte of every TLS handshake.
const TLS_HANDSHAKE: u8 = 0x16;
/// A silent peer is asked by the system whether it is there after this time, and then this often.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(60);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(15);
/// So many questions without an answer end a connection.
const KEEPALIVE_PROBES: u32 = 4;
/// Bytes that the peer's system does not take for so long end a connection.
const UNTAKEN: Duration = Duration::from_secs(60);

/// What serves connections.
#[derive(Clone)]
pub(crate) struct Connections {
    app: Router,
    head_within: Duration,
    places: Arc<Places>,
    tls: Option<TlsAcceptor>,
    public_url: Arc<str>,
}

/// The two steps of the end: no new requests, then no connections at all.
#[derive(Clone)]
pub(crate) struct Ending {
    /// Turns true when nothing new is taken.
    pub(crate) stopping: watch::Receiver<bool>,
    /// Turns true when what is left is cut off.
    pub(crate) cut: watch::Receiver<bool>,
}

impl Connections {
    /// Serves `app` as the settings say.
    pub(crate) fn new(app: Router, config: &Config, certificates: Option<&Arc<Certificates>>) -> Self {
        Self {
            app,
            head_within: config.limits.head_within,
            places: Arc::new(Places::new(config.caps, &config.trusted_proxies)),
            tls: certificates.map(Certificates::acceptor),
            public_url: config.public_url.as_str().into(),
        }
    }

    /// Takes connections until the server stops, then waits for those that are in the middle of something.
    pub(crate) async fn accept(self, listener: TcpListener, mut ending: Ending) {
        // Every connection holds a receiver for as long as it lives.
        let (open, _) = watch::channel(());
        loop {
            let accepted = tokio::select! {
                () = is_true(&mut ending.stopping) => break,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => self.take(stream, peer, &ending, open.subscribe()),
                // Mostly a peer that was gone already; else, the system is out of something and needs a moment.
                Err(error) => {
                    tracing::debug!(%error, "a connection was not taken");
                    tokio::time::sleep(RECOVER).await;
                }
            }
        }
        drop(listener);
        open.closed().await;
    }

    fn take(&self, stream: TcpStream, peer: SocketAddr, ending: &Ending, counted: watch::Receiver<()>) {
        prepare(&stream);
        match self.places.take(peer.ip().to_canonical()) {
            Ok(place) => {
                let (this, mut ending) = (self.clone(), ending.clone());
                tokio::spawn(async move {
                    let mut cut = ending.cut.clone();
                    tokio::select! {
                        () = this.secure_and_serve(stream, peer, place, &mut ending.stopping) => {}
                        () = is_true(&mut cut) => {}
                    }
                    drop(counted);
                });
            }
            Err(full) => refuse::refuse(stream, full, self.tls.is_some(), &self.places),
        }
    }

    async fn secure_and_serve(
        self,
        stream: TcpStream,
        peer: SocketAddr,
        place: Arc<Place>,
        stopping: &mut watch::Receiver<bool>,
    ) {
        let Some(tls) = &self.tls else { return self.serve(stream, peer, place, stopping).await };
        let secured = async {
            let mut first = [0];
            // Only looked at: the handshake reads it again.
            if stream.peek(&mut first).await? == 1 && first[0] != TLS_HANDSHAKE {
                refuse::not_tls(&stream, &self.public_url);
                return Ok(None);
            }
            Box::pin(tls.accept(stream)).await.map(Some)
        };
        match timeout(HANDSHAKE_WITHIN.min(self.head_within), secured).await {
            Ok(Ok(Some(stream))) => self.serve(stream, peer, place, stopping).await,
            Ok(Ok(None)) => tracing::debug!(%peer, "a connection spoke no TLS"),
            Ok(Err(error)) => tracing::debug!(%peer, %error, "a connection was not secured"),
            Err(_) => tracing::debug!(%peer, "a connection was not secured in time"),
        }
    }

    /// Serves one connection. Whoever dawdles over the head of a request, or makes it longer than any honest one, is
    /// cut off.
    async fn serve(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        peer: SocketAddr,
        place: Arc<Place>,
        stopping: &mut watch::Receiver<bool>,
    ) {
        let (app, held) = (self.app, Arc::clone(&place));
        let answer = service_fn(move |request: Request<Incoming>| {
            let has_body = !request.body().is_end_stream();
            let mut request =
                request.map(|body| if has_body { Body::new(Paced::new(body)) } else { Body::empty() });
            request.extensions_mut().insert(ConnectInfo(peer));
            request.extensions_mut().insert(Arc::clone(&held));
            app.clone().call(request)
        });
        let serving = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.head_within)
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(Line::new(stream, place)), answer)
            .with_upgrades();
        let mut serving = pin!(serving);
        let ended = tokio::select! {
            ended = serving.as_mut() => ended,
            () = is_true(stopping) => {
                serving.as_mut().graceful_shutdown();
                serving.await
            }
        };
        if let Err(error) = ended {
            tracing::trace!(%error, "a connection broke");
        }
    }
}

/// Tells the system to send at once, and to find out when the other end is gone without a word.
fn prepare(stream: &TcpStream) {
    // What a system cannot do it need not do: there are timeouts of our own as well.
    let _ = stream.set_nodelay(true);
    #[cfg(target_os = "linux")]
    {
        use rustix::net::sockopt;
        let untaken = u32::try_from(UNTAKEN.as_millis()).unwrap_or(u32::MAX);
        let _ = sockopt::set_socket_keepalive(stream, true)
            .and_then(|()| sockopt::set_tcp_keepidle(stream, KEEPALIVE_AFTER))
            .and_then(|()| sockopt::set_tcp_keepintvl(stream, KEEPALIVE_EVERY))
            .and_then(|()| sockopt::set_tcp_keepcnt(stream, KEEPALIVE_PROBES))
            .and_then(|()| sockopt::set_tcp_user_timeout(stream, untaken));
    }
}

/// Waits until it is true, or until nobody can make it true any more.
pub(crate) async fn is_true(value: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, which ends the server too.
    let _ = value.wait_for(|value| *value).await;
}
