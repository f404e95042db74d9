//! A server from its start to its orderly end.

use crate::{
    artifacts::Artifacts,
    config::Config,
    connection::{Connections, Ending},
    health::Readiness,
    install::Downloads,
    job,
    limit::{Limiter, TIDY_EVERY},
    link::Registry,
    portal,
    router::router,
    state::{AppState, Shared},
    telemetry::Telemetry,
    tls::Certificates,
    web::OtherServers,
};
use anyhow::{Context, Result};
use domain::{Store, SystemCx};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::TcpListener,
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::{Instant, timeout, timeout_at},
};

/// How long requests, sockets and jobs get to end once the server stops.
const STOP_WITHIN: Duration = Duration::from_secs(10);
/// How long the store gets to write down what is in memory after that.
const CLOSE_WITHIN: Duration = Duration::from_secs(10);

/// A server that runs.
pub struct Server {
    address: SocketAddr,
    store: Store,
    registry: Arc<Registry>,
    stop: watch::Sender<bool>,
    cut: watch::Sender<bool>,
    jobs: JoinSet<()>,
    task: JoinHandle<()>,
}

impl Server {
    /// Starts all faces and jobs on a socket that listens already.
    ///
    /// # Errors
    /// When the portal's files are missing, or the certificate is no good.
    pub async fn start(listener: TcpListener, store: Store, config: Config) -> Result<Self> {
        let address = listener.local_addr()?;
        let site = portal::site(&config)?;
        let certificates = config.tls.as_ref().map(Certificates::load).transpose()?;
        let at = config.artifacts.clone();
        let now = store.clock().now().into();
        let artifacts = tokio::task::spawn_blocking(move || Artifacts::open(&at, now)).await??;
        store.set_artifacts(Arc::new(artifacts));
        let agents_dir = config.agents_dir.clone();
        let downloads = tokio::task::spawn_blocking(move || Downloads::find(&agents_dir)).await?;
        let packages = downloads.packages();
        tracing::info!(
            files = downloads.len(),
            packages = packages.len(),
            "the agent is offered for download"
        );
        store.set_offered_packages(packages);
        let registry = Arc::<Registry>::default();
        store.set_courier(registry.clone());
        match OtherServers::new() {
            Ok(web) => store.set_web(Arc::new(web)),
            Err(error) => {
                tracing::warn!(%error, "other servers cannot be reached: nobody can sign in by them")
            }
        }
        domain::job::join(&SystemCx::new(&store, "join")).await?;
        let (stop, stopping) = watch::channel(false);
        let (cut, cut_off) = watch::channel(false);
        let jobs = job::start(&store, &stopping);
        let state = AppState::new(Shared {
            store: store.clone(),
            telemetry: Arc::new(Telemetry::new(&store)),
            budget: Arc::default(),
            limiter: Arc::new(Limiter::new(&config.limits)),
            config: Arc::new(config),
            registry: registry.clone(),
            downloads: Arc::new(downloads),
            streams: Arc::default(),
            readiness: Arc::<Readiness>::default(),
            site,
            stopping: stopping.clone(),
        });
        tokio::spawn(tidy(Arc::clone(&state.limiter), stopping.clone()));
        if let Some(certificates) = &certificates {
            tokio::spawn(Arc::clone(certificates).watch(stopping.clone()));
        }
        let is_tls = certificates.is_some();
        let config = Arc::clone(&state.config);
        let connections = Connections::new(router(state), &config, certificates.as_ref());
        let task = tokio::spawn(connections.accept(listener, Ending { stopping, cut: cut_off }));
        tracing::info!(%address, is_tls, "serving");
        Ok(Self { address, store, registry, stop, cut, jobs, task })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends in order: takes nothing new, acknowledges what agents have sent and says goodbye to them, ends the streams
    /// of open pages, lets requests and jobs finish, and closes the store. What is not done after ten seconds is cut
    /// off; agents keep what was not acknowledged.
    ///
    /// # Errors
    /// When the listener had failed before.
    pub async fn stop(mut self) -> Result<()> {
        tracing::info!("stopping");
        self.stop.send_replace(true);
        let deadline = Instant::now() + STOP_WITHIN;
        let ended = timeout_at(deadline, async {
            self.registry.close().await;
            let served = (&mut self.task).await;
            while self.jobs.join_next().await.is_some() {}
            served
        })
        .await;
        // Before the store is closed: nobody writes to it any more.
        self.cut.send_replace(true);
        self.task.abort();
        self.jobs.shutdown().await;
        if timeout(CLOSE_WITHIN, self.store.close()).await.is_err() {
            tracing::warn!("the database did not close in time");
        }
        match ended {
            Ok(served) => {
                tracing::info!("stopped");
                served.context("the listener failed")
            }
            Err(_) => {
                tracing::warn!("some requests did not end in time and were cut off");
                Ok(())
            }
        }
    }
}

/// Lets the limiter forget what is over.
async fn tidy(limiter: Arc<Limiter>, mut stopping: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(TIDY_EVERY);
    loop {
        tokio::select! {
            _ = stopping.wait_for(|stopping| *stopping) => return,
            _ = ticks.tick() => limiter.tidy(),
        }
    }
}
