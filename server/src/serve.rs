//! A server from its start to its orderly end.

use crate::{
    config::Config,
    install::Downloads,
    job,
    limit::{Limiter, TIDY_EVERY},
    link::Registry,
    portal,
    router::router,
    state::AppState,
    web::OtherServers,
};
use anyhow::{Context, Result};
use axum::{Router, body::Body, extract::ConnectInfo, http::Request};
use domain::Store;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{net::SocketAddr, pin::pin, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};
use tower::Service as _;

/// How long requests and sockets get to end once the server stops.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// Bytes that the head of a request may take.
const HEAD_BYTES_MAX: usize = 32 * 1024;
/// After the system had no connection to give, it gets this long to recover.
const RECOVER: Duration = Duration::from_millis(500);

/// A server that runs.
pub struct Server {
    address: SocketAddr,
    store: Store,
    registry: Arc<Registry>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Server {
    /// Starts all faces and jobs on a socket that listens already.
    ///
    /// # Errors
    /// When the portal's files are missing.
    pub async fn start(listener: TcpListener, store: Store, config: Config) -> Result<Self> {
        let address = listener.local_addr()?;
        let site = portal::site(&config)?;
        let agents_dir = config.agents_dir.clone();
        let downloads = tokio::task::spawn_blocking(move || Downloads::find(&agents_dir)).await?;
        tracing::info!(programs = downloads.len(), "the agent's programs are offered for download");
        let registry = Arc::<Registry>::default();
        store.set_courier(registry.clone());
        match OtherServers::new() {
            Ok(web) => store.set_web(Arc::new(web)),
            Err(error) => {
                tracing::warn!(%error, "other servers cannot be reached: nobody can sign in by them")
            }
        }
        let (stop, stopping) = watch::channel(false);
        job::start(&store, &stopping);
        let state = AppState {
            store: store.clone(),
            limiter: Arc::new(Limiter::new(&config.limits)),
            config: Arc::new(config),
            registry: registry.clone(),
            downloads: Arc::new(downloads),
            streams: Arc::default(),
            site,
            stopping: stopping.clone(),
        };
        tokio::spawn(tidy(Arc::clone(&state.limiter), stopping.clone()));
        let head_within = state.config.limits.head_within;
        let task = tokio::spawn(accept(listener, router(state), head_within, stopping));
        tracing::info!(%address, "serving");
        Ok(Self { address, store, registry, stop, task })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends in order: takes nothing new, says goodbye to agents and pages, lets requests finish, and closes the
    /// store. What is not done after ten seconds is cut off; agents keep what was not acknowledged.
    ///
    /// # Errors
    /// When the listener had failed before.
    pub async fn stop(mut self) -> Result<()> {
        tracing::info!("stopping");
        self.stop.send_replace(true);
        let ended = tokio::time::timeout(STOP_WITHIN, async {
            self.registry.close().await;
            (&mut self.task).await
        })
        .await;
        self.task.abort();
        self.store.close().await;
        match ended {
            Ok(served) => served.context("the listener failed"),
            Err(_) => {
                tracing::warn!("some requests did not end in time and were cut off");
                Ok(())
            }
        }
    }
}

/// Takes connections until the server stops, then waits for those that are in the middle of something.
async fn accept(
    listener: TcpListener,
    app: Router,
    head_within: Duration,
    mut stopping: watch::Receiver<bool>,
) {
    // Every connection holds a receiver for as long as it lives.
    let (open, _) = watch::channel(());
    loop {
        let accepted = tokio::select! {
            () = stopped(&mut stopping) => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let serving = connection(stream, peer, app.clone(), head_within, stopping.clone());
                let counted = open.subscribe();
                tokio::spawn(async move {
                    serving.await;
                    drop(counted);
                });
            }
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

/// Serves one connection. Whoever dawdles over the head of a request, or makes it longer than any honest one, is cut
/// off.
async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    app: Router,
    head_within: Duration,
    mut stopping: watch::Receiver<bool>,
) {
    let answer = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        app.clone().call(request)
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_within)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), answer)
        .with_upgrades();
    let mut serving = pin!(serving);
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = stopped(&mut stopping) => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::trace!(%error, "a connection broke");
    }
}

/// Lets the limiter forget what is over.
async fn tidy(limiter: Arc<Limiter>, mut stopping: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(TIDY_EVERY);
    loop {
        tokio::select! {
            () = stopped(&mut stopping) => return,
            _ = ticks.tick() => limiter.tidy(),
        }
    }
}

async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, which ends the server too.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}
