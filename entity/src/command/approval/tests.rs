//! Whose yes counts, how many it takes, and whatever order people do things in: what may go has been approved.

use super::*;
use crate::command::{CommandEvent, RequestState, Shell};
use proptest::{collection::vec, prelude::*};
use uuid::Uuid;

fn user(n: u128) -> UserId {
    UserId(Uuid::from_u128(n))
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
}

fn yes(n: u128, digest: &str) -> PendingApproval {
    PendingApproval {
        note: ApprovalNote {
            user_id: user(n),
            user_name: format!("Person {n}"),
            approved_at: at(0),
            request_sha256: digest.to_owned(),
            signature: None,
        },
        may_approve_now: true,
        is_of_business: n >= 100,
        is_revoked: false,
    }
}

/// The verdict about a strong request of person 1 with the digest `d` that ends after an hour, asked at its beginning.
fn ask(needed: (u32, Approver), approvals: &[PendingApproval]) -> Verdict {
    verdict(needed, Strength::Strong, "d", user(1), approvals, None, false, at(3600), at(0))
}

const ANYONE: Approver = Approver::Anyone;

#[test]
fn only_a_yes_of_somebody_else_who_may_say_it_to_this_counts() {
    assert_eq!(ask((1, ANYONE), &[]), Verdict::Not(NotYet::Missing(1)));
    assert!(matches!(ask((1, ANYONE), &[yes(2, "d")]), Verdict::May(notes) if notes.len() == 1));
    assert_eq!(ask((1, ANYONE), &[yes(1, "d")]), Verdict::Not(NotYet::Missing(1)), "their own");
    assert_eq!(ask((1, ANYONE), &[yes(2, "e")]), Verdict::Not(NotYet::Missing(1)), "to something else");
    let lost = PendingApproval { may_approve_now: false, ..yes(2, "d") };
    assert_eq!(ask((1, ANYONE), &[lost]), Verdict::Not(NotYet::Missing(1)), "they may not any more");
    let back = PendingApproval { is_revoked: true, ..yes(2, "d") };
    assert_eq!(ask((1, ANYONE), &[back]), Verdict::Not(NotYet::Missing(1)), "taken back");
    assert_eq!(ask((2, ANYONE), &[yes(2, "d"), yes(2, "d")]), Verdict::Not(NotYet::Missing(1)), "twice");
    assert!(matches!(ask((2, ANYONE), &[yes(2, "d"), yes(3, "d")]), Verdict::May(_)));
}

#[test]
fn who_has_to_approve() {
    let table = [
        (Approver::Anyone, vec![2], true),
        (Approver::Anyone, vec![100], true),
        (Approver::Business, vec![2], false),
        (Approver::Business, vec![100], true),
        (Approver::Both, vec![2], false),
        (Approver::Both, vec![100], false),
        (Approver::Both, vec![2, 100], true),
    ];
    for (approver, people, may) in table {
        let approvals: Vec<_> = people.iter().map(|n| yes(*n, "d")).collect();
        let found = ask((1, approver), &approvals);
        assert_eq!(matches!(found, Verdict::May(_)), may, "{approver:?} {people:?}: {found:?}");
    }
    let two = [yes(2, "d"), yes(3, "d")];
    assert_eq!(ask((2, Approver::Both), &two), Verdict::Not(NotYet::MissingFrom(Approver::Both)));
    assert_eq!(ask((2, Approver::Business), &two), Verdict::Not(NotYet::Missing(2)));
}

#[test]
fn time_stop_and_broken_glass() {
    let one = [yes(2, "d")];
    let asked = |strength, glass: Option<DateTime<Utc>>, approvals: &[PendingApproval], stopped, now| {
        let reason = BreakGlass { reason: "fire".to_owned() };
        let glass = glass.map(|at| (&reason, at));
        verdict((2, ANYONE), strength, "d", user(1), approvals, glass, stopped, at(3600), at(now))
    };
    assert_eq!(asked(Strength::Strong, None, &one, false, 3600), Verdict::Not(NotYet::Expired));
    assert_eq!(asked(Strength::Strong, None, &one, true, 0), Verdict::Not(NotYet::Stopped));
    let two = [yes(2, "d"), yes(3, "d")];
    assert!(
        matches!(asked(Strength::Safe, None, &two, true, 0), Verdict::May(_)),
        "a stop is about strong ones"
    );
    assert!(matches!(asked(Strength::Strong, Some(at(0)), &one, false, 899), Verdict::May(_)));
    assert_eq!(asked(Strength::Strong, Some(at(0)), &one, false, 900), Verdict::Not(NotYet::Expired));
    assert_eq!(asked(Strength::Strong, Some(at(0)), &[], false, 0), Verdict::Not(NotYet::Missing(1)));
    let own = [yes(1, "d")];
    assert_eq!(asked(Strength::Strong, Some(at(0)), &own, false, 0), Verdict::Not(NotYet::Missing(1)));
    assert_eq!(asked(Strength::Strong, Some(at(0)), &one, true, 0), Verdict::Not(NotYet::Stopped));
}

#[test]
fn what_is_strong_or_for_many_takes_somebody_whatever_the_policy_says() {
    let lax = ApprovalPolicy { rules: vec![], ..ApprovalPolicy::default() };
    let zero = ApprovalPolicy {
        rules: vec![ApprovalRule { kinds: CommandKind::ALL.to_vec(), approvals_needed: 0, approver: ANYONE }],
        ..ApprovalPolicy::default()
    };
    let strong = Payload::RunScript {
        shell: Shell::Sh,
        script: "true".to_owned(),
        script_sha256: String::new(),
        parameters: vec![],
        script_version_id: None,
    };
    let safe = Payload::PatchScan {};
    for policy in [&lax, &zero] {
        assert_eq!(approvals_needed(policy, &strong, 1, 1_000).0, 1);
        assert_eq!(approvals_needed(policy, &safe, 1, 1_000).0, 0);
        assert_eq!(approvals_needed(policy, &safe, 25, 1_000).0, 0);
        assert_eq!(approvals_needed(policy, &safe, 26, 1_000).0, 1, "more than 25 devices");
        assert_eq!(approvals_needed(policy, &safe, 4, 40).0, 0);
        assert_eq!(approvals_needed(policy, &safe, 5, 40).0, 1, "more than a tenth of a business");
        assert_eq!(approvals_needed(policy, &safe, 3, 3).0, 0, "a handful is not many");
    }
    let many = ApprovalPolicy {
        rules: vec![ApprovalRule {
            kinds: vec![CommandKind::Reboot],
            approvals_needed: 99,
            approver: ANYONE,
        }],
        ..ApprovalPolicy::default()
    };
    assert_eq!(approvals_needed(&many, &Payload::Reboot { delay_seconds: 0 }, 1, 9).0, APPROVALS_MAX);
}

/// What can happen to a request, in any order.
#[derive(Clone, Debug)]
enum Step {
    Approve { who: u128, read: u8 },
    Revoke { who: u128 },
    Edit,
    LoseRole { who: u128 },
    GetRole { who: u128 },
    Stop,
    Rearm,
    Wait,
    Pull,
}

fn step() -> impl Strategy<Value = Step> {
    let who = || prop_oneof![Just(1_u128), 2..5_u128, 100..102_u128];
    prop_oneof![
        4 => (who(), 0..3_u8).prop_map(|(who, read)| Step::Approve { who, read }),
        2 => who().prop_map(|who| Step::Revoke { who }),
        1 => Just(Step::Edit),
        1 => who().prop_map(|who| Step::LoseRole { who }),
        1 => who().prop_map(|who| Step::GetRole { who }),
        1 => Just(Step::Stop),
        1 => Just(Step::Rearm),
        1 => Just(Step::Wait),
        4 => Just(Step::Pull),
    ]
}

/// A server in small: what is stored, and nothing that is not asked of the functions under test.
struct Small {
    digest: u8,
    approvals: Vec<PendingApproval>,
    lost: Vec<u128>,
    stopped: bool,
    now: i64,
    request: RequestState,
    command: crate::command::CommandState,
    pulled: usize,
}

impl Small {
    fn counted(&self) -> Vec<PendingApproval> {
        let of = |one: &PendingApproval| one.note.user_id.0.as_u128();
        let fresh = |one: &PendingApproval| PendingApproval {
            may_approve_now: !self.lost.contains(&of(one)),
            ..one.clone()
        };
        self.approvals.iter().map(fresh).collect()
    }

    fn verdict(&self, needed: (u32, Approver), is_stopped: bool) -> Verdict {
        verdict(
            needed,
            Strength::Strong,
            &self.digest.to_string(),
            user(1),
            &self.counted(),
            None,
            is_stopped,
            at(10),
            at(self.now),
        )
    }

    fn on(&mut self, event: CommandEvent) {
        if let Some(next) = self.request.on(event) {
            self.request = next;
            self.command = self.command.on(event).unwrap_or(self.command);
        }
    }

    fn take(&mut self, step: &Step, needed: (u32, Approver)) {
        match step {
            Step::Approve { who, read } => {
                let may = self.request == RequestState::Awaiting && !self.lost.contains(who);
                if !may || *who == 1 || *read != self.digest {
                    return;
                }
                self.approvals.retain(|one| one.note.user_id != user(*who));
                self.approvals.push(yes(*who, &read.to_string()));
                if matches!(self.verdict(needed, false), Verdict::May(_)) {
                    self.on(CommandEvent::Approve);
                }
            }
            Step::Revoke { who } => {
                let own =
                    self.approvals.iter_mut().find(|one| one.note.user_id == user(*who) && !one.is_revoked);
                let Some(own) = own else { return };
                if self.request == RequestState::Awaiting {
                    own.is_revoked = true;
                } else if self.command == crate::command::CommandState::Pending {
                    own.is_revoked = true;
                    self.on(CommandEvent::Void);
                }
            }
            Step::Edit => {
                if self.pulled == 0 {
                    self.digest = (self.digest + 1) % 3;
                    self.approvals.iter_mut().for_each(|one| one.is_revoked = true);
                    self.on(CommandEvent::Void);
                }
            }
            Step::LoseRole { who } => self.lost.push(*who),
            Step::GetRole { who } => self.lost.retain(|one| one != who),
            Step::Stop => self.stopped = true,
            Step::Rearm => self.stopped = false,
            Step::Wait => self.now += 1,
            Step::Pull => {
                let is_pending = self.command == crate::command::CommandState::Pending;
                if is_pending && matches!(self.verdict(needed, self.stopped), Verdict::May(_)) {
                    self.command = self.command.on(CommandEvent::Send).expect("pending is sent");
                    self.pulled += 1;
                }
            }
        }
    }
}

/// Who has said yes to the request as it is and not taken it back, found by reading the history from its beginning: what
/// the verdict is held against.
fn standing(history: &[(Step, u8, bool)]) -> Vec<u128> {
    let mut people: Vec<u128> = Vec::new();
    let mut lost: Vec<u128> = Vec::new();
    for (step, digest, was_awaiting) in history {
        match step {
            Step::Approve { who, read } => {
                let is_good = *was_awaiting && *who != 1 && read == digest && !lost.contains(who);
                if is_good && !people.contains(who) {
                    people.push(*who);
                }
            }
            Step::Revoke { who } => people.retain(|one| one != who),
            Step::Edit => people.clear(),
            Step::LoseRole { who } => lost.push(*who),
            Step::GetRole { who } => lost.retain(|one| one != who),
            _ => {}
        }
    }
    people.retain(|who| !lost.contains(who));
    people
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_goes_to_a_device_that_is_not_approved_at_that_moment(
        steps in vec(step(), 1..40),
        needed in 1..4_u32,
        approver in prop_oneof![Just(Approver::Anyone), Just(Approver::Business), Just(Approver::Both)],
    ) {
        let mut small = Small {
            digest: 0,
            approvals: vec![],
            lost: vec![],
            stopped: false,
            now: 0,
            request: RequestState::Awaiting,
            command: crate::command::CommandState::AwaitingApproval,
            pulled: 0,
        };
        let mut history = Vec::new();
        for step in steps {
            let before = small.pulled;
            // After it was handed out nothing is taken back: then the history ends.
            if before == 0 {
                history.push((step.clone(), small.digest, small.request == RequestState::Awaiting));
            }
            small.take(&step, (needed, approver));
            if small.pulled > before {
                let people = standing(&history);
                let of_business = people.iter().filter(|who| **who >= 100).count();
                let enough = match approver {
                    Approver::Anyone => people.len(),
                    Approver::Business => of_business,
                    Approver::Both if of_business > 0 && of_business < people.len() => people.len(),
                    Approver::Both => 0,
                };
                prop_assert!(enough >= needed as usize, "{people:?} of {needed} {approver:?}: {history:?}");
                prop_assert!(!small.stopped && small.now < 10, "stopped or late: {history:?}");
            }
            prop_assert!(small.pulled <= 1, "single use: {history:?}");
        }
    }
}
