//! What can be called a service, which rule counts, and how a service stands to what is wanted of it.

use super::*;

fn rule(level: RuleLevel, name: &str) -> Rule {
    Rule {
        id: MonitoredServiceRuleId(uuid::Uuid::from_u128(level as u128 + 1)),
        level,
        os_type: None,
        service_name: name.to_owned(),
        is_watched: true,
        should_be_running: true,
        auto_restart: false,
    }
}

#[test]
fn names_are_names_and_neither_patterns_nor_options() {
    for good in
        ["nginx", "nginx.service", "getty@tty1.service", "MSSQL$SQLEXPRESS", "Print Spooler", r"a\x2db"]
    {
        assert_eq!(service_name("service_name", &format!(" {good} ")), Ok(good.to_owned()));
    }
    let long = "x".repeat(SERVICE_NAME_MAX + 1);
    for bad in [
        "", " ", "--now", "-a", "*", "ngin?", "a/b", "../a", "a;b", "a\nb", "a\u{0}", "[a]", "é", "a|b",
        &long,
    ] {
        let problem = service_name("service_name", bad).expect_err(bad);
        assert_eq!(problem.field.as_deref(), Some("service_name"));
        assert!(!is_service_name(bad), "{bad}");
    }
}

#[test]
fn what_is_nearer_to_the_device_wins() {
    let msp = rule(RuleLevel::Msp, "nginx");
    let business = Rule { auto_restart: true, ..rule(RuleLevel::Business, "nginx.service") };
    let device = Rule { is_watched: false, ..rule(RuleLevel::Device, "nginx.service") };
    let ssh = rule(RuleLevel::Msp, "ssh");
    let all = [device.clone(), business.clone(), msp.clone(), ssh.clone()];
    let found = in_force(&all, Os::Linux);
    assert_eq!(found.len(), 2);
    assert_eq!((found[0].rule, found[0].is_watched, found[0].is_override), (device.id, false, true));
    assert_eq!(settings(&found).len(), 1, "only ssh is looked after");
    let found = in_force(&all[1..], Os::Linux);
    assert!(found[0].level == RuleLevel::Business && found[0].setting.auto_restart);
    assert_eq!(found[0].setting.service_name, "nginx.service", "one service, whichever way it is written");
    // Where services are called otherwise, they are two.
    assert_eq!(in_force(&all[1..], Os::Windows).len(), 3);
}

#[test]
fn a_rule_for_one_system_is_no_rule_for_another() {
    let windows = Rule { os_type: Some(Os::Windows), ..rule(RuleLevel::Msp, "Spooler") };
    assert!(in_force(std::slice::from_ref(&windows), Os::Linux).is_empty());
    let any = Rule { should_be_running: false, auto_restart: true, ..rule(RuleLevel::Msp, "Spooler") };
    let found = in_force(&[windows.clone(), any.clone()], Os::Windows);
    assert_eq!(found[0].rule, windows.id);
    let found = in_force(&[any], Os::Windows);
    assert!(!found[0].setting.auto_restart, "what must not run is not restarted");
}

#[test]
fn conditions_read_as_a_table() {
    use ServiceStatus::{Failed, Running, Starting, Stopped, Stopping};
    let told = [None, Some(None)]
        .into_iter()
        .chain([Running, Stopped, Starting, Stopping, Failed].map(|status| Some(Some(status))));
    let line = |told: Option<Option<ServiceStatus>>| {
        let word = told.map_or("untold", |status| status.map_or("missing", ServiceStatus::word));
        let [on, off] = [true, false].map(|wanted| ServiceCondition::of(wanted, told).word());
        format!("{word}: {on} / {off}")
    };
    let lines: Vec<String> = told.map(line).collect();
    assert_eq!(
        lines,
        [
            "untold: unknown / unknown",
            "missing: missing / as_wanted",
            "running: as_wanted / should_not_run",
            "stopped: not_running / as_wanted",
            "starting: as_wanted / should_not_run",
            "stopping: not_running / as_wanted",
            "failed: failed / as_wanted",
        ]
    );
}

#[test]
fn an_agent_takes_no_more_than_it_can_bear() {
    let setting = |name: &str| MonitoredServiceSetting {
        service_name: name.to_owned(),
        should_be_running: true,
        auto_restart: true,
    };
    let mut sent = vec![setting("--now"), setting("a*"), setting("b"), setting("b")];
    sent.extend((0..100).map(|n| setting(&format!("s{n:03}"))));
    let taken = bounded(sent);
    assert!(taken.len() < MONITORED_SERVICES_MAX && taken[0].service_name == "b");
    assert!(taken.iter().all(|setting| is_service_name(&setting.service_name)));
}
