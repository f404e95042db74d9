//! Commands of an agent that systemd keeps behind the walls of its real unit. It takes a systemd: `cargo xtask test` runs
//! this in the container in which it tries the packages.
#![cfg(target_os = "linux")]

use crate::{
    command::{Place, entry, processes},
    support::{eventually, script},
};
use entity::command::{Payload, ResultStatus};
use std::{fs, path::Path, process::Command};

/// The unit as it is installed.
const UNIT: &str = include_str!("../../package/linux/reeve-agent.service");

fn has_systemd() -> bool {
    let has = Path::new("/run/systemd/system").is_dir() && rustix::process::geteuid().is_root();
    if !has {
        eprintln!("skipped: no systemd runs here, or it does not listen to this user");
    }
    has
}

/// The agent as a service, with all the walls of the unit.
fn behind_walls(place: &Place) -> tokio::process::Command {
    let data = place.device.data().display().to_string();
    let mut command = tokio::process::Command::new("systemd-run");
    command.args(["--quiet", "--pipe", "--wait", "--collect", "--unit"]);
    command.arg(format!("reeve-agent-test-{}", place.id));
    let (_, service) = UNIT.split_once("[Service]").unwrap();
    let (service, _) = service.split_once("[Install]").unwrap();
    let lines = service.lines().filter(|line| line.contains('=') && !line.starts_with('#'));
    let not_walls = ["Type=", "ExecStart", "Restart", "TimeoutStopSec="];
    let mut count = 0;
    for line in lines.filter(|line| not_walls.iter().all(|other| !line.starts_with(other))) {
        let line = line.replace("@DATA_DIR@", &data).replace("@PREFIX@", "/usr/lib/reeve");
        command.arg("--property").arg(line);
        count += 1;
    }
    assert!(count > 15, "the walls of the unit");
    let agent = place.device.agent(&["run"]);
    command.arg("--").arg(agent.as_std().get_program()).args(agent.as_std().get_args());
    command
}

fn systemctl(arguments: &[&str]) -> String {
    let output = Command::new("systemctl").args(arguments).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Takes away what it made on the machine, however the test ends.
struct Made {
    agent: String,
    service: String,
}

impl Drop for Made {
    fn drop(&mut self) {
        let _ = Command::new("systemctl").args(["stop", &self.agent, &self.service]).status();
        let _ = fs::remove_file(format!("/run/systemd/system/{}", self.service));
        let _ = Command::new("systemctl").arg("daemon-reload").status();
    }
}

#[tokio::test]
async fn behind_the_walls_of_the_unit_commands_do_what_an_administrator_can() {
    if !has_systemd() {
        return;
    }
    let mut place = Place::new().await;
    place.kill().await;
    let number = std::process::id();
    let made = Made {
        agent: format!("reeve-agent-test-{}.service", place.id),
        service: format!("reeve-sleeper-{number}.service"),
    };
    let sleep = format!("/usr/local/bin/reeve-sleep-{number}");
    fs::copy("/bin/sleep", &sleep).unwrap();
    let unit = format!("[Service]\nExecStart={sleep} 30071\n");
    fs::write(format!("/run/systemd/system/{}", made.service), unit).unwrap();
    assert!(Command::new("systemctl").arg("daemon-reload").status().unwrap().success());
    assert!(Command::new("systemctl").args(["start", &made.service]).status().unwrap().success());
    let command = behind_walls(&place);
    place.start_as(command).await;

    // The agent itself can write nowhere, and a script everywhere.
    let main_pid = systemctl(&["show", "--property=MainPID", "--value", &made.agent]);
    let status = fs::read_to_string(format!("/proc/{main_pid}/status")).unwrap();
    assert!(status.contains("NoNewPrivs:\t1") && status.contains("Seccomp:\t2"), "{status}");
    let mark = format!("/usr/local/reeve-mark-{number}");
    let text = format!(
        "echo x > {mark} && rm {mark} && cat /proc/self/cgroup && grep NoNewPrivs /proc/self/status; setsid sleep 30072 & exit 5"
    );
    let done = place.run(script(&text), 30).await;
    assert_eq!((done.status, done.exit_code), (ResultStatus::Failed, Some(5)), "{done:?}");
    let own = format!("reeve-command-{}.service", done.command_id);
    for word in [own.as_str(), "NoNewPrivs:\t0"] {
        assert!(done.output.contains(word), "{word} in {}", done.output);
    }
    assert_eq!(processes("30072"), 0, "what it left behind went with its unit");

    let slow = place.run(script("trap '' TERM; setsid sleep 30073 & sleep 30073"), 1).await;
    assert_eq!(slow.status, ResultStatus::TimedOut, "{slow:?}");
    assert_eq!(processes("30073"), 0);

    // A service is restarted by its own name, and by that of its process.
    let pid = || systemctl(&["show", "--property=MainPID", "--value", &made.service]);
    let name = format!("reeve-sleep-{number}");
    let payloads = [
        Payload::RestartService { service_name: made.service.trim_end_matches(".service").to_owned() },
        Payload::RestartProcess { process_name: name.clone() },
    ];
    for payload in payloads {
        let before = pid();
        place.arm(&[entry(&payload)]).await;
        let done = place.done(payload).await;
        assert_eq!(done.status, ResultStatus::Completed, "{}", done.detail);
        eventually("another process", || !["0", before.as_str()].contains(&pid().as_str())).await;
    }
    // One that no service keeps lives on when what has started it again has ended.
    assert!(Command::new("systemctl").args(["stop", &made.service]).status().unwrap().success());
    let mut loose = Command::new(&sleep).arg("30074").spawn().unwrap();
    let restarts = Payload::RestartProcess { process_name: name.clone() };
    let done = place.done(restarts).await;
    assert_eq!(done.status, ResultStatus::Completed, "{}", done.detail);
    loose.wait().unwrap();
    assert_eq!(processes("30074"), 1);
    let stops = Payload::StopProcess { process_name: name };
    place.arm(&[entry(&stops)]).await;
    assert_eq!(place.done(stops).await.status, ResultStatus::Completed);
    assert_eq!(processes("30074"), 0);

    // Killed, the agent takes its script along, and says so afterwards.
    let hangs = script("sleep 30075");
    place.arm(&[entry(&hangs)]).await;
    let order = place.order(hangs);
    place.send(&order);
    eventually("it runs", || processes("30075") == 1).await;
    systemctl(&["kill", "--signal=KILL", &made.agent]);
    eventually("nothing of it is left", || processes("30075") == 0).await;
    eventually("the end of the unit", || systemctl(&["is-active", &made.agent]) != "active").await;
    let command = behind_walls(&place);
    place.start_as(command).await;
    assert_eq!(place.result(&order).await.status, ResultStatus::Interrupted);
    drop(made);
    let _ = fs::remove_file(&sleep);
}
