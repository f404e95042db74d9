//! What a lock lets through, and what no clock and no pattern gets past it.

use super::*;

fn wall(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).expect("a time")
}

fn moment(wall_seconds: i64, boot: &str, uptime_seconds: u64) -> Moment {
    Moment { wall: wall(wall_seconds), boot_id: Some(boot.to_owned()), uptime_seconds, spent: None }
}

fn entry(text: &str) -> AllowEntry {
    text.parse().expect("an entry")
}

/// Armed for an hour, at uptime 1,000 of boot a.
fn armed(allow: &[&str]) -> DeviceLock {
    DeviceLock {
        apply_enabled: true,
        allow: Vec::new(),
        armed: Some(Armed {
            at: wall(0),
            for_seconds: 3_600,
            boot_id: Some("a".to_owned()),
            uptime_seconds: 1_000,
            allow: allow.iter().map(|text| entry(text)).collect(),
        }),
    }
}

fn nginx(lock: &DeviceLock, now: &Moment) -> Decision {
    decide(lock, StrongKind::RestartService, "nginx.service", now)
}

const LOCKED: Decision = Decision::Refused(RefusalCode::LockedLocal);
const NOT_ALLOWED: Decision = Decision::Refused(RefusalCode::NotAllowed);

#[test]
fn what_is_not_armed_is_locked() {
    let now = moment(10, "a", 1_010);
    assert_eq!(nginx(&DeviceLock::default(), &now), LOCKED);
    let lock = armed(&["restart_service:nginx"]);
    assert_eq!(nginx(&lock, &now), Decision::Open);
    assert_eq!(nginx(&DeviceLock { apply_enabled: false, ..lock.clone() }, &now), LOCKED);
    let only_allowed =
        DeviceLock { armed: None, allow: vec![entry("restart_service:nginx")], ..lock.clone() };
    assert_eq!(nginx(&only_allowed, &now), LOCKED, "an entry alone opens nothing");
    assert_eq!(nginx(&armed(&[]), &now), NOT_ALLOWED);
    assert_eq!(decide(&lock, StrongKind::StopProcess, "nginx", &now), NOT_ALLOWED, "another kind");
}

#[test]
fn the_time_ends_by_whichever_clock_is_further() {
    let lock = armed(&["restart_service:*"]);
    for (now, expected, why) in [
        (moment(3_599, "a", 4_599), Decision::Open, "the last second"),
        (moment(3_600, "a", 4_600), LOCKED, "over"),
        (moment(-86_400, "a", 4_599), Decision::Open, "the clock was set back, the uptime knows"),
        (moment(-86_400, "a", 4_600), LOCKED, "the clock was set back, and it is over all the same"),
        (moment(4_000, "a", 1_010), LOCKED, "the clock was set forward"),
        (moment(10, "a", 990), LOCKED, "an uptime before the arming is no uptime"),
        (moment(1_800, "b", 60), Decision::Open, "restarted in between"),
        (moment(3_600, "b", 60), LOCKED, "restarted, and over"),
        (moment(-1, "b", 60), LOCKED, "restarted with a clock before the arming"),
        (moment(10, "b", 3_600), LOCKED, "restarted, set back, and up for longer than it was armed"),
    ] {
        assert_eq!(nginx(&lock, &now), expected, "{why}");
    }
}

#[test]
fn a_restart_and_a_clock_set_back_give_no_time_back() {
    let lock = armed(&["restart_service:*"]);
    let spent = Spent {
        armed_at: wall(0),
        boot_id: Some("a".to_owned()),
        uptime_seconds: 4_000,
        spent_seconds: 3_000,
    };
    let after = |uptime_seconds| Moment { spent: Some(spent.clone()), ..moment(60, "b", uptime_seconds) };
    assert_eq!(nginx(&lock, &after(599)), Decision::Open);
    assert_eq!(nginx(&lock, &after(600)), LOCKED, "3,000 s of one boot and 600 s of the next");
    let same_boot = Moment { spent: Some(spent.clone()), ..moment(60, "a", 4_600) };
    assert_eq!(nginx(&lock, &same_boot), LOCKED);
    let of_another_time = Spent { armed_at: wall(-50_000), ..spent };
    let now = Moment { spent: Some(of_another_time), ..moment(60, "b", 60) };
    assert_eq!(nginx(&lock, &now), Decision::Open, "what was used of an earlier time does not count");
}

#[test]
fn a_system_that_knows_no_boots_goes_by_the_wall() {
    let mut lock = armed(&["restart_service:*"]);
    if let Some(armed) = &mut lock.armed {
        armed.boot_id = None;
    }
    let at = |seconds| Moment { boot_id: None, ..moment(seconds, "", 5) };
    assert_eq!(nginx(&lock, &at(10)), Decision::Open);
    assert_eq!(nginx(&lock, &at(3_600)), LOCKED);
    assert_eq!(nginx(&lock, &at(-10)), LOCKED);
}

#[test]
fn no_time_is_longer_than_the_longest() {
    let mut lock = armed(&["reboot"]);
    if let Some(armed) = &mut lock.armed {
        armed.for_seconds = u64::MAX;
    }
    let seconds = i64::try_from(ARMED_SECONDS_MAX).expect("fits");
    let now = moment(seconds, "a", 1_000 + ARMED_SECONDS_MAX);
    assert_eq!(decide(&lock, StrongKind::Reboot, "", &now), LOCKED);
}

#[test]
fn patterns_are_stars_and_nothing_else() {
    for (pattern, argument, fits) in [
        ("restart_service:nginx", "nginx.service", true),
        ("restart_service:nginx.service", "nginx", true),
        ("restart_service:nginx", "nginx2.service", false),
        ("restart_service:php*-fpm", "php8.3-fpm.service", true),
        ("restart_service:php*-fpm", "php8.3-fpm2.service", false),
        ("restart_service:*", "anything", true),
        ("restart_service:*a*b*", "xxaxxbxx", true),
        ("restart_service:*a*b*", "xxbxxaxx", false),
        ("restart_service:n?inx", "nginx", false),
        ("restart_service:.*", "nginx", false),
        ("restart_service:", "nginx", false),
    ] {
        let found = pattern
            .parse::<AllowEntry>()
            .is_ok_and(|entry| entry.covers(StrongKind::RestartService, argument));
        assert_eq!(found, fits, "{pattern} and {argument}");
    }
    let hard = format!("stop_process:{}b", "*a".repeat(99));
    assert!(!entry(&hard).covers(StrongKind::StopProcess, &"a".repeat(5_000)), "and it ends");
}

#[test]
fn entries_say_what_is_wrong_with_them() {
    let digest = "Ab".repeat(32);
    assert!(entry(&format!("run_script:{digest}")).covers(StrongKind::RunScript, &digest.to_lowercase()));
    assert!(entry("reboot").covers(StrongKind::Reboot, ""));
    for bad in [
        "",
        "nginx",
        "restart_service",
        "restart_service: nginx",
        "run_script:*",
        "run_script:abc",
        "reboot:now",
        "set_mode:safe",
        "restart_service:a\u{7}b",
    ] {
        let error = bad.parse::<AllowEntry>().expect_err(bad).to_string();
        assert!(error.starts_with('“'), "{error}");
    }
    let long = format!("restart_service:{}", "x".repeat(PATTERN_MAX + 1));
    assert!(long.parse::<AllowEntry>().is_err());
}

#[test]
fn the_summary_tells_what_is_allowed_now() {
    let mut lock = armed(&["restart_service:nginx"]);
    lock.allow = vec![entry("reboot"), entry("restart_service:nginx")];
    let now = LockSummary::of(&lock, None, &moment(600, "a", 1_600));
    assert_eq!(now.remaining_seconds, Some(3_000));
    assert_eq!(now.allow, ["reboot", "restart_service:nginx"]);
    let over = LockSummary::of(&lock, None, &moment(3_600, "a", 4_600));
    assert_eq!((over.remaining_seconds, over.allow.len()), (None, 2));
    let view = LockView::of(now, wall(0));
    assert!(view.is_open(wall(2_999)) && !view.is_open(wall(3_000)));
}

#[test]
fn what_to_type_can_be_typed() {
    assert_eq!(
        arm_for_service("nginx.service"),
        "reeve-agent lock arm --for 2h --allow restart_service:nginx"
    );
    assert_eq!(
        arm_for_service("MSSQL$SQLEXPRESS"),
        "reeve-agent lock arm --for 2h --allow \"restart_service:MSSQL$SQLEXPRESS\""
    );
}
