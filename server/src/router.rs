//! Every route of every face. Pages and server functions come from the portal; all others stand here.

mod alerts;
mod commands;
mod locks;
mod releases;
mod rollouts;

use crate::{
    api::{
        ApiProblem, api_key, audit, business, custom_role, device, me, monitored_service, no_such_address,
        oidc as oidc_provider, registration, service_account, service_location, user,
    },
    authenticate, budget, events, health, install, limit, link, log, oidc,
    openapi::{self, Described, Sketch},
    origin, portal, security,
    state::AppState,
    telemetry, upload_form,
};
use axum::{
    Router,
    body::Body,
    extract::{DefaultBodyLimit, Request},
    handler::Handler,
    http::{Method, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse as _, Response},
    routing::{MethodRouter, delete, get, patch, post, put},
};
use entity::{
    error_report::REPORT_BYTES_MAX,
    problem::{Problem, ProblemCode},
    release::ARTIFACT_BYTES_MAX,
    wire::limits::MESSAGE_BYTES_MAX,
};
use http_body_util::Limited;
use std::sync::LazyLock;
use tower_http::{
    CompressionLevel,
    compression::{
        CompressionLayer, Predicate as _,
        predicate::{DefaultPredicate, NotForContentType},
    },
    timeout::RequestBodyTimeoutLayer,
    trace::TraceLayer,
};

/// Largest body that people may send.
const PEOPLE_BYTES_MAX: usize = 64 * 1024;
/// Largest body that asks devices for something.
const COMMANDS_BYTES_MAX: usize = 1024 * 1024;
/// Where files of releases come in.
const UPLOAD: &str = "/agents/upload";
/// Largest form with a file of a release: the file, its manifest and what is said of both.
const UPLOAD_BYTES_MAX: usize = ARTIFACT_BYTES_MAX as usize + 1024 * 1024;
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
    /// What it does, in a few words.
    pub summary: &'static str,
    /// The path of the function that answers.
    pub(crate) handler: &'static str,
    /// Says what it takes and gives.
    pub(crate) describe: fn(&mut Sketch<'_>),
    /// Problems that its signature does not tell of.
    pub(crate) may: &'static [ProblemCode],
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
        pattern
            .split('/')
            .all(|wanted| parts.next().is_some_and(|part| wanted.starts_with('{') || wanted == part))
            && parts.next().is_none()
    };
    path.is_some_and(|path| CALLS.iter().any(|call| call.method == method && fits(call.path, path)))
}

fn rest() -> Rest {
    let rest =
        rollouts::of_rollouts(releases::of_releases(locks::of_scripts(locks::of_approvals(Rest::default()))));
    commands::of_commands(of_agents(alerts::of_alerts(of_people(alerts::of_errors(of_estate(rest))))))
}

/// Devices, and whose they are.
fn of_estate(rest: Rest) -> Rest {
    use Audience::People;
    rest.get(People, "/me", "Who calls", me::get)
        .get(People, "/agents/registration-tokens", "Registration tokens, newest first", registration::list)
        .post(People, "/agents/registration-tokens", "Make a registration token", registration::issue)
        .may(&[ProblemCode::NotFound])
        .delete(
            People,
            "/agents/registration-tokens/{id}",
            "Take a registration token back",
            registration::revoke,
        )
        .may(&[ProblemCode::Conflict])
        .get(People, "/agents", "Devices, a page at a time", device::list)
        .get(People, "/agents/{id}", "One device", device::get)
        .patch(People, "/agents/{id}", "Rename or place a device", device::change)
        .delete(People, "/agents/{id}", "End a device's access for good", device::revoke)
        .may(&[ProblemCode::Conflict])
        .post(People, "/agents/{id}/transfer", "Give a device to another business", device::transfer)
        .may(&[ProblemCode::Conflict])
        .delete(
            People,
            "/agents/{id}/clone-suspicion",
            "Say that a device is one machine",
            device::settle_clone,
        )
        .may(&[ProblemCode::Conflict])
        .get(People, "/agents/{id}/services", "System services of a device", device::services)
        .get(
            People,
            "/agents/{id}/monitored-services",
            "Monitored services of a device",
            monitored_service::of_device,
        )
        .get(
            People,
            "/monitored-services",
            "Which services are looked after, by name",
            monitored_service::list,
        )
        .post(People, "/monitored-services", "Look after a service", monitored_service::add)
        .may(&[ProblemCode::NotFound, ProblemCode::Conflict])
        .get(People, "/monitored-services/{id}", "One service that is looked after", monitored_service::get)
        .put(
            People,
            "/monitored-services/{id}",
            "Change how a service is looked after",
            monitored_service::change,
        )
        .delete(
            People,
            "/monitored-services/{id}",
            "No longer look after a service",
            monitored_service::remove,
        )
        .get(People, "/agents/{id}/software", "Software of a device, a page at a time", device::software)
        .get(People, "/agents/{id}/activity", "What happened to a device", device::activity)
        .get(People, "/agents/{id}/metrics/history", "Metrics of a device over time", device::history)
        .get(People, "/agents/{id}/history", "Metrics of a device over time", device::history)
        .get(People, "/businesses", "Businesses", business::list)
        .post(People, "/businesses", "Add a business", business::add)
        .may(&[ProblemCode::Conflict])
        .get(People, "/businesses/{id}", "One business", business::get)
        .patch(People, "/businesses/{id}", "Rename a business", business::rename)
        .may(&[ProblemCode::Conflict])
        .post(People, "/businesses/{id}/active", "Switch a business off or on", business::switch)
        .get(
            People,
            "/businesses/{id}/service-locations",
            "Service locations of a business",
            service_location::of_business,
        )
        .post(People, "/businesses/{id}/service-locations", "Add a service location", service_location::add)
        .may(&[ProblemCode::Conflict])
        .get(People, "/service-locations", "Service locations", service_location::list)
        .get(People, "/service-locations/{id}", "One service location", service_location::get)
        .patch(People, "/service-locations/{id}", "Change a service location", service_location::change)
        .may(&[ProblemCode::Conflict])
}

/// People, programs, and what they did.
fn of_people(rest: Rest) -> Rest {
    use Audience::People;
    rest.get(People, "/users", "People", user::list)
        .post(People, "/users", "Invite somebody", user::add)
        .may(&[ProblemCode::NotFound, ProblemCode::Conflict])
        .get(People, "/users/{id}", "One person", user::get)
        .patch(People, "/users/{id}", "Switch a person off or on", user::switch)
        .may(&[ProblemCode::Conflict])
        .put(People, "/users/{id}", "Change a person", user::change)
        .may(&[ProblemCode::Conflict])
        .post(People, "/users/{id}/link", "Give a person a link to choose another password", user::send_link)
        .may(&[ProblemCode::Conflict])
        .get(People, "/roles", "Roles", custom_role::list)
        .post(People, "/roles", "Make a role", custom_role::add)
        .may(&[ProblemCode::Conflict])
        .get(People, "/roles/{id}", "One role", custom_role::get)
        .put(People, "/roles/{id}", "Change a role", custom_role::change)
        .may(&[ProblemCode::Conflict])
        .delete(People, "/roles/{id}", "Remove a role", custom_role::remove)
        .may(&[ProblemCode::Conflict])
        .get(People, "/audit", "Audit entries, newest first", audit::list)
        .get(People, "/audit/export", "Audit entries as a file", audit::export)
        .post(People, "/audit/verification", "Check the chain of the audit log", audit::verify)
        .get(People, "/audit/{id}", "One audit entry", audit::get)
        .get(People, "/api-keys", "API keys, newest first", api_key::list)
        .post(People, "/api-keys", "Make an API key", api_key::add)
        .may(&[ProblemCode::NotFound, ProblemCode::Conflict])
        .get(People, "/api-keys/{id}", "One API key", api_key::get)
        .delete(People, "/api-keys/{id}", "Take an API key back", api_key::revoke)
        .may(&[ProblemCode::Conflict])
        .get(People, "/service-accounts", "Service accounts", service_account::list)
        .post(People, "/service-accounts", "Make a service account", service_account::add)
        .may(&[ProblemCode::NotFound])
        .get(People, "/service-accounts/{id}", "One service account", service_account::get)
        .patch(
            People,
            "/service-accounts/{id}",
            "Rename a service account, or switch it",
            service_account::change,
        )
        .get(People, "/oidc-providers", "Sign-in providers", oidc_provider::list)
        .post(People, "/oidc-providers", "Add a sign-in provider", oidc_provider::add)
        .may(&[ProblemCode::NotFound, ProblemCode::Conflict])
        .get(People, "/oidc-providers/{id}", "One sign-in provider", oidc_provider::get)
        .put(People, "/oidc-providers/{id}", "Change a sign-in provider", oidc_provider::change)
        .may(&[ProblemCode::Conflict])
        .delete(People, "/oidc-providers/{id}", "Remove a sign-in provider", oidc_provider::remove)
        .get(People, "/sign-in-policy", "Who has to have a second factor", oidc_provider::policy)
        .put(People, "/sign-in-policy", "Decide who has to have a second factor", oidc_provider::set_policy)
}

/// What agents say.
fn of_agents(rest: Rest) -> Rest {
    use Audience::{Agents, Public};
    rest.post(Public, "/agents/register", "Turn a machine into a device", registration::register)
        .may(&[ProblemCode::SignedOut, ProblemCode::Gone, ProblemCode::Conflict])
        .post(Public, "/agents/{id}/challenge", "Ask for a challenge", link::token::challenge)
        .may(&[ProblemCode::Gone])
        .post(Public, "/agents/{id}/token", "Turn a signed challenge into a token", link::token::exchange)
        .may(&[ProblemCode::SignedOut, ProblemCode::Forbidden, ProblemCode::Gone])
        .post(Agents, "/agents/{id}/key", "Put another device key in place", link::token::rotate)
        .may(&[ProblemCode::Conflict])
        .post(Agents, "/agents/{id}/heartbeat", "A sign of life", link::polling::heartbeat)
        .post(Agents, "/agents/{id}/metrics", "Samples from the spool", link::polling::metrics)
        .post(Agents, "/agents/{id}/logs", "Log entries from the spool", link::polling::logs)
        .post(Agents, "/agents/{id}/services", "System services as they are now", link::polling::services)
        .post(Agents, "/agents/{id}/software", "Software as it is now", link::polling::software)
        .post(
            Agents,
            "/agents/{id}/facts",
            "Hardware and operating system as they are now",
            link::polling::facts,
        )
        .post(
            Agents,
            "/agents/{id}/monitored-services",
            "Monitored services as they are now",
            link::polling::monitored_services,
        )
        .post(
            Agents,
            "/agents/{id}/device-lock",
            "What a local administrator lets happen on the device",
            link::polling::device_lock,
        )
        .post(Agents, "/agents/{id}/events", "Something that happened on the device", link::polling::event)
}

/// The REST API, as a router and as a list of what is in it.
#[derive(Default)]
struct Rest {
    router: Router<AppState>,
    list: Vec<Endpoint>,
}

impl Rest {
    fn get<H, T, D>(self, audience: Audience, path: &'static str, summary: &'static str, answer: H) -> Self
    where
        H: Handler<T, AppState> + Described<D>,
        T: 'static,
    {
        self.add::<H, D>(audience, "GET", path, summary, get(answer))
    }

    fn post<H, T, D>(self, audience: Audience, path: &'static str, summary: &'static str, answer: H) -> Self
    where
        H: Handler<T, AppState> + Described<D>,
        T: 'static,
    {
        self.add::<H, D>(audience, "POST", path, summary, post(answer))
    }

    fn patch<H, T, D>(self, audience: Audience, path: &'static str, summary: &'static str, answer: H) -> Self
    where
        H: Handler<T, AppState> + Described<D>,
        T: 'static,
    {
        self.add::<H, D>(audience, "PATCH", path, summary, patch(answer))
    }

    fn put<H, T, D>(self, audience: Audience, path: &'static str, summary: &'static str, answer: H) -> Self
    where
        H: Handler<T, AppState> + Described<D>,
        T: 'static,
    {
        self.add::<H, D>(audience, "PUT", path, summary, put(answer))
    }

    fn delete<H, T, D>(self, audience: Audience, path: &'static str, summary: &'static str, answer: H) -> Self
    where
        H: Handler<T, AppState> + Described<D>,
        T: 'static,
    {
        self.add::<H, D>(audience, "DELETE", path, summary, delete(answer))
    }

    /// Says what the last one may also answer.
    fn may(mut self, codes: &'static [ProblemCode]) -> Self {
        if let Some(last) = self.list.last_mut() {
            last.may = codes;
        }
        self
    }

    fn add<H: Described<D>, D>(
        mut self,
        audience: Audience,
        method: &'static str,
        path: &'static str,
        summary: &'static str,
        answer: MethodRouter<AppState>,
    ) -> Self {
        let bytes_max = match audience {
            _ if path.ends_with("/report_error") => REPORT_BYTES_MAX,
            _ if path == UPLOAD => UPLOAD_BYTES_MAX,
            // A script, or the ids of thousands of devices.
            Audience::People if path.contains("/command") || path.contains("/scripts") => COMMANDS_BYTES_MAX,
            Audience::Agents => MESSAGE_BYTES_MAX,
            Audience::People | Audience::Public => PEOPLE_BYTES_MAX,
        };
        self.router = self.router.route(path, answer.layer(DefaultBodyLimit::max(bytes_max)));
        let handler = std::any::type_name::<H>();
        let endpoint = Endpoint { method, path, audience, summary, handler, describe: H::describe, may: &[] };
        self.list.push(endpoint);
        self
    }
}

/// Bounds what forms send: a script and the ids of many devices are longer than all else.
async fn portal_limit(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_long = ["/portal/command/", "/portal/script/", "/portal/release/"]
        .iter()
        .any(|start| path.starts_with(start));
    let most = if is_long { COMMANDS_BYTES_MAX } else { PEOPLE_BYTES_MAX };
    let said = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if said.and_then(|text| text.parse().ok()).is_some_and(|bytes: usize| bytes > most) {
        let problem = Problem::new(ProblemCode::TooLarge, "This is larger than what is accepted here.");
        return ApiProblem::from(problem).into_response();
    }
    next.run(request.map(|body| Body::new(Limited::new(body, most)))).await
}

/// Everything under one roof.
pub(crate) fn router(state: AppState) -> Router {
    let api = rest().router.fallback(no_such_address);
    // Changes are taken from our own pages only; who is asking is decided once.
    let for_people = tower::ServiceBuilder::new()
        .layer(from_fn_with_state(state.clone(), origin::same_origin))
        .layer(from_fn_with_state(state.clone(), authenticate::authenticate));
    // Programs are as small as they get, and parts of them are counted in their own bytes.
    let worth_it = DefaultPredicate::new().and(NotForContentType::const_new("application/octet-stream"));
    let compression = CompressionLayer::new().quality(COMPRESSION).compress_when(worth_it);
    let portal = portal::pages(&state)
        .fallback_service(portal::not_found(&state).with_state(state.clone()))
        .layer(axum::middleware::from_fn(portal_limit));
    Router::new()
        .nest("/api/v1", api.clone())
        .nest("/api", api)
        .route("/api/openapi.json", get(openapi::json))
        .route("/api/docs", get(openapi::page::show))
        .merge(portal)
        .route(authenticate::EVENTS_PATH, get(events::events))
        .route(app::release::FORM_PATH, upload_form::route())
        .layer(for_people)
        .layer(compression)
        .route("/ws", get(link::accept))
        .route("/sign-in/oidc/callback", get(oidc::finish))
        .route("/sign-in/oidc/{id}", get(oidc::begin))
        .route("/install.sh", get(install::install_sh))
        .route("/install.ps1", get(install::install_ps1))
        .route("/downloads/{file}", get(install::download))
        .layer(axum::middleware::from_fn(budget::hold))
        .layer(from_fn_with_state(state.clone(), limit::limit))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(telemetry::show))
        .merge(portal::files(&state))
        .layer(RequestBodyTimeoutLayer::new(state.config.limits.head_within))
        .layer(axum::middleware::from_fn(security::unambiguous))
        .layer(from_fn_with_state(state.clone(), security::headers))
        .layer(from_fn_with_state(state.clone(), log::answered))
        .layer(
            TraceLayer::new_for_http()
                .make_span_with(log::span)
                .on_request(())
                .on_response(())
                .on_failure(()),
        )
        .layer(axum::middleware::from_fn(authenticate::name_request))
        .layer(from_fn_with_state(state.clone(), telemetry::measure))
        .with_state(state)
}
