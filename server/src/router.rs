//! Every route of every face. Pages and server functions come from the portal; all others stand here.

use crate::{
    api::{business, device, me, no_such_address, registration, service_location, user},
    authenticate, events, health, install, link, origin, portal, security,
    state::AppState,
};
use axum::{
    Router,
    extract::DefaultBodyLimit,
    handler::Handler,
    http::Request,
    middleware::from_fn_with_state,
    routing::{MethodFilter, get, on},
};
use entity::wire::limits::MESSAGE_BYTES_MAX;
use tower_http::{
    CompressionLevel, compression::CompressionLayer, limit::RequestBodyLimitLayer, trace::TraceLayer,
};

/// Largest body that people may send.
const PEOPLE_BYTES_MAX: usize = 64 * 1024;
/// Effort of compression: level 4 of brotli costs a third of level 6 and loses a few percent.
const COMPRESSION: CompressionLevel = CompressionLevel::Precise(4);

/// Whose credential a route asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// People, by session cookie.
    People,
    /// Devices, by bearer token.
    Agents,
    /// Anybody.
    Public,
}

/// One route of the REST API.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint {
    /// The method, in capitals.
    pub method: &'static str,
    /// The path below `/api/v1` and `/api`, with `{id}` where an id stands.
    pub path: &'static str,
    /// Who may call it.
    pub audience: Audience,
}

/// The REST API as a list; tests walk it.
#[must_use]
pub fn endpoints() -> Vec<Endpoint> {
    rest().list
}

fn rest() -> Rest {
    use Audience::{Agents, People, Public};
    Rest::default()
        .route(People, "GET", "/me", me::get)
        .route(People, "GET", "/agents/registration-tokens", registration::list)
        .route(People, "POST", "/agents/registration-tokens", registration::issue)
        .route(People, "DELETE", "/agents/registration-tokens/{id}", registration::revoke)
        .route(People, "GET", "/agents", device::list)
        .route(People, "GET", "/agents/{id}", device::get)
        .route(People, "PATCH", "/agents/{id}", device::change)
        .route(People, "DELETE", "/agents/{id}", device::revoke)
        .route(People, "GET", "/agents/{id}/services", device::services)
        .route(People, "GET", "/agents/{id}/software", device::software)
        .route(People, "GET", "/agents/{id}/activity", device::activity)
        .route(People, "GET", "/agents/{id}/metrics/history", device::history)
        .route(People, "GET", "/agents/{id}/history", device::history)
        .route(People, "GET", "/businesses", business::list)
        .route(People, "POST", "/businesses", business::add)
        .route(People, "GET", "/businesses/{id}", business::get)
        .route(People, "PATCH", "/businesses/{id}", business::rename)
        .route(People, "GET", "/businesses/{id}/service-locations", service_location::of_business)
        .route(People, "POST", "/businesses/{id}/service-locations", service_location::add)
        .route(People, "GET", "/service-locations", service_location::list)
        .route(People, "GET", "/service-locations/{id}", service_location::get)
        .route(People, "PATCH", "/service-locations/{id}", service_location::change)
        .route(People, "GET", "/users", user::list)
        .route(People, "POST", "/users", user::add)
        .route(People, "GET", "/users/{id}", user::get)
        .route(People, "PATCH", "/users/{id}", user::switch)
        .route(People, "POST", "/users/{id}/reset-password", user::reset_password)
        .route(Public, "POST", "/agents/register", registration::register)
        .route(Public, "POST", "/agents/{id}/challenge", link::token::challenge)
        .route(Public, "POST", "/agents/{id}/token", link::token::exchange)
        .route(Agents, "POST", "/agents/{id}/heartbeat", link::polling::heartbeat)
        .route(Agents, "POST", "/agents/{id}/metrics", link::polling::metrics)
        .route(Agents, "POST", "/agents/{id}/services", link::polling::services)
        .route(Agents, "POST", "/agents/{id}/software", link::polling::software)
        .route(Agents, "POST", "/agents/{id}/facts", link::polling::facts)
        .route(Agents, "POST", "/agents/{id}/events", link::polling::event)
}

/// The REST API, as a router and as a list of what is in it.
#[derive(Default)]
struct Rest {
    router: Router<AppState>,
    list: Vec<Endpoint>,
}

impl Rest {
    fn route<H, T>(mut self, audience: Audience, method: &'static str, path: &'static str, answer: H) -> Self
    where
        H: Handler<T, AppState>,
        T: 'static,
    {
        let filter = match method {
            "POST" => MethodFilter::POST,
            "PATCH" => MethodFilter::PATCH,
            "DELETE" => MethodFilter::DELETE,
            _ => MethodFilter::GET,
        };
        let bytes_max = if audience == Audience::Agents { MESSAGE_BYTES_MAX } else { PEOPLE_BYTES_MAX };
        self.router = self.router.route(path, on(filter, answer).layer(DefaultBodyLimit::max(bytes_max)));
        self.list.push(Endpoint { method, path, audience });
        self
    }
}

/// Everything under one roof.
pub(crate) fn router(state: AppState) -> Router {
    let api = rest().router.fallback(no_such_address);
    // For people: who is asking is decided once, and changes are taken from our own pages only.
    let for_people = || {
        tower::ServiceBuilder::new()
            .layer(from_fn_with_state(state.clone(), origin::same_origin))
            .layer(from_fn_with_state(state.clone(), authenticate::authenticate))
    };
    let compression = CompressionLayer::new().quality(COMPRESSION);
    let portal = portal::pages(&state)
        .fallback_service(portal::not_found(&state).with_state(state.clone()))
        .layer(RequestBodyLimitLayer::new(PEOPLE_BYTES_MAX));
    Router::new()
        .nest("/api/v1", api.clone())
        .nest("/api", api)
        .merge(portal)
        .route("/portal/events", get(events::events))
        .layer(for_people())
        .layer(compression)
        .route("/ws", get(link::accept))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/install.sh", get(install::install_sh))
        .route("/install.ps1", get(install::install_ps1))
        .route("/downloads/{file}", get(install::download))
        .merge(portal::files(&state))
        .layer(from_fn_with_state(state.clone(), security::headers))
        .layer(TraceLayer::new_for_http().make_span_with(|request: &Request<_>| {
            // The path alone: a query can hold the key of the setup link.
            tracing::debug_span!("request", method = %request.method(), path = request.uri().path())
        }))
        .with_state(state)
}
