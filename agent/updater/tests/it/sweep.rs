//! A whole update, again and again: each call by which the supervisor changes something on the disk is once the moment at
//! which it is killed, once one that fails for want of room, once for a broken disk and once for want of rights. Then it is
//! started as ever. Whatever went wrong, one agent runs, whole, and the update has come to its end.
//!
//! `REEVE_SWEEP` says at how many points this is tried, or `all`; `cargo xtask fault --sweep` tries all of them with the
//! programs as they are shipped. `strace` is not told to follow children and threads (`-f`): it counts calls by thread, and
//! in the supervisor one thread does all that is done to the disk. An agent that is killed is another test's matter.

use crate::support::{Bench, build};
use std::{
    collections::BTreeMap,
    fs,
    os::unix::{ffi::OsStrExt as _, process::ExitStatusExt as _},
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use updater::{fs::Disk, machine::Stage, slot::Home, status};

/// Points that are tried unless somebody says otherwise.
const POINTS: usize = 32;
/// Every call that changes something; not every processor has all of them.
const CALLS: [&str; 19] = [
    "openat",
    "write",
    "pwrite64",
    "fsync",
    "fdatasync",
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
    "mkdir",
    "mkdirat",
    "rmdir",
    "chmod",
    "fchmod",
    "fchmodat",
    "ftruncate",
    "link",
    "linkat",
];
/// A trial that is over at once: the faults are what takes time here. With few beats the supervisor seldom looks how much
/// memory the agent takes, so that its calls come in the same order each time.
const TERMS: &str = r#"{"alive_ms": 100, "hello_ms": 10000, "beat_ms": 5000, "receipts_min": 1, "receipt_every_ms": 0,
    "reach_ms": 10000, "control_every_ms": 500, "active_max_ms": 60000, "quiesce_ms": 3000, "stop_ms": 2000,
    "probe_ms": 10000, "probe_every_ms": 200, "download_every_ms": 200, "go_every_ms": 200, "go_max_ms": 10000,
    "attempts_max": 50, "spare_bytes": 1048576}"#;
/// An update has this long, on a machine that is busy with others.
const LONG: Duration = Duration::from_secs(45);
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Kill,
    Error(&'static str),
}

const FAULTS: [Fault; 4] = [Fault::Kill, Fault::Error("ENOSPC"), Fault::Error("EIO"), Fault::Error("EACCES")];

impl Fault {
    const fn word(self) -> &'static str {
        match self {
            Self::Kill => "KILL",
            Self::Error(word) => word,
        }
    }

    fn injection(self) -> String {
        match self {
            Self::Kill => "signal=KILL".to_owned(),
            Self::Error(word) => format!("error={word}"),
        }
    }
}

/// One call of the supervisor.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Point {
    call: String,
    /// Which one of its kind.
    nth: usize,
    /// As `strace` showed it, for people.
    line: String,
}

/// The calls of a trace that change something.
fn points(trace: &str) -> Vec<Point> {
    let mut counts = BTreeMap::<&str, usize>::new();
    let mut points = Vec::new();
    for line in trace.lines() {
        let Some((call, rest)) = line.split_once('(').filter(|(call, _)| CALLS.contains(call)) else {
            continue;
        };
        let nth = counts.entry(call).or_default();
        *nth += 1;
        let is_change =
            call != "openat" || ["O_WRONLY", "O_RDWR", "O_CREAT"].iter().any(|flag| rest.contains(flag));
        if is_change {
            let line = line.chars().take(160).collect();
            points.push(Point { call: call.to_owned(), nth: *nth, line });
        }
    }
    points
}

/// A hand that holds the supervisor: it writes down its calls and meddles with one.
fn strace(bench: &Bench, calls: &str, injection: Option<String>) -> Command {
    let mut strace = Command::new("strace");
    // The supervisor stays this process's child.
    strace.args(["-D", "-q", "-o"]).arg(bench.path("trace"));
    strace.arg("-e").arg(format!("trace={calls}"));
    if let Some(injection) = injection {
        strace.arg("-e").arg(format!("inject={injection}"));
    }
    bench.command_under(strace)
}

fn can_trace() -> bool {
    let can = Command::new("strace").args(["-qqq", "-o", "/dev/null", "true"]).status();
    let can = can.is_ok_and(|status| status.success());
    if !can {
        eprintln!("skipped: strace is not here, or may not look into programs");
    }
    can
}

struct Builds {
    old: Vec<u8>,
    new: Vec<u8>,
}

/// What has to be so in the end, whatever went wrong; which sequence runs, or what is not so.
fn settled(bench: &Bench, highest: u64) -> Result<u64, String> {
    let home = Home::under(bench.data());
    let known = status::read(&Disk, &home);
    let highest_now = known.trust.highest_seq;
    if highest_now < highest {
        return Err(format!("the highest sequence went from {highest} to {highest_now}"));
    }
    let Some(update) = &known.journal.update else { return Err("nothing was tried yet".to_owned()) };
    match update.stage {
        Stage::Confirmed => {}
        // What failed for no fault of its own is offered again.
        Stage::RolledBack | Stage::FailedPre if !known.denied.failed.is_empty() => {}
        stage => return Err(format!("the update is {}", stage.state().word())),
    }
    if !known.journal.reports.is_empty() {
        return Err("the server has not heard how it ended".to_owned());
    }
    let left = fs::read_dir(home.staging()).map_err(|error| error.to_string())?.count();
    if left > 0 {
        return Err(format!("{left} files are left in staging"));
    }
    whole(bench)?;
    let pointer = known.pointer.unwrap_or_default();
    let (seq, program) = match pointer.current.slot() {
        None => (1, bench.path("reeve-agent")),
        Some(build) => (build.seq, home.program(build)),
    };
    let program = fs::canonicalize(program).map_err(|error| error.to_string())?;
    let agents = agents(bench);
    if agents == [program] { Ok(seq) } else { Err(format!("sequence {seq} should run, and {agents:?} do")) }
}

/// What the pointer names is whole. This has to be so at every moment.
fn whole(bench: &Bench) -> Result<(), String> {
    let known = status::read(&Disk, &Home::under(bench.data()));
    let pointer = known.pointer.unwrap_or_default();
    let Some(build) = pointer.current.slot() else { return Ok(()) };
    let is_whole = known.slots.iter().any(|slot| slot.build.sha256 == build.sha256 && slot.verifies);
    if is_whole { Ok(()) } else { Err(format!("the pointer names {}, which does not verify", build.name())) }
}

/// The programs that run as agents over this data directory.
fn agents(bench: &Bench) -> Vec<PathBuf> {
    let data = bench.data();
    let is_one = |process: &Path| {
        let Ok(line) = fs::read(process.join("cmdline")) else { return false };
        let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
        words.contains(&&b"--supervised"[..]) && words.contains(&data.as_os_str().as_bytes())
    };
    let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| Some(entry.ok()?.path()));
    processes.filter(|one| is_one(one)).filter_map(|one| fs::read_link(one.join("exe")).ok()).collect()
}

/// Looks until it is so, at most so long; then what is not so.
fn settles(bench: &Bench, highest: u64) -> Result<u64, String> {
    let until = Instant::now() + LONG;
    loop {
        match settled(bench, highest) {
            Err(_) if Instant::now() < until => thread::sleep(LOOK_EVERY),
            found => return found,
        }
    }
}

/// The calls of an update with which nothing goes wrong.
fn baseline(builds: &Builds) -> Vec<Point> {
    let mut bench = Bench::with(TERMS, &builds.old);
    bench.offer(2, &builds.new, "");
    // A name that this processor does not know is no mistake after a question mark.
    let calls = CALLS.map(|call| format!("?{call}")).join(",");
    bench.start_as(strace(&bench, &calls, None));
    assert_eq!(settles(&bench, 0), Ok(2), "{}", bench.log());
    assert!(bench.stop().success(), "{}", bench.log());
    // The hand ends a moment after what it held.
    let trace = || fs::read_to_string(bench.path("trace")).unwrap_or_default();
    bench.wait_for("the end of the trace", LONG, |_| trace().contains("+++ exited"));
    points(&trace())
}

/// What came of one fault.
struct Outcome {
    point: Point,
    fault: Fault,
    /// The call came, and what was to go wrong did.
    is_reached: bool,
    /// Which sequence runs in the end, or what is not as it should be.
    found: Result<u64, String>,
    has_agent: bool,
}

fn one(point: &Point, fault: Fault, builds: &Builds) -> Outcome {
    let mut bench = Bench::with(TERMS, &builds.old);
    bench.offer(2, &builds.new, "");
    let injection = format!("{}:{}:when={}", point.call, fault.injection(), point.nth);
    bench.start_as(strace(&bench, &point.call, Some(injection)));
    let until = Instant::now() + LONG;
    while !bench.has_ended() && settled(&bench, 0).is_err() && Instant::now() < until {
        thread::sleep(LOOK_EVERY);
    }
    let has_ended = bench.has_ended();
    let ending = bench.kill();
    let is_reached = match fault {
        Fault::Kill => has_ended && ending.signal() == Some(9),
        Fault::Error(_) => fs::read_to_string(bench.path("trace")).unwrap_or_default().contains("(INJECTED)"),
    };
    let before = whole(&bench);
    let highest = status::read(&Disk, &Home::under(bench.data())).trust.highest_seq;
    bench.start();
    let found = before.and_then(|()| settles(&bench, highest));
    let has_agent = agents(&bench).len() == 1 && whole(&bench).is_ok();
    let found = found.map_err(|wrong| format!("{wrong}\n{}", bench.log()));
    Outcome { point: point.clone(), fault, is_reached, found, has_agent }
}

/// So many of all, spread evenly over the calls, and each fault in its turn.
fn chosen(points: &[Point]) -> Vec<(&Point, Fault)> {
    let all = points.len() * FAULTS.len();
    let most = match std::env::var("REEVE_SWEEP").as_deref() {
        Ok("all") => all,
        Ok(number) => number.parse().expect("REEVE_SWEEP is a number or `all`"),
        Err(_) => POINTS,
    };
    let most = most.min(all);
    (0..most)
        .map(|number| (&points[number * all / most / FAULTS.len()], FAULTS[number % FAULTS.len()]))
        .collect()
}

fn print(outcomes: &[Outcome]) {
    for fault in FAULTS {
        let of_it: Vec<_> = outcomes.iter().filter(|outcome| outcome.fault == fault).collect();
        let count = |is: &dyn Fn(&Outcome) -> bool| of_it.iter().filter(|outcome| is(outcome)).count();
        eprintln!(
            "sweep {}: {} of {} left no runnable agent; {} broke another rule, {} ended with the new version, \
             {} calls did not come",
            fault.word(),
            count(&|outcome| !outcome.has_agent),
            of_it.len(),
            count(&|outcome| outcome.has_agent && outcome.found.is_err()),
            count(&|outcome| outcome.found == Ok(2)),
            count(&|outcome| !outcome.is_reached),
        );
    }
}

#[test]
fn a_fault_at_any_call_of_an_update_leaves_one_whole_agent() {
    if !can_trace() {
        return;
    }
    let builds = Builds { old: build(1, "good"), new: build(2, "good") };
    let points = baseline(&builds);
    for kind in ["openat", "write", "fsync", "rename", "unlink", "mkdir", "chmod"] {
        assert!(points.iter().any(|point| point.call.contains(kind)), "no {kind} in {points:?}");
    }
    let chosen = chosen(&points);
    let (next, outcomes) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let workers = thread::available_parallelism().map_or(1, |count| count.get());
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some((point, fault)) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = one(point, *fault, &builds);
                    outcomes.lock().unwrap().push(outcome);
                }
            });
        }
    });
    let outcomes = outcomes.into_inner().unwrap();
    eprintln!("sweep: {} calls that change something, {} faults tried", points.len(), outcomes.len());
    print(&outcomes);
    assert_eq!(outcomes.len(), chosen.len());
    let reached = outcomes.iter().filter(|outcome| outcome.is_reached).count();
    // The number of writes differs a little from run to run: the last calls may not come.
    assert!(reached * 10 >= outcomes.len() * 9, "only {reached} of {} faults happened", outcomes.len());
    let wrong: Vec<String> = outcomes
        .iter()
        .filter_map(|outcome| {
            let Outcome { point, fault, found, .. } = outcome;
            let wrong = found.as_ref().err()?;
            Some(format!("{} at {} {}: {}\n{wrong}", fault.word(), point.call, point.nth, point.line))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn a_trace_is_read() {
    let trace = "openat(AT_FDCWD, \"/a\", O_RDONLY|O_CLOEXEC) = 3\nopenat(AT_FDCWD, \"/b\", O_WRONLY|O_CREAT|O_EXCL, 0600) = 3\n\
        write(3, \"x\"..., 1) = 1\n--- SIGCHLD {si_signo=SIGCHLD} ---\nread(3, \"\", 1) = 0\nfsync(3) = 0\n+++ exited with 0 +++\n";
    let found: Vec<_> = points(trace).into_iter().map(|point| (point.call, point.nth)).collect();
    let wanted = [("openat", 2), ("write", 1), ("fsync", 1)].map(|(call, nth)| (call.to_owned(), nth));
    assert_eq!(found, wanted);
}
