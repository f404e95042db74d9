//! What every face shares: the store, the settings, who is connected.

use crate::{
    budget::Budget, config::Config, events::Streams, health::Readiness, install::Downloads, limit::Limiter,
    link::Registry, telemetry::Telemetry,
};
use axum::extract::FromRef;
use domain::Store;
use leptos::config::LeptosOptions;
use std::{ops::Deref, sync::Arc};
use tokio::sync::watch;

/// The router's state. Every layer of every request takes a clone of it, which costs one reference count.
#[derive(Clone)]
pub(crate) struct AppState(Arc<Shared>);

impl AppState {
    pub(crate) fn new(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }
}

impl Deref for AppState {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// What is shared.
pub(crate) struct Shared {
    /// The way to the verbs.
    pub(crate) store: Store,
    /// Settings of the faces.
    pub(crate) config: Arc<Config>,
    /// The agents whose sockets end here.
    pub(crate) registry: Arc<Registry>,
    /// The agent's programs that can be downloaded.
    pub(crate) downloads: Arc<Downloads>,
    /// Open event streams, counted per user.
    pub(crate) streams: Arc<Streams>,
    /// How much of what is sent may be in memory.
    pub(crate) budget: Arc<Budget>,
    /// How much anybody may ask.
    pub(crate) limiter: Arc<Limiter>,
    /// What the database answered when somebody asked whether it is there.
    pub(crate) readiness: Arc<Readiness>,
    /// What an operator is shown.
    pub(crate) telemetry: Arc<Telemetry>,
    /// Where the portal's files are, in Leptos's words.
    pub(crate) site: LeptosOptions,
    /// Turns true when the server stops.
    pub(crate) stopping: watch::Receiver<bool>,
}

impl FromRef<AppState> for LeptosOptions {
    fn from_ref(state: &AppState) -> Self {
        state.site.clone()
    }
}

impl FromRef<AppState> for Store {
    fn from_ref(state: &AppState) -> Self {
        state.store.clone()
    }
}
