//! What every face shares: the store, the settings, who is connected.

use crate::{config::Config, events::Streams, install::Downloads, limit::Limiter, link::Registry};
use axum::extract::FromRef;
use domain::Store;
use leptos::config::LeptosOptions;
use std::sync::Arc;
use tokio::sync::watch;

/// The router's state; a clone costs a few reference counts.
#[derive(Clone)]
pub(crate) struct AppState {
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
    /// How much anybody may ask.
    pub(crate) limiter: Arc<Limiter>,
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
