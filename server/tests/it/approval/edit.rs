//! A request that is changed is another one: nothing that was said about it before counts, and whoever asked is the only one
//! who may.

use super::{approve, approver, ask, code, policy::two_people, pull, read, restart, said, states};
use crate::support::{
    mail::MailServer,
    world::{World, each_engine},
};
use domain::{AgentCx, Cx, command::Occasion};
use entity::{
    approval::{BreakGlassInput, DecisionInput},
    audit::AuditQuery,
    command::{
        CommandInput, CommandState, Envelope, Order, Payload, RequestDetail, RequestEdit, RequestState,
    },
    emergency_stop::StopInput,
    id::{CommandRequestId, DeviceId},
    problem::ProblemCode,
    seal::{self, Purpose},
};

/// Rounds of each race on each engine.
const ROUNDS: usize = 24;

/// The same for another service, and nothing said about devices: those that it was for.
fn other(request_sha256: String) -> RequestEdit {
    let payload = Payload::RestartService { service_name: "apache2".to_owned() };
    let command = CommandInput { payload, reason: Some("It was the other one.".to_owned()), ..restart() };
    RequestEdit { request_sha256, targets: Vec::new(), filter: None, command }
}

async fn digest(cx: &Cx, id: CommandRequestId) -> String {
    read(cx, id).await.request.request_sha256
}

async fn edit(cx: &Cx, id: CommandRequestId, input: RequestEdit) -> domain::Result<RequestDetail> {
    domain::command::edit(cx, id, input).await
}

fn service_of(world: &World, envelope: &Envelope) -> (Order, String) {
    let now = domain::Clock::now(world.clock.as_ref());
    let root = world.store.signer().root_public();
    let (order, _) = seal::open::<Order>(&root, Purpose::Order, envelope, now).expect("signed");
    let Payload::RestartService { service_name } = &order.request.payload else { panic!("{order:?}") };
    let name = service_name.clone();
    (order, name)
}

async fn orders(agent: &AgentCx) -> Vec<Envelope> {
    domain::command::deliver(agent, Occasion::Woken).await.expect("looked").orders
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_changed_starts_anew() {
    each_engine(|world| async move {
        two_people(&world, true).await;
        let (device, agent) = world.device().await;
        let (one, two) = (approver(&world).await, approver(&world).await);
        let (technician, id) = ask(&world, device.agent_id).await;
        let before = digest(&technician, id).await;
        approve(&one, id).await.expect("one of two");
        let command = domain::command::get_request(&technician, id).await.expect("there").commands[0].id;

        let refused = edit(&one, id, other(before.clone())).await;
        assert_eq!(code(refused), ProblemCode::Forbidden, "only who asked");
        let unread = edit(&technician, id, other("0".repeat(64))).await.expect_err("unread").problem();
        assert_eq!((unread.code, unread.field.as_deref()), (ProblemCode::Conflict, Some("request_sha256")));
        let reboot = CommandInput { payload: Payload::Reboot { delay_seconds: 0 }, ..restart() };
        let kind = RequestEdit { command: reboot, ..other(before.clone()) };
        let kind = edit(&technician, id, kind).await.expect_err("another kind").problem();
        assert_eq!(kind.field.as_deref(), Some("payload"));
        let theirs = RequestEdit { targets: vec![DeviceId::generate()], ..other(before.clone()) };
        assert_eq!(code(edit(&technician, id, theirs).await), ProblemCode::NotFound);
        assert_eq!(digest(&technician, id).await, before, "nothing of all that changed anything");

        let changed = edit(&technician, id, other(before.clone())).await.expect("changed");
        assert_ne!(changed.request.request_sha256, before);
        assert_eq!(changed.commands[0].id, command, "the device's command keeps its name");
        assert!(changed.approvals.iter().all(|one| one.revoked_at.is_some()), "{:?}", changed.approvals);
        assert_eq!(read(&one, id).await.missing, 2);
        let late = DecisionInput { request_sha256: before.clone(), note: String::new() };
        let late = domain::approval::approve(&two.confirmed().expect("just now"), id, late).await;
        assert_eq!(code(late), ProblemCode::Conflict, "what they read is not there any more");
        approve(&one, id).await.expect("again");
        assert_eq!(pull(&agent).await, 0, "one of two");
        approve(&two, id).await.expect("two of two");
        let handed = orders(&agent).await;
        let (order, service) = service_of(&world, &handed[0]);
        assert_eq!((service.as_str(), order.approvals.len()), ("apache2", 2));
        assert!(order.has_its_approvals());
        let sent = digest(&technician, id).await;
        assert_eq!(
            code(edit(&technician, id, other(sent)).await),
            ProblemCode::Conflict,
            "the device has it"
        );

        let query = AuditQuery { action: Some("command.edit".to_owned()), ..AuditQuery::default() };
        let log = domain::audit::list(&world.admin, &query).await.expect("a page");
        let text = serde_json::to_string(&log.items[0]).expect("JSON");
        assert!(text.contains(&before) && text.contains("nginx") && text.contains("apache2"), "{text}");
        assert!(domain::audit::verify(&world.admin, None).await.expect("checked").broken.is_none());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_are_changed_too_and_what_was_approved_waits_again() {
    each_engine(|world| async move {
        let (first, left_out) = world.device().await;
        let (second, added) = world.device().await;
        let (technician, id) = ask(&world, first.agent_id).await;
        approve(&world.admin_now().await, id).await.expect("approved");
        let before = digest(&technician, id).await;
        let moved = RequestEdit { targets: vec![second.agent_id], ..other(before) };
        let changed = edit(&technician, id, moved).await.expect("changed");
        assert_eq!(changed.request.state, RequestState::Awaiting);
        let ids: Vec<DeviceId> = changed.commands.iter().map(|command| command.device_id).collect();
        assert_eq!(ids, [second.agent_id]);
        assert_eq!(states(&world, id).await, [CommandState::AwaitingApproval]);
        approve(&world.admin_now().await, id).await.expect("approved again");
        assert_eq!((pull(&left_out).await, pull(&added).await), (0, 1));

        // What somebody let pass alone is not made something else.
        let (technician, id) = ask(&world, first.agent_id).await;
        let request_sha256 = digest(&technician, id).await;
        let admin = world.admin_now().await;
        let glass = BreakGlassInput { request_sha256: request_sha256.clone(), reason: "Fire.".to_owned() };
        domain::approval::break_glass(&admin.confirmed().expect("just now"), id, glass).await.expect("open");
        assert_eq!(code(edit(&technician, id, other(request_sha256)).await), ProblemCode::Conflict);
        domain::command::cancel_request(&technician, id).await.expect("taken back");
        let gone = digest(&technician, id).await;
        assert_eq!(code(edit(&technician, id, other(gone)).await), ProblemCode::Conflict, "it is over");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_decides_hears_of_a_change() {
    each_engine(|world| async move {
        let (device, _) = world.device().await;
        let (technician, id) = ask(&world, device.agent_id).await;
        let before = digest(&technician, id).await;
        let mut mail = MailServer::start(&[]).await;
        world.store.set_mailer(std::sync::Arc::new(mail.mailer()));
        edit(&technician, id, other(before)).await.expect("changed");
        let letter = mail.letter().await;
        assert!(letter.subject.starts_with("Changed, approval needed"), "{}", letter.subject);
        assert!(
            letter.text.contains("apache2") && letter.text.contains("counts no longer"),
            "{}",
            letter.text
        );
    })
    .await;
}

/// Who approves read the first version. Whatever comes first: an order that leaves says what its approvals are for.
#[tokio::test(flavor = "multi_thread")]
async fn an_edit_against_a_yes_a_device_and_a_change_of_mind() {
    each_engine(|world| async move {
        let (device, agent) = world.device().await;
        let (one, two) = (approver(&world).await, approver(&world).await);
        let (mut edited, mut approved) = (0, 0);
        for round in 0..ROUNDS {
            let (technician, id) = ask(&world, device.agent_id).await;
            let before = digest(&technician, id).await;
            let yes = async |who: &Cx| {
                let input = DecisionInput { request_sha256: before.clone(), note: String::new() };
                domain::approval::approve(&who.confirmed().expect("just now"), id, input).await
            };
            let change = async {
                if round % 2 == 1 {
                    tokio::task::yield_now().await;
                }
                edit(&technician, id, other(before.clone())).await
            };
            let mind = async {
                let said = yes(&one).await;
                if round % 3 == 0 {
                    let _ = domain::approval::revoke(&one.confirmed().expect("just now"), id).await;
                }
                said
            };
            let pulls = async {
                let mut handed = orders(&agent).await;
                handed.extend(orders(&agent).await);
                handed
            };
            let (changed, _, _, mut handed) = tokio::join!(change, mind, yes(&two), pulls);
            handed.extend(orders(&agent).await);
            let view = read(&technician, id).await;
            assert!(handed.len() <= 1, "handed out once");
            if let Some(envelope) = handed.first() {
                let (order, service) = service_of(&world, envelope);
                assert!(order.has_its_approvals() && seal::is_what_was_approved(&order), "{order:?}");
                assert_eq!((order.request_sha256.as_str(), service.as_str()), (before.as_str(), "nginx"));
                assert!(changed.is_err(), "what has left is not changed");
                approved += 1;
            } else if changed.is_ok() {
                assert_ne!(view.request.request_sha256, before);
                assert_eq!(view.request.state, RequestState::Awaiting, "nobody has read it");
                edited += 1;
            }
            if changed.is_err() {
                assert_eq!(code(changed), ProblemCode::Conflict);
            }
            // Nothing is left for the next round.
            let _ = domain::command::cancel_request(&technician, id).await;
        }
        assert!(edited + approved > 0, "neither ever came first");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_the_time_against_a_yes_counts_once() {
    each_engine(|world| async move {
        let (device, agent) = world.device().await;
        for _ in 0..ROUNDS / 3 {
            let (technician, id) = ask(&world, device.agent_id).await;
            let view = read(&technician, id).await.request;
            let left = view.decide_by - domain::Clock::now(world.clock.as_ref());
            world.clock.advance(left - chrono::TimeDelta::milliseconds(1));
            let admin = world.admin_now().await;
            let input = said(&admin, id).await;
            let confirmed = admin.confirmed().expect("just now");
            let late = async {
                world.clock.advance(chrono::TimeDelta::milliseconds(1));
                domain::job::expire(&world.job()).await
            };
            let (yes, expired) = tokio::join!(domain::approval::approve(&confirmed, id, input), late);
            expired.expect("ran");
            let handed = pull(&agent).await;
            match read(&admin, id).await.request.state {
                RequestState::Approved => assert!(yes.is_ok()),
                RequestState::Expired => {
                    assert_eq!(code(yes), ProblemCode::Conflict);
                    assert_eq!(handed, 0);
                    assert_eq!(states(&world, id).await, [CommandState::Expired]);
                }
                RequestState::Awaiting => assert_eq!(handed, 0),
                state => panic!("{state:?}"),
            }
        }
    })
    .await;
}

/// Once a stop has been answered, nothing strong leaves, however far a delivery had come.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_against_a_device_that_fetches() {
    each_engine(|world| async move {
        let (device, agent) = world.device().await;
        for _ in 0..ROUNDS / 3 {
            let (technician, id) = ask(&world, device.agent_id).await;
            approve(&world.admin_now().await, id).await.expect("approved");
            let admin = world.admin_now().await;
            let stop = async {
                let input = StopInput { business_id: Some(world.business), reason: String::new() };
                let view = domain::emergency_stop::stop(&admin, input).await.expect("stopped");
                // Whoever fetches from here on gets nothing.
                (view.seq, orders(&agent).await.len())
            };
            let ((seq, after), during) = tokio::join!(stop, orders(&agent));
            assert_eq!(after, 0, "it was stopped");
            let is_out = !during.is_empty();
            assert_eq!(states(&world, id).await == [CommandState::Sent], is_out);
            assert_eq!(pull(&agent).await, 0);
            let input = entity::emergency_stop::RearmInput {
                business_id: Some(world.business),
                seq,
                note: String::new(),
            };
            let mut people = vec![world.admin_now().await];
            people.push(approver(&world).await);
            for person in people {
                let confirmed = person.confirmed().expect("just now");
                let _ = domain::emergency_stop::rearm(&confirmed, input.clone()).await;
            }
            assert_eq!(pull(&agent).await, usize::from(!is_out), "what waited goes on, once");
            let _ = domain::command::cancel_request(&technician, id).await;
        }
    })
    .await;
}
