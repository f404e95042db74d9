//! What an agent is doing with itself, from its own words to the device's page.

use crate::{
    presence::hello,
    support::{
        agent::FakeAgent,
        server::TestServer,
        world::{World, each_engine},
    },
};
use entity::{
    agent_state::AgentState,
    device::DeviceView,
    id::DeviceId,
    presence::{DisconnectReason, LinkKind},
    wire::{Heartbeat, HeartbeatAnswer, Hello},
};
use serde_json::json;

async fn state(world: &World, id: DeviceId) -> Option<AgentState> {
    domain::device::get(&world.admin, id).await.expect("a device").agent_state
}

async fn sweep(world: &World) {
    domain::job::sweep_presence(&world.job()).await.expect("sweeps");
}

#[tokio::test]
async fn it_comes_with_the_hello_and_with_each_change() {
    each_engine(|world| async move {
        let (device, agent) = world.device().await;
        let id = device.agent_id;
        assert_eq!(state(&world, id).await, None);
        let idle = Hello { agent_state: Some(AgentState::Idle), ..hello(None) };
        domain::report::hello(&agent, &idle, LinkKind::Socket).await.expect("welcome");
        assert_eq!(state(&world, id).await, Some(AgentState::Idle));
        let link = domain::report::connected(&agent, LinkKind::Socket);
        for said in [AgentState::UpdatingStarting, AgentState::UpdatingDownloading] {
            domain::report::agent_state(&agent, said);
        }
        assert_eq!(state(&world, id).await, Some(AgentState::Idle), "a heartbeat costs no commit");
        sweep(&world).await;
        assert_eq!(state(&world, id).await, Some(AgentState::UpdatingDownloading));

        domain::report::agent_state(&agent, AgentState::ShuttingDown);
        domain::report::disconnected(&agent, link, DisconnectReason::AgentStopped);
        sweep(&world).await;
        assert_eq!(state(&world, id).await, Some(AgentState::Stopped));

        // One that comes back before the sweep is not called stopped by it.
        let link = domain::report::connected(&agent, LinkKind::Socket);
        domain::report::disconnected(&agent, link, DisconnectReason::AgentStopped);
        domain::report::hello(&agent, &idle, LinkKind::Socket).await.expect("welcome");
        sweep(&world).await;
        assert_eq!(state(&world, id).await, Some(AgentState::Idle));

        // One that is lost keeps what it last said, and an old agent says nothing.
        let link = domain::report::connected(&agent, LinkKind::Socket);
        domain::report::disconnected(&agent, link, DisconnectReason::ConnectionLost);
        sweep(&world).await;
        assert_eq!(state(&world, id).await, Some(AgentState::Idle));
        domain::report::hello(&agent, &hello(None), LinkKind::Socket).await.expect("welcome");
        assert_eq!(state(&world, id).await, None);
    })
    .await;
}

#[tokio::test]
async fn a_polling_agent_tells_it_and_a_word_of_a_later_agent_is_no_fault() {
    let server = TestServer::start().await;
    let agent = FakeAgent::of(&server, server.ours).await;
    let words = Hello { agent_state: Some(AgentState::Idle), ..hello(None) };
    let first = Heartbeat { link: LinkKind::Polling, hello: Some(Box::new(words)), agent_state: None };
    let _: HeartbeatAnswer = agent.post("heartbeat", &first).await.expect(200);
    let view =
        async || -> DeviceView { server.admin.get(&format!("/agents/{}", agent.id)).await.expect(200) };
    assert_eq!(view().await.agent_state, Some(AgentState::Idle));
    let next = json!({"link": "polling", "agent_state": "FORCE_RESTARTING"});
    let _: HeartbeatAnswer = agent.post("heartbeat", &next).await.expect(200);
    let later = json!({"link": "polling", "agent_state": "DREAMING"});
    let _: HeartbeatAnswer = agent.post("heartbeat", &later).await.expect(200);
    server.sweep().await;
    assert_eq!(view().await.agent_state, Some(AgentState::ForceRestarting));
}
