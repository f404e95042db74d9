//! A server that means no good and has every key that is online: what it gets a device to do, and what it leaves behind.
#![cfg(target_os = "linux")]

use crate::{
    command::{Place, entry},
    support::{eventually, script, script_of},
};
use chrono::TimeDelta;
use entity::{
    command::{
        BreakGlass, ChainEvent, Envelope, Mode, Order, Payload, Refusal, ResultStatus, Shell, StopOrder,
    },
    id::{CommandId, DeviceId, UserId},
    seal::{self, Purpose},
    wire::{Settings, ToAgent},
};
use std::fs;
use uuid::Uuid;

/// One of each strong kind that this agent can do.
fn strong() -> Vec<Payload> {
    let name = "sleep-30099".to_owned();
    vec![
        script("echo pwned"),
        script_of(Shell::Bash, "echo pwned", &["a"]),
        Payload::RestartProcess { process_name: name.clone() },
        Payload::StopProcess { process_name: name },
        Payload::Reboot { delay_seconds: 600 },
    ]
}

#[tokio::test]
async fn a_server_with_every_key_that_is_online_opens_no_lock() {
    let mut place = Place::new().await;
    let lock = place.device.data().join("device-lock.toml");
    let say = |place: &Place, message: ToAgent| place.server.world().push(&message);
    // Everything that a server can say besides orders, with whatever it can put into it.
    let settings = Settings { heartbeat_interval_seconds: 1, ..Settings::default() };
    say(&place, ToAgent::Config { settings });
    // Numbers of the far future are not believed: no later decision could take them back.
    for (seq, is_stopped) in [(1, true), (2, false), (u64::MAX / 4, true), (u64::MAX / 4 + 1, false)] {
        say(&place, ToAgent::Stop(Box::new(place.signer.stop(seq, is_stopped))));
    }
    say(&place, ToAgent::ChainAck { seq: u64::MAX });
    say(&place, ToAgent::ResultAck { command_id: CommandId(Uuid::from_u128(0xc001)) });
    say(&place, ToAgent::CommandCancel { command_id: CommandId(Uuid::from_u128(0xc001)) });
    for mode in [Mode::Safe, Mode::Normal] {
        assert_eq!(place.done(Payload::SetMode { mode }).await.status, ResultStatus::Completed);
    }
    for payload in strong() {
        // As perfect as it can be, and each way around that a server might think of.
        let order = place.order(payload.clone());
        let mut glass = place.order(payload.clone());
        glass.break_glass = Some(BreakGlass { reason: "because".to_owned() });
        let mut crowd = place.order(payload);
        crowd.approvals_needed = 0;
        for order in [order, glass, crowd] {
            place.send(&order);
            let result = place.result(&order).await;
            assert_eq!(
                (result.status, result.refusal),
                (ResultStatus::Refused, Some(Refusal::LockedLocal)),
                "{order:?}"
            );
        }
    }
    assert!(!lock.exists(), "nothing wrote the lock");
    say(&place, ToAgent::Stop(Box::new(place.signer.stop(3, true))));
    assert_eq!(place.done(script("echo pwned")).await.refusal, Some(Refusal::Stopped), "a later stop holds");
    say(&place, ToAgent::Stop(Box::new(place.signer.stop(4, false))));
    assert_eq!(
        place.done(script("echo pwned")).await.refusal,
        Some(Refusal::LockedLocal),
        "and an end of it"
    );
    place.kill().await;
    place.start().await;
    let order = place.order(script("echo pwned"));
    place.send(&order);
    assert_eq!(place.result(&order).await.refusal, Some(Refusal::LockedLocal), "nor after a restart");
    place.chain_is_whole();
}

#[tokio::test]
async fn an_armed_device_does_nothing_that_is_not_exactly_what_was_allowed() {
    let mut place = Place::new().await;
    let payload = script("echo ran");
    place.arm(&[entry(&payload)]).await;
    let of = |place: &mut Place, change: &dyn Fn(&mut Order)| {
        let mut order = place.order(script("echo ran"));
        change(&mut order);
        order
    };
    let again = |order: &mut Order| {
        order.request_sha256 = seal::request_sha256(&order.request);
        let digest = order.request_sha256.clone();
        order.approvals.iter_mut().for_each(|note| note.request_sha256.clone_from(&digest));
    };
    let cases: Vec<(&str, Order, Refusal)> = vec![
        (
            "another script under the digest that is allowed",
            of(&mut place, &|order| {
                if let Payload::RunScript { script, .. } = &mut order.request.payload {
                    "echo pwned".clone_into(script);
                }
                again(order);
            }),
            Refusal::Malformed,
        ),
        (
            "the neighbour's",
            of(&mut place, &|order| order.device_id = DeviceId(Uuid::from_u128(9))),
            Refusal::WrongDevice,
        ),
        (
            "approved by who asked",
            of(&mut place, &|order| order.approvals[0].user_id = order.request.requested_by),
            Refusal::NotApproved,
        ),
        (
            "one person twice",
            of(&mut place, &|order| {
                order.approvals_needed = 2;
                order.approvals.push(order.approvals[0].clone());
            }),
            Refusal::NotApproved,
        ),
        (
            "approved for something else",
            of(&mut place, &|order| order.approvals[0].request_sha256 = "00".repeat(32)),
            Refusal::NotApproved,
        ),
        (
            "more time than was approved",
            of(&mut place, &|order| order.request.timeout_seconds += 1),
            Refusal::NotApproved,
        ),
        (
            "asked by somebody else than was approved",
            of(&mut place, &|order| order.request.requested_by = UserId(Uuid::from_u128(7))),
            Refusal::NotApproved,
        ),
        ("over", of(&mut place, &|order| order.expires_at = order.issued_at), Refusal::Expired),
    ];
    for (why, order, refusal) in cases {
        place.send(&order);
        assert_eq!(place.result(&order).await.refusal, Some(refusal), "{why}");
    }
    // A signature for another purpose, as what it is and as what it is not.
    let order = place.order(script("echo ran"));
    let wrong = place.signer.seal(Purpose::Evidence, &order);
    let renamed = Envelope { payload_type: Purpose::Order.payload_type().to_owned(), ..wrong.clone() };
    for envelope in [wrong, renamed, place.signer.forge(&order)] {
        place.server.world().push(&ToAgent::Command(Box::new(envelope)));
    }
    eventually("three refusals", || place.results(order.command_id).len() == 3).await;
    assert!(place.results(order.command_id).iter().all(|one| one.status == ResultStatus::Refused));
    // In safe mode it is refused, however well it is signed.
    assert_eq!(place.done(Payload::SetMode { mode: Mode::Safe }).await.status, ResultStatus::Completed);
    assert_eq!(place.done(script("echo ran")).await.refusal, Some(Refusal::SafeMode));
    assert_eq!(place.done(Payload::SetMode { mode: Mode::Normal }).await.status, ResultStatus::Completed);
    // An end of a stop that nobody agreed to, and one that is older than the stop.
    place.server.world().push(&ToAgent::Stop(Box::new(place.signer.stop(7, true))));
    let alone = StopOrder {
        seq: 8,
        business_id: Some(order.request.business_id),
        is_stopped: false,
        decided_at: order.issued_at,
        approvals: Vec::new(),
    };
    let alone = place.signer.seal(Purpose::Stop, &alone);
    let as_order = Envelope { payload_type: Purpose::Order.payload_type().to_owned(), ..alone.clone() };
    for envelope in [alone, as_order, place.signer.stop(7, false), place.signer.stop(6, false)] {
        place.server.world().push(&ToAgent::Stop(Box::new(envelope)));
    }
    assert_eq!(place.done(script("echo ran")).await.refusal, Some(Refusal::Stopped));
    place.server.world().push(&ToAgent::Stop(Box::new(place.signer.stop(9, false))));
    assert_eq!(place.done(script("echo ran")).await.output, "ran\n", "all of it was for nothing else");
}

/// A backup of the server that is put back, or a server that means no good, signs a command anew that was done hours ago.
#[tokio::test]
async fn what_was_done_is_not_done_again_when_it_is_signed_anew_hours_later() {
    let mut place = Place::new().await;
    let count = place.device.data().join("count");
    let payload = script(&format!("echo x >> {}", count.display()));
    place.arm(&[entry(&payload)]).await;
    let mut order = place.order(payload);
    order.request.deliver_by = order.issued_at + TimeDelta::hours(20);
    place.signer.approve(&mut order);
    place.send(&order);
    assert_eq!(place.result(&order).await.status, ResultStatus::Completed);
    let path = place.device.data().join(format!("commands/{}.jsonl", order.command_id));
    eventually("it is over", || fs::read_to_string(&path).unwrap_or_default().contains("\"over\"")).await;
    // Two hours later, by the server's clock: other commands make the journal forget what it can.
    place.kill().await;
    place.server.world().clock_ahead = TimeDelta::hours(2);
    place.signer.ahead = TimeDelta::hours(2);
    place.start().await;
    assert_eq!(place.done(Payload::CollectInventory {}).await.status, ResultStatus::Completed);
    place.kill().await;
    place.start().await;
    let before = place.results(order.command_id).len();
    let anew = Order {
        issued_at: order.issued_at + TimeDelta::hours(2),
        expires_at: order.expires_at + TimeDelta::hours(2),
        ..order.clone()
    };
    place.send(&anew);
    eventually("an answer", || place.results(order.command_id).len() > before).await;
    assert_eq!(place.done(Payload::CollectInventory {}).await.status, ResultStatus::Completed);
    assert_eq!(fs::read_to_string(&count).unwrap().lines().count(), 1, "what was approved once is done once");
}

/// Whoever had the key for a moment must not be able to make the device deaf for good.
#[tokio::test]
async fn an_order_from_the_future_is_refused_and_leaves_nothing_behind() {
    let mut place = Place::new().await;
    let mut order = place.order(Payload::CollectInventory {});
    order.issued_at += TimeDelta::days(3_650);
    order.expires_at += TimeDelta::days(3_650);
    place.send(&order);
    assert_eq!(place.result(&order).await.refusal, Some(Refusal::Malformed));
    let mut order = place.order(Payload::CollectInventory {});
    order.request.deliver_by += TimeDelta::days(3_650);
    place.signer.approve(&mut order);
    place.send(&order);
    assert_eq!(place.result(&order).await.refusal, Some(Refusal::Malformed));
    for _ in 0..2 {
        assert_eq!(place.done(Payload::CollectInventory {}).await.status, ResultStatus::Completed);
        place.kill().await;
        place.start().await;
    }
}

/// A key whose time is over stays useless, also when the server says that it is still last year.
#[tokio::test]
async fn a_key_that_is_over_is_not_brought_back_by_a_clock_that_is_set_back() {
    let mut place = Place::new().await;
    assert_eq!(place.done(Payload::CollectInventory {}).await.status, ResultStatus::Completed);
    let back = TimeDelta::days(-200);
    place.kill().await;
    place.server.world().clock_ahead = back;
    place.signer.ahead = back;
    place.start().await;
    let old = place.order(Payload::CollectInventory {});
    place.send(&old);
    let refused = place.result(&old).await;
    assert_eq!(refused.status, ResultStatus::Refused, "signed with a key of two hundred days ago");
}

/// Nothing is done of which no trace can be left.
#[tokio::test]
async fn what_cannot_be_written_into_the_record_is_not_begun() {
    let mut place = Place::new().await;
    let mark = place.device.data().join("mark");
    let payload = script(&format!("echo x >> {}", mark.display()));
    place.arm(&[entry(&payload)]).await;
    assert_eq!(place.done(Payload::CollectInventory {}).await.status, ResultStatus::Completed);
    let (record, aside) = (place.device.data().join("chain.jsonl"), place.device.data().join("aside"));
    eventually("the record", || record.exists()).await;
    fs::rename(&record, &aside).unwrap();
    fs::create_dir(&record).unwrap();
    let order = place.order(payload);
    place.send(&order);
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert!(!mark.exists(), "it was begun without a trace");
    fs::remove_dir(&record).unwrap();
    fs::rename(&aside, &record).unwrap();
    assert_eq!(place.result(&order).await.status, ResultStatus::Completed, "it waited");
    eventually("its trace", || place.events(order.command_id).contains(&ChainEvent::Done)).await;
    assert!(place.events(order.command_id).contains(&ChainEvent::Started));
    place.chain_is_whole();
}
