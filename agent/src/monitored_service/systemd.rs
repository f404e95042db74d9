//! Reads what `systemctl show` writes about single services; pure.
#![cfg_attr(not(any(test, target_os = "linux")), expect(dead_code, reason = "only Linux has systemd"))]

use super::machine::Seen;
use crate::system_service::systemd_status;
use entity::system_service::ServiceStatus;
use std::collections::BTreeMap;

/// What `systemctl show` is asked for.
pub const PROPERTIES: &str = "--property=Id,LoadState,ActiveState,SubState,MainPID,NRestarts,InvocationID,ExecMainStatus,ExecMainCode,Result";

/// The services by the names that they were asked for: one block for each, in the same order, whatever it calls itself.
pub fn services(names: &[String], text: &str) -> Option<BTreeMap<String, Seen>> {
    let blocks: Vec<&str> = text.split("\n\n").filter(|block| !block.trim().is_empty()).collect();
    if blocks.len() != names.len() {
        return None;
    }
    Some(names.iter().cloned().zip(blocks.into_iter().map(one)).collect())
}

/// One block of `Name=value` lines.
fn one(block: &str) -> Seen {
    let properties: BTreeMap<&str, &str> = block.lines().filter_map(|line| line.split_once('=')).collect();
    let property = |name: &str| properties.get(name).copied().unwrap_or_default();
    let number = |name: &str| property(name).parse::<i32>().ok();
    // One that was removed while it ran is still there until it ends.
    let is_gone = property("LoadState") == "not-found" && property("ActiveState") != "active";
    if is_gone {
        return Seen::default();
    }
    let status = systemd_status(property("ActiveState"), property("SubState"));
    let failed = status == ServiceStatus::Failed;
    // 2 and 3: ended by a signal, without or with a core dump.
    let signal = if matches!(property("ExecMainCode"), "2" | "3") { 128 } else { 0 };
    let has_ended = !matches!(property("ExecMainCode"), "" | "0");
    Seen {
        status: Some(status),
        pid: property("MainPID").parse().ok().filter(|pid| *pid > 0),
        run: Some(property("InvocationID").to_owned()).filter(|id| !id.is_empty()),
        restarts: property("NRestarts").parse().unwrap_or_default(),
        exit_code: number("ExecMainStatus").filter(|_| failed && has_ended).map(|status| status + signal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOWN: &str = "Id=nginx.service\nLoadState=loaded\nActiveState=failed\nSubState=failed\nMainPID=0\nNRestarts=2\n\
        InvocationID=aa\nExecMainStatus=11\nExecMainCode=3\nResult=core-dump\n\n\
        Id=cron.service\nLoadState=loaded\nActiveState=active\nSubState=running\nMainPID=412\nNRestarts=0\n\
        InvocationID=bb\nExecMainStatus=0\nExecMainCode=0\nResult=success\n\n\
        Id=none.service\nLoadState=not-found\nActiveState=inactive\nSubState=dead\nMainPID=0\nNRestarts=0\n";

    #[test]
    fn blocks_are_taken_in_the_order_of_the_names() {
        let names = ["nginx.service", "alias-of-cron.service", "none.service"].map(str::to_owned);
        let seen = services(&names, SHOWN).unwrap();
        assert_eq!(seen["nginx.service"].status, Some(ServiceStatus::Failed));
        assert_eq!((seen["nginx.service"].exit_code, seen["nginx.service"].restarts), (Some(139), 2));
        let cron = &seen["alias-of-cron.service"];
        assert_eq!((cron.status, cron.pid, cron.exit_code), (Some(ServiceStatus::Running), Some(412), None));
        assert_eq!(seen["none.service"], Seen::default());
        assert_eq!(services(&names[..2], SHOWN), None, "too many blocks for two names");
        assert_eq!(services(&names, ""), None);
    }
}
