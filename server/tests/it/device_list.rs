//! The list of devices: filters, every sort order page by page, and search.

use crate::{
    metric::{append, sample},
    support::world::{World, each_engine, noon, register_request, visitor},
};
use chrono::Duration;
use domain::AgentCx;
use entity::{
    device::{DeviceInput, DeviceQuery, DeviceSort, SPARKLINE_POINTS},
    id::DeviceId,
    presence::{LinkKind, Presence},
    problem::Problem,
};
use std::collections::HashSet;

async fn devices(world: &World, count: usize) -> Vec<(DeviceId, AgentCx)> {
    let mut all = Vec::new();
    for n in 0..count {
        let mut request = register_request(&world.token().await);
        request.hostname = format!("host-{n:02}");
        let answer =
            domain::registration::register(&world.store, &visitor(), request).await.expect("registers");
        let agent = domain::agent_token::authenticate(&world.store, &answer.agent_token).await.expect("good");
        all.push((answer.agent_id, agent));
    }
    all
}

#[tokio::test]
async fn every_order_shows_each_device_once() {
    each_engine(|world| async move {
        let all = devices(&world, 7).await;
        for (n, (_, agent)) in all.iter().enumerate().take(5) {
            // Two share a value, two have none: both must survive paging.
            append(agent, vec![sample(noon(), (n / 2) as f32 * 33.3)]).await.expect("stored");
        }
        domain::report::hello(&all[3].1, &crate::presence::hello(None), LinkKind::Socket)
            .await
            .expect("hello");
        for sort in DeviceSort::ALL {
            for descending in [false, true] {
                let (mut seen, mut cursor) = (Vec::new(), None);
                loop {
                    let query = DeviceQuery {
                        sort: Some(*sort),
                        descending,
                        limit: Some(2),
                        cursor,
                        ..DeviceQuery::default()
                    };
                    let page = domain::device::list(&world.admin, &query).await.expect("a page");
                    assert_eq!(page.total, Some(7));
                    seen.extend(page.items.into_iter().map(|row| row.id));
                    cursor = page.next_cursor;
                    if cursor.is_none() {
                        break;
                    }
                }
                let unique: HashSet<_> = seen.iter().copied().collect();
                assert_eq!((seen.len(), unique.len()), (7, 7), "{sort:?} descending {descending}");
            }
        }
        let wrong = DeviceQuery { cursor: Some("bm9uc2Vuc2U".to_owned()), ..DeviceQuery::default() };
        let problem = Problem::from(domain::device::list(&world.admin, &wrong).await.expect_err("refused"));
        assert_eq!(problem.field.as_deref(), Some("cursor"));
    })
    .await;
}

#[tokio::test]
async fn filters_narrow_and_revoked_devices_stay_away() {
    each_engine(|world| async move {
        let all = devices(&world, 3).await;
        domain::report::hello(&all[0].1, &crate::presence::hello(None), LinkKind::Socket)
            .await
            .expect("hello");
        domain::device::revoke(&world.admin.confirmed().expect("just now"), all[2].0).await.expect("revoked");
        let total = async |query: DeviceQuery| {
            domain::device::list(&world.admin, &query).await.expect("a page").total
        };
        let any = DeviceQuery::default;
        assert_eq!(total(any()).await, Some(2));
        assert_eq!(total(DeviceQuery { revoked: true, ..any() }).await, Some(3));
        assert_eq!(total(DeviceQuery { status: Some(Presence::Online), ..any() }).await, Some(1));
        assert_eq!(total(DeviceQuery { business_id: Some(world.neighbour), ..any() }).await, Some(0));
        assert_eq!(total(DeviceQuery { service_location_id: Some(world.location), ..any() }).await, Some(2));
        assert_eq!(total(DeviceQuery { os: Some(entity::platform::Os::Windows), ..any() }).await, Some(0));
        assert_eq!(total(DeviceQuery { search: Some("HOST-01".to_owned()), ..any() }).await, Some(1));
        assert_eq!(total(DeviceQuery { search: Some("host_01".to_owned()), ..any() }).await, Some(0));
    })
    .await;
}

#[tokio::test]
async fn a_row_carries_its_last_hour() {
    each_engine(|world| async move {
        let (device, agent) = world.device().await;
        let hour: Vec<_> = (0..60).map(|n| sample(noon() - Duration::minutes(n), n as f32)).collect();
        append(&agent, hour).await.expect("stored");
        let page = domain::device::list(&world.admin, &DeviceQuery::default()).await.expect("a page");
        let row = &page.items[0];
        assert_eq!(row.id, device.agent_id);
        assert_eq!(row.cpu_sparkline.len(), SPARKLINE_POINTS);
        let last = row.cpu_sparkline.last().copied().flatten().expect("the running interval has a value");
        assert!(last < 2.0, "newest last, not {last}");
        assert!(row.cpu_sparkline.iter().flatten().count() >= SPARKLINE_POINTS - 1);
        assert_eq!((row.cpu_percent, row.disk_percent), (Some(0.0), Some(40.0)));
    })
    .await;
}

#[tokio::test]
async fn a_device_is_renamed_and_moved_within_its_business() {
    each_engine(|world| async move {
        let (device, _) = world.device().await;
        let change = |name: &str, location| DeviceInput {
            device_name: name.to_owned(),
            service_location_id: location,
        };
        let id = device.agent_id;
        let view =
            domain::device::change(&world.admin, id, change("Front desk", None)).await.expect("changed");
        assert_eq!((view.device_name.as_str(), view.location_name), ("Front desk", None));
        let elsewhere = change("Front desk", Some(world.neighbour_location));
        let problem =
            Problem::from(domain::device::change(&world.admin, id, elsewhere).await.expect_err("refused"));
        assert_eq!(problem.field.as_deref(), Some("service_location_id"));
        let activity = domain::device::activity(&world.admin, id, None, None).await.expect("activity");
        assert_eq!(activity.items[0].actor.as_deref(), Some("Ada Admin"));
        assert_eq!(
            activity.items[0].summary,
            "Renamed it from web-01 to Front desk. Moved it to no service location"
        );
        let found = DeviceQuery { search: Some("front".to_owned()), ..DeviceQuery::default() };
        assert_eq!(domain::device::list(&world.admin, &found).await.expect("a page").total, Some(1));
    })
    .await;
}
