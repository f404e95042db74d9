//! Every route of every face. Pages and server functions come from the portal; all others stand here.

use crate::{
    api::{
        api_key, audit, business, custom_role, device, me, no_such_address, oidc as oidc_provider,
        registration, service_account, service_location, user,
    },
    authenticate, events, health, install, limit, link, oidc, origin, portal, security,
    state::AppState,
};
use axum::{
    Router,
    extract::DefaultBodyLimit,
    handler::Handler,
    http::{Method, Request},
    middleware::from_fn_with_state,
    routing::{MethodRouter, delete, get, patch, post, put},
};
use entity::wire::limits::MESSAGE_BYTES_MAX;
use std::sync::LazyLock;
use tower_http::{
    CompressionLevel, compression::CompressionLayer, limit::RequestBodyLimitLayer,
    timeout::RequestBodyTimeoutLayer, trace::TraceLayer,
};

/// Largest body that people may send.
const PEOPLE_BYTES_MAX: usize = 64 * 1024;
/// Effort of compression: level 4 of brotli costs a third of level 6 and loses a few percent.
const COMPRESSION: CompressionLevel = CompressionLevel::Precise(4);

/// Whose credential a route asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// People, by session cookie, and programs, by API key.
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

/// Is this a call of the API that agents make, before or after they have proved who they are?
pub(crate) fn is_for_agents(method: &Method, path: &str) -> bool {
    static CALLS: LazyLock<Vec<Endpoint>> = LazyLock::new(|| {
        endpoints().into_iter().filter(|endpoint| endpoint.audience != Audience::People).collect()
    });
    let path = path.strip_prefix("/api/v1").or_else(|| path.strip_prefix("/api"));
    let fits = |pattern: &str, path: &str| {
        let mut parts = path.split('/');
        pattern.split('/').all(|wanted| parts.next().is_some_and(|part| wanted == "{id}" || wanted == part))
            && parts.next().is_none()
    };
    path.is_some_and(|path| CALLS.iter().any(|call| call.method == method && fits(call.path, path)))
}

fn rest() -> Rest {
    use Audience::{Agents, People, Public};
    Rest::default()
        .get(People, "/me", me::get)
        .get(People, "/agents/registration-tokens", registration::list)
        .post(People, "/agents/registration-tokens", registration::issue)
        .delete(People, "/agents/registration-tokens/{id}", registration::revoke)
        .get(People, "/agents", device::list)
        .get(People, "/agents/{id}", device::get)
        .patch(People, "/agents/{id}", device::change)
        .delete(People, "/agents/{id}", device::revoke)
        .post(People, "/agents/{id}/transfer", device::transfer)
        .delete(People, "/agents/{id}/clone-suspicion", device::settle_clone)
        .get(People, "/agents/{id}/services", device::services)
        .get(People, "/agents/{id}/software", device::software)
        .get(People, "/agents/{id}/activity", device::activity)
        .get(People, "/agents/{id}/metrics/history", device::history)
        .get(People, "/agents/{id}/history", device::history)
        .get(People, "/businesses", business::list)
        .post(People, "/businesses", business::add)
        .get(People, "/businesses/{id}", business::get)
        .patch(People, "/businesses/{id}", business::rename)
        .post(People, "/businesses/{id}/active", business::switch)
        .get(People, "/businesses/{id}/service-locations", service_location::of_business)
        .post(People, "/businesses/{id}/service-locations", service_location::add)
        .get(People, "/service-locations", service_location::list)
        .get(People, "/service-locations/{id}", service_location::get)
        .patch(People, "/service-locations/{id}", service_location::change)
        .get(People, "/users", user::list)
        .post(People, "/users", user::add)
        .get(People, "/users/{id}", user::get)
        .patch(People, "/users/{id}", user::switch)
        .put(People, "/users/{id}", user::change)
        .post(People, "/users/{id}/link", user::send_link)
        .get(People, "/roles", custom_role::list)
        .post(People, "/roles", custom_role::add)
        .get(People, "/roles/{id}", custom_role::get)
        .put(People, "/roles/{id}", custom_role::change)
        .delete(People, "/roles/{id}", custom_role::remove)
        .get(People, "/audit", audit::list)
        .get(People, "/audit/export", audit::export)
        .post(People, "/audit/verification", audit::verify)
        .get(People, "/audit/{id}", audit::get)
        .get(People, "/api-keys", api_key::list)
        .post(People, "/api-keys", api_key::add)
        .get(People, "/api-keys/{id}", api_key::get)
        .delete(People, "/api-keys/{id}", api_key::revoke)
        .get(People, "/service-accounts", service_account::list)
        .post(People, "/service-accounts", service_account::add)
        .get(People, "/service-accounts/{id}", service_account::get)
        .patch(People, "/service-accounts/{id}", service_account::change)
        .get(People, "/oidc-providers", oidc_provider::list)
        .post(People, "/oidc-providers", oidc_provider::add)
        .get(People, "/oidc-providers/{id}", oidc_provider::get)
        .put(People, "/oidc-providers/{id}", oidc_provider::change)
        .delete(People, "/oidc-providers/{id}", oidc_provider::remove)
        .get(People, "/sign-in-policy", oidc_provider::policy)
        .put(People, "/sign-in-policy", oidc_provider::set_policy)
        .post(Public, "/agents/register", registration::register)
        .post(Public, "/agents/{id}/challenge", link::token::challenge)
        .post(Public, "/agents/{id}/token", link::token::exchange)
        .post(Agents, "/agents/{id}/key", link::token::rotate)
        .post(Agents, "/agents/{id}/heartbeat", link::polling::heartbeat)
        .post(Agents, "/agents/{id}/metrics", link::polling::metrics)
        .post(Agents, "/agents/{id}/services", link::polling::services)
        .post(Agents, "/agents/{id}/software", link::polling::software)
        .post(Agents, "/agents/{id}/facts", link::polling::facts)
        .post(Agents, "/agents/{id}/events", link::polling::event)
}

/// The REST API, as a router and as a list of what is in it.
#[derive(Default)]
struct Rest {
    router: Router<AppState>,
    list: Vec<Endpoint>,
}

impl Rest {
    fn get<H: Handler<T, AppState>, T: 'static>(
        self,
        audience: Audience,
        path: &'static str,
        answer: H,
    ) -> Self {
        self.add(audience, "GET", path, get(answer))
    }

    fn post<H: Handler<T, AppState>, T: 'static>(
        self,
        audience: Audience,
        path: &'static str,
        answer: H,
    ) -> Self {
        self.add(audience, "POST", path, post(answer))
    }

    fn patch<H: Handler<T, AppState>, T: 'static>(
        self,
        audience: Audience,
        path: &'static str,
        answer: H,
    ) -> Self {
        self.add(audience, "PATCH", path, patch(answer))
    }

    fn put<H: Handler<T, AppState>, T: 'static>(
        self,
        audience: Audience,
        path: &'static str,
        answer: H,
    ) -> Self {
        self.add(audience, "PUT", path, put(answer))
    }

    fn delete<H: Handler<T, AppState>, T: 'static>(
        self,
        audience: Audience,
        path: &'static str,
        answer: H,
    ) -> Self {
        self.add(audience, "DELETE", path, delete(answer))
    }

    fn add(
        mut self,
        audience: Audience,
        method: &'static str,
        path: &'static str,
        answer: MethodRouter<AppState>,
    ) -> Self {
        let bytes_max = if audience == Audience::Agents { MESSAGE_BYTES_MAX } else { PEOPLE_BYTES_MAX };
        self.router = self.router.route(path, answer.layer(DefaultBodyLimit::max(bytes_max)));
        self.list.push(Endpoint { method, path, audience });
        self
    }
}

/// Everything under one roof.
pub(crate) fn router(state: AppState) -> Router {
    let api = rest().router.fallback(no_such_address);
    // Changes are taken from our own pages only; who is asking is decided once.
    let for_people = tower::ServiceBuilder::new()
        .layer(from_fn_with_state(state.clone(), origin::same_origin))
        .layer(from_fn_with_state(state.clone(), authenticate::authenticate));
    let compression = CompressionLayer::new().quality(COMPRESSION);
    let portal = portal::pages(&state)
        .fallback_service(portal::not_found(&state).with_state(state.clone()))
        .layer(RequestBodyLimitLayer::new(PEOPLE_BYTES_MAX));
    Router::new()
        .nest("/api/v1", api.clone())
        .nest("/api", api)
        .merge(portal)
        .route(authenticate::EVENTS_PATH, get(events::events))
        .layer(for_people)
        .layer(compression)
        .route("/ws", get(link::accept))
        .route("/sign-in/oidc/callback", get(oidc::finish))
        .route("/sign-in/oidc/{id}", get(oidc::begin))
        .route("/install.sh", get(install::install_sh))
        .route("/install.ps1", get(install::install_ps1))
        .route("/downloads/{file}", get(install::download))
        .layer(from_fn_with_state(state.clone(), limit::limit))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .merge(portal::files(&state))
        .layer(RequestBodyTimeoutLayer::new(state.config.limits.head_within))
        .layer(axum::middleware::from_fn(security::unambiguous))
        .layer(from_fn_with_state(state.clone(), security::headers))
        .layer(TraceLayer::new_for_http().make_span_with(|request: &Request<_>| {
            // The path alone: a query can hold the key of the setup link.
            let id = authenticate::request_id(request.extensions());
            tracing::info_span!("request", id, method = %request.method(), path = request.uri().path())
        }))
        .layer(axum::middleware::from_fn(authenticate::name_request))
        .with_state(state)
}
