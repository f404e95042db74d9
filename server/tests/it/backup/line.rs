//! The commands themselves: through pipes, killed in the middle, on a full disk, and told to stop.

use super::others_in;
use crate::support::{
    PATIENCE,
    world::{Engine, World},
};
use std::{
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

fn reeve() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reeve"));
    command.env_clear().stdin(Stdio::null());
    command
}

/// `reeve backup` of a world.
fn backup(world: &World, file: &Path) -> Command {
    let mut command = reeve();
    command.arg("backup").arg(file).arg("--data-dir").arg(world.folder());
    command.args(["--database-url", &world.database_url]);
    command
}

fn run(command: &mut Command) -> Output {
    command.output().expect("reeve starts")
}

#[track_caller]
fn said(output: &Output, is_success: bool) -> String {
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.success(), is_success, "{text}");
    text
}

/// Waits until something stands in a folder that did not stand there before.
fn wait_for(folder: &Path, what: &str, before: &[PathBuf]) -> PathBuf {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        let is_new = |path: &PathBuf| path.to_string_lossy().contains(what) && !before.contains(path);
        if let Some(path) = found.into_iter().find(is_new) {
            return path;
        }
        assert!(Instant::now() < deadline, "no {what} in {}", folder.display());
        thread::sleep(Duration::from_millis(5));
    }
}

/// A restore that has read all but the end of a backup and waits for the rest.
fn waiting_restore(bytes: &[u8], data_dir: &Path) -> Child {
    let before = others_in(data_dir, &[]);
    let mut child = reeve()
        .args(["restore", "-", "--data-dir"])
        .arg(data_dir)
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("reeve starts");
    let stdin = child.stdin.as_mut().expect("a pipe");
    stdin.write_all(&bytes[..bytes.len() - 10]).expect("it reads");
    let staging = wait_for(data_dir, ".partial", &before);
    wait_for(&staging, "reeve.db", &[]);
    child
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &child.id().to_string()]).status().expect("kill");
    assert!(sent.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_killed_leaves_nothing_usable_and_is_done_again() {
    let world = World::on_sqlite().await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("backup.tar.zst");
    let text = said(&run(&mut backup(&world, &file)), true);
    assert!(text.contains("THIS FILE IS A SECRET") && text.contains("Audit chain: whole"), "{text}");
    let mode = fs::metadata(&file).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let bytes = fs::read(&file).expect("read");

    let data_dir = folder.path().join("restored");
    let mut killed = waiting_restore(&bytes, &data_dir);
    killed.kill().expect("killed");
    killed.wait().expect("ended");
    let left = others_in(&data_dir, &[]);
    assert!(left.len() == 1 && left[0].to_string_lossy().ends_with(".partial"), "{left:?}");

    let mut stopped = waiting_restore(&bytes, &data_dir);
    signal(&stopped, "-TERM");
    let status = stopped.wait().expect("ended");
    assert_eq!(status.code(), Some(1));
    assert_eq!(others_in(&data_dir, &[]), Vec::<PathBuf>::new(), "what the killed one left is gone as well");

    let mut restore = reeve();
    let restored = run(restore.arg("restore").arg(&file).arg("--data-dir").arg(&data_dir));
    assert!(said(&restored, true).contains("Restored"));
    assert_eq!(others_in(&data_dir, &["keys", "reeve.db"]), Vec::<PathBuf>::new());
    let verified = run(reeve().args(["verify", "--data-dir"]).arg(&data_dir));
    said(&verified, true);
    let refused = run(reeve().arg("restore").arg(&file).arg("--data-dir").arg(&data_dir));
    assert!(said(&refused, false).contains("nothing is overwritten"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_goes_through_a_pipe_and_one_that_is_killed_leaves_nothing() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let world = World::on(engine, "https://reeve.example").await;
        let folder = tempfile::tempdir().expect("a folder");
        let scratch = folder.path().join("scratch");
        fs::create_dir(&scratch).expect("made");
        let mut to_pipe = backup(&world, Path::new("-"));
        to_pipe.arg("--scratch-dir").arg(&scratch);
        let output = run(&mut to_pipe);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(String::from_utf8_lossy(&output.stderr).contains("to the standard output"));
        assert_eq!(others_in(&scratch, &[]), Vec::<PathBuf>::new());
        let file = folder.path().join("piped.tar.zst");
        fs::write(&file, &output.stdout).expect("written");
        let checked = run(reeve().args(["restore", "--check"]).arg(&file).arg("--scratch-dir").arg(&scratch));
        assert!(said(&checked, true).contains("The backup is good"));

        // The disk is full where it goes, and where the database is copied to.
        let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("a full disk");
        let output = run(to_pipe.stdout(full));
        assert!(said(&output, false).contains("the disk is full"));
        let target = folder.path().join("never.tar.zst");
        let limited = "trap '' XFSZ; ulimit -f 200; exec \"$@\"";
        let mut small = Command::new("sh");
        let whole = backup(&world, &target);
        small.env_clear().args(["-c", limited, "sh"]).arg(whole.get_program()).args(whole.get_args());
        let output = run(small.stdin(Stdio::null()));
        assert!(said(&output, false).contains("no backup was taken"));
        assert_eq!(others_in(folder.path(), &["scratch", "piped.tar.zst"]), Vec::<PathBuf>::new());
        assert_eq!(others_in(&scratch, &[]), Vec::<PathBuf>::new());

        // A folder whose process was killed is swept up by the next.
        let dead = scratch.join(".reeve-backup-000000000000.partial");
        fs::create_dir(&dead).expect("made");
        fs::write(dead.join("lock"), "").expect("written");
        let output = run(backup(&world, Path::new("-")).arg("--scratch-dir").arg(&scratch));
        assert!(output.status.success() && !dead.exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_keys_is_said_and_done() {
    let world = World::on_sqlite().await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("backup.tar.zst");
    let elsewhere = run(reeve().arg("backup").arg(&file).args(["--database-url", &world.database_url]));
    assert!(said(&elsewhere, false).contains("there are no keys in"));
    let text = said(&run(backup(&world, &file).arg("--without-keys")), true);
    assert!(text.contains("The keys are NOT in it"), "{text}");
    let data_dir = folder.path().join("restored");
    fs::create_dir_all(data_dir.join("keys")).expect("made");
    fs::write(data_dir.join("keys/seal.key"), "mine").expect("written");
    let restored = run(reeve().arg("restore").arg(&file).arg("--data-dir").arg(&data_dir));
    assert!(said(&restored, true).contains("The backup has no keys"));
    assert_eq!(fs::read_to_string(data_dir.join("keys/seal.key")).expect("read"), "mine");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_command_moves_to_postgres() {
    let world = World::on_sqlite().await;
    let there = tokio::task::spawn_blocking(crate::support::postgres::database).await.expect("a database");
    let copy = || {
        let mut command = reeve();
        command.arg("copy").args(["--data-dir"]).arg(world.folder()).env("REEVE_COPY_TO", &there);
        command
    };
    assert!(said(&run(&mut copy()), false).contains("Stop the server first"));
    let text = said(&run(copy().arg("--while-serving")), true);
    assert!(text.contains("from SQLite to PostgreSQL") && text.contains("is not in it"), "{text}");
    let verified = run(reeve().arg("verify").env("REEVE_DATABASE_URL", &there));
    said(&verified, true);
}

/// A backup lies in more hands than the server: nobody signs commands with it, unless somebody asked for that.
#[tokio::test(flavor = "multi_thread")]
async fn the_keys_of_commands_are_taken_along_only_when_it_is_said() {
    let world = World::on_sqlite().await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("backup.tar.zst");
    let text = said(&run(&mut backup(&world, &file)), true);
    assert!(text.contains("The keys that sign commands are NOT in it"), "{text}");
    let data_dir = folder.path().join("restored");
    let restored = said(&run(reeve().arg("restore").arg(&file).arg("--data-dir").arg(&data_dir)), true);
    assert!(
        restored.contains("no keys that sign commands") && restored.contains("accept-keys"),
        "{restored}"
    );
    let there = |name: &str| data_dir.join("keys").join(name).exists();
    assert!(there("seal.key") && there("agent-token.key"));
    assert!(!there("command.key") && !there("command-root.key"));

    let config = || domain::Config {
        database_url: format!("sqlite://{}", data_dir.join("reeve.db").display()),
        data_dir: data_dir.clone(),
        public_url: "https://reeve.example".to_owned(),
        command_key_file: None,
    };
    let Err(refused) = domain::Store::open(config(), world.clock.clone()).await else { panic!("it started") };
    assert!(refused.to_string().contains("--with-command-keys"), "{refused}");
    assert!(!there("command.key"), "no other one is made in its place");
    let doctor = run(reeve().arg("doctor").arg("--data-dir").arg(&data_dir));
    assert!(said(&doctor, false).contains("command.key is missing"));
    // The copy of the root is enough.
    fs::copy(world.folder().join("keys/command-root.key"), data_dir.join("keys/command-root.key"))
        .expect("put");
    let store = domain::Store::open(config(), world.clock.clone()).await.expect("starts");
    assert_eq!(store.signer().root_public(), world.store.signer().root_public());
    store.close().await;

    let whole = folder.path().join("whole.tar.zst");
    let text = said(&run(backup(&world, &whole).arg("--with-command-keys")), true);
    assert!(text.contains("can make every device act"), "{text}");
    let other = folder.path().join("other");
    let restored = said(&run(reeve().arg("restore").arg(&whole).arg("--data-dir").arg(&other)), true);
    assert!(!restored.contains("no keys") && other.join("keys/command.key").exists(), "{restored}");
}
