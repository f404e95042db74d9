//! Processes, jobs and locks: with a second process, which is this program again.

use std::{
    env, fs,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, SystemTime},
};
use windows_api::{job::Job, lock, machine, process};

/// What the second process is to do.
const ROLE: &str = "REEVE_TEST_ROLE";

/// Not a test by itself: what the second process does.
#[test]
fn second_process() {
    match env::var(ROLE).as_deref() {
        Ok("sleep") => std::thread::sleep(Duration::from_secs(60)),
        // Starts two more once it is told to, and says how many of them there are.
        Ok("start") => {
            let mut line = String::new();
            std::io::stdin().read_line(&mut line).unwrap();
            let children: Vec<_> = (0..2).map(|_| command("sleep", Path::new("-")).spawn()).collect();
            let started = children.iter().flatten().filter(|child| is_running(child.id())).count();
            writeln!(std::io::stderr(), "started {started}").unwrap();
            std::thread::sleep(Duration::from_secs(60));
        }
        Ok("lock") => {
            let file = lock::open(Path::new(&env::var("REEVE_TEST_FILE").unwrap())).unwrap();
            let held = lock::try_exclusive(&file).unwrap();
            writeln!(std::io::stderr(), "held {held}").unwrap();
            std::thread::sleep(Duration::from_secs(60));
        }
        _ => {}
    }
}

fn command(role: &str, file: &Path) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["process::second_process", "--exact", "--nocapture", "--test-threads=1"])
        .env(ROLE, role)
        .env("REEVE_TEST_FILE", file)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

fn second(role: &str, file: &Path) -> Child {
    command(role, file).spawn().unwrap()
}

fn is_running(id: u32) -> bool {
    process::running_since(id).is_ok_and(|since| since.is_some())
}

/// How many processes one could start.
fn started(child: &mut Child) -> u32 {
    writeln!(child.stdin.take().unwrap(), "go").unwrap();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let line =
        stderr.lines().map_while(Result::ok).find_map(|line| line.strip_prefix("started ")?.parse().ok());
    line.expect("it tells")
}

/// The line in which it tells how locking went.
fn held(child: &mut Child) -> bool {
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let line = stderr.lines().map_while(Result::ok).find(|line| line.starts_with("held "));
    line.expect("it tells before it ends") == "held true"
}

fn file(name: &str) -> PathBuf {
    let path = env::temp_dir().join(format!("reeve-test-{}-{name}", std::process::id()));
    let _ = fs::remove_file(&path);
    path
}

#[test]
fn a_process_is_known_by_its_id_and_its_beginning() {
    let before = SystemTime::now() - Duration::from_secs(2);
    let mut child = second("sleep", Path::new("-"));
    let since = process::running_since(child.id()).unwrap().expect("it runs");
    assert!(since > before && since < SystemTime::now() + Duration::from_secs(2), "{since:?}");
    assert!(!process::wait_for_end(child.id(), Duration::from_millis(50)).unwrap());
    assert!(process::end(child.id()).unwrap());
    child.wait().unwrap();
    assert_eq!(
        process::running_since(child.id()).unwrap(),
        None,
        "its handle is still open, but it has ended"
    );
    assert!(process::wait_for_end(child.id(), Duration::ZERO).unwrap());
    assert!(!process::end(child.id()).unwrap());
    // Ids are multiples of four.
    assert_eq!(process::running_since(3_999_999_996).unwrap(), None);
}

#[test]
fn a_job_ends_what_is_in_it_also_when_it_is_dropped() {
    let mut child = second("sleep", Path::new("-"));
    let job = Job::new().unwrap();
    job.add(&child).unwrap();
    job.end(9).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(9));
    let mut child = second("sleep", Path::new("-"));
    let job = Job::new().unwrap();
    job.add(&child).unwrap();
    drop(job);
    assert!(process::wait_for_end(child.id(), Duration::from_secs(10)).unwrap(), "it goes with the job");
    child.wait().unwrap();
}

#[test]
fn a_job_has_at_most_so_many_processes() {
    let mut child = second("start", Path::new("-"));
    let job = Job::of_at_most(8).unwrap();
    job.add(&child).unwrap();
    assert_eq!(started(&mut child), 2);
    job.end(1).unwrap();
    child.wait().unwrap();
    let mut child = second("start", Path::new("-"));
    let job = Job::of_at_most(1).unwrap();
    job.add(&child).unwrap();
    let started = started(&mut child);
    // Wine takes the limit and does not keep it.
    assert!(started == 0 || machine::is_wine(), "{started}");
    job.end(1).unwrap();
    child.wait().unwrap();
}

#[test]
fn one_process_holds_the_lock_and_its_death_frees_it() {
    let path = file("lock");
    let mut child = second("lock", &path);
    assert!(held(&mut child));
    let mine = lock::open(&path).unwrap();
    assert!(!lock::try_exclusive(&mine).unwrap());
    assert!(!lock::try_shared(&mine).unwrap());
    assert!(fs::remove_file(&path).is_err(), "nobody deletes a file that is held open");
    process::end(child.id()).unwrap();
    child.wait().unwrap();
    assert!(lock::try_exclusive(&mine).unwrap(), "the kernel let go when the holder died");
    let mut other = second("lock", &path);
    assert!(!held(&mut other));
    other.kill().unwrap();
    other.wait().unwrap();
}

#[test]
fn what_a_locked_file_says_can_be_read() {
    let path = file("content");
    let mut held = lock::open(&path).unwrap();
    assert!(lock::try_exclusive(&held).unwrap());
    held.write_all(b"4242 2026-11-21T00:00:00Z").unwrap();
    let other = lock::look(&path).unwrap();
    assert!(!lock::try_shared(&other).unwrap());
    assert_eq!(fs::read(&path).unwrap(), b"4242 2026-11-21T00:00:00Z");
    lock::release(&held).unwrap();
    assert!(lock::try_shared(&other).unwrap());
    assert!(lock::try_shared(&held).unwrap(), "those who look do not shut each other out");
}
