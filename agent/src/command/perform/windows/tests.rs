//! Scripts in jobs, on a Windows or under Wine. PowerShell is not there in Wine, so that what reads them here is `cmd`, or
//! this program again.

use super::*;
use crate::command::output::Output;
use entity::id::CommandId;
use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    time::Duration,
};
use uuid::Uuid;

/// What the second process is to do.
const ROLE: &str = "REEVE_TEST_ROLE";

/// Not a test by itself: a process that writes its number into a file, starts another one like it when it is told to, and
/// stays.
#[test]
fn second_process() {
    let Ok(role) = env::var(ROLE) else { return };
    let folder = PathBuf::from(env::var_os("REEVE_TEST_FOLDER").unwrap());
    fs::write(folder.join(std::process::id().to_string()), "").unwrap();
    fs::write(folder.join("there"), "").unwrap();
    if role == "parent" {
        let mut child = std::process::Command::new(env::current_exe().unwrap());
        child.args(THIS).env(ROLE, "child").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    }
    std::thread::sleep(Duration::from_secs(60));
}

const THIS: [&str; 4] =
    ["command::perform::windows::tests::second_process", "--exact", "--nocapture", "--test-threads=1"];

fn second(role: &str, folder: &Path) -> Script {
    let environment = BTreeMap::from([
        (ROLE.to_owned(), role.to_owned()),
        ("REEVE_TEST_FOLDER".to_owned(), folder.display().to_string()),
    ]);
    let program = env::current_exe().unwrap();
    Script { program, arguments: THIS.map(str::to_owned).into(), environment, ..cmd("", folder) }
}

fn cmd(text: &str, folder: &Path) -> Script {
    let root = env::var_os("SystemRoot").map_or_else(|| r"C:\windows".into(), PathBuf::from);
    Script {
        program: root.join(r"System32\cmd.exe"),
        arguments: ["/d", "/q"].map(str::to_owned).into(),
        text: text.to_owned(),
        folder: folder.to_owned(),
        environment: BTreeMap::from([("REEVE_COMMAND_ID".to_owned(), "c1".to_owned())]),
        timeout_milliseconds: 0,
    }
}

async fn runs(script: Script, longest: Duration) -> (Verdict, String) {
    let mut output = Output::default();
    let tell = |_, _| {};
    let job = Job { command_id: CommandId(Uuid::from_u128(1)), longest, output: &mut output, tell: &tell };
    let verdict = perform(&Task::Script(script), job).await.unwrap();
    (verdict, output.text())
}

/// The numbers of those that wrote them down, once there are so many.
async fn pids(folder: &Path, many: usize) -> Vec<u32> {
    for _ in 0..600 {
        let names =
            fs::read_dir(folder).unwrap().flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let pids: Vec<u32> = names.filter_map(|name| name.parse().ok()).collect();
        if pids.len() >= many {
            return pids;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("there are no {many} processes");
}

fn have_ended(pids: &[u32]) -> bool {
    pids.iter().all(|pid| windows_api::process::wait_for_end(*pid, Duration::from_secs(5)).unwrap())
}

#[tokio::test]
async fn a_script_comes_by_its_input_and_says_how_it_ended() {
    let folder = tempfile::tempdir().unwrap();
    // One line: Wine's cmd forgets what came with the line before.
    let text = "@echo one&echo two 1>&2&echo %REEVE_COMMAND_ID%-%REEVE_TOKEN%-%CARGO%&exit 3\r\n";
    let (verdict, output) = runs(cmd(text, folder.path()), Duration::from_secs(30)).await;
    assert_eq!((verdict.status, verdict.exit_code), (ResultStatus::Failed, Some(3)), "{verdict:?}: {output}");
    assert!(output.contains("one") && output.contains("two"), "{output}");
    assert!(!output.contains("cargo"), "nothing of the agent's own environment: {output}");
    let (verdict, _) = runs(cmd("@exit 0\r\n", folder.path()), Duration::from_secs(30)).await;
    assert_eq!(verdict.status, ResultStatus::Completed, "{verdict:?}");
}

#[tokio::test]
async fn one_that_takes_too_long_is_ended_with_what_it_has_started() {
    let folder = tempfile::tempdir().unwrap();
    let script = second("parent", folder.path());
    let place = folder.path().to_owned();
    let both = tokio::spawn(async move { pids(&place, 2).await });
    let (verdict, _) = runs(script, Duration::from_secs(6)).await;
    assert_eq!(verdict.status, ResultStatus::TimedOut, "{verdict:?}");
    assert!(have_ended(&both.await.unwrap()));
}

#[tokio::test]
async fn what_it_leaves_behind_ends_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let this = env::current_exe().unwrap();
    let start = format!("@start /b \"\" \"{}\" {}\r\n", this.display(), THIS.join(" "));
    // It ends once the other one has written down that it is there.
    let wait =
        format!(":again\r\n@if not exist \"{}\\there\" goto again\r\n@exit 0\r\n", folder.path().display());
    let batch = tempfile::tempdir().unwrap();
    let file = batch.path().join("leaves.cmd");
    fs::write(&file, start + &wait).unwrap();
    let mut script = cmd("", folder.path());
    script.arguments.extend(["/c".to_owned(), file.display().to_string()]);
    script.environment = second("child", folder.path()).environment;
    let (verdict, output) = runs(script, Duration::from_secs(30)).await;
    assert_eq!(verdict.status, ResultStatus::Completed, "{verdict:?}: {output}");
    assert!(have_ended(&pids(folder.path(), 1).await));
}

#[tokio::test]
async fn a_flood_is_cut_off_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("flood.cmd");
    fs::write(&file, "@echo off\r\n:again\r\necho yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\ngoto again\r\n")
        .unwrap();
    let mut script = cmd("", folder.path());
    script.arguments.extend(["/c".to_owned(), file.display().to_string()]);
    let (verdict, output) = runs(script, Duration::from_secs(2)).await;
    assert_eq!(verdict.status, ResultStatus::TimedOut, "{verdict:?}");
    assert!(output.len() > 64 && output.len() <= entity::command::OUTPUT_BYTES_MAX);
}

#[tokio::test]
async fn processes_are_ended_by_their_name_and_the_agent_is_spared() {
    let folder = tempfile::tempdir().unwrap();
    let name = format!("sleeper{}", std::process::id());
    let program = folder.path().join(format!("{name}.exe"));
    fs::copy(env::current_exe().unwrap(), &program).unwrap();
    let mut child = std::process::Command::new(&program)
        .args(THIS)
        .envs(second("child", folder.path()).environment)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    pids(folder.path(), 1).await;
    let task = |name: &str, restart| End {
        name: name.to_owned(),
        restart,
        spare: vec![std::process::id()],
        patience_milliseconds: 0,
    };
    let restarted = end(&task(&name, true));
    assert_eq!(restarted.status, ResultStatus::Failed, "Windows does not say how it was started");
    assert!(child.try_wait().unwrap().is_none(), "and then it is left alone");
    let spared = end(&End { spare: vec![child.id()], ..task(&name, false) });
    assert!(spared.status == ResultStatus::Failed && spared.detail.contains("agent itself"), "{spared:?}");
    assert!(child.try_wait().unwrap().is_none());
    let verdict = end(&task(&name.to_uppercase(), false));
    assert_eq!(verdict.status, ResultStatus::Completed, "{verdict:?}");
    child.wait().unwrap();
    assert_eq!(end(&task(&name, false)).status, ResultStatus::Failed, "there is none any more");
}

#[test]
fn only_what_the_system_says_about_itself_is_handed_on() {
    for (name, is_handed_on) in [
        ("SYSTEMROOT", true),
        ("path", true),
        ("ComSpec", true),
        ("REEVE_TOKEN", false),
        ("USERPROFILE", false),
    ] {
        assert_eq!(is_the_systems(OsStr::new(name)), is_handed_on, "{name}");
    }
}
