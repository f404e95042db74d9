//! Following real files through rotation, truncation, crashes and a long outage.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use super::*;
use crate::spool::Spool;
use chrono::Duration;
use entity::log_entry::LogLevel;
use std::{collections::BTreeSet, fs::OpenOptions, io::Write as _, os::unix::fs::PermissionsExt as _};
use tempfile::TempDir;

/// A machine with logs and an agent's folder.
struct Machine {
    folder: TempDir,
    now: DateTime<Utc>,
    sources: LogSources,
    journal: Option<journal::Journal>,
    spool_bytes: u64,
}

/// An agent that runs on it.
struct Agent {
    outbox: Outbox,
    tail: Tail,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for made in ["logs", "own"] {
            fs::create_dir(folder.path().join(made)).unwrap();
        }
        let files = vec![format!("{}/logs/*.log", folder.path().display())];
        Self {
            folder,
            now: DateTime::from_timestamp(1_795_264_059, 0).unwrap(),
            sources: LogSources { system_log: false, files },
            journal: None,
            spool_bytes: 16 << 20,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("logs").join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let mut file = OpenOptions::new().create(true).append(true).open(self.path(name)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn start(&self) -> Agent {
        let own = self.folder.path().join("own");
        let outbox = Outbox::of(Spool::open_by_time(&own.join("spool"), self.spool_bytes, self.now));
        let absent = journal::Journal::at("/nowhere".into(), Vec::new());
        let system = SystemLog::with(self.journal.clone().unwrap_or(absent));
        let tail = Tail::open(own.join("log_tail.json"), own, &outbox, system, self.now);
        Agent { outbox, tail }
    }

    fn look(&mut self, agent: &mut Agent) {
        self.now += Duration::seconds(15);
        agent.tail.look(&self.sources, self.now);
    }
}

impl Agent {
    /// Takes what waits, as the server would.
    fn take(&self) -> Vec<LogEntry> {
        self.outbox.spool.with_here(|spool| {
            let mut all = Vec::new();
            while let Some(batch) = spool.batch(1_000, 1 << 20) {
                spool.acknowledge(batch.position, Utc::now());
                all.extend(batch.items.into_iter().map(|(_, entry)| entry));
            }
            all
        })
    }

    fn messages(&self) -> Vec<String> {
        self.take().into_iter().map(|entry| entry.message).collect()
    }
}

#[test]
fn what_is_written_from_now_on_comes_once() {
    let mut machine = Machine::new();
    machine.write("app.log", "ERROR before\n");
    let mut agent = machine.start();
    machine.look(&mut agent);
    assert_eq!(agent.messages(), Vec::<String>::new(), "nobody asked for what was before");
    machine.write("app.log", "ERROR one\nINFO nothing\nWARN two\n");
    machine.write("late.log", "CRITICAL appeared later\n");
    machine.look(&mut agent);
    let entries = agent.take();
    let levels: Vec<_> = entries.iter().map(|entry| (entry.level, entry.message.as_str())).collect();
    let expected = [
        (LogLevel::Error, "ERROR one"),
        (LogLevel::Warn, "WARN two"),
        (LogLevel::Critical, "CRITICAL appeared later"),
    ];
    assert_eq!(levels, expected);
    assert!(entries[0].source.ends_with("/logs/app.log"), "{}", entries[0].source);
    machine.look(&mut agent);
    drop(agent);
    let mut agent = machine.start();
    machine.look(&mut agent);
    assert_eq!(agent.messages(), Vec::<String>::new(), "nor again after a restart");
    machine.write("app.log", "ERROR while nobody looked\n");
    drop(agent);
    let mut agent = machine.start();
    machine.look(&mut agent);
    assert_eq!(agent.messages(), ["ERROR while nobody looked"]);
}

#[test]
fn rotation_by_renaming_is_followed_also_twice_at_once_and_while_the_agent_is_down() {
    let mut machine = Machine::new();
    machine.write("app.log", "");
    let mut agent = machine.start();
    machine.look(&mut agent);
    let rotate = |machine: &Machine| {
        for number in (1..4).rev() {
            let _ = fs::rename(
                machine.path(&format!("app.log.{number}")),
                machine.path(&format!("app.log.{}", number + 1)),
            );
        }
        fs::rename(machine.path("app.log"), machine.path("app.log.1")).unwrap();
    };
    machine.write("app.log", "ERROR 1\n");
    machine.look(&mut agent);
    machine.write("app.log", "ERROR 2\nERROR 3 without an end");
    rotate(&machine);
    machine.write("app.log", "ERROR 4\n");
    machine.look(&mut agent);
    assert_eq!(agent.messages(), ["ERROR 1", "ERROR 2", "ERROR 3 without an end", "ERROR 4"]);
    machine.write("app.log", "ERROR 5\n");
    rotate(&machine);
    machine.write("app.log", "ERROR 6\n");
    rotate(&machine);
    machine.write("app.log", "ERROR 7\n");
    drop(agent);
    let mut agent = machine.start();
    machine.look(&mut agent);
    assert_eq!(agent.messages(), ["ERROR 5", "ERROR 6", "ERROR 7"]);
    fs::remove_file(machine.path("app.log")).unwrap();
    machine.look(&mut agent);
    machine.write("app.log", "ERROR 8\n");
    machine.look(&mut agent);
    assert_eq!(agent.messages(), ["ERROR 8"], "deleted and made again");
}

#[test]
fn rotation_by_copying_and_cutting_off_is_followed() {
    let mut machine = Machine::new();
    machine.write("app.log", "");
    let mut agent = machine.start();
    machine.look(&mut agent);
    machine.write("app.log", "ERROR 1 which is long enough to be told from others\n");
    machine.look(&mut agent);
    machine.write("app.log", "ERROR 2 written before the copy\n");
    fs::copy(machine.path("app.log"), machine.path("app.log.1")).unwrap();
    fs::write(machine.path("app.log"), "").unwrap();
    machine.write("app.log", "ERROR 3\n");
    machine.look(&mut agent);
    let told = agent.messages();
    assert_eq!(told[1..], ["ERROR 2 written before the copy", "ERROR 3"]);
    // Cut off without a copy, and longer than before when it is looked at.
    fs::write(machine.path("app.log"), "ERROR 4\nERROR 5\nERROR 6\n").unwrap();
    machine.look(&mut agent);
    assert_eq!(agent.messages(), ["ERROR 4", "ERROR 5", "ERROR 6"]);
}

#[test]
fn a_kill_at_any_moment_loses_nothing_and_doubles_nothing() {
    let mut machine = Machine::new();
    machine.write("app.log", "");
    let mut agent = machine.start();
    machine.look(&mut agent);
    machine.write("app.log", "ERROR 1\nERROR 2\n");
    machine.look(&mut agent);
    drop(agent);
    let (place, spool) =
        (machine.folder.path().join("own/log_tail.json"), machine.folder.path().join("own/spool"));
    let segment = || {
        fs::read_dir(&spool)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| path.extension().is_some_and(|ending| ending == "jsonl"))
            .unwrap()
    };
    let (kept_before, spool_before) = (fs::read(&place).unwrap(), fs::read(segment()).unwrap());
    machine.write("app.log", "ERROR 3\nERROR 4\nERROR 5\n");
    let mut agent = machine.start();
    machine.look(&mut agent);
    drop(agent);
    let (kept_after, spool_after) = (fs::read(&place).unwrap(), fs::read(segment()).unwrap());
    assert_ne!(kept_before, kept_after);
    // Killed after the one file was written, with every part of the other.
    for length in (spool_before.len()..spool_after.len()).step_by(23).chain([spool_after.len()]) {
        fs::write(&place, &kept_after).unwrap();
        fs::write(segment(), &spool_after[..length]).unwrap();
        let mut agent = machine.start();
        machine.look(&mut agent);
        let waiting = agent.outbox.spool.with_here(|spool| spool.batch(100, 1 << 20)).unwrap();
        let told: Vec<_> = waiting.items.iter().map(|(_, entry)| entry.message.clone()).collect();
        assert_eq!(told, ["ERROR 1", "ERROR 2", "ERROR 3", "ERROR 4", "ERROR 5"], "{length} bytes");
        let numbers: BTreeSet<_> = waiting.items.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers.len(), 5);
    }
}

#[test]
fn an_hour_of_outage_with_a_hundred_lines_a_second_is_bounded_and_every_line_is_accounted_for() {
    let mut machine = Machine::new();
    machine.spool_bytes = 1 << 20;
    machine.write("app.log", "");
    let mut agent = machine.start();
    machine.look(&mut agent);
    let looks = 3_600 / 60;
    let mut written = 0_u64;
    for _ in 0..looks {
        let mut text = String::new();
        for _ in 0..6_000 {
            written += 1;
            text.push_str(&format!("ERROR {written} the database is gone\n"));
        }
        machine.write("app.log", &text);
        machine.now += Duration::seconds(45);
        machine.look(&mut agent);
        assert!(agent.tail.entries.capacity() <= 4 * ENTRIES_PER_TURN, "{}", agent.tail.entries.capacity());
    }
    let on_disk: u64 = fs::read_dir(machine.folder.path().join("own/spool"))
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum();
    assert!(on_disk <= machine.spool_bytes + (64 << 10), "{on_disk}");
    let suppressed = agent.outbox.suppressed();
    let dropped = agent.outbox.spool.with_here(|spool| spool.batch(1, 1 << 20)).unwrap().dropped_total;
    let entries = agent.take();
    let notes = entries.iter().filter(|entry| entry.message.contains("left out here")).count() as u64;
    let lines = entries.len() as u64 - notes;
    assert!(dropped > 0 && suppressed > 0 && lines > 0);
    // Each look adds one note, and one that was dropped was counted as an entry.
    let noted_and_dropped = looks as u64 - notes;
    assert_eq!(
        lines + suppressed + dropped - noted_and_dropped,
        written,
        "{lines} {suppressed} {dropped} {notes}"
    );
}

#[test]
fn a_disk_that_takes_nothing_leaves_the_lines_where_they_are() {
    let mut machine = Machine::new();
    machine.write("app.log", "");
    let mut agent = machine.start();
    machine.look(&mut agent);
    machine.write("app.log", "ERROR 1\n");
    let place = machine.folder.path().join("own/log_tail.json");
    // A folder where the file should be: writing fails, for root too.
    fs::remove_file(&place).unwrap();
    fs::create_dir(&place).unwrap();
    machine.look(&mut agent);
    machine.look(&mut agent);
    assert_eq!(agent.messages(), Vec::<String>::new());
    fs::remove_dir(&place).unwrap();
    machine.look(&mut agent);
    assert_eq!(agent.messages(), ["ERROR 1"]);
}

#[test]
fn the_journal_is_read_from_its_cursor_on_and_only_when_it_has_grown() {
    let mut machine = Machine::new();
    machine.sources.system_log = true;
    let folder = machine.folder.path().join("journal");
    let (lines, asked) = (folder.join("lines"), folder.join("asked"));
    fs::create_dir_all(folder.join("machine")).unwrap();
    let journal = folder.join("machine/system.journal");
    fs::write(&journal, "").unwrap();
    fs::write(&lines, "").unwrap();
    // As journalctl does: what is behind the cursor, or the last line.
    let program = folder.join("journalctl");
    let script = format!(
        "#!/bin/sh\necho \"$@\" >> {asked}\nfor argument; do case $argument in\n--lines=1) tail -n 1 {lines};;\n\
         --no-tail) cat {lines};;\n--after-cursor=*) sed \"0,/\\\"${{argument#--after-cursor=}}\\\"/d\" {lines};;\nesac; done\n",
        asked = asked.display(),
        lines = lines.display()
    );
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
    let add = |number: u32| {
        let line = format!(
            "{{\"__CURSOR\":\"c{number}\",\"__REALTIME_TIMESTAMP\":\"1795264059000000\",\"PRIORITY\":\"3\",\
             \"_SYSTEMD_UNIT\":\"db.service\",\"MESSAGE\":\"failure {number}\"}}\n"
        );
        OpenOptions::new().append(true).open(&lines).unwrap().write_all(line.as_bytes()).unwrap();
        OpenOptions::new().append(true).open(&journal).unwrap().write_all(b"x").unwrap();
    };
    add(1);
    machine.journal = Some(journal::Journal::at(program, vec![folder]));
    let mut agent = machine.start();
    machine.look(&mut agent);
    assert_eq!(agent.messages(), Vec::<String>::new());
    (2..=4).for_each(add);
    machine.look(&mut agent);
    assert_eq!(agent.messages(), ["failure 2", "failure 3", "failure 4"]);
    let times = || fs::read_to_string(&asked).unwrap().lines().count();
    let before = times();
    machine.look(&mut agent);
    assert_eq!(times(), before, "nothing has grown");
    add(5);
    drop(agent);
    let mut agent = machine.start();
    machine.look(&mut agent);
    let entries = agent.take();
    assert_eq!(entries.len(), 1);
    assert_eq!((entries[0].source.as_str(), entries[0].message.as_str()), ("db.service", "failure 5"));
    (6..=1_000).for_each(add);
    machine.look(&mut agent);
    assert_eq!(agent.take().len(), 995, "more than one turn");
}

#[test]
fn a_journalctl_that_hangs_holds_up_nothing_for_long_and_is_asked_again() {
    let mut machine = Machine::new();
    machine.sources.system_log = true;
    machine.write("app.log", "");
    let folder = machine.folder.path().join("journal");
    fs::create_dir_all(folder.join("machine")).unwrap();
    let journal = folder.join("machine/system.journal");
    fs::write(&journal, "x").unwrap();
    let line = |number: u32| {
        format!(
            "{{\"__CURSOR\":\"c{number}\",\"__REALTIME_TIMESTAMP\":\"1795264059000000\",\"PRIORITY\":\"3\",\
             \"_SYSTEMD_UNIT\":\"db.service\",\"MESSAGE\":\"failure {number}\"}}"
        )
    };
    let (program, asked) = (folder.join("journalctl"), folder.join("asked"));
    // The child of the shell holds the output open too, so that ending the shell does not close it.
    let behave = |does: &str| {
        fs::write(&program, format!("#!/bin/sh\necho \"$@\" >> {}\n{does}\n", asked.display())).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
        OpenOptions::new().append(true).open(&journal).unwrap().write_all(b"x").unwrap();
    };
    let times = || fs::read_to_string(&asked).unwrap().lines().count();
    behave(&format!("echo '{}'", line(1)));
    let silence = std::time::Duration::from_millis(300);
    machine.journal = Some(journal::Journal::at(program.clone(), vec![folder.clone()]).silent_for(silence));
    let mut agent = machine.start();
    machine.look(&mut agent);

    behave(&format!("echo '{}'\nsleep 20", line(2)));
    machine.write("app.log", "ERROR in a file\n");
    let begun = std::time::Instant::now();
    machine.look(&mut agent);
    assert!(begun.elapsed() < std::time::Duration::from_secs(15), "the look waited for the program");
    assert_eq!(agent.messages(), ["ERROR in a file", "failure 2"], "what it wrote before counts");

    let before = times();
    machine.write("app.log", "ERROR next\n");
    machine.look(&mut agent);
    assert_eq!((agent.messages(), times()), (vec!["ERROR next".to_owned()], before), "it is left alone");

    // One that closes its output and stays hangs as well.
    behave("exec sleep 20 >&-");
    machine.now += REST;
    machine.look(&mut agent);
    assert_eq!((agent.messages(), times()), (Vec::new(), before + 1));
    behave(&format!("for argument; do case $argument in --after-cursor=c2) echo '{}';; esac; done", line(3)));
    machine.now += REST;
    machine.look(&mut agent);
    assert_eq!(agent.messages(), ["failure 3"], "from where it had come");
}
