//! The calls that the access test walks: each with ids of ours, and with what it does.

mod asked;
mod audit;
mod command;
mod error_report;
mod evidence;
mod functions;
mod lock;
mod log_entry;
mod monitored_service;
mod release;
mod rollout;
mod suggestion;

use crate::support::{
    agent::{FakeAgent, hello},
    oidc_fake::FakeProvider,
    people::{Answer, Person, send},
    server::{TestServer, field},
};
use entity::{
    id::{
        AlertId, ApiKeyId, BusinessId, CustomRoleId, DeviceId, ErrorReportId, MonitoredServiceRuleId,
        OidcProviderId, RegistrationTokenId, ServiceLocationId, UserId,
    },
    presence::LinkKind,
    user::Role,
    wire::Hello,
};
use reqwest::{Method, multipart};
use serde_json::{Value, json};

/// What a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Reads one thing of ours.
    Reads,
    /// Lists what is within reach.
    Lists,
    /// Changes one thing of ours.
    Changes,
    /// Makes something new, ours.
    Makes,
    /// Is about whoever calls.
    Own,
}

/// One call.
pub struct Call {
    pub route: &'static str,
    pub kind: Kind,
    /// True when some roles may not do this even to what is theirs.
    pub is_for_some_roles: bool,
    path: String,
    body: Body,
}

enum Body {
    Json(Value),
    /// The same as parts of a form, as files come.
    Parts(Value),
    /// Fields of a form, as server functions take them.
    Form(Vec<(String, String)>),
}

impl Call {
    /// Sends it as a person.
    pub async fn send(&self, person: &Person) -> Answer {
        let method: Method =
            self.route.split(' ').next().and_then(|word| word.parse().ok()).expect("a method");
        let request = person.request(method.clone(), &self.path);
        send(match &self.body {
            Body::Json(_) if method == Method::GET => request,
            Body::Json(body) => request.json(body),
            Body::Parts(body) => {
                let fields = body.as_object().into_iter().flatten();
                let form = fields.fold(multipart::Form::new(), |form, (name, value)| {
                    form.text(name.clone(), value.as_str().unwrap_or_default().to_owned())
                });
                request.multipart(form)
            }
            Body::Form(fields) => request.form(fields),
        })
        .await
    }
}

/// What is ours, by id.
pub struct World {
    business: BusinessId,
    location: ServiceLocationId,
    device: DeviceId,
    token: RegistrationTokenId,
    user: UserId,
    account: UserId,
    key: ApiKeyId,
    role: CustomRoleId,
    other: BusinessId,
    entry: i64,
    alert: AlertId,
    error: ErrorReportId,
    fingerprint: String,
    business_name: String,
    provider: OidcProviderId,
    issuer: String,
    monitored: MonitoredServiceRuleId,
    asks: command::Asks,
    suggested: suggestion::Suggested,
    pub released: release::Released,
    rolled: rollout::Rolled,
}

impl World {
    /// Things that exist.
    pub async fn of(server: &TestServer) -> Self {
        let agent = FakeAgent::of(server, server.ours).await;
        let device = agent.id;
        be_suspected(server, &agent).await;
        evidence::be_at_fault(server, &agent).await;
        let error = error_report::reported(server, &agent).await;
        let alert = log_entry::alert(server, &agent).await;
        let token = server.token(server.ours).await.id;
        let contact = server.person(Role::Contact, server.ours).await;
        let me: Value = contact.get("/me").await.expect(200);
        let (business, location) = (server.ours.business, server.ours.location);
        let business_name = field(&me, "business_name");
        let asked = json!({"full_name": "Program", "role": "contact", "business_id": business});
        let account: Value = server.admin.post("/service-accounts", &asked).await.expect(201);
        let account = field(&account, "id");
        let asked = json!({"key_name": "Program", "service_account_id": account});
        let made: Value = server.admin.post("/api-keys", &asked).await.expect(201);
        let key = field(&made["key"], "id");
        let asked = json!({"role_name": "Reader", "base_role": "technician", "permissions": ["view_user"]});
        let role: Value = server.admin.post("/roles", &asked).await.expect(201);
        let (role, other) = (field(&role, "id"), server.theirs.business);
        let user = field(&me, "id");
        let log: Value = server.admin.get(&format!("/audit?business_id={business}")).await.expect(200);
        let entry = field(&log["items"][0], "seq");
        let issuer = FakeProvider::start().await.issuer;
        let made: Value =
            server.admin.post("/oidc-providers", &provider_asked(business, &issuer)).await.expect(201);
        let provider = field(&made, "id");
        let asked = monitored_service::asked(business, "nginx");
        let made: Value = server.admin.post("/monitored-services", &asked).await.expect(201);
        let monitored = field(&made, "id");
        let suggested = suggestion::Suggested::of(server, &agent).await;
        let asks = command::Asks::of(server, business, device).await;
        let released = release::Released::of(server).await;
        Self {
            business,
            location,
            device,
            token,
            user,
            account,
            key,
            role,
            other,
            entry,
            alert,
            error: error.id,
            fingerprint: error.fingerprint,
            business_name,
            provider,
            issuer,
            monitored,
            asks,
            suggested,
            rolled: rollout::Rolled::of(server, released.id, device).await,
            released,
        }
    }

    /// Ids of nothing, to list the calls with.
    pub fn imaginary() -> Self {
        let id = uuid::Uuid::nil();
        Self {
            business: BusinessId(id),
            location: ServiceLocationId(id),
            device: DeviceId(id),
            token: RegistrationTokenId(id),
            user: UserId(id),
            account: UserId(id),
            key: ApiKeyId(id),
            role: CustomRoleId(id),
            other: BusinessId(id),
            entry: 0,
            alert: AlertId(id),
            error: ErrorReportId(id),
            fingerprint: "0000000000000000".to_owned(),
            business_name: "nobody's".to_owned(),
            provider: OidcProviderId(id),
            issuer: String::new(),
            monitored: MonitoredServiceRuleId(id),
            asks: command::Asks::imaginary(),
            suggested: suggestion::Suggested::imaginary(),
            released: release::Released::imaginary(),
            rolled: rollout::Rolled::imaginary(),
        }
    }

    /// True when a text tells something of ours. A problem or a page may repeat the id that was asked for; a view has
    /// it as a value, a list links to it, and both say whose it is.
    pub fn is_named_in(&self, text: &str) -> bool {
        let ids = [
            self.business.0,
            self.location.0,
            self.device.0,
            self.token.0,
            self.user.0,
            self.account.0,
            self.key.0,
        ];
        text.contains(&self.business_name)
            || ids
                .iter()
                .any(|id| text.contains(&format!("\"id\":\"{id}\"")) || text.contains(&format!("/{id}\"")))
    }

    /// The pages about what is ours, and those that list.
    pub fn pages(&self) -> Vec<String> {
        let Self { business, location, device, token, user, account, key, role, .. } = self;
        let listed = [
            "/",
            "/devices",
            "/devices/add",
            "/devices/tokens",
            "/alerts",
            "/logs",
            "/monitoring",
            "/businesses",
            "/users",
            "/settings",
            "/audit",
            "/roles",
            "/service-accounts",
            "/account/keys",
            "/errors",
            "/monitored-services",
            "/commands",
            "/commands/new",
            "/approvals",
            "/approval-policies",
            "/approval-policies/all",
            "/emergency-stop",
            "/scripts",
            "/releases",
            "/releases/upload",
            "/releases/roots",
            "/rollouts",
            "/rollouts/new",
        ];
        let single = [
            format!("/devices/{device}"),
            format!("/devices/{device}/metrics"),
            format!("/devices/{device}/services"),
            format!("/devices/{device}/software"),
            format!("/devices/{device}/facts"),
            format!("/devices/{device}/activity"),
            format!("/devices/{device}/logs"),
            format!("/devices/{device}/alerts"),
            format!("/devices/{device}/updates"),
            format!("/alerts/{}", self.alert),
            format!("/devices/add/{token}"),
            format!("/businesses/{business}"),
            format!("/service-locations/{location}"),
            format!("/users/{user}"),
            format!("/service-accounts/{account}"),
            format!("/api-keys/{key}"),
            format!("/roles/{role}"),
            format!("/sign-in-settings/{}", self.provider),
            format!("/audit/{}", self.entry),
            format!("/errors/{}", self.fingerprint),
            format!("/devices/{device}/errors"),
            format!("/monitored-services/{}", self.monitored),
            format!("/devices/{device}/commands"),
            format!("/commands/new?devices={device}&kind=reboot"),
            format!("/commands/{}", self.asks.command.command),
            format!("/commands/requests/{}", self.asks.approved.request),
            format!("/approval-policies/{business}"),
            format!("/scripts/{}", self.asks.script),
        ];
        listed.into_iter().map(ToOwned::to_owned).chain(single).collect()
    }

    fn id_in(&self, route: &str) -> String {
        if let Some(id) = lock::id_in(self, route) {
            return id;
        }
        if route.ends_with("/evidence") {
            return self.asks.command.command.to_string();
        }
        match route.split('/').nth(1) {
            Some("agents") if route.contains("registration-tokens") => self.token.to_string(),
            Some("agents") => self.device.to_string(),
            Some("releases") => self.released.id.to_string(),
            Some("rollouts") => self.rolled.id_in(route),
            Some("businesses") => self.business.to_string(),
            Some("service-locations") => self.location.to_string(),
            Some("roles") => self.role.to_string(),
            Some("service-accounts") => self.account.to_string(),
            Some("api-keys") => self.key.to_string(),
            Some("alerts") => self.alert.to_string(),
            Some("audit") => self.entry.to_string(),
            Some("error-reports") if route.contains("/groups/") => self.fingerprint.clone(),
            Some("error-reports") => self.error.to_string(),
            Some("monitored-services") => self.monitored.to_string(),
            Some("suggestions") => self.suggested.id_in(route),
            Some("commands") => self.asks.command.command.to_string(),
            // Only who asked changes what was asked.
            Some("command-requests") if route.starts_with("PUT") => self.asks.own.request.to_string(),
            Some("command-requests") => self.asks.cancelled.request.to_string(),
            Some("oidc-providers") => self.provider.to_string(),
            _ => self.user.to_string(),
        }
    }
}

/// Makes a device look like two machines, so that somebody can decide that it is one.
async fn be_suspected(server: &TestServer, agent: &FakeAgent) {
    let cx = domain::agent_token::authenticate(server.store(), &agent.token).await.expect("the device");
    for boot in ["a", "b", "a"] {
        let words = Hello { boot_id: Some(boot.to_owned()), ..hello() };
        domain::report::hello(&cx, &words, LinkKind::Socket).await.expect("a welcome");
    }
}

/// Every REST route that people call; what ends something comes last.
pub fn rest(world: &World) -> Vec<Call> {
    use Kind::{Changes, Lists, Makes, Own, Reads};
    let World { business, location, other, .. } = world;
    let none = Value::Null;
    let history = "GET /agents/{id}/metrics/history";
    let program = json!({"full_name": "R", "role": "contact", "business_id": business});
    let user =
        json!({"email": "rest@ours.example", "full_name": "R", "role": "contact", "business_id": business});
    let calls = [
        ("GET /me", Own, false, none.clone()),
        ("GET /agents/registration-tokens", Lists, true, none.clone()),
        ("POST /agents/registration-tokens", Makes, false, json!({"business_id": business})),
        ("GET /agents", Lists, false, none.clone()),
        ("GET /agents/{id}", Reads, false, none.clone()),
        ("PATCH /agents/{id}", Changes, false, json!({"device_name": "R", "service_location_id": location})),
        ("GET /agents/{id}/services", Reads, false, none.clone()),
        ("GET /agents/{id}/software", Reads, false, none.clone()),
        ("GET /agents/{id}/activity", Reads, false, none.clone()),
        (history, Reads, false, none.clone()),
        ("GET /agents/{id}/history", Reads, false, none.clone()),
        ("GET /businesses", Lists, false, none.clone()),
        ("POST /businesses", Makes, false, json!({"business_name": "R"})),
        ("GET /businesses/{id}", Reads, false, none.clone()),
        ("PATCH /businesses/{id}", Changes, false, json!({"business_name": "R2"})),
        ("GET /businesses/{id}/service-locations", Reads, false, none.clone()),
        ("POST /businesses/{id}/service-locations", Changes, false, json!({"location_name": "R"})),
        ("GET /service-locations", Lists, false, none.clone()),
        ("GET /service-locations/{id}", Reads, false, none.clone()),
        ("PATCH /service-locations/{id}", Changes, false, json!({"location_name": "R2"})),
        ("GET /users", Lists, true, none.clone()),
        ("POST /users", Makes, true, user),
        ("GET /users/{id}", Reads, true, none.clone()),
        ("PATCH /users/{id}", Changes, true, json!({"is_active": true})),
        (
            "PUT /users/{id}",
            Changes,
            true,
            json!({"email": "rest2@ours.example", "full_name": "R", "role": "contact", "business_id": business}),
        ),
        ("POST /users/{id}/link", Changes, true, none.clone()),
        ("DELETE /agents/{id}/clone-suspicion", Changes, true, none.clone()),
        ("GET /service-accounts", Lists, true, none.clone()),
        ("POST /service-accounts", Makes, true, program),
        ("GET /service-accounts/{id}", Reads, true, none.clone()),
        ("PATCH /service-accounts/{id}", Changes, true, json!({"full_name": "R"})),
        ("GET /api-keys", Lists, false, none.clone()),
        ("POST /api-keys", Changes, true, json!({"key_name": "R", "service_account_id": world.account})),
        ("GET /api-keys/{id}", Reads, true, none.clone()),
        ("DELETE /api-keys/{id}", Changes, true, none.clone()),
        ("POST /businesses/{id}/active", Changes, false, json!({"is_active": true})),
        ("GET /roles", Lists, true, none.clone()),
        ("POST /roles", Makes, true, json!({"role_name": "R", "base_role": "technician"})),
        ("GET /roles/{id}", Reads, true, none.clone()),
        ("PUT /roles/{id}", Changes, true, json!({"role_name": "R3", "base_role": "technician"})),
        ("DELETE /roles/{id}", Changes, true, none.clone()),
        ("POST /agents/{id}/transfer", Changes, false, json!({"business_id": other})),
        ("DELETE /agents/registration-tokens/{id}", Changes, false, none.clone()),
        ("DELETE /agents/{id}", Changes, false, none),
    ];
    let call = |(route, kind, is_for_some_roles, body): (&'static str, Kind, bool, Value)| {
        let path = route.split(' ').nth(1).unwrap_or_default();
        let query = if path.ends_with("/history") { "?metric=cpu_percent" } else { "" };
        let path = format!("/api/v1{}{query}", path.replace("{id}", &world.id_in(route)));
        let body = if path.ends_with("/upload") { Body::Parts(body) } else { Body::Json(body) };
        Call { route, kind, is_for_some_roles, path, body }
    };
    let first = monitored_service::rest(*business).into_iter().chain(error_report::rest());
    let first = first
        .chain(log_entry::rest())
        .chain(suggestion::rest())
        .chain(lock::rest(world))
        .chain(evidence::rest())
        .chain(release::rest(&world.released))
        .chain(rollout::rest(&world.rolled))
        .chain(asked::rest(world));
    first.chain(calls).chain(sign_in_rest(world)).chain(audit::rest()).map(call).collect()
}

/// Every server function; what ends something comes last.
pub fn portal(world: &World) -> Vec<Call> {
    let call = |(route, kind, is_for_some_roles, fields): functions::Row| {
        let path = route.split(' ').nth(1).unwrap_or_default().to_owned();
        Call { route, kind, is_for_some_roles, path, body: Body::Form(fields) }
    };
    // Signing out comes last.
    let first = sign_in_portal(world).into_iter().chain(audit::portal(world.entry));
    let first =
        first.chain(monitored_service::portal(world, world.monitored)).chain(error_report::portal(world));
    let first = first.chain(log_entry::portal(world, world.alert));
    let first = first.chain(suggestion::portal(world)).chain(command::portal(world));
    // A release is taken back last: rollouts of it end.
    let first = first.chain(rollout::portal(&world.rolled)).chain(release::portal(&world.released));
    first.chain(functions::rows(world)).map(call).collect()
}

/// What is asked to add a provider of sign-in.
fn provider_asked(business: BusinessId, issuer: &str) -> Value {
    json!({"business_id": business, "provider_name": "P", "issuer": issuer, "client_id": "p"})
}

/// How people sign in, over REST.
fn sign_in_rest(world: &World) -> [(&'static str, Kind, bool, Value); 7] {
    use Kind::{Changes, Lists, Makes, Reads};
    let asked = provider_asked(world.business, &world.issuer);
    [
        ("GET /oidc-providers", Lists, true, Value::Null),
        ("POST /oidc-providers", Makes, true, asked.clone()),
        ("GET /oidc-providers/{id}", Reads, true, Value::Null),
        ("PUT /oidc-providers/{id}", Changes, true, asked),
        ("DELETE /oidc-providers/{id}", Changes, true, Value::Null),
        ("GET /sign-in-policy", Lists, true, Value::Null),
        ("PUT /sign-in-policy", Changes, true, json!({"factor_policy": "nobody"})),
    ]
}

/// A server function: where, what it does, whether it is for some roles, and its fields.
type Form = (&'static str, Kind, bool, Vec<(String, String)>);

/// How people sign in, in the portal.
fn sign_in_portal(world: &World) -> [Form; 7] {
    use Kind::{Changes, Lists, Makes, Reads};
    let (id, business) = (world.provider.to_string(), world.business.to_string());
    let asked: [(&str, &str); 4] = [
        ("input[business_id]", &business),
        ("input[provider_name]", "P"),
        ("input[issuer]", &world.issuer),
        ("input[client_id]", "p"),
    ];
    let fields = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Vec<_>>()
    };
    let one = [("id", id.as_str())];
    [
        ("POST /portal/oidc/settings", Lists, true, vec![]),
        ("POST /portal/oidc/get", Reads, true, fields(&one)),
        ("POST /portal/oidc/add", Makes, true, fields(&asked)),
        ("POST /portal/oidc/change", Changes, true, fields(&[one.as_slice(), &asked].concat())),
        ("POST /portal/oidc/remove", Changes, true, fields(&one)),
        ("POST /portal/oidc/policy", Lists, true, vec![]),
        ("POST /portal/oidc/set-policy", Changes, true, fields(&[("input[factor_policy]", "nobody")])),
    ]
}
