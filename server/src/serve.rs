//! A server from its start to its orderly end.

use crate::{
    config::Config, install::Downloads, job, link::Registry, portal, router::router, state::AppState,
};
use anyhow::{Context, Result};
use domain::Store;
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

/// How long requests and sockets get to end once the server stops.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// A server that runs.
pub struct Server {
    address: SocketAddr,
    store: Store,
    registry: Arc<Registry>,
    stop: watch::Sender<bool>,
    task: JoinHandle<std::io::Result<()>>,
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
        let (stop, stopping) = watch::channel(false);
        job::start(&store, &stopping);
        let state = AppState {
            store: store.clone(),
            config: Arc::new(config),
            registry: registry.clone(),
            downloads: Arc::new(downloads),
            streams: Arc::default(),
            site,
            stopping: stopping.clone(),
        };
        let app = router(state).into_make_service_with_connect_info::<SocketAddr>();
        let task =
            tokio::spawn(axum::serve(listener, app).with_graceful_shutdown(stopped(stopping)).into_future());
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
            Ok(served) => served?.context("the listener failed"),
            Err(_) => {
                tracing::warn!("some requests did not end in time and were cut off");
                Ok(())
            }
        }
    }
}

async fn stopped(mut stopping: watch::Receiver<bool>) {
    // An error means that the sender is gone, which ends the server too.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}
