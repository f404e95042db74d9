//! A throw-away PostgreSQL cluster from the system's own programs: started once per test process, one database per
//! test, gone with the process.

use std::{
    fs,
    os::unix::fs::chown,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// The user of the cluster's databases.
const USER: &str = "reeve";
/// Keeps the cluster while the test process lives: its standard input ends with that process, however it ends.
const WATCHDOG: &str = r#"
trap : INT TERM HUP
folder=$1
shift
"$@" >"$folder/log" 2>&1 &
postgres=$!
cat >/dev/null
# The first ends it at any moment of its start, the second makes it wait for nobody.
kill -TERM "$postgres"
kill -INT "$postgres"
wait "$postgres"
rm -rf "$folder"
"#;

pub(super) struct Cluster {
    pub(super) programs: PathBuf,
    pub(super) folder: PathBuf,
    /// Holds the watchdog's standard input open.
    pub(super) _watchdog: Option<Child>,
}

/// A socket's path may have a hundred letters at most; the usual folder for such files is short.
pub(super) fn short_folder() -> PathBuf {
    let parent = if Path::new("/tmp").is_dir() { PathBuf::from("/tmp") } else { std::env::temp_dir() };
    tempfile::Builder::new().prefix("reeve-postgres-").tempdir_in(parent).expect("a folder").keep()
}

/// A new, empty database; its URL. Blocks.
pub fn database() -> String {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(Cluster::start).database()
}

impl Cluster {
    fn start() -> Self {
        let (programs, folder) = (programs(), short_folder());
        Self::make(&programs, &folder);
        let servant = Servant::for_folder(&folder);
        let data = folder.join("data");
        let mut postgres = servant.command(&programs.join("postgres"));
        postgres.arg("-D").arg(&data).arg("-k").arg(&folder).args(["-h", "", "-F"]);
        for setting in
            ["max_connections=400", "shared_buffers=64MB", "synchronous_commit=off", "full_page_writes=off"]
        {
            postgres.args(["-c", setting]);
        }
        let watchdog = Command::new("sh")
            .args(["-c", WATCHDOG, "watchdog"])
            .arg(&folder)
            .arg(postgres.get_program())
            .args(postgres.get_args())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a watchdog");
        let cluster = Self { programs, folder, _watchdog: Some(watchdog) };
        cluster.wait_until_ready();
        cluster
    }

    pub(super) fn make(programs: &Path, folder: &Path) {
        let mut initdb = Servant::for_folder(folder).command(&programs.join("initdb"));
        initdb.arg("-D").arg(folder.join("data")).args([
            "-U",
            USER,
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
        ]);
        let made = initdb.output().expect("initdb starts");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
    }

    pub(super) fn wait_until_ready(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !self.run("pg_isready", &["-d", "postgres"]).status.success() {
            let log = || fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "PostgreSQL did not start:\n{}", log());
            thread::sleep(Duration::from_millis(50));
        }
    }

    pub(super) fn database(&self) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let made = self.run("createdb", &[&name]);
        assert!(made.status.success(), "createdb: {}", String::from_utf8_lossy(&made.stderr));
        format!("postgres://{USER}@localhost/{name}?host={}", self.folder.display())
    }

    fn run(&self, program: &str, arguments: &[&str]) -> std::process::Output {
        Command::new(self.programs.join(program))
            .arg("-h")
            .arg(&self.folder)
            .args(["-U", USER])
            .args(arguments)
            .output()
            .unwrap_or_else(|error| panic!("{program}: {error}"))
    }
}

/// PostgreSQL refuses to run as root; then the system's `postgres` user does it.
pub(super) struct Servant(Option<(u32, u32)>);

impl Servant {
    pub(super) fn for_folder(folder: &Path) -> Self {
        if id(&["-u"]) != Some(0) {
            return Self(None);
        }
        let (user, group) = id(&["-u", "postgres"])
            .zip(id(&["-g", "postgres"]))
            .expect("the user `postgres`, which Debian's package brings");
        chown(folder, Some(user), Some(group)).expect("a folder for the user `postgres`");
        Self(Some((user, group)))
    }

    pub(super) fn command(&self, program: &Path) -> Command {
        match self.0 {
            None => Command::new(program),
            Some((user, group)) => {
                let mut command = Command::new("setpriv");
                command.args([
                    format!("--reuid={user}"),
                    format!("--regid={group}"),
                    "--clear-groups".to_owned(),
                ]);
                command.arg(program);
                // The folder that the tests run in may be root's alone.
                command.current_dir("/");
                command
            }
        }
    }
}

fn id(arguments: &[&str]) -> Option<u32> {
    let output = Command::new("id").args(arguments).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

/// The folder of PostgreSQL's programs: in the search path, or where Debian keeps the newest version.
pub(super) fn programs() -> PathBuf {
    let in_path = std::env::var_os("PATH")
        .into_iter()
        .flat_map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
    let of_debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<_> = of_debian
        .filter_map(|entry| {
            Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path().join("bin")))
        })
        .collect();
    versions.sort();
    in_path
        .chain(versions.into_iter().rev().map(|(_, folder)| folder))
        // A link into that folder has to be followed: the others lie beside what it leads to.
        .find_map(|folder| folder.join("initdb").canonicalize().ok()?.parent().map(Path::to_path_buf))
        .expect(
            "PostgreSQL's programs: install the package `postgresql`, or run `cargo xtask test`, which does",
        )
}
