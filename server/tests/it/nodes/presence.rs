//! Who is there, with several servers: each speaks for the devices that it has, and somebody for those of the dead.

use crate::support::{
    nodes::{flush, store_beside, sweep},
    world::{Engine, World, each_engine, noon},
};
use chrono::Duration;
use domain::{AgentCx, Store, SystemCx};
use entity::{
    activity::ActivityKind,
    device::DeviceView,
    id::DeviceId,
    presence::{DisconnectReason, LinkKind, Presence},
};

async fn world() -> World {
    World::on(Engine::Postgres, "https://reeve.example").await
}

async fn joined(store: &Store) {
    domain::job::join(&SystemCx::new(store, "test")).await.expect("joins");
}

/// A world whose store serves, and two more that serve beside it.
async fn three() -> (World, Store, Store) {
    let world = world().await;
    let (b, c) = (store_beside(&world).await, store_beside(&world).await);
    for store in [&world.store, &b, &c] {
        joined(store).await;
    }
    (world, b, c)
}

/// The device as it is known to another server.
async fn at(store: &Store, token: &str) -> AgentCx {
    domain::agent_token::authenticate(store, token).await.expect("a device")
}

async fn hello(agent: &AgentCx, kind: LinkKind) {
    domain::report::hello(agent, &crate::presence::hello(None), kind).await.expect("welcome");
}

async fn view(world: &World, id: DeviceId) -> DeviceView {
    domain::device::get(&world.admin, id).await.expect("a device")
}

async fn times_offline(world: &World, id: DeviceId) -> usize {
    let activity = domain::device::activity(&world.admin, id, None, None).await.expect("activity").items;
    activity.iter().filter(|item| item.kind == ActivityKind::Offline).count()
}

#[tokio::test]
async fn a_device_is_offline_when_the_server_that_has_it_says_so_and_not_before() {
    let (world, b, _) = three().await;
    let (device, agent) = world.device().await;
    let link = domain::report::connected(&agent, LinkKind::Socket);
    hello(&agent, LinkKind::Socket).await;
    for _ in 0..30 {
        world.clock.advance(Duration::seconds(2));
        domain::report::seen(&agent, LinkKind::Socket);
        flush(&world.store).await;
        assert_eq!((sweep(&world.store).await, sweep(&b).await), (0, 0));
    }
    // The other server never heard of it, and knows all the same when it was seen last.
    let there = crate::support::world::cx(&b, &world.admin_secret).await;
    let seen = domain::device::get(&there, device.agent_id).await.expect("a device").last_seen_at;
    assert_eq!(seen, Some(noon() + Duration::seconds(60)));

    domain::report::disconnected(&agent, link, DisconnectReason::AgentStopped);
    world.clock.advance(Duration::seconds(15));
    assert_eq!((sweep(&b).await, sweep(&world.store).await), (0, 1));
    assert_eq!(view(&world, device.agent_id).await.presence, Presence::Offline);
}

#[tokio::test]
async fn a_device_that_came_back_elsewhere_is_not_called_offline_here() {
    let (world, b, _) = three().await;
    let (device, here) = world.device().await;
    let there = at(&b, &device.agent_token).await;
    let link = domain::report::connected(&here, LinkKind::Socket);
    hello(&here, LinkKind::Socket).await;
    world.clock.advance(Duration::seconds(3));
    domain::report::disconnected(&here, link, DisconnectReason::ConnectionLost);
    let _link = domain::report::connected(&there, LinkKind::Socket);
    hello(&there, LinkKind::Socket).await;
    for _ in 0..20 {
        world.clock.advance(Duration::seconds(5));
        domain::report::seen(&there, LinkKind::Socket);
        // What is left of it here is written late.
        flush(&world.store).await;
        flush(&b).await;
        assert_eq!((sweep(&world.store).await, sweep(&b).await), (0, 0));
    }
    assert_eq!(times_offline(&world, device.agent_id).await, 0);
}

#[tokio::test]
async fn a_device_that_polls_here_and_there_is_online() {
    let (world, b, c) = three().await;
    let (device, here) = world.device().await;
    hello(&here, LinkKind::Polling).await;
    let others = [at(&b, &device.agent_token).await, at(&c, &device.agent_token).await];
    let stores = [&world.store, &b, &c];
    for round in 0..30 {
        world.clock.advance(Duration::seconds(10));
        // Never at the first server again, which it said hello to.
        domain::report::seen(&others[round % 2], LinkKind::Polling);
        for store in stores {
            flush(store).await;
        }
        for store in stores {
            assert_eq!(sweep(store).await, 0, "round {round}");
        }
    }
    world.clock.advance(Duration::seconds(31));
    let mut changed = 0;
    for store in stores {
        changed += sweep(store).await;
    }
    for store in stores {
        changed += sweep(store).await;
    }
    assert_eq!(changed, 1, "silent everywhere is offline, and somebody says so");
    assert_eq!(view(&world, device.agent_id).await.presence, Presence::Offline);
}

#[tokio::test]
async fn a_dead_servers_devices_are_offline_within_thirty_seconds_unless_they_came_back() {
    let (world, b, c) = three().await;
    let (lost, here) = world.device().await;
    let (returned, other) = world.device().await;
    for agent in [&here, &other] {
        let _link = domain::report::connected(agent, LinkKind::Socket);
        hello(agent, LinkKind::Socket).await;
    }
    for store in [&world.store, &b, &c] {
        sweep(store).await;
    }
    // The first server is killed: it says nothing any more. Its devices had been heard of a moment before.
    let mut offline_after = None;
    let back = at(&b, &returned.agent_token).await;
    for second in (2..=40).step_by(2) {
        world.clock.advance(Duration::seconds(2));
        if second == 6 {
            let _link = domain::report::connected(&back, LinkKind::Socket);
            hello(&back, LinkKind::Socket).await;
        }
        if second > 6 {
            domain::report::seen(&back, LinkKind::Socket);
        }
        let changed = sweep(&b).await + sweep(&c).await;
        if changed > 0 {
            assert_eq!((changed, offline_after), (1, None), "one of them says so, once");
            offline_after = Some(second);
        }
    }
    let after = offline_after.expect("it is offline");
    assert!((15..=30).contains(&after), "{after} seconds");
    let gone = view(&world, lost.agent_id).await;
    assert_eq!(
        (gone.presence, gone.disconnect_reason),
        (Presence::Offline, Some(DisconnectReason::ConnectionLost))
    );
    assert_eq!(times_offline(&world, lost.agent_id).await, 1);
    assert_eq!(view(&world, returned.agent_id).await.presence, Presence::Online);
    assert_eq!(times_offline(&world, returned.agent_id).await, 0);

    // It was not dead after all, but cut off: it says so, and its device is there again.
    domain::report::seen(&here, LinkKind::Socket);
    assert_eq!(sweep(&world.store).await, 1);
    assert_eq!(view(&world, lost.agent_id).await.presence, Presence::Online);
    for _ in 0..30 {
        world.clock.advance(Duration::seconds(2));
        domain::report::seen(&here, LinkKind::Socket);
        domain::report::seen(&back, LinkKind::Socket);
        for store in [&world.store, &b, &c] {
            flush(store).await;
            assert_eq!(sweep(store).await, 0);
        }
    }
}

#[tokio::test]
async fn a_server_that_ends_in_order_leaves_its_devices_to_the_others() {
    let (world, b, c) = three().await;
    let (device, here) = world.device().await;
    let link = domain::report::connected(&here, LinkKind::Socket);
    hello(&here, LinkKind::Socket).await;
    sweep(&b).await;
    domain::report::disconnected(&here, link, DisconnectReason::ServerStopped);
    let admin = crate::support::world::cx(&b, &world.admin_secret).await;
    world.store.close().await;
    let mut changed = 0;
    for _ in 0..9 {
        changed += sweep(&b).await + sweep(&c).await;
        world.clock.advance(Duration::seconds(2));
    }
    assert_eq!(changed, 1);
    let gone = domain::device::get(&admin, device.agent_id).await.expect("a device");
    assert_eq!(
        (gone.presence, gone.disconnect_reason),
        (Presence::Offline, Some(DisconnectReason::ServerStopped))
    );
}

#[tokio::test]
async fn a_clock_that_jumps_buries_nobody() {
    let (world, b, _) = three().await;
    let (device, here) = world.device().await;
    hello(&here, LinkKind::Socket).await;
    for _ in 0..10 {
        world.clock.advance(Duration::hours(1));
        domain::report::seen(&here, LinkKind::Socket);
        flush(&world.store).await;
        assert_eq!((sweep(&b).await, sweep(&world.store).await), (0, 0));
    }
    assert_eq!(view(&world, device.agent_id).await.presence, Presence::Online);
}

/// A server that was alone and starts again knows who was there, and gives them the time to come back.
#[tokio::test]
async fn after_a_restart_devices_have_thirty_seconds_to_come_back() {
    each_engine(|world| async move {
        joined(&world.store).await;
        let (returned, agent) = world.device().await;
        hello(&agent, LinkKind::Socket).await;
        let (lost, agent) = world.device().await;
        hello(&agent, LinkKind::Socket).await;
        let again = store_beside(&world).await;
        world.store.close().await;
        world.clock.advance(Duration::seconds(40));
        joined(&again).await;
        let admin = crate::support::world::cx(&again, &world.admin_secret).await;
        let presence = async |id| domain::device::get(&admin, id).await.expect("a device").presence;
        world.clock.advance(Duration::seconds(20));
        hello(&at(&again, &returned.agent_token).await, LinkKind::Socket).await;
        assert_eq!(sweep(&again).await, 0);
        world.clock.advance(Duration::seconds(10));
        assert_eq!(sweep(&again).await, 1);
        assert_eq!(presence(lost.agent_id).await, Presence::Offline);
        assert_eq!(presence(returned.agent_id).await, Presence::Online);
    })
    .await;
}
