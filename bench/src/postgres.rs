//! A throw-away PostgreSQL cluster that keeps its promises: `fsync` is on. Gone with this process, however it ends.

use anyhow::{Context, Result, bail, ensure};
use std::{
    fs,
    os::unix::fs::chown,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

const USER: &str = "reeve";
/// Ends the server when the bench's end of its standard input is closed.
const WATCHDOG: &str = r#"
trap : INT TERM HUP
folder=$1
shift
"$@" >"$folder/log" 2>&1 &
postgres=$!
cat >/dev/null
kill -TERM "$postgres"
kill -INT "$postgres"
wait "$postgres"
"#;
/// Like a server that somebody has set up for this machine, and durable.
const SETTINGS: [&str; 8] = [
    "fsync=on",
    "synchronous_commit=on",
    "shared_buffers=1GB",
    "max_connections=200",
    "max_wal_size=4GB",
    "checkpoint_timeout=15min",
    "effective_cache_size=4GB",
    "random_page_cost=1.1",
];

/// A running cluster.
pub struct Cluster {
    programs: PathBuf,
    folder: PathBuf,
    watchdog: Child,
    _home: TempDir,
}

impl Cluster {
    /// Makes and starts one.
    ///
    /// # Errors
    /// When PostgreSQL's programs are missing or it does not come up.
    pub fn start() -> Result<Self> {
        let programs = programs()?;
        // A socket's path may have a hundred letters at most.
        let home = tempfile::Builder::new().prefix("reeve-bench-pg-").tempdir_in("/tmp")?;
        let folder = home.path().to_path_buf();
        let servant = Servant::for_folder(&folder)?;
        let data = folder.join("data");
        let mut initdb = servant.command(&programs.join("initdb"));
        initdb.arg("-D").arg(&data).args(["-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C"]);
        let made = initdb.output().context("initdb does not start")?;
        ensure!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let mut postgres = servant.command(&programs.join("postgres"));
        postgres.arg("-D").arg(&data).arg("-k").arg(&folder).args(["-h", ""]);
        for setting in SETTINGS {
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
            .spawn()?;
        let cluster = Self { programs, folder, watchdog, _home: home };
        cluster.wait_until_ready()?;
        Ok(cluster)
    }

    fn wait_until_ready(&self) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !self.run("pg_isready", &["-d", "postgres"])?.status.success() {
            if Instant::now() > deadline {
                bail!("PostgreSQL did not start: {}", fs::read_to_string(self.folder.join("log"))?);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Makes an empty database and says how to reach it.
    ///
    /// # Errors
    /// When there is one of that name.
    pub fn database(&self, name: &str) -> Result<String> {
        let made = self.run("createdb", &[name])?;
        ensure!(made.status.success(), "createdb: {}", String::from_utf8_lossy(&made.stderr));
        Ok(format!("postgres://{USER}@localhost/{name}?host={}", self.folder.display()))
    }

    /// What the driver of the rulers takes for a database of that name.
    pub fn settings(&self, name: &str) -> String {
        format!("host={} user={USER} dbname={name}", self.folder.display())
    }

    /// The process of which all others of the cluster are children.
    ///
    /// # Errors
    /// When the cluster is gone.
    pub fn postmaster(&self) -> Result<u32> {
        let file = fs::read_to_string(self.folder.join("data/postmaster.pid"))?;
        Ok(file.lines().next().context("an empty postmaster.pid")?.trim().parse()?)
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<std::process::Output> {
        let mut command = Command::new(self.programs.join(program));
        command.arg("-h").arg(&self.folder).args(["-U", USER]).args(arguments);
        command.output().with_context(|| format!("{program} does not start"))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        // It has nothing to say that anybody would still hear.
        let _ = self.watchdog.wait();
    }
}

/// PostgreSQL refuses to run as root; then the system's `postgres` user does it.
struct Servant(Option<(u32, u32)>);

impl Servant {
    fn for_folder(folder: &Path) -> Result<Self> {
        if id(&["-u"]) != Some(0) {
            return Ok(Self(None));
        }
        let (user, group) = id(&["-u", "postgres"])
            .zip(id(&["-g", "postgres"]))
            .context("there is no user `postgres`, which Debian's package brings")?;
        chown(folder, Some(user), Some(group))?;
        Ok(Self(Some((user, group))))
    }

    fn command(&self, program: &Path) -> Command {
        let Some((user, group)) = self.0 else { return Command::new(program) };
        let mut command = Command::new("setpriv");
        command.args([format!("--reuid={user}"), format!("--regid={group}"), "--clear-groups".to_owned()]);
        command.arg(program).current_dir("/");
        command
    }
}

fn id(arguments: &[&str]) -> Option<u32> {
    crate::machine::says("id", arguments).parse().ok()
}

/// The folder of PostgreSQL's programs: in the search path, or where Debian keeps the newest version.
fn programs() -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path: Vec<_> = std::env::split_paths(&path).collect();
    let mut of_debian: Vec<_> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path().join("bin")))
        })
        .collect();
    of_debian.sort();
    let mut folders = in_path.into_iter().chain(of_debian.into_iter().rev().map(|(_, folder)| folder));
    folders
        .find_map(|folder| folder.join("initdb").canonicalize().ok()?.parent().map(Path::to_path_buf))
        .context("PostgreSQL is not installed (on Debian: apt-get install postgresql), or leave it out with --sqlite")
}
