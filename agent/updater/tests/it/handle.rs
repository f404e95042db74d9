//! The number of a process that has ended is given to another one: that one is left alone. A namespace of its own says which
//! number comes next, so that nobody has to wait for it.

use crate::{lines, script};
use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

/// The script could not do what it is for: the number was somebody else's before it could be given to the decoy.
const NO_DECOY: i32 = 77;
/// Waits until something is so, and has the next process get this number. The first argument is the updater, the second the
/// folder.
const COMMON: &str = r#"
set -u
updater=$1 folder=$2
until_so() {
    tries=0
    until eval "$1"; do
        tries=$((tries + 1))
        [ $tries -lt 600 ] || { echo "never so: $1" >&2; exit 3; }
        sleep 0.05
    done
}
decoy_as() {
    for try in 1 2 3 4 5 6 7 8 9 10; do
        echo $(($1 - 1)) >/proc/sys/kernel/ns_last_pid || exit 77
        sleep 300 &
        decoy=$!
        [ "$decoy" != "$1" ] || return 0
        kill -9 "$decoy"
        wait "$decoy"
    done
    exit 77
}
decoy_lives() {
    kill -0 "$decoy" && ! grep -q '^State:.*Z' "/proc/$decoy/status"
}
"#;

/// Runs the script as the first process of a namespace; none where that is not allowed.
fn in_namespace(text: &str, folder: &Path) -> Option<i32> {
    let unshare = || {
        let mut command = Command::new("unshare");
        command.args(["--pid", "--fork", "--mount-proc", "--kill-child"]).stdin(Stdio::null());
        command
    };
    let can = unshare().args(["sh", "-c", "test -w /proc/sys/kernel/ns_last_pid"]).output();
    if !can.is_ok_and(|can| can.status.success()) {
        eprintln!("skipped: no namespace of processes can be made here");
        return None;
    }
    let output = unshare()
        .args(["timeout", "60", "sh", "-c"])
        .arg(format!("{COMMON}{text}"))
        .args(["sh", env!("CARGO_BIN_EXE_reeve-updater")])
        .arg(folder)
        .output()
        .unwrap();
    let code = output.status.code();
    if code == Some(NO_DECOY) {
        eprintln!("skipped: the number could not be had");
        return None;
    }
    assert_eq!(code, Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    code
}

#[test]
fn a_program_that_got_the_number_of_the_agent_gets_no_signal() {
    let folder = tempfile::tempdir().unwrap();
    script(folder.path(), "echo $$ >pid\necho x >>starts\nexit 3");
    // After the fourth end the supervisor waits for eight seconds; within them the number changes hands, and it is ended.
    let done = in_namespace(
        r#"
"$updater" run --agent "$folder/agent.sh" </dev/null >/dev/null 2>"$folder/says" &
supervisor=$!
until_so '[ -e "$folder/starts" ] && [ "$(wc -l <"$folder/starts")" -ge 4 ]'
until_so '! kill -0 "$(cat "$folder/pid")" 2>/dev/null'
decoy_as "$(cat "$folder/pid")"
kill -TERM "$supervisor"
wait "$supervisor" || exit 4
sleep 0.3
decoy_lives || exit 5
"#,
        folder.path(),
    );
    if done.is_some() {
        assert_eq!(lines(&folder.path().join("starts")).len(), 4, "it was ended while it waited");
    }
}

#[test]
fn a_program_that_got_the_number_of_the_old_one_is_neither_waited_for_nor_ended() {
    let folder = tempfile::tempdir().unwrap();
    script(folder.path(), "exit 1");
    let program = folder.path().join("agent.sh");
    fs::copy(&program, folder.path().join("old")).unwrap();
    fs::write(&program, "#!/bin/sh\nexec sleep 30\n").unwrap();
    in_namespace(
        r#"
sleep 300 &
old=$!
"$updater" apply "$folder/agent.sh" "$folder/old" "$old" "$folder" &
applying=$!
until_so 'grep -q "is ready" "$folder/updater.log" 2>/dev/null'
# By now it has its handle.
sleep 0.5
kill -9 "$old"
wait "$old"
decoy_as "$old"
wait "$applying" || exit 4
decoy_lives || exit 5
"#,
        folder.path(),
    );
}
