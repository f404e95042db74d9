//! Monitored services from a rule to the agent and back: what is in force, what is told, what is shown; and the lock of
//! the device, which is shown and cannot be touched.

use crate::support::{
    agent::{FakeAgent, hello},
    server::{TestServer, each_engine, event, field},
    world::{self, World, noon},
};
use entity::{
    activity::{ActivityKind, ActivityView},
    device::{DeviceQuery, DeviceRow, DeviceView},
    device_lock::{LockSummary, RefusalCode},
    monitored_service::{
        MONITORED_SERVICES_MAX, MonitoredServiceRuleChange, MonitoredServiceRuleInput,
        MonitoredServiceRuleView, MonitoredServiceSetting, MonitoredServiceState, MonitoredServiceView,
        MonitoredServicesView, RuleLevel, ServiceCondition, ServiceEventData,
    },
    page::Page,
    platform::Os,
    portal_event::PortalEvent,
    presence::LinkKind,
    problem::ProblemCode,
    system_service::ServiceStatus,
    user::Role,
    wire::{Event, Heartbeat, HeartbeatAnswer, Hello, MonitoredServices, ToAgent, ToServer},
};
use serde_json::{Value, json};

fn asked(name: &str) -> MonitoredServiceRuleInput {
    serde_json::from_value(json!({"service_name": name})).expect("an input")
}

fn state(name: &str, status: Option<ServiceStatus>) -> MonitoredServiceState {
    MonitoredServiceState {
        service_name: name.to_owned(),
        status,
        pid: Some(42),
        exit_code: None,
        restart_count: 0,
        last_restart_at: None,
        refusal: None,
    }
}

fn names(settings: &[MonitoredServiceSetting]) -> Vec<&str> {
    settings.iter().map(|setting| setting.service_name.as_str()).collect()
}

async fn shown(server: &TestServer, agent: &FakeAgent) -> Vec<MonitoredServiceView> {
    let path = format!("/agents/{}/monitored-services", agent.id);
    server.admin.get(&path).await.expect::<MonitoredServicesView>(200).items
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_reaches_the_agent_at_once_and_what_it_tells_is_shown() {
    each_engine(async |server| {
        let agent = FakeAgent::of(&server, server.ours).await;
        let (mut socket, welcome) = agent.connect().await;
        assert!(welcome.settings.monitored_services.is_empty());
        let input =
            json!({"business_id": server.ours.business, "service_name": "nginx", "auto_restart": true});
        let rule: MonitoredServiceRuleView =
            server.admin.post("/monitored-services", &input).await.expect(201);
        assert_eq!((rule.level, rule.service_name.as_str()), (RuleLevel::Business, "nginx"));
        let ToAgent::Config { settings } = socket.next().await else { panic!("no settings") };
        assert_eq!(names(&settings.monitored_services), ["nginx.service"]);
        assert!(settings.monitored_services[0].auto_restart);
        assert_eq!(shown(&server, &agent).await[0].condition, ServiceCondition::Unknown);

        let mut events = server.store().events();
        let mut told = state("nginx.service", Some(ServiceStatus::Failed));
        told.exit_code = Some(139);
        told.restart_count = 3;
        told.refusal = Some(RefusalCode::LockedLocal);
        socket.send(&ToServer::MonitoredServices(MonitoredServices { items: vec![told.clone()] })).await;
        event(&mut events, |event| matches!(event, PortalEvent::Device { .. })).await;
        let now = shown(&server, &agent).await.remove(0);
        assert_eq!(now.condition, ServiceCondition::Failed);
        assert_eq!((now.restart_count, now.exit_code, now.refusal), (3, Some(139), told.refusal));
        let view: DeviceView = server.admin.get(&format!("/agents/{}", agent.id)).await.expect(200);
        assert_eq!((view.services_wrong, view.monitored_services), (1, vec![now]));
        let listed: Page<DeviceRow> = server.admin.get("/agents?services_wrong=true").await.expect(200);
        assert_eq!((listed.total, listed.items[0].services_wrong), (Some(1), 1));

        // The device's own rule stands in for the business's: it must not run.
        let own = json!({"device_id": agent.id, "service_name": "nginx", "should_be_running": false});
        let own: MonitoredServiceRuleView = server.admin.post("/monitored-services", &own).await.expect(201);
        let ToAgent::Config { settings } = socket.next().await else { panic!("no settings") };
        assert!(!settings.monitored_services[0].should_be_running);
        let now = shown(&server, &agent).await.remove(0);
        assert_eq!(
            (now.level, now.is_override, now.condition),
            (RuleLevel::Device, true, ServiceCondition::AsWanted)
        );
        let listed: Page<DeviceRow> = server.admin.get("/agents?services_wrong=true").await.expect(200);
        assert_eq!(listed.total, Some(0), "counted anew with the rule itself");

        let path = format!("/monitored-services/{}", own.id);
        server.admin.call("DELETE", &path, None).await.expect::<MonitoredServiceRuleView>(200);
        let ToAgent::Config { settings } = socket.next().await else { panic!("no settings") };
        assert!(settings.monitored_services[0].should_be_running, "the wider rule is in force again");
        assert_eq!(server.admin.get(&path).await.problem(404).code, ProblemCode::NotFound);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_polls_hears_of_its_services_too_and_tells_of_them() {
    each_engine(async |server| {
        let agent = FakeAgent::of(&server, server.ours).await;
        let beat = Heartbeat { link: LinkKind::Polling, hello: Some(Box::new(hello())), agent_state: None };
        let answer: HeartbeatAnswer = agent.post("heartbeat", &beat).await.expect(200);
        assert!(!answer.config_updated && answer.settings.monitored_services.is_empty());
        let input = json!({"device_id": agent.id, "service_name": "cron.service"});
        server.admin.post("/monitored-services", &input).await.expect::<Value>(201);
        let beat = Heartbeat { hello: None, ..beat };
        let answer: HeartbeatAnswer = agent.post("heartbeat", &beat).await.expect(200);
        assert!(answer.config_updated);
        assert_eq!(names(&answer.settings.monitored_services), ["cron.service"]);
        let told = MonitoredServices { items: vec![state("cron.service", None)] };
        assert_eq!(agent.post("monitored-services", &told).await.status, 204);
        assert_eq!(shown(&server, &agent).await[0].condition, ServiceCondition::Missing);
        let lock = LockSummary { remaining_seconds: Some(60), ..LockSummary::default() };
        assert_eq!(agent.post("device-lock", &lock).await.status, 204);
        let view: DeviceView = server.admin.get(&format!("/agents/{}", agent.id)).await.expect(200);
        assert!(view.device_lock.is_some_and(|lock| lock.armed_until.is_some()));
        let many = MonitoredServices {
            items: (0..=MONITORED_SERVICES_MAX).map(|n| state(&format!("s{n}"), None)).collect(),
        };
        assert_eq!(
            agent.post("monitored-services", &many).await.problem(422).field.as_deref(),
            Some("items")
        );
    })
    .await;
}

fn service_event(id: Option<uuid::Uuid>) -> Event {
    let data = ServiceEventData { service_name: "nginx.service".to_owned(), ..ServiceEventData::default() };
    Event {
        id,
        data: Some(data),
        ..Event::plain(noon(), "service_crashed", "nginx.service was running and has failed")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_told_twice_is_acknowledged_twice_and_counts_once() {
    each_engine(async |server| {
        let agent = FakeAgent::of(&server, server.ours).await;
        let id = uuid::Uuid::from_u128(7);
        let (mut socket, _) = agent.connect().await;
        for _ in 0..2 {
            socket.send(&ToServer::Event(service_event(Some(id)))).await;
            assert_eq!(socket.next().await, ToAgent::EventAck { id });
        }
        assert_eq!(agent.post("events", &service_event(Some(id))).await.status, 204);
        let other = FakeAgent::of(&server, server.ours).await;
        assert_eq!(other.post("events", &service_event(Some(id))).await.status, 204);
        // Without a name each one counts, as agents of before send them.
        for _ in 0..2 {
            assert_eq!(agent.post("events", &service_event(None)).await.status, 204);
        }
        for (of, count) in [(&agent, 3), (&other, 1)] {
            let path = format!("/agents/{}/activity", of.id);
            let activity: Page<ActivityView> = server.admin.get(&path).await.expect(200);
            let told = activity.items.iter().filter(|item| item.kind == ActivityKind::ServiceChanged);
            assert_eq!(told.count(), count);
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_told_again_costs_no_commit_and_what_is_no_longer_told_is_gone() {
    world::each_engine(|world| async move {
        let (device, agent) = world.device().await;
        let id = device.agent_id;
        domain::monitored_service::add(
            &world.admin,
            MonitoredServiceRuleInput { business_id: Some(world.business), ..asked("a") },
        )
        .await
        .expect("added");
        let told = |status| MonitoredServices { items: vec![state("a.service", Some(status))] };
        let view = async || {
            let found = domain::monitored_service::of_device(&world.admin, id).await.expect("services");
            found.items.into_iter().next().expect("a service")
        };
        domain::monitored_service::report(&agent, told(ServiceStatus::Running)).await.expect("stored");
        let first = view().await;
        assert_eq!((first.condition, first.last_checked_at), (ServiceCondition::AsWanted, Some(noon())));
        world.clock.advance(chrono::TimeDelta::minutes(1));
        domain::monitored_service::report(&agent, told(ServiceStatus::Running)).await.expect("stored");
        assert_eq!(view().await, first, "nothing was written");
        domain::monitored_service::report(&agent, told(ServiceStatus::Stopped)).await.expect("stored");
        let now = view().await;
        assert_eq!(now.condition, ServiceCondition::NotRunning);
        assert_eq!(now.last_state_change_at, Some(noon() + chrono::TimeDelta::minutes(1)));
        domain::monitored_service::report(&agent, MonitoredServices { items: vec![] }).await.expect("stored");
        assert_eq!(view().await.condition, ServiceCondition::Unknown);
    })
    .await;
}

#[tokio::test]
async fn what_is_nearer_to_the_device_wins_and_each_system_has_its_own() {
    world::each_engine(|world| async move {
        let (device, agent) = world.device().await;
        let id = device.agent_id;
        let add = async |input| domain::monitored_service::add(&world.admin, input).await;
        add(asked("ssh")).await.expect("the MSP's");
        add(MonitoredServiceRuleInput { os_type: Some(Os::Windows), ..asked("Spooler") })
            .await
            .expect("for Windows");
        let of_business = MonitoredServiceRuleInput {
            business_id: Some(world.business),
            auto_restart: true,
            ..asked("ssh.service")
        };
        let of_business = add(of_business).await.expect("the business's");
        let neighbour = MonitoredServiceRuleInput { business_id: Some(world.neighbour), ..asked("theirs") };
        add(neighbour).await.expect("the neighbour's");
        let settings = domain::report::settings(&agent).await.expect("settings").monitored_services;
        assert_eq!(names(&settings), ["ssh.service"]);
        assert!(settings[0].auto_restart, "as the business says");
        let exempt = MonitoredServiceRuleInput { device_id: Some(id), is_watched: false, ..asked("ssh") };
        add(exempt).await.expect("an exception");
        assert!(domain::report::settings(&agent).await.expect("settings").monitored_services.is_empty());
        let shown = domain::monitored_service::of_device(&world.admin, id).await.expect("services").items;
        assert!(!shown[0].is_watched && shown[0].is_override && !shown[0].condition.is_wrong());
        let change =
            MonitoredServiceRuleChange { is_watched: true, should_be_running: false, auto_restart: false };
        let changed =
            domain::monitored_service::change(&world.admin, of_business.id, change).await.expect("changed");
        assert!(!changed.should_be_running);
    })
    .await;
}

#[tokio::test]
async fn bad_rules_are_refused_by_field_and_nobody_decides_for_others() {
    world::each_engine(|world| async move {
        let (device, _) = world.device().await;
        let add = async |cx: &domain::Cx, input| domain::monitored_service::add(cx, input).await;
        let business =
            |name: &str| MonitoredServiceRuleInput { business_id: Some(world.business), ..asked(name) };
        add(&world.admin, business("nginx")).await.expect("added");
        for (input, field, code) in [
            (business("--now"), "service_name", ProblemCode::Invalid),
            (business("*"), "service_name", ProblemCode::Invalid),
            (business("nginx"), "service_name", ProblemCode::Conflict),
            (
                MonitoredServiceRuleInput { should_be_running: false, auto_restart: true, ..business("a") },
                "auto_restart",
                ProblemCode::Invalid,
            ),
            (
                MonitoredServiceRuleInput { is_watched: false, ..asked("a") },
                "is_watched",
                ProblemCode::Invalid,
            ),
            (
                MonitoredServiceRuleInput {
                    device_id: Some(device.agent_id),
                    os_type: Some(Os::Linux),
                    ..asked("a")
                },
                "os_type",
                ProblemCode::Invalid,
            ),
            (
                MonitoredServiceRuleInput {
                    device_id: Some(device.agent_id),
                    business_id: Some(world.neighbour),
                    ..asked("a")
                },
                "business_id",
                ProblemCode::Invalid,
            ),
        ] {
            let problem = add(&world.admin, input).await.expect_err(field).problem();
            assert_eq!((problem.code, problem.field.as_deref()), (code, Some(field)), "{}", problem.detail);
        }
        let technician = world.person(Role::Technician, None, &[world.business]).await;
        add(&technician, business("a")).await.expect("within reach");
        assert!(add(&technician, asked("b")).await.is_err(), "the MSP's default is not theirs");
        let stranger = world.person(Role::Technician, None, &[world.neighbour]).await;
        let refused = add(&stranger, business("c")).await.expect_err("out of reach").problem();
        assert_eq!(refused.code, ProblemCode::NotFound);
        let contact = world.person(Role::Contact, Some(world.business), &[]).await;
        let refused = add(&contact, business("c")).await.expect_err("not their role").problem();
        assert_eq!(refused.code, ProblemCode::Forbidden);
        for n in 2..MONITORED_SERVICES_MAX {
            add(&world.admin, business(&format!("s{n}"))).await.expect("added");
        }
        let refused = add(&world.admin, business("one-too-many")).await.expect_err("full").problem();
        assert_eq!(refused.code, ProblemCode::Conflict);
    })
    .await;
}

async fn lock_of(world: &World, id: entity::id::DeviceId) -> Option<entity::device_lock::LockView> {
    domain::device::get(&world.admin, id).await.expect("a device").device_lock
}

#[tokio::test]
async fn the_lock_of_a_device_is_shown_as_the_device_tells_it() {
    world::each_engine(|world| async move {
        let (device, agent) = world.device().await;
        let id = device.agent_id;
        assert_eq!(lock_of(&world, id).await, None, "nothing was told");
        let words = Hello { device_lock: Some(LockSummary::default()), ..hello() };
        domain::report::hello(&agent, &words, LinkKind::Socket).await.expect("a welcome");
        let locked = lock_of(&world, id).await.expect("told");
        assert!(!locked.is_open(noon()));
        let armed = LockSummary {
            remaining_seconds: Some(7_200),
            allow: vec!["restart_service:nginx\u{7}".to_owned()],
            trouble: None,
        };
        domain::report::device_lock(&agent, armed.clone()).await.expect("stored");
        let told = lock_of(&world, id).await.expect("told");
        assert_eq!(told.armed_until, Some(noon() + chrono::TimeDelta::hours(2)));
        assert_eq!(told.allow, ["restart_service:nginx"], "clipped");
        // Two seconds later, with two seconds less: the same, and nothing is written.
        world.clock.advance(chrono::TimeDelta::seconds(2));
        let again = LockSummary { remaining_seconds: Some(7_198), ..armed };
        domain::report::device_lock(&agent, again).await.expect("stored");
        assert_eq!(lock_of(&world, id).await, Some(told));
        let words = Hello { device_lock: None, ..hello() };
        domain::report::hello(&agent, &words, LinkKind::Socket).await.expect("a welcome");
        assert!(lock_of(&world, id).await.is_some(), "an agent that says nothing of it changes nothing");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_takes_its_own_rules_to_another_business_and_leaves_the_others() {
    each_engine(async |server| {
        let agent = FakeAgent::of(&server, server.ours).await;
        let own = json!({"device_id": agent.id, "service_name": "own"});
        let own: Value = server.admin.post("/monitored-services", &own).await.expect(201);
        let theirs = json!({"business_id": server.ours.business, "service_name": "ours"});
        server.admin.post("/monitored-services", &theirs).await.expect::<Value>(201);
        let told = MonitoredServices { items: vec![state("own.service", Some(ServiceStatus::Stopped))] };
        assert_eq!(agent.post("monitored-services", &told).await.status, 204);
        let path = format!("/agents/{}/transfer", agent.id);
        server
            .admin
            .post(&path, &json!({"business_id": server.theirs.business}))
            .await
            .expect::<DeviceView>(200);
        let shown = shown(&server, &agent).await;
        assert_eq!(shown.len(), 1);
        assert_eq!(
            (shown[0].service_name.as_str(), shown[0].condition),
            ("own.service", ServiceCondition::NotRunning)
        );
        let id: entity::id::MonitoredServiceRuleId = field(&own, "id");
        let moved: MonitoredServiceRuleView =
            server.admin.get(&format!("/monitored-services/{id}")).await.expect(200);
        assert_eq!(moved.business_id, Some(server.theirs.business));
    })
    .await;
}

#[tokio::test]
async fn the_list_of_devices_asks_for_what_is_wrong() {
    world::each_engine(|world| async move {
        let (_, agent) = world.device().await;
        let (_, _well) = world.device().await;
        domain::monitored_service::add(&world.admin, asked("a")).await.expect("added");
        let told = MonitoredServices { items: vec![state("a.service", Some(ServiceStatus::Failed))] };
        domain::monitored_service::report(&agent, told).await.expect("stored");
        let query = DeviceQuery { services_wrong: true, ..DeviceQuery::default() };
        let found = domain::device::list(&world.admin, &query).await.expect("a page");
        assert_eq!((found.total, found.items[0].id), (Some(1), agent.device_id()));
        let all = domain::device::list(&world.admin, &DeviceQuery::default()).await.expect("a page");
        assert_eq!(all.total, Some(2));
    })
    .await;
}
