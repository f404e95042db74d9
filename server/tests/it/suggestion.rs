//! Suggestions: an alert that opens proposes a command, once; people take or dismiss it, its alert's end outdates it, and
//! the server asks by itself only where a policy and the device's own lock let it, and not again and again.

mod automatic;

use crate::{
    metric::{append, sample},
    support::world::{World, each_engine, noon},
};
use chrono::{DateTime, Duration, Utc};
use domain::{AgentCx, Clock as _, Cx};
use entity::{
    alert::{AlertKind, AlertQuery, AlertState, AlertView, ResolveInput, Severity},
    audit::AuditQuery,
    command::{CommandState, Door, Payload},
    device_lock::RefusalCode,
    id::DeviceId,
    monitored_service::MonitoredServiceState,
    problem::ProblemCode,
    suggestion::{DismissInput, SuggestionQuery, SuggestionState, SuggestionView},
    system_service::ServiceStatus,
    user::Role,
    wire::MonitoredServices,
};

pub const NGINX: &str = "nginx.service";

/// Samples a minute apart, the last of them now.
pub async fn loads(world: &World, agent: &AgentCx, loads: &[f32]) {
    let now = world.clock.now();
    let minutes = |place: usize| i64::try_from(loads.len() - 1 - place).expect("few");
    let at = |(place, load): (usize, &f32)| sample(now - Duration::minutes(minutes(place)), *load);
    append(agent, loads.iter().enumerate().map(at).collect()).await.expect("stored");
}

/// Nginx is looked after at the business.
pub async fn look_after(world: &World) {
    let input = serde_json::json!({ "service_name": "nginx", "business_id": world.business });
    let input = serde_json::from_value(input).expect("an input");
    domain::monitored_service::add(&world.admin, input).await.expect("added");
}

/// How nginx is on a device; `None`: there is none.
pub async fn nginx(agent: &AgentCx, status: Option<ServiceStatus>) {
    nginx_after(agent, status, 0).await;
}

async fn nginx_after(agent: &AgentCx, status: Option<ServiceStatus>, restart_count: u64) {
    let state = MonitoredServiceState {
        service_name: NGINX.to_owned(),
        status,
        pid: None,
        exit_code: None,
        restart_count,
        last_restart_at: None,
        refusal: Some(RefusalCode::LockedLocal),
    };
    let report = MonitoredServices { items: vec![state] };
    domain::monitored_service::report(agent, report).await.expect("taken");
}

pub async fn suggestions(cx: &Cx) -> Vec<SuggestionView> {
    domain::suggestion::list(cx, &SuggestionQuery::default()).await.expect("a list").items
}

/// The only one that there is.
pub async fn only(world: &World) -> SuggestionView {
    let mut all = suggestions(&world.admin).await;
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

async fn alerts(world: &World, device: DeviceId) -> Vec<AlertView> {
    domain::alert::of_device(&world.admin, device, &AlertQuery::default()).await.expect("a list").items
}

fn restart() -> Payload {
    Payload::RestartService { service_name: NGINX.to_owned() }
}

#[track_caller]
fn code<T>(result: domain::Result<T>) -> ProblemCode {
    result.err().expect("refused").problem().code
}

#[tokio::test(flavor = "multi_thread")]
async fn processors_that_have_too_much_to_do_propose_a_limit_once() {
    each_engine(|world| async move {
        let (device, agent) = world.device().await;
        let id = device.agent_id;
        loads(&world, &agent, &[20.0, 99.0]).await;
        assert!(alerts(&world, id).await.is_empty(), "a moment's work is none");
        world.clock.advance(Duration::minutes(1));
        loads(&world, &agent, &[97.5]).await;
        let alert = alerts(&world, id).await.remove(0);
        assert_eq!(
            (alert.kind, alert.state, alert.severity),
            (AlertKind::CpuHigh, AlertState::Firing, Severity::Warning)
        );
        assert_eq!((alert.metric_value, alert.threshold_value), (Some(99.0), Some(95.0)));
        let found = only(&world).await;
        assert_eq!((found.state, found.alert_id, found.device_id), (SuggestionState::Open, alert.id, id));
        assert_eq!(found.payload, Payload::SetRateLimit { endpoint: "/api".to_owned(), limit_rps: 50 });
        assert!(found.why.contains("99 % busy"), "{}", found.why);
        let lock = found.lock.expect("it is open");
        assert_eq!((lock.approvals_needed, lock.device_allows), (0, true));
        assert_eq!((found.held_back, found.request_id, found.decided_at), (None, None, None));

        world.clock.advance(Duration::minutes(2));
        loads(&world, &agent, &[99.5, 99.9]).await;
        let still = alerts(&world, id).await;
        assert_eq!((still.len(), still[0].last_breach_at), (1, world.clock.now()));
        assert!(still[0].metric_value.is_some_and(|most| most > 99.8), "the worst of it");
        assert_eq!(only(&world).await.id, found.id);

        world.clock.advance(Duration::minutes(11));
        domain::job::clear_alerts(&world.job()).await.expect("cleared");
        assert_eq!(alerts(&world, id).await[0].state, AlertState::AutoResolved);
        let over = only(&world).await;
        assert_eq!((over.state, over.decided_at), (SuggestionState::Outdated, Some(world.clock.now())));
        assert!(over.lock.is_none());
        assert_eq!(code(domain::suggestion::take(&world.admin, found.id).await), ProblemCode::Conflict);
        // Old samples that come late say nothing about now.
        let long_ago = world.clock.now() - Duration::hours(2);
        let late = [0, 1].map(|minute| sample(long_ago + Duration::minutes(minute), 99.0));
        append(&agent, late.to_vec()).await.expect("stored");
        assert_eq!(alerts(&world, id).await.len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_settled_is_not_proposed_again_for_the_same_samples() {
    each_engine(|world| async move {
        let (device, agent) = world.device().await;
        loads(&world, &agent, &[99.0, 99.0]).await;
        let alert = alerts(&world, device.agent_id).await.remove(0);
        world.clock.advance(Duration::seconds(30));
        domain::alert::resolve(&world.admin, alert.id, ResolveInput::default()).await.expect("resolved");
        assert_eq!(only(&world).await.state, SuggestionState::Outdated);
        world.clock.advance(Duration::seconds(30));
        loads(&world, &agent, &[99.0]).await;
        assert_eq!(suggestions(&world.admin).await.len(), 1, "one sample since it was settled");
        world.clock.advance(Duration::minutes(1));
        loads(&world, &agent, &[99.0]).await;
        let all = suggestions(&world.admin).await;
        assert_eq!(
            all.iter().map(|one| one.state).collect::<Vec<_>>(),
            [SuggestionState::Open, SuggestionState::Outdated]
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_should_run_proposes_its_restart_until_it_runs_again() {
    each_engine(|world| async move {
        let (device, agent) = world.device().await;
        let id = device.agent_id;
        look_after(&world).await;
        nginx(&agent, Some(ServiceStatus::Running)).await;
        assert!(alerts(&world, id).await.is_empty());
        nginx(&agent, None).await;
        let missing = alerts(&world, id).await.remove(0);
        assert_eq!(
            (missing.kind, missing.severity, missing.message.as_str()),
            (AlertKind::ServiceDown, Severity::Critical, "nginx.service is missing")
        );
        assert!(suggestions(&world.admin).await.is_empty(), "nobody restarts what is not there");
        nginx(&agent, Some(ServiceStatus::Failed)).await;
        let found = only(&world).await;
        assert_eq!((found.alert_id, found.payload.clone()), (missing.id, restart()));
        let lock = found.lock.clone().expect("it is open");
        assert_eq!((lock.approvals_needed, lock.device_allows), (1, false));
        assert!(lock.arm_command.is_some_and(|line| line.contains("restart_service:nginx")));
        nginx(&agent, Some(ServiceStatus::Stopped)).await;
        assert_eq!(only(&world).await.id, found.id, "one for each alert");
        world.clock.advance(Duration::hours(3));
        domain::job::clear_alerts(&world.job()).await.expect("cleared");
        assert!(alerts(&world, id).await[0].state.is_open(), "it is down until the device says otherwise");
        nginx(&agent, Some(ServiceStatus::Running)).await;
        assert_eq!(alerts(&world, id).await[0].state, AlertState::AutoResolved);
        assert_eq!(only(&world).await.state, SuggestionState::Outdated);

        nginx(&agent, Some(ServiceStatus::Failed)).await;
        let again = suggestions(&world.admin).await.remove(0);
        assert_eq!(again.state, SuggestionState::Open);
        world.clock.advance(Duration::seconds(1));
        let settled = domain::alert::resolve(&world.admin, again.alert_id, ResolveInput::default()).await;
        settled.expect("resolved");
        assert_eq!(suggestions(&world.admin).await[0].state, SuggestionState::Outdated);
        nginx(&agent, Some(ServiceStatus::Failed)).await;
        assert_eq!(suggestions(&world.admin).await.len(), 2, "nothing has changed since it was settled");
        world.clock.advance(Duration::seconds(1));
        nginx_after(&agent, Some(ServiceStatus::Failed), 1).await;
        assert_eq!(suggestions(&world.admin).await.len(), 3, "it has failed anew");
        let admin = world.admin_now().await;
        domain::device::revoke(&admin.confirmed().expect("just now"), id).await.expect("revoked");
        domain::job::clear_alerts(&world.job()).await.expect("cleared");
        assert_eq!(suggestions(&world.admin).await[0].state, SuggestionState::Outdated, "it says no more");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_takes_it_and_it_becomes_a_request_like_any_other() {
    each_engine(|world| async move {
        let (_, agent) = world.device().await;
        look_after(&world).await;
        nginx(&agent, Some(ServiceStatus::Failed)).await;
        let found = only(&world).await;
        let stranger = world.person(Role::BusinessOwner, Some(world.neighbour), &[]).await;
        assert!(suggestions(&stranger).await.is_empty());
        assert_eq!(code(domain::suggestion::take(&stranger, found.id).await), ProblemCode::NotFound);
        let contact = world.person(Role::Contact, Some(world.business), &[]).await;
        assert_eq!(suggestions(&contact).await.len(), 1, "it is their device");
        assert_eq!(code(domain::suggestion::take(&contact, found.id).await), ProblemCode::Forbidden);
        let technician = world.person(Role::Technician, None, &[world.business]).await;
        let made = domain::suggestion::take(&technician, found.id).await.expect("asked");
        assert_eq!((made.request.door, made.request.requested_by), (Door::Suggestion, technician.me().id));
        assert_eq!((made.request.payload, made.request.approvals_needed), (restart(), 1));
        assert_eq!(made.request.reason.as_deref(), Some(found.why.as_str()));
        assert_eq!(made.command.state, CommandState::AwaitingApproval);
        let taken = only(&world).await;
        assert_eq!(taken.state, SuggestionState::Taken);
        assert_eq!(taken.decided_by.as_deref(), Some(Role::Technician.label()));
        assert_eq!((taken.request_id, taken.decided_at), (Some(made.request.id), Some(noon())));
        assert_eq!(code(domain::suggestion::take(&world.admin, found.id).await), ProblemCode::Conflict);
        let dismissed = domain::suggestion::dismiss(&world.admin, found.id, DismissInput::default()).await;
        assert_eq!(code(dismissed), ProblemCode::Conflict);
        nginx(&agent, Some(ServiceStatus::Running)).await;
        assert_eq!(only(&world).await.state, SuggestionState::Taken, "what was taken is a request by now");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_people_who_take_one_at_once_one_makes_a_request() {
    each_engine(|world| async move {
        let (_, agent) = world.device().await;
        loads(&world, &agent, &[99.0, 99.0]).await;
        let id = only(&world).await.id;
        let takes = (0..8).map(|_| domain::suggestion::take(&world.admin, id));
        let made = futures::future::join_all(takes).await;
        assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 1);
        for refused in made.into_iter().filter(Result::is_err) {
            assert_eq!(code(refused), ProblemCode::Conflict);
        }
        let requests = domain::command::list_requests(&world.admin, &Default::default()).await.expect("all");
        assert_eq!(requests.items.len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_dismisses_it_and_says_why() {
    each_engine(|world| async move {
        let (_, agent) = world.device().await;
        loads(&world, &agent, &[99.0, 99.0]).await;
        let id = only(&world).await.id;
        let dismiss = async |cx: &Cx, note: &str| {
            domain::suggestion::dismiss(cx, id, DismissInput { note: note.to_owned() }).await
        };
        let stranger = world.person(Role::BusinessOwner, Some(world.neighbour), &[]).await;
        assert_eq!(code(dismiss(&stranger, "").await), ProblemCode::NotFound);
        let contact = world.person(Role::Contact, Some(world.business), &[]).await;
        assert_eq!(code(dismiss(&contact, "").await), ProblemCode::Forbidden);
        let long = dismiss(&world.admin, &"x".repeat(1_001)).await.expect_err("long").problem();
        assert_eq!(long.field.as_deref(), Some("note"));
        let view = dismiss(&world.admin, " It builds. ").await.expect("dismissed");
        assert_eq!((view.state, view.note.as_deref()), (SuggestionState::Dismissed, Some("It builds.")));
        assert!(view.decided_by.is_some() && view.decided_at == Some(noon()) && view.request_id.is_none());
        let query = AuditQuery { action: Some("suggestion.".to_owned()), ..AuditQuery::default() };
        let written = domain::audit::list(&world.admin, &query).await.expect("entries").items;
        assert_eq!(
            written.iter().map(|entry| entry.action.as_str()).collect::<Vec<_>>(),
            ["suggestion.dismiss"]
        );
        // The alert goes on, and proposes nothing again.
        world.clock.advance(Duration::minutes(2));
        loads(&world, &agent, &[99.0, 99.0]).await;
        assert_eq!(only(&world).await.state, SuggestionState::Dismissed);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_is_asked_by_business_device_alert_and_state() {
    each_engine(|world| async move {
        let (one, agent) = world.device().await;
        let (two, other) = world.device().await;
        loads(&world, &agent, &[99.0, 99.0]).await;
        loads(&world, &other, &[99.0, 99.0]).await;
        let all = suggestions(&world.admin).await;
        assert_eq!(all.iter().map(|one| one.device_id).collect::<Vec<_>>(), [two.agent_id, one.agent_id]);
        domain::suggestion::dismiss(&world.admin, all[0].id, DismissInput::default()).await.expect("done");
        let ask = async |query: SuggestionQuery| {
            let page = domain::suggestion::list(&world.admin, &query).await.expect("a list");
            page.items.into_iter().map(|one| one.device_id).collect::<Vec<_>>()
        };
        let any = SuggestionQuery::default;
        let first = vec![one.agent_id];
        assert_eq!(ask(SuggestionQuery { device_id: Some(one.agent_id), ..any() }).await, first);
        assert_eq!(ask(SuggestionQuery { alert_id: Some(all[1].alert_id), ..any() }).await, first);
        assert_eq!(ask(SuggestionQuery { state: Some(SuggestionState::Open), ..any() }).await, first);
        assert_eq!(ask(SuggestionQuery { business_id: Some(world.business), ..any() }).await.len(), 2);
        assert!(ask(SuggestionQuery { business_id: Some(world.neighbour), ..any() }).await.is_empty());
        let page = SuggestionQuery { limit: Some(1), ..any() };
        let page = domain::suggestion::list(&world.admin, &page).await.expect("a page");
        let next = SuggestionQuery { limit: Some(1), cursor: page.next_cursor, ..any() };
        assert_eq!(ask(next).await, first);
    })
    .await;
}

/// Some time later.
pub fn after(hours: i64) -> DateTime<Utc> {
    noon() + Duration::hours(hours)
}
