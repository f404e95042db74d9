//! Who is there: shown within 30 seconds of silence, with the reason on return.

use crate::support::world::{World, each_engine, noon};
use chrono::Duration;
use domain::AgentCx;
use entity::{
    activity::{ActivityKind, ActivityView},
    device::DeviceView,
    id::DeviceId,
    platform::{Arch, Os},
    portal_event::PortalEvent,
    presence::{DisconnectReason, LinkKind, Presence},
    wire::{Heartbeat, Hello, PreviousLink},
};

pub fn hello(previous: Option<DisconnectReason>) -> Hello {
    Hello {
        protocol: 1,
        agent_version: "0.1.0".to_owned(),
        os_type: Os::Linux,
        os_architecture: Arch::X86_64,
        boot_id: Some("boot-1".to_owned()),
        previous: previous.map(|reason| PreviousLink { ended_at: noon(), reason }),
        capabilities: vec![],
        device_lock: None,
        agent_state: None,
        chain_head: None,
        running: None,
    }
}

async fn view(world: &World, id: DeviceId) -> DeviceView {
    domain::device::get(&world.admin, id).await.expect("a device")
}

async fn activity(world: &World, id: DeviceId) -> Vec<ActivityView> {
    domain::device::activity(&world.admin, id, None, None).await.expect("activity").items
}

async fn greet(agent: &AgentCx, hello: &Hello) {
    domain::report::hello(agent, hello, LinkKind::Socket).await.expect("welcome");
}

async fn sweep(world: &World) -> usize {
    domain::job::sweep_presence(&world.job()).await.expect("sweeps")
}

#[tokio::test]
async fn a_dropped_socket_shows_within_thirty_seconds_and_explains_itself() {
    each_engine(|world| async move {
        let (device, agent) = world.device().await;
        assert_eq!(view(&world, device.agent_id).await.presence, Presence::Unknown);
        greet(&agent, &hello(None)).await;
        let link = domain::report::connected(&agent, LinkKind::Socket);
        assert_eq!(view(&world, device.agent_id).await.presence, Presence::Online);

        domain::report::disconnected(&agent, link, DisconnectReason::ConnectionLost);
        world.clock.advance(Duration::seconds(10));
        assert_eq!(sweep(&world).await, 0, "ten seconds may be a restart of the agent");
        world.clock.advance(Duration::seconds(20));
        assert_eq!(sweep(&world).await, 1);
        let gone = view(&world, device.agent_id).await;
        assert_eq!((gone.presence, gone.link), (Presence::Offline, None));
        assert_eq!(gone.disconnect_reason, Some(DisconnectReason::ConnectionLost));
        assert_eq!(gone.presence_since, Some(noon() + Duration::seconds(30)));

        world.clock.advance(Duration::minutes(4));
        greet(&agent, &hello(Some(DisconnectReason::NetworkUnreachable))).await;
        let back = view(&world, device.agent_id).await;
        assert_eq!(back.presence, Presence::Online);
        assert_eq!(back.disconnect_reason, Some(DisconnectReason::NetworkUnreachable));
        let told = &activity(&world, device.agent_id).await[0];
        assert_eq!(told.kind, ActivityKind::Online);
        assert!(told.summary.contains("the server could not be reached from the device"), "{}", told.summary);
    })
    .await;
}

#[tokio::test]
async fn silence_is_offline_and_a_sign_of_life_is_online_again() {
    each_engine(|world| async move {
        let (device, agent) = world.device().await;
        greet(&agent, &hello(None)).await;
        world.clock.advance(Duration::seconds(29));
        assert_eq!(sweep(&world).await, 0);
        domain::report::seen(&agent, LinkKind::Socket);
        world.clock.advance(Duration::seconds(29));
        assert_eq!(sweep(&world).await, 0, "the heartbeat renewed it");
        world.clock.advance(Duration::seconds(1));
        assert_eq!(sweep(&world).await, 1);
        assert_eq!(view(&world, device.agent_id).await.presence, Presence::Offline);
        domain::report::seen(&agent, LinkKind::Socket);
        assert_eq!(sweep(&world).await, 1);
        assert_eq!(view(&world, device.agent_id).await.presence, Presence::Online);
    })
    .await;
}

#[tokio::test]
async fn heartbeats_cost_no_commit_and_reach_the_row_in_batches() {
    each_engine(|world| async move {
        let (device, agent) = world.device().await;
        greet(&agent, &hello(None)).await;
        assert_eq!(domain::job::flush_last_seen(&world.job()).await.expect("writes"), 1);
        assert_eq!(domain::job::flush_last_seen(&world.job()).await.expect("nothing new"), 0);
        world.clock.advance(Duration::seconds(10));
        for _ in 0..100 {
            domain::report::seen(&agent, LinkKind::Socket);
        }
        assert_eq!(domain::job::flush_last_seen(&world.job()).await.expect("writes"), 1);
        let seen = view(&world, device.agent_id).await.last_seen_at;
        assert_eq!(seen, Some(noon() + Duration::seconds(10)));
    })
    .await;
}

#[tokio::test]
async fn a_hello_tells_restarts_new_versions_and_changed_links() {
    each_engine(|world| async move {
        let (device, agent) = world.device().await;
        greet(&agent, &hello(None)).await;
        let other = Hello {
            agent_version: "0.2.0".to_owned(),
            boot_id: Some("boot-2".to_owned()),
            ..hello(Some(DisconnectReason::Rebooted))
        };
        let heartbeat =
            Heartbeat { link: LinkKind::Polling, hello: Some(Box::new(other)), agent_state: None };
        domain::report::heartbeat(&agent, &heartbeat).await.expect("an answer");
        let kinds: Vec<_> = activity(&world, device.agent_id).await.iter().map(|item| item.kind).collect();
        for kind in [ActivityKind::Rebooted, ActivityKind::AgentChanged, ActivityKind::LinkChanged] {
            assert!(kinds.contains(&kind), "{kind:?} is missing in {kinds:?}");
        }
        let now = view(&world, device.agent_id).await;
        assert_eq!((now.agent_version.as_str(), now.link), ("0.2.0", Some(LinkKind::Polling)));
    })
    .await;
}

#[tokio::test]
async fn open_pages_are_told_of_their_own_devices_only() {
    let world = World::on_sqlite().await;
    let owner = world.person(entity::user::Role::BusinessOwner, Some(world.business), &[]).await;
    let stranger = world.person(entity::user::Role::BusinessOwner, Some(world.neighbour), &[]).await;
    let mut events = world.store.events();
    let (device, agent) = world.device().await;
    greet(&agent, &hello(None)).await;
    let registered = events.recv().await.expect("an event");
    let online = events.recv().await.expect("an event");
    assert!(matches!(registered, PortalEvent::Registered { device_id, .. } if device_id == device.agent_id));
    assert!(matches!(online, PortalEvent::Presence { presence: Presence::Online, .. }));
    for event in [registered, online] {
        for (who, is_told) in [(&owner, true), (&world.admin, true), (&stranger, false)] {
            assert_eq!(who.sees(&event).await.expect("asks"), is_told, "{}", who.me().email);
        }
    }
}
