//! What the server asks for by itself: where a policy says so, on a device that is armed, once an hour, and never past the
//! people whom a strong command takes.

use super::{after, loads, look_after, nginx, only, suggestions};
use crate::{
    approval::{approve, pull},
    support::world::{World, each_engine},
};
use chrono::Duration;
use domain::{AgentCx, Clock as _};
use entity::{
    approval_policy::ApprovalPolicyInput,
    audit::{ActorKind, AuditQuery},
    command::{ApprovalRule, Approver, CommandKind, Door, RequestState},
    device_lock::LockSummary,
    id::UserId,
    suggestion::{HeldBack, SuggestionState},
    system_service::ServiceStatus,
};

fn input(automatic: Vec<CommandKind>) -> ApprovalPolicyInput {
    let rule = ApprovalRule {
        kinds: vec![CommandKind::RestartService],
        approvals_needed: 1,
        approver: Approver::Anyone,
    };
    ApprovalPolicyInput {
        revision: 0,
        inherits: false,
        rules: vec![rule],
        decide_seconds: 3_600,
        allows_break_glass: true,
        rearm_approvals: 2,
        automatic,
    }
}

/// The policy of the business lets the server ask for these.
async fn let_ask(world: &World, automatic: &[CommandKind]) {
    let admin = world.admin_now().await;
    let input = input(automatic.to_vec());
    let confirmed = admin.confirmed().expect("just now");
    let set = domain::approval_policy::set_business(&confirmed, world.business, input).await.expect("set");
    assert_eq!(set.policy.automatic, automatic);
    let read = domain::approval_policy::get_business(&admin, world.business).await.expect("read");
    assert_eq!(read.policy.automatic, automatic, "as it is stored");
}

async fn arm(agent: &AgentCx, hours: u64, allow: &str) {
    let lock = LockSummary {
        remaining_seconds: Some(hours * 3_600),
        allow: vec![allow.to_owned()],
        ..LockSummary::default()
    };
    domain::report::device_lock(agent, lock).await.expect("told");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_asked_by_itself_without_the_policy_or_on_a_device_that_nobody_armed() {
    each_engine(|world| async move {
        let (_, agent) = world.device().await;
        arm(&agent, 2, "restart_service:nginx").await;
        loads(&world, &agent, &[99.0, 99.0]).await;
        let waits = only(&world).await;
        assert_eq!((waits.state, waits.held_back), (SuggestionState::Open, None), "no policy says so");
        assert_eq!(pull(&agent).await, 0);
        let_ask(&world, &[CommandKind::SetRateLimit]).await;
        let (_, closed) = world.device().await;
        loads(&world, &closed, &[99.0, 99.0]).await;
        let waits = suggestions(&world.admin).await.remove(0);
        assert_eq!(
            (waits.state, waits.held_back),
            (SuggestionState::Open, Some(HeldBack::DeviceLock)),
            "its owner has let nobody in"
        );
        assert_eq!(pull(&closed).await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_asks_by_itself_once_an_hour_and_says_so() {
    each_engine(|world| async move {
        let (_, agent) = world.device().await;
        let_ask(&world, &[CommandKind::SetRateLimit]).await;
        arm(&agent, 24, "restart_service:nginx").await;
        loads(&world, &agent, &[99.0, 99.0]).await;
        let asked = only(&world).await;
        assert_eq!((asked.state, asked.held_back), (SuggestionState::AskedByItself, None));
        assert_eq!(asked.decided_by.as_deref(), Some("The server"));
        let id = asked.request_id.expect("a request");
        let request = domain::command::get_request(&world.admin, id).await.expect("a request").request;
        assert_eq!((request.door, request.requested_by), (Door::Alert, UserId::SERVER));
        assert_eq!(request.requested_by_name, "The server");
        assert_eq!((request.state, request.approvals_needed), (RequestState::Approved, 0));
        assert!(request.reason.is_some_and(|reason| reason.contains("by itself")));
        assert_eq!(pull(&agent).await, 1, "through the gate, signed, to the device");
        let command = domain::command::get_request(&world.admin, id).await.expect("a request").commands[0].id;
        let evidence = domain::command::evidence::export(&world.admin, command).await.expect("a bundle");
        let checks = domain::command::evidence_check::check(evidence.as_bytes(), None);
        assert!(checks.is_good(), "what nobody asked for can be proved too: {checks:?}");
        let query = AuditQuery { action: Some("suggestion.".to_owned()), ..AuditQuery::default() };
        let written = domain::audit::list(&world.admin, &query).await.expect("entries").items.remove(0);
        assert_eq!(
            (written.action.as_str(), written.actor_kind),
            ("suggestion.ask_by_itself", ActorKind::System)
        );

        let again = async |minutes: i64| {
            world.clock.advance(Duration::minutes(minutes));
            domain::job::clear_alerts(&world.job()).await.expect("cleared");
            loads(&world, &agent, &[99.0, 99.0]).await;
            suggestions(&world.admin).await.remove(0)
        };
        let soon = again(30).await;
        assert_ne!(soon.id, asked.id);
        assert_eq!((soon.state, soon.held_back), (SuggestionState::Open, Some(HeldBack::JustAsked)));
        assert_eq!(pull(&agent).await, 0, "what did not help is not done again and again");
        let later = again(31).await;
        assert!(world.clock.now() > after(1));
        assert_eq!(later.state, SuggestionState::AskedByItself, "an hour after the first");
        assert_eq!(pull(&agent).await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_strong_is_asked_by_itself_and_waits_for_people_all_the_same() {
    each_engine(|world| async move {
        let (_, agent) = world.device().await;
        look_after(&world).await;
        let_ask(&world, &[CommandKind::RestartService]).await;
        arm(&agent, 2, "restart_service:nginx").await;
        nginx(&agent, Some(ServiceStatus::Failed)).await;
        let asked = only(&world).await;
        assert_eq!(asked.state, SuggestionState::AskedByItself);
        let id = asked.request_id.expect("a request");
        let request = domain::command::get_request(&world.admin, id).await.expect("a request").request;
        assert_eq!((request.state, request.approvals_needed), (RequestState::Awaiting, 1));
        assert_eq!(pull(&agent).await, 0, "nobody has approved it");
        assert!(request.deliver_by <= after(1), "nobody approves yesterday's restart");
        approve(&world.admin_now().await, id).await.expect("approved");
        assert_eq!(pull(&agent).await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_names_only_what_alerts_propose() {
    each_engine(|world| async move {
        let admin = world.admin_now().await;
        let confirmed = admin.confirmed().expect("just now");
        let twice = vec![CommandKind::SetRateLimit, CommandKind::SetRateLimit];
        for automatic in [vec![CommandKind::Reboot], vec![CommandKind::RunScript], twice] {
            let refused =
                domain::approval_policy::set_business(&confirmed, world.business, input(automatic)).await;
            let problem = refused.expect_err("refused").problem();
            assert_eq!(problem.field.as_deref(), Some("automatic"));
        }
    })
    .await;
}
