//! Lock one on both engines: who may approve what, what voids an approval, and what happens when many decide at once.

pub mod edit;
mod policy;
mod race;
mod stop;

use crate::support::{
    mail::MailServer,
    world::{World, cx, each_engine, session_of, user_input},
};
use domain::{AgentCx, Cx, command::Occasion};
use entity::{
    approval::{BreakGlassInput, DecisionInput, DecisionQuery, DecisionView, ReviewInput},
    command::{CommandInput, CommandState, Payload, RequestState},
    id::{BusinessId, CommandRequestId, DeviceId},
    policy::Action,
    problem::ProblemCode,
    user::{Role, UserInput},
};

/// Restarts nginx: strong, so that it takes people.
pub fn restart() -> CommandInput {
    CommandInput {
        payload: Payload::RestartService { service_name: "nginx".to_owned() },
        timeout_seconds: None,
        deliver_within_seconds: None,
        on_offline: None,
        priority: None,
        reason: Some("It hangs.".to_owned()),
    }
}

/// Somebody new with one more permission than their role has.
pub async fn somebody(world: &World, role: Role, home: Option<BusinessId>, extra: &[Action]) -> Cx {
    let granted = if role == Role::Technician { vec![world.business] } else { vec![] };
    let input =
        UserInput { role, business_id: home, granted, extra_permissions: extra.to_vec(), ..user_input() };
    let admin = world.admin_now().await;
    let added = domain::user::add(&admin.confirmed().expect("just now"), input).await.expect("invited");
    cx(&world.store, &session_of(world.accept(&added.link).await.expect("a password"))).await
}

/// A technician who asks, and may approve too.
pub async fn approver(world: &World) -> Cx {
    somebody(world, Role::Technician, None, &[Action::Approve]).await
}

/// Asks for a restart on this device, in the name of somebody new.
pub async fn ask(world: &World, device: DeviceId) -> (Cx, CommandRequestId) {
    let technician = approver(world).await;
    let made = domain::command::create_one(&technician, device, restart()).await.expect("asked");
    (technician, made.request.id)
}

pub async fn read(cx: &Cx, id: CommandRequestId) -> DecisionView {
    domain::approval::get(cx, id).await.expect("a request")
}

/// A yes or no to the request as it is.
pub async fn said(cx: &Cx, id: CommandRequestId) -> DecisionInput {
    DecisionInput { request_sha256: read(cx, id).await.request.request_sha256, note: String::new() }
}

pub async fn approve(cx: &Cx, id: CommandRequestId) -> domain::Result<DecisionView> {
    let input = said(cx, id).await;
    domain::approval::approve(&cx.confirmed()?, id, input).await
}

#[track_caller]
pub fn code<T>(result: domain::Result<T>) -> ProblemCode {
    result.err().expect("refused").problem().code
}

/// How many orders the device is handed.
pub async fn pull(agent: &AgentCx) -> usize {
    domain::command::deliver(agent, Occasion::Woken).await.expect("asked").orders.len()
}

async fn states(world: &World, id: CommandRequestId) -> Vec<CommandState> {
    let detail = domain::command::get_request(&world.admin, id).await.expect("a request");
    detail.commands.iter().map(|command| command.state).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_strong_leaves_before_somebody_else_approved_it() {
    each_engine(|world| async move {
        let (device, agent) = world.device().await;
        let (technician, id) = ask(&world, device.agent_id).await;
        assert_eq!(pull(&agent).await, 0, "nobody has said anything");
        assert_eq!(code(approve(&technician, id).await), ProblemCode::Forbidden, "their own");
        assert_eq!(pull(&agent).await, 0);
        assert!(read(&technician, id).await.may.why_not.is_some());
        let waiting = domain::approval::waiting_count(&world.admin_now().await).await.expect("counted");
        assert_eq!(waiting, 1);
        let view = approve(&world.admin_now().await, id).await.expect("approved");
        assert_eq!((view.request.state, view.missing), (RequestState::Approved, 0));
        assert_eq!(code(approve(&world.admin_now().await, id).await), ProblemCode::Conflict, "twice");
        assert_eq!(domain::approval::waiting_count(&world.admin_now().await).await.expect("counted"), 0);
        assert_eq!(pull(&agent).await, 1);
        assert_eq!(pull(&agent).await, 0, "once");
        assert_eq!(states(&world, id).await, [CommandState::Sent]);
        let admin = world.admin_now().await;
        let revoked = domain::approval::revoke(&admin.confirmed().expect("just now"), id).await;
        assert_eq!(code(revoked), ProblemCode::Conflict, "the device has it");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_approve_what() {
    each_engine(|world| async move {
        let (device, agent) = world.device().await;
        let (home, neighbour) = (Some(world.business), Some(world.neighbour));
        let may = [Action::Approve];
        let rows = [
            ("an admin", Role::MspAdmin, None, &[][..], None),
            ("a technician", Role::Technician, None, &[][..], Some(ProblemCode::Forbidden)),
            ("a technician with the permission", Role::Technician, None, &may[..], None),
            ("an auditor", Role::Auditor, None, &[][..], Some(ProblemCode::Forbidden)),
            ("an owner", Role::BusinessOwner, home, &[][..], Some(ProblemCode::Forbidden)),
            ("an owner with the permission", Role::BusinessOwner, home, &may[..], None),
            ("a contact with the permission", Role::Contact, home, &may[..], None),
            ("another owner", Role::BusinessOwner, neighbour, &may[..], Some(ProblemCode::NotFound)),
            ("another contact", Role::Contact, neighbour, &[][..], Some(ProblemCode::NotFound)),
        ];
        for (who, role, of, extra, refused) in rows {
            let (_, id) = ask(&world, device.agent_id).await;
            let input = said(&world.admin, id).await;
            let person = somebody(&world, role, of, extra).await;
            let confirmed = person.confirmed().expect("just now");
            let answer = domain::approval::approve(&confirmed, id, input.clone()).await;
            assert_eq!(answer.as_ref().err().map(|error| error.problem().code), refused, "{who} approves");
            assert_eq!(pull(&agent).await, usize::from(refused.is_none()), "{who}");
            if refused.is_some() {
                let rejected = domain::approval::reject(&confirmed, id, input.clone()).await;
                assert_eq!(Some(code(rejected)), refused, "{who} rejects");
                let reason = "fire".to_owned();
                let glass = BreakGlassInput { request_sha256: input.request_sha256, reason };
                let opened = domain::approval::break_glass(&confirmed, id, glass).await;
                assert_eq!(Some(code(opened)), refused, "{who} breaks the glass");
                assert_eq!(states(&world, id).await, [CommandState::AwaitingApproval], "{who}");
            }
        }
        let stranger = somebody(&world, Role::BusinessOwner, neighbour, &may).await;
        let page = domain::approval::list(&stranger, &DecisionQuery::default()).await.expect("a page");
        assert_eq!((page.items.len(), page.total), (0, Some(0)), "nothing of another business");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_session_and_a_lost_role_approve_nothing() {
    each_engine(|world| async move {
        let (device, agent) = world.device().await;
        let (_, id) = ask(&world, device.agent_id).await;
        let input = said(&world.admin, id).await;
        // Five minutes after they proved who they are.
        let old = world.admin_now().await;
        world.clock.advance(chrono::TimeDelta::minutes(6));
        assert_eq!(code(old.confirmed()), ProblemCode::ConfirmIdentity);

        let second = approver(&world).await;
        approve(&second, id).await.expect("approved");
        let admin = world.admin_now().await;
        domain::user::set_active(&admin.confirmed().expect("just now"), second.me().id, false)
            .await
            .expect("switched off");
        assert_eq!(pull(&agent).await, 0, "whoever approved may not any more");
        assert_eq!(states(&world, id).await, [CommandState::AwaitingApproval], "it waits for people again");
        // Who asked with the rights that they had before gets nothing done with them either.
        let confirmed = second.confirmed().expect("still in the five minutes");
        let late = domain::approval::approve(&confirmed, id, input).await;
        assert!(matches!(code(late), ProblemCode::Forbidden | ProblemCode::Conflict));
        approve(&world.admin_now().await, id).await.expect("approved");
        assert_eq!(pull(&agent).await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_yes_to_something_else_late_or_taken_back_is_none() {
    each_engine(|world| async move {
        let (device, agent) = world.device().await;
        let (_, id) = ask(&world, device.agent_id).await;
        let admin = world.admin_now().await;
        let confirmed = admin.confirmed().expect("just now");
        let other = DecisionInput { request_sha256: "0".repeat(64), note: String::new() };
        let answer = domain::approval::approve(&confirmed, id, other).await.expect_err("refused").problem();
        assert_eq!((answer.code, answer.field.as_deref()), (ProblemCode::Conflict, Some("request_sha256")));

        approve(&admin, id).await.expect("approved");
        let view = domain::approval::revoke(&confirmed, id).await.expect("taken back");
        assert_eq!((view.request.state, view.missing), (RequestState::Awaiting, 1));
        assert_eq!(pull(&agent).await, 0);
        assert_eq!(
            code(domain::approval::revoke(&confirmed, id).await),
            ProblemCode::Conflict,
            "nothing is left"
        );
        let second = approver(&world).await;
        approve(&second, id).await.expect("somebody else may");
        assert_eq!(pull(&agent).await, 1);

        let (_, id) = ask(&world, device.agent_id).await;
        let input = said(&admin, id).await;
        domain::approval::reject(&confirmed, id, input).await.expect("rejected");
        assert_eq!(states(&world, id).await, [CommandState::Rejected]);
        assert_eq!(code(approve(&second, id).await), ProblemCode::Conflict, "it is over");

        let (_, id) = ask(&world, device.agent_id).await;
        world.clock.advance(chrono::TimeDelta::hours(24));
        let admin = world.admin_now().await;
        assert_eq!(code(approve(&admin, id).await), ProblemCode::Conflict, "too late");
        domain::job::expire(&world.job()).await.expect("ran");
        assert_eq!(read(&admin, id).await.request.state, RequestState::Expired);
        assert_eq!(states(&world, id).await, [CommandState::Expired]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_breaks_the_glass_for_a_quarter_of_an_hour_and_another_one_looks_at_it() {
    each_engine(|world| async move {
        policy::two_people(&world, true).await;
        let (device, agent) = world.device().await;
        let (technician, id) = ask(&world, device.agent_id).await;
        let second = approver(&world).await;
        let confirmed = second.confirmed().expect("just now");
        let request_sha256 = said(&second, id).await.request_sha256;
        let glass = |reason: &str| BreakGlassInput {
            request_sha256: request_sha256.clone(),
            reason: reason.to_owned(),
        };
        let empty = domain::approval::break_glass(&confirmed, id, glass(" ")).await.expect_err("refused");
        assert_eq!(empty.problem().field.as_deref(), Some("reason"));
        let own = technician.confirmed().expect("just now");
        let refused = domain::approval::break_glass(&own, id, glass("fire")).await;
        assert_eq!(code(refused), ProblemCode::Forbidden, "their own request");
        let view =
            domain::approval::break_glass(&confirmed, id, glass("The shop is down.")).await.expect("open");
        assert_eq!(view.request.break_glass_reason.as_deref(), Some("The shop is down."));
        assert_eq!(pull(&agent).await, 1, "one of two is enough");

        let review = || ReviewInput { note: "It was right.".to_owned() };
        for who in [&technician, &second] {
            let who = who.confirmed().expect("just now");
            let refused = domain::approval::review(&who, id, review()).await;
            assert_eq!(code(refused), ProblemCode::Forbidden, "neither who asked nor who let it pass");
        }
        let open = DecisionQuery { unreviewed: Some(true), ..DecisionQuery::default() };
        let admin = world.admin_now().await;
        assert_eq!(domain::approval::list(&admin, &open).await.expect("a page").items.len(), 1);
        let confirmed_admin = admin.confirmed().expect("just now");
        domain::approval::review(&confirmed_admin, id, review()).await.expect("looked at");
        let again = domain::approval::review(&confirmed_admin, id, review()).await;
        assert_eq!(code(again), ProblemCode::Conflict);
        assert!(domain::approval::list(&admin, &open).await.expect("a page").items.is_empty());
        let entry = domain::approval::review_of(&technician, id).await.expect("asked").expect("one");
        assert_eq!(entry.note.as_deref(), Some("It was right."));

        let (_, id) = ask(&world, device.agent_id).await;
        let sha = said(&second, id).await.request_sha256;
        let input = BreakGlassInput { request_sha256: sha, reason: "Again.".to_owned() };
        domain::approval::break_glass(&confirmed, id, input).await.expect("open");
        world.clock.advance(chrono::TimeDelta::seconds(entity::command::BREAK_GLASS_SECONDS));
        assert_eq!(pull(&agent).await, 0, "a quarter of an hour is over");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_approve_gets_a_letter_and_who_asked_gets_none() {
    each_engine(|world| async move {
        let (device, _) = world.device().await;
        let technician = approver(&world).await;
        somebody(&world, Role::BusinessOwner, Some(world.neighbour), &[Action::Approve]).await;
        let mut mail = MailServer::start(&[]).await;
        world.store.set_mailer(std::sync::Arc::new(mail.mailer()));
        let mut ids = Vec::new();
        for _ in 0..2 {
            let made =
                domain::command::create_one(&technician, device.agent_id, restart()).await.expect("asked");
            ids.push(made.request.id);
        }
        // Two requests, and two letters to the one person who may decide them.
        let mut texts = String::new();
        for _ in 0..2 {
            let letter = mail.letter().await;
            assert_eq!(letter.receivers, ["ada@msp.example"]);
            assert!(letter.subject.contains("Acme"), "{}", letter.subject);
            texts.push_str(&letter.text);
        }
        for id in ids {
            assert!(texts.contains(&format!("https://reeve.example/approvals/{id}")), "{texts}");
        }
        assert!(texts.contains("Restart the service nginx") && texts.contains("It hangs."), "{texts}");
    })
    .await;
}
