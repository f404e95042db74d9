//! The emergency stop: one person stops, several let go on, devices are told by a signed order whose number rises.

use super::{approve, approver, ask, code, pull, restart};
use crate::support::world::each_engine;
use entity::{
    command::{CommandInput, Envelope, Payload, StopOrder},
    emergency_stop::{RearmInput, StopInput, StopQuery},
    id::BusinessId,
    problem::ProblemCode,
    seal::{self, Purpose},
    user::Role,
};

fn of(business_id: Option<BusinessId>) -> StopInput {
    StopInput { business_id, reason: "The console may be in other hands.".to_owned() }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_stops_and_two_let_go_on() {
    each_engine(|world| async move {
        let (device, agent) = world.device().await;
        let (_, id) = ask(&world, device.agent_id).await;
        approve(&world.admin_now().await, id).await.expect("approved");
        let owner = world.person(Role::BusinessOwner, Some(world.business), &[]).await;
        let refused = domain::emergency_stop::stop(&owner, of(None)).await;
        assert_eq!(code(refused), ProblemCode::Forbidden, "a customer stops their own");
        let refused = domain::emergency_stop::stop(&owner, of(Some(world.neighbour))).await;
        assert_eq!(code(refused), ProblemCode::NotFound);
        let stopped = domain::emergency_stop::stop(&owner, of(Some(world.business))).await.expect("stopped");
        assert!(stopped.is_stopped && stopped.seq > 0);
        assert_eq!(pull(&agent).await, 0, "approved before, and stopped");
        let safe = CommandInput { payload: Payload::PatchScan {}, ..restart() };
        let asker = approver(&world).await;
        domain::command::create_one(&asker, device.agent_id, safe).await.expect("asked");
        assert_eq!(pull(&agent).await, 1, "what is safe goes on");

        let root = world.store.signer().root_public();
        let now = || domain::Clock::now(world.clock.as_ref());
        let open = |envelope: &Envelope| {
            seal::open::<StopOrder>(&root, Purpose::Stop, envelope, now()).expect("signed").0
        };
        let (newest, told) = domain::emergency_stop::of_device(&agent).await.expect("told");
        assert_eq!((newest, told.len()), (stopped.seq, 1));
        assert!(open(&told[0]).is_stopped);

        let rearm = |seq| RearmInput { business_id: Some(world.business), seq, note: String::new() };
        let (one, two) = (approver(&world).await, approver(&world).await);
        let confirmed = one.confirmed().expect("just now");
        let stale = domain::emergency_stop::rearm(&confirmed, rearm(stopped.seq - 1)).await;
        assert_eq!(code(stale), ProblemCode::Conflict, "another stop than the one that was read");
        let view = domain::emergency_stop::rearm(&confirmed, rearm(stopped.seq)).await.expect("agreed");
        assert!(view.is_stopped && view.rearms.len() == 1 && view.rearm_approvals == 2);
        let again = domain::emergency_stop::rearm(&confirmed, rearm(stopped.seq)).await;
        assert_eq!(code(again), ProblemCode::Conflict, "one person counts once");
        let contact = world.person(Role::Technician, None, &[world.business]).await;
        let refused =
            domain::emergency_stop::rearm(&contact.confirmed().expect("just now"), rearm(stopped.seq)).await;
        assert_eq!(code(refused), ProblemCode::Forbidden);
        assert_eq!(pull(&agent).await, 0, "one of two");
        let lifted = domain::emergency_stop::rearm(&two.confirmed().expect("just now"), rearm(stopped.seq))
            .await
            .expect("agreed");
        assert!(!lifted.is_stopped && lifted.seq > stopped.seq);
        let (_, told) = domain::emergency_stop::of_device(&agent).await.expect("told");
        let order = open(&told[0]);
        assert!(!order.is_stopped && order.seq == lifted.seq && order.approvals.len() == 2, "{order:?}");
        assert_eq!(pull(&agent).await, 1, "what was approved goes on");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_for_all_is_one_for_each_and_a_new_stop_voids_who_agreed() {
    each_engine(|world| async move {
        let (device, agent) = world.device().await;
        let (_, id) = ask(&world, device.agent_id).await;
        let admin = world.admin_now().await;
        approve(&admin, id).await.expect("approved");
        let first = domain::emergency_stop::stop(&admin, of(None)).await.expect("stopped");
        assert_eq!(pull(&agent).await, 0);
        let rearm = |seq| RearmInput { business_id: None, seq, note: String::new() };
        let confirmed = admin.confirmed().expect("just now");
        domain::emergency_stop::rearm(&confirmed, rearm(first.seq)).await.expect("one of two");
        let second = domain::emergency_stop::stop(&admin, of(None)).await.expect("stopped again");
        assert!(second.seq > first.seq && second.rearms.is_empty());
        let limited = approver(&world).await;
        let refused =
            domain::emergency_stop::rearm(&limited.confirmed().expect("just now"), rearm(second.seq)).await;
        assert_eq!(code(refused), ProblemCode::Forbidden, "not for those who reach a part");
        domain::emergency_stop::rearm(&confirmed, rearm(second.seq)).await.expect("one of two");
        let other = world.person(Role::MspAdmin, None, &[]).await;
        let view =
            domain::emergency_stop::rearm(&other.confirmed().expect("just now"), rearm(second.seq)).await;
        assert!(!view.expect("agreed").is_stopped);
        assert_eq!(pull(&agent).await, 1);
        let seen = domain::emergency_stop::list(&limited, &StopQuery::default()).await.expect("a list");
        assert_eq!(seen.len(), 1, "nothing was decided about a business");
    })
    .await;
}
