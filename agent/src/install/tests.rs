//! Plans for every service manager, and carrying them out below a folder with a tool that only takes notes.

use super::*;
use crate::install::launchd::plist;
#[cfg(target_os = "linux")]
use crate::install::systemd::unit;
#[cfg(target_os = "linux")]
use std::process::Command;
use std::{fs, path::Path};
use tempfile::TempDir;

fn places(folder: &TempDir, manager: Manager) -> Places {
    let root = folder.path().join("root");
    let source = folder.path().join("unpacked");
    fs::create_dir_all(&source).unwrap();
    let places = Places {
        prefix: root.join("usr/local/lib/reeve"),
        data: root.join("var/lib/reeve"),
        tool: folder.path().join("tool"),
        root,
        source,
        manager,
    };
    for name in PROGRAMS {
        fs::write(places.program(&places.source, name), format!("{name} 1")).unwrap();
    }
    // It takes notes of what it is told.
    let script = format!("#!/bin/sh\necho \"$*\" >>{}/notes\n", folder.path().display());
    fs::write(&places.tool, script).unwrap();
    #[cfg(unix)]
    fs::set_permissions(&places.tool, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    places
}

fn notes(folder: &TempDir) -> Vec<String> {
    let path = folder.path().join("notes");
    let text = fs::read_to_string(&path).unwrap_or_default();
    let _ = fs::remove_file(path);
    text.lines().map(str::to_owned).collect()
}

fn done(steps: &[Step], is_dry: bool) -> Vec<String> {
    let mut said = Vec::new();
    carry_out(steps, is_dry, &mut |line| said.push(line.to_owned())).unwrap();
    said
}

fn ready(places: &Places) {
    fs::create_dir_all(places.service_file().parent().unwrap()).unwrap();
}

#[cfg(unix)]
#[test]
fn installing_twice_changes_nothing_the_second_time_and_an_upgrade_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let places = places(&folder, Manager::Systemd);
    ready(&places);
    let steps = plan_install(&places, true).unwrap();
    let said = done(&steps, false);
    assert_eq!(said.len(), 5, "{said:?}");
    let start = ["daemon-reload", "enable --quiet reeve-agent.service"];
    assert_eq!(notes(&folder), [start[0], start[1], "restart reeve-agent.service"]);
    let agent = places.prefix.join("reeve-agent");
    let mode = |path: &Path| {
        use std::os::unix::fs::PermissionsExt as _;
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    };
    assert_eq!((mode(&agent), mode(&places.data)), (0o755, 0o700));

    assert_eq!(done(&plan_install(&places, true).unwrap(), false), [""; 0]);
    assert_eq!(notes(&folder), [start[0], start[1], "start reeve-agent.service"]);

    fs::write(places.source.join("reeve-agent"), "reeve-agent 2").unwrap();
    assert_eq!(done(&plan_install(&places, true).unwrap(), false).len(), 1);
    assert_eq!(fs::read_to_string(&agent).unwrap(), "reeve-agent 2");
    assert_eq!(notes(&folder)[2], "restart reeve-agent.service");

    // From its own folder, as install.sh does it.
    let from_there = Places { source: places.prefix.clone(), ..places.clone() };
    assert_eq!(done(&plan_install(&from_there, false).unwrap(), false), [""; 0]);
    assert_eq!(fs::read_to_string(&agent).unwrap(), "reeve-agent 2");
    assert_eq!(notes(&folder), start);
}

#[cfg(unix)]
#[test]
fn uninstalling_keeps_the_data_and_purging_removes_it_but_no_other_folder() {
    let folder = tempfile::tempdir().unwrap();
    let places = places(&folder, Manager::Systemd);
    ready(&places);
    done(&plan_install(&places, true).unwrap(), false);
    fs::write(places.data.join("device.key"), "").unwrap();
    let slot = places.data.join("updates/slots/2-0a1b2c3d");
    fs::create_dir_all(&slot).unwrap();
    fs::write(slot.join("reeve-agent"), "").unwrap();
    let state = places.data.join("updates/state");
    fs::create_dir_all(&state).unwrap();
    ["pointer.a", "journal.b", "journal.a.new", "own.a", "heal.b", "trust.a"]
        .iter()
        .for_each(|name| fs::write(state.join(name), "").unwrap());
    notes(&folder);
    done(&plan_uninstall(&places, false).unwrap(), false);
    assert_eq!(notes(&folder)[0], "disable --quiet --now reeve-agent.service");
    assert!(!places.prefix.exists() && !places.service_file().exists());
    assert!(places.data.join("device.key").exists() && !places.data.join("updates/slots").exists());
    let left: Vec<_> = fs::read_dir(&state).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["trust.a"], "whom it trusts stays");
    assert_eq!(done(&plan_uninstall(&places, false).unwrap(), false), [""; 0], "twice is as good as once");

    let home = folder.path().join("home");
    fs::create_dir_all(home.join("logs")).unwrap();
    let slip = Places { data: home.clone(), ..places.clone() };
    assert!(plan_uninstall(&slip, true).unwrap_err().message.contains("nothing was removed"));
    assert!(home.join("logs").exists());

    let asked = places.system("/etc/reeve/registration.conf");
    fs::create_dir_all(asked.parent().unwrap()).unwrap();
    fs::write(&asked, "TOKEN=AGT-1").unwrap();
    fs::write(asked.with_file_name("reeve.toml"), "").unwrap();
    done(&plan_uninstall(&places, true).unwrap(), false);
    assert!(!places.data.exists() && !asked.exists());
    assert!(asked.with_file_name("reeve.toml").exists(), "a server's settings are not the agent's");
    assert_eq!(done(&plan_uninstall(&places, true).unwrap(), false), [""; 0]);
}

#[cfg(unix)]
#[test]
fn nothing_is_removed_while_a_supervisor_looks_after_the_data() {
    let folder = tempfile::tempdir().unwrap();
    let places = places(&folder, Manager::Systemd);
    ready(&places);
    done(&plan_install(&places, true).unwrap(), false);
    let home = Home::under(&places.data);
    fs::create_dir_all(home.slots()).unwrap();
    let lock = File::create(home.lock()).unwrap();
    lock.lock().unwrap();
    // Its own next version, of which the same holds.
    let old = places.prefix.join("reeve-updater.old");
    fs::write(&old, "").unwrap();
    let steps = plan_uninstall(&places, false).unwrap();
    let failure = carry_out(&steps, false, &mut |_| {}).unwrap_err();
    assert!(failure.message.contains("still looks after"), "{failure}");
    assert!(places.prefix.join("reeve-agent").exists() && home.slots().exists() && old.exists());
    // One that takes a moment to end is waited for.
    let ending = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        drop(lock);
    });
    done(&steps, false);
    ending.join().unwrap();
    assert!(!places.prefix.exists() && !home.slots().exists());
}

#[test]
fn a_package_takes_what_updates_brought_with_it_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let places = places(&folder, Manager::Scm);
    let updates = places.data.join("updates");
    let (slot, state) = (updates.join("slots/2-0a1b2c3d"), updates.join("state"));
    for folder in [&slot, &updates.join("staging"), &state, &places.prefix] {
        fs::create_dir_all(folder).unwrap();
    }
    let program = slot.join("reeve-agent.exe");
    fs::write(&program, "").unwrap();
    let mut sealed = fs::metadata(&program).unwrap().permissions();
    sealed.set_readonly(true);
    fs::set_permissions(&program, sealed).unwrap();
    let write = |folder: &Path, names: &[&str]| {
        names.iter().for_each(|name| fs::write(folder.join(name), "").unwrap());
    };
    write(&state, &["pointer.a", "journal.b", "own.a", "trust.a", "denied.json"]);
    write(&places.data, &["device.key", "config.json"]);
    write(&places.prefix, &["reeve-agent.exe", "reeve-updater.exe", "reeve-updater.exe.old"]);
    done(&plan_forget_updates(&places), false);
    let left = |folder: &Path| {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    assert_eq!(left(&updates), ["state"]);
    assert_eq!(left(&state), ["denied.json", "trust.a"], "whom it trusts and what it has had stays");
    assert_eq!(left(&places.data), ["config.json", "device.key", "updates"]);
    assert_eq!(left(&places.prefix), ["reeve-agent.exe", "reeve-updater.exe"], "these are the package's");
    assert_eq!(done(&plan_forget_updates(&places), false), [""; 0], "twice is as good as once");
}

#[test]
fn a_dry_run_shows_everything_and_does_nothing() {
    for manager in [Manager::Systemd, Manager::Launchd, Manager::Scm] {
        let folder = tempfile::tempdir().unwrap();
        let places = places(&folder, manager);
        let said = done(&plan_install(&places, true).unwrap(), true).join("\n");
        assert!(!places.root.exists() && notes(&folder).is_empty(), "{said}");
        let inside = match manager {
            Manager::Systemd => "    ExecStart=",
            Manager::Launchd => "    \t<key>ProgramArguments</key>",
            Manager::Scm => "would make the service ReeveAgent: ",
        };
        assert!(said.contains(inside), "{said}");
        let said = done(&plan_uninstall(&places, true).unwrap(), true).join("\n");
        assert!(said.contains("would remove "), "{said}");
    }
}

#[cfg(unix)]
#[test]
fn what_a_package_brought_is_left_to_it_and_bad_paths_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let there = places(&folder, Manager::Systemd);
    let unit = there.system("/usr/lib/systemd/system/reeve-agent.service");
    fs::create_dir_all(unit.parent().unwrap()).unwrap();
    fs::write(&unit, "").unwrap();
    assert!(plan_install(&there, true).unwrap_err().message.contains("upgrade it with apt or dnf"));
    assert!(plan_uninstall(&there, true).unwrap_err().message.contains("remove it with apt or dnf"));
    fs::remove_file(unit).unwrap();
    fs::remove_file(there.source.join("reeve-updater")).unwrap();
    assert!(plan_install(&there, true).unwrap_err().message.contains("reeve-updater is missing"));

    for bad in ["lib/reeve", "/usr/lib/a reeve", "/usr/lib/re%eve", "/usr/lib/re\neve"] {
        let refused = Places { prefix: bad.into(), ..there.clone() }.checked().unwrap_err();
        assert!(refused.message.starts_with("--prefix") && refused.code == exit::USAGE, "{refused}");
        let refused = Places { data: bad.into(), ..there.clone() }.checked().unwrap_err();
        assert!(refused.message.starts_with("--data-dir"), "{refused}");
    }
    let on_macos = Places { data: "/Library/Application Support/Reeve".into(), ..there };
    assert!(Places { manager: Manager::Launchd, ..on_macos }.checked().is_ok());
}

#[test]
fn a_step_that_fails_is_named_with_the_code_of_the_system() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("no-such-tool");
    let steps = [Step::Run(step::Tool::new(&missing, &["daemon-reload"]))];
    let failure = carry_out(&steps, false, &mut |_| {}).unwrap_err();
    assert!(failure.message.starts_with("could not run "), "{failure}");
    assert!(failure.message.contains("no-such-tool"), "{failure}");
}

#[test]
fn the_property_list_says_what_launchd_needs() {
    let text = plist(Path::new("/usr/local/lib/reeve"), Path::new("/Library/Application Support/A & B"));
    let list = plist::Value::from_reader(std::io::Cursor::new(text)).unwrap().into_dictionary().unwrap();
    assert_eq!(list["Label"].as_string(), Some(launchd::LABEL));
    let words: Vec<_> =
        list["ProgramArguments"].as_array().unwrap().iter().filter_map(plist::Value::as_string).collect();
    assert_eq!(
        words,
        [
            "/usr/local/lib/reeve/reeve-updater",
            "run",
            "--agent",
            "/usr/local/lib/reeve/reeve-agent",
            "--data-dir",
            "/Library/Application Support/A & B",
            "--",
            "--data-dir",
            "/Library/Application Support/A & B"
        ]
    );
    for key in ["RunAtLoad", "KeepAlive"] {
        assert_eq!(list[key].as_boolean(), Some(true), "{key}");
    }
    assert_eq!(list["ThrottleInterval"].as_signed_integer(), Some(10));
    assert_eq!(list["Umask"].as_signed_integer(), Some(0o077));
}

// Paths of this system are no paths of systemd's.
#[cfg(unix)]
#[test]
fn the_unit_names_its_places_and_the_files_that_it_waits_for() {
    let data = Path::new("/srv/reeve");
    let text = unit(Path::new("/opt/reeve"), data);
    assert!(!text.contains("@PREFIX@") && !text.contains("@DATA_DIR@"), "everything is filled in: {text}");
    let line = "ExecStart=/opt/reeve/reeve-updater run --agent /opt/reeve/reeve-agent --data-dir /srv/reeve -- --data-dir /srv/reeve\n";
    assert!(text.contains(line), "{text}");
    // A build that ends again and again is the supervisor's to judge, not systemd's to give up.
    for line in
        ["KillMode=mixed\n", "StartLimitIntervalSec=0\n", "Restart=always\n", "ReadWritePaths=-/srv/reeve "]
    {
        assert!(text.contains(line), "{line}");
    }
    let paths = Paths::under(data);
    for file in [config::path(&paths), paths.registration()] {
        assert!(text.contains(&format!("ConditionPathExists=|{}\n", file.display())), "{}", file.display());
    }
    #[cfg(not(windows))]
    {
        let pending::Source::File(asked) = pending::Source::usual();
        assert!(text.contains(&format!("ConditionPathExists=|{}\n", asked.display())));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_unit_lets_the_supervisor_before_look_and_its_folder_be_written() {
    let text = unit(Path::new("/opt/reeve"), Path::new("/srv/reeve"));
    let lines: Vec<&str> = text.lines().collect();
    let at = |wanted: &str| lines.iter().position(|line| line.starts_with(wanted)).unwrap();
    // Its absence is no failure.
    let before = "ExecStartPre=-/opt/reeve/reeve-updater.old restore --data-dir /srv/reeve --program /opt/reeve/reeve-updater";
    assert_eq!(lines[at("ExecStartPre=")], before);
    assert!(at("ExecStartPre=") < at("ExecStart="));
    assert!(lines.contains(&"ReadWritePaths=-/opt/reeve"), "{text}");
}

/// The directives of the unit by section, as systemd reads them: comments and continued lines are none of ours.
#[cfg(target_os = "linux")]
fn directives(text: &str) -> Vec<(&str, &str, &str)> {
    let mut section = "";
    let mut found = Vec::new();
    for line in text.lines().map(str::trim) {
        assert!(!line.ends_with('\\'), "a line that goes on is read as a whole by nobody here: {line}");
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = name;
        } else if let Some((name, value)) = line.split_once('=').filter(|_| !line.starts_with('#')) {
            found.push((section, name, value));
        } else {
            assert!(line.is_empty() || line.starts_with('#'), "no line of a unit: {line}");
        }
    }
    found
}

/// What would have systemd end the service by itself, start it no more, or watch another process than the supervisor.
#[cfg(target_os = "linux")]
const GIVES_UP: [&str; 22] = [
    "StartLimitBurst",
    "StartLimitAction",
    "StartLimitInterval",
    "FailureAction",
    "SuccessAction",
    "RestartPreventExitStatus",
    "RestartForceExitStatus",
    "RestartMaxDelaySec",
    "RestartMode",
    "SuccessExitStatus",
    "RuntimeMaxSec",
    "RuntimeRandomizedExtraSec",
    "WatchdogSec",
    "TimeoutStartSec",
    "TimeoutSec",
    "RemainAfterExit",
    "GuessMainPID",
    "PIDFile",
    "ExitType",
    "BindsTo",
    "Requires",
    "StopWhenUnneeded",
];

#[cfg(target_os = "linux")]
#[test]
fn nothing_in_the_unit_lets_systemd_give_up() {
    let text = unit(Path::new("/usr/lib/reeve"), Path::new("/var/lib/reeve"));
    let all = directives(&text);
    let values = |wanted: &str| {
        let of_it = all.iter().filter(|(_, name, _)| *name == wanted);
        of_it.map(|(_, _, value)| *value).collect::<Vec<_>>()
    };
    // The supervisor is the one process that systemd looks after, and it is started itself, by no shell.
    let start = values("ExecStart");
    assert!(
        start.len() == 1 && start[0].starts_with("/usr/lib/reeve/reeve-updater run --agent "),
        "{start:?}"
    );
    assert_eq!(values("Type"), ["exec"]);
    // It ends the agent in order; systemd ends what is left when it has ended.
    assert_eq!(values("KillMode"), ["mixed"]);
    assert!(values("KillSignal").is_empty() && values("SendSIGKILL").is_empty());
    // However it ended, it is started again, at an even pace: the waits that grow are the supervisor's.
    assert_eq!(values("Restart"), ["always"]);
    assert_eq!(values("RestartSec"), ["5"]);
    let limit = all.iter().find(|(_, name, _)| *name == "StartLimitIntervalSec");
    assert_eq!(limit, Some(&("Unit", "StartLimitIntervalSec", "0")), "in the section where systemd reads it");
    for name in GIVES_UP {
        assert!(values(name).is_empty(), "{name}");
    }
    // Whatever else is run may fail, and nothing is run once the service is there: it could hold up its end.
    for (section, name, value) in &all {
        let is_other = name.starts_with("Exec") && *name != "ExecStart";
        assert!(!is_other || *name == "ExecStartPre" && value.starts_with('-'), "{section}: {name}={value}");
    }
    // Longer than the supervisor gives the agent, so that the end in order is not cut off.
    let stop: Vec<u64> = values("TimeoutStopSec").iter().filter_map(|seconds| seconds.parse().ok()).collect();
    assert!(stop.iter().all(|seconds| seconds * 1_000 > updater::terms::Terms::USUAL.stop_ms));
    assert_eq!(stop.len(), 1);
    // The same text goes into the packages and behind `reeve-agent install`: there is no other.
    assert_eq!(values("WantedBy"), ["multi-user.target"]);
}

/// Worse than this is no longer hardened; 10 would be a service without any limits.
#[cfg(target_os = "linux")]
const EXPOSURE_MOST: f32 = 3.0;

#[cfg(target_os = "linux")]
#[test]
fn systemd_reads_the_unit_without_a_word_and_finds_it_hardened() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        // No systemd, nothing that could read its units.
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(systemd::UNIT);
    // It looks for the program.
    fs::write(folder.path().join("reeve-updater"), "").unwrap();
    fs::set_permissions(
        folder.path().join("reeve-updater"),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    fs::write(&file, unit(folder.path(), Path::new("/var/lib/reeve"))).unwrap();
    let analyze = |arguments: &[&str]| {
        Command::new("systemd-analyze").args(arguments).arg(&file).env("LC_ALL", "C.UTF-8").output().unwrap()
    };
    let verified = analyze(&["verify", "--man=no"]);
    // It succeeds also when it passes over a line that it does not understand.
    assert_eq!(String::from_utf8_lossy(&verified.stderr), "", "{}", verified.status);
    assert!(verified.status.success());
    let found = analyze(&["security", "--offline=true", "--no-pager"]);
    let text = String::from_utf8_lossy(&found.stdout);
    let exposure = text
        .lines()
        .find_map(|line| line.split_once("exposure level for reeve-agent.service: "))
        .and_then(|(_, level)| level.split_whitespace().next()?.parse::<f32>().ok());
    assert!(exposure.is_some_and(|level| level <= EXPOSURE_MOST), "{text}");
}
