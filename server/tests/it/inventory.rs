//! Services, software and facts: what is stored, and what of it is told as activity.

use crate::support::world::{World, each_engine, noon};
use chrono::Duration;
use entity::{
    activity::ActivityKind,
    facts::Facts,
    id::DeviceId,
    software_item::SoftwareItem,
    system_service::{ServiceManager, ServiceStatus, SystemService},
    wire::{Event, FactsReport, Services, Software},
};

fn service(name: &str, status: ServiceStatus) -> SystemService {
    SystemService {
        service_name: name.to_owned(),
        display_name: None,
        status,
        starts_at_boot: Some(true),
        pid: Some(7),
    }
}

fn services(digest: &str, items: Vec<SystemService>) -> Services {
    Services { manager: ServiceManager::Systemd, digest: digest.to_owned(), items }
}

fn item(name: &str, version: &str) -> SoftwareItem {
    SoftwareItem {
        software_name: name.to_owned(),
        software_version: version.to_owned(),
        vendor: None,
        architecture: Some("amd64".to_owned()),
        source: "dpkg".to_owned(),
    }
}

async fn told(world: &World, id: DeviceId, kind: ActivityKind) -> Vec<String> {
    let page = domain::device::activity(&world.admin, id, None, None).await.expect("activity");
    page.items.into_iter().filter(|item| item.kind == kind).map(|item| item.summary).collect()
}

#[tokio::test]
async fn services_are_replaced_and_their_changes_told() {
    each_engine(|world| async move {
        let (device, agent) = world.device().await;
        let id = device.agent_id;
        let before = domain::device::services(&world.admin, id).await.expect("services");
        assert_eq!((before.manager, before.reported_at, before.items.len()), (None, None, 0));

        let first = vec![
            service("nginx.service", ServiceStatus::Running),
            service("cron.service", ServiceStatus::Running),
            service("old.service", ServiceStatus::Stopped),
        ];
        domain::report::services(&agent, services("a", first)).await.expect("stored");
        assert!(
            told(&world, id, ActivityKind::ServiceChanged).await.is_empty(),
            "the first report is no change"
        );

        world.clock.advance(Duration::minutes(5));
        let second = vec![
            service("nginx.service", ServiceStatus::Failed),
            service("cron.service", ServiceStatus::Running),
        ];
        domain::report::services(&agent, services("b", second)).await.expect("stored");
        let after = domain::device::services(&world.admin, id).await.expect("services");
        assert_eq!(after.manager, Some(ServiceManager::Systemd));
        assert_eq!(after.reported_at, Some(noon() + Duration::minutes(5)));
        let names: Vec<_> =
            after.items.iter().map(|item| (item.service_name.as_str(), item.status)).collect();
        assert_eq!(
            names,
            [("nginx.service", ServiceStatus::Failed), ("cron.service", ServiceStatus::Running)],
            "failed ones first, gone ones gone"
        );
        assert_eq!(after.items[0].last_state_change_at, noon() + Duration::minutes(5));
        assert_eq!(after.items[1].last_state_change_at, noon());
        assert_eq!(
            told(&world, id, ActivityKind::ServiceChanged).await,
            ["nginx.service went from running to failed"]
        );
        let overview = domain::overview::get(&world.admin).await.expect("an overview");
        assert_eq!(overview.failed_services, 1);
    })
    .await;
}

#[tokio::test]
async fn software_is_compared_searched_and_paged() {
    each_engine(|world| async move {
        let (device, agent) = world.device().await;
        let id = device.agent_id;
        let mut items: Vec<_> = (0..120).map(|n| item(&format!("lib{n:03}"), "1.0")).collect();
        items.push(item("Nginx", "1.24"));
        items.push(item("100%_real", "1"));
        items[3].vendor = Some("Debian Cron Maintainers".to_owned());
        let report = Software { digest: "a".to_owned(), items: items.clone() };
        domain::report::software(&agent, report).await.expect("stored");
        items.retain(|item| item.software_name != "lib007");
        items.push(item("Nginx", "1.26"));
        world.clock.advance(Duration::hours(1));
        let report = Software { digest: "b".to_owned(), items };
        domain::report::software(&agent, report).await.expect("stored");

        let told = told(&world, id, ActivityKind::SoftwareChanged).await;
        assert_eq!(told, ["Removed lib007 1.0", "Installed Nginx 1.26"]);
        let view = domain::device::get(&world.admin, id).await.expect("a device");
        assert_eq!(view.software_count, Some(122));

        let software = |search: Option<&str>, cursor: Option<String>| {
            domain::device::software(&world.admin, id, search.map(str::to_owned), cursor, Some(50))
        };
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let page = software(None, cursor).await.expect("a page");
            assert_eq!(page.total, Some(122));
            seen.extend(page.items.into_iter().map(|item| (item.software_name, item.software_version)));
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        let mut unique = seen.clone();
        unique.sort();
        unique.dedup();
        assert_eq!((seen.len(), unique.len()), (122, 122), "each item on one page");

        let found = software(Some("NGIN"), None).await.expect("a page");
        assert_eq!(found.total, Some(2));
        assert_eq!(found.items[0].first_seen_at, noon());
        assert_eq!(found.items[1].first_seen_at, noon() + Duration::hours(1));
        assert_eq!(software(Some("cron maint"), None).await.expect("a page").total, Some(1), "vendors too");
        assert_eq!(software(Some("%_"), None).await.expect("a page").total, Some(1), "wildcards are text");
        assert!(software(None, Some("nonsense".to_owned())).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn facts_are_searched_and_their_changes_told() {
    each_engine(|world| async move {
        let (device, agent) = world.device().await;
        let id = device.agent_id;
        let facts = Facts {
            hostname: "web-01".to_owned(),
            os_name: Some("Debian GNU/Linux".to_owned()),
            os_version: Some("12".to_owned()),
            memory_total_bytes: Some(8),
            ip_addresses: vec!["192.0.2.10".to_owned()],
            ..Facts::default()
        };
        let report =
            |digest: &str, facts: &Facts| FactsReport { digest: digest.to_owned(), facts: facts.clone() };
        domain::report::facts(&agent, report("a", &facts)).await.expect("stored");
        let more = Facts { memory_total_bytes: Some(16), ..facts };
        domain::report::facts(&agent, report("b", &more)).await.expect("stored");
        assert_eq!(
            told(&world, id, ActivityKind::FactsChanged).await,
            ["Memory in bytes changed from 8 to 16"]
        );
        let view = domain::device::get(&world.admin, id).await.expect("a device");
        assert_eq!(view.facts, more);
        let query =
            entity::device::DeviceQuery { search: Some("192.0.2.1".to_owned()), ..Default::default() };
        let page = domain::device::list(&world.admin, &query).await.expect("a page");
        assert_eq!(page.items[0].os_version.as_deref(), Some("Debian GNU/Linux 12"));
    })
    .await;
}

#[tokio::test]
async fn the_digests_come_back_with_the_welcome() {
    each_engine(|world| async move {
        let (_, agent) = world.device().await;
        domain::report::services(&agent, services("s", vec![])).await.expect("stored");
        domain::report::software(&agent, Software { digest: "w".to_owned(), items: vec![] })
            .await
            .expect("stored");
        let facts = FactsReport { digest: "f".to_owned(), facts: Facts::default() };
        domain::report::facts(&agent, facts).await.expect("stored");
        let hello = crate::presence::hello(None);
        let welcome = domain::report::hello(&agent, &hello, entity::presence::LinkKind::Socket).await;
        let known = welcome.expect("welcome").known;
        assert_eq!(
            [known.services, known.software, known.facts].map(Option::unwrap_or_default),
            ["s", "w", "f"]
        );
    })
    .await;
}

#[tokio::test]
async fn what_a_device_reports_is_told_clipped() {
    let world = World::on_sqlite().await;
    let (device, agent) = world.device().await;
    let event = Event::plain(noon(), "service_crashed", format!("nginx\u{7} {}", "x".repeat(1_000)));
    domain::report::event(&agent, event).await.expect("stored");
    let told = told(&world, device.agent_id, ActivityKind::Reported).await;
    assert!(told[0].starts_with("service_crashed: nginx xx") && told[0].len() < 400);
}

/// More reports at once than there are connections: none of them waits for a connection while it holds another.
#[tokio::test(flavor = "multi_thread")]
async fn many_reports_at_once_do_not_wait_for_each_other() {
    each_engine(|world| async move {
        let (_, agent) = world.device().await;
        let mut reports = tokio::task::JoinSet::new();
        for n in 0..60 {
            let agent = agent.clone();
            reports.spawn(async move {
                let items = vec![service("nginx.service", ServiceStatus::Running)];
                domain::report::services(&agent, services(&n.to_string(), items)).await
            });
        }
        let failed = reports.join_all().await.into_iter().filter_map(Result::err).count();
        assert_eq!(failed, 0);
    })
    .await;
}
