//! Policies: revisions that stay, and stricter ones that void what was approved before them.

use super::{approve, approver, ask, code, pull, read};
use crate::support::world::{World, each_engine};
use entity::{
    approval_policy::ApprovalPolicyInput,
    command::{ApprovalRule, Approver, CommandKind, RequestState},
    policy::Action,
    problem::ProblemCode,
    user::Role,
};

pub fn input(revision: u64, approvals_needed: u32, approver: Approver) -> ApprovalPolicyInput {
    let rule = ApprovalRule { kinds: vec![CommandKind::RestartService], approvals_needed, approver };
    ApprovalPolicyInput {
        revision,
        inherits: false,
        rules: vec![rule],
        decide_seconds: 3_600,
        allows_break_glass: true,
        rearm_approvals: 2,
        automatic: Vec::new(),
    }
}

/// Two people have to approve a restart at the business.
pub async fn two_people(world: &World, allows_break_glass: bool) {
    let admin = world.admin_now().await;
    let input = ApprovalPolicyInput { allows_break_glass, ..input(0, 2, Approver::Anyone) };
    let confirmed = admin.confirmed().expect("just now");
    domain::approval_policy::set_business(&confirmed, world.business, input).await.expect("set");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stricter_policy_voids_and_a_laxer_one_does_not() {
    each_engine(|world| async move {
        let (device, agent) = world.device().await;
        let (_, id) = ask(&world, device.agent_id).await;
        approve(&world.admin_now().await, id).await.expect("approved");
        two_people(&world, true).await;
        assert_eq!(pull(&agent).await, 0, "one was enough before");
        let view = read(&world.admin, id).await;
        assert_eq!(
            (view.request.state, view.request.approvals_needed, view.missing),
            (RequestState::Awaiting, 2, 2)
        );
        approve(&world.admin_now().await, id).await.expect("one of two");
        assert_eq!(read(&world.admin, id).await.missing, 1);
        assert_eq!(pull(&agent).await, 0);
        let second = approver(&world).await;
        approve(&second, id).await.expect("two of two");
        let admin = world.admin_now().await;
        let confirmed = admin.confirmed().expect("just now");
        let lax = input(1, 1, Approver::Anyone);
        domain::approval_policy::set_business(&confirmed, world.business, lax.clone()).await.expect("set");
        assert_eq!(pull(&agent).await, 1, "a laxer one voids nothing");
        let stale = domain::approval_policy::set_business(&confirmed, world.business, lax).await;
        assert_eq!(code(stale), ProblemCode::Conflict, "nobody writes over what they have not read");
        let all =
            domain::approval_policy::revisions_of_business(&world.admin, world.business).await.expect("all");
        assert_eq!(all.iter().map(|one| one.revision).collect::<Vec<_>>(), [2, 1]);

        // The MSP's own, for a business that goes back to it.
        let back = ApprovalPolicyInput { inherits: true, ..input(2, 1, Approver::Anyone) };
        let view =
            domain::approval_policy::set_business(&confirmed, world.business, back).await.expect("set");
        assert!(view.inherits && view.policy.business_id.is_none());
        let (_, id) = ask(&world, device.agent_id).await;
        approve(&second, id).await.expect("approved");
        let admin = world.admin_now().await;
        let confirmed = admin.confirmed().expect("just now");
        let own = input(0, 1, Approver::Business);
        domain::approval_policy::set_default(&confirmed, own).await.expect("set");
        assert_eq!(pull(&agent).await, 0, "the business itself has to say yes now");
        assert_eq!(
            code(approve(&second, id).await),
            ProblemCode::Forbidden,
            "people of the MSP do not count"
        );
        let owner =
            super::somebody(&world, Role::BusinessOwner, Some(world.business), &[Action::Approve]).await;
        approve(&owner, id).await.expect("the business");
        assert_eq!(pull(&agent).await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_policies_name_their_field_and_customers_set_none() {
    each_engine(|world| async move {
        let admin = world.admin_now().await;
        let confirmed = admin.confirmed().expect("just now");
        let good = input(0, 1, Approver::Anyone);
        let twice =
            ApprovalPolicyInput { rules: [good.rules.clone(), good.rules.clone()].concat(), ..good.clone() };
        for (field, bad) in [
            ("rules", input(0, 0, Approver::Anyone)),
            ("rules", input(0, 6, Approver::Anyone)),
            ("rules", twice),
            ("decide_seconds", ApprovalPolicyInput { decide_seconds: 59, ..good.clone() }),
            ("rearm_approvals", ApprovalPolicyInput { rearm_approvals: 0, ..good.clone() }),
        ] {
            let wrong = domain::approval_policy::set_default(&confirmed, bad).await.expect_err("refused");
            assert_eq!(wrong.problem().field.as_deref(), Some(field));
        }
        let owner = world.person(Role::BusinessOwner, Some(world.business), &[]).await;
        let confirmed = owner.confirmed().expect("just now");
        let refused = domain::approval_policy::set_business(&confirmed, world.business, good.clone()).await;
        assert_eq!(code(refused), ProblemCode::Forbidden);
        let refused = domain::approval_policy::set_business(&confirmed, world.neighbour, good).await;
        assert_eq!(code(refused), ProblemCode::NotFound);
    })
    .await;
}
