//! A copied disk image: two machines with one identity are noticed, and a person decides.

use crate::{
    presence::hello,
    support::world::{World, each_engine},
};
use entity::{
    activity::ActivityKind,
    presence::LinkKind,
    problem::{Problem, ProblemCode},
    wire::Hello,
};

async fn boots(agent: &domain::AgentCx, boot: &str) {
    let words = Hello { boot_id: Some(boot.to_owned()), ..hello(None) };
    domain::report::hello(agent, &words, LinkKind::Socket).await.expect("welcome");
}

async fn suspected(world: &World, id: entity::id::DeviceId) -> bool {
    domain::device::get(&world.admin, id).await.expect("a device").clone_suspected_at.is_some()
}

#[tokio::test]
async fn a_boot_that_comes_back_is_a_second_machine() {
    each_engine(|world| async move {
        let (device, agent) = world.device().await;
        let id = device.agent_id;
        for boot in ["first", "first", "second", "third"] {
            boots(&agent, boot).await;
            assert!(!suspected(&world, id).await, "restarting is nothing strange: {boot}");
        }
        boots(&agent, "second").await;
        assert!(suspected(&world, id).await);
        let activity = domain::device::activity(&world.admin, id, None, None).await.expect("activity");
        let notes = activity.items.iter().filter(|item| item.kind == ActivityKind::CloneSuspected).count();
        boots(&agent, "third").await;
        assert_eq!(notes, 1, "said once");

        let stranger = world.person(entity::user::Role::BusinessOwner, Some(world.neighbour), &[]).await;
        let refused = domain::device::settle_clone(&stranger, id).await.expect_err("refused");
        assert_eq!(Problem::from(refused).code, ProblemCode::NotFound);
        let settled = domain::device::settle_clone(&world.admin, id).await.expect("settled");
        assert_eq!(settled.clone_suspected_at, None);
        let again = domain::device::settle_clone(&world.admin, id).await.expect_err("nothing to settle");
        assert_eq!(Problem::from(again).code, ProblemCode::Conflict);
        boots(&agent, "fourth").await;
        assert!(!suspected(&world, id).await);
        boots(&agent, "second").await;
        assert!(suspected(&world, id).await, "and it is noticed again");
    })
    .await;
}
