//! Other people's agents, as their packages ship them: found on this machine, started without privileges in a folder of
//! their own, with a configuration that does the usual work.

use anyhow::{Context, Result, bail};
use std::{
    env, fs,
    net::{Ipv4Addr, TcpListener},
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU16, AtomicU64, Ordering},
    },
    time::Duration,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};

/// User and group of those who own nothing, where this runs as root.
const NOBODY: u32 = 65_534;
/// How often a server would ask `node_exporter` for everything.
const SCRAPE_EVERY: Duration = Duration::from_secs(15);
/// The version of MeshCentral whose agent was looked at.
const MESHCENTRAL: &str = "meshcentral@1.1.55";

/// One of the others.
pub struct Peer {
    /// What it is called in the table.
    pub name: &'static str,
    /// What it does while it is measured.
    pub does: &'static str,
    /// How to get it.
    pub install: String,
    program: Option<PathBuf>,
    /// Writes what it needs into its folder and says how it is started; the port is free.
    prepare: fn(&Path, &Path, u16) -> Result<Command>,
    is_scraped: bool,
}

/// All of them; the MeshAgent where it was said to be.
pub fn all(mesh_agent: Option<&Path>) -> Vec<Peer> {
    let debian = |package: &str| format!("sudo apt-get install --no-install-recommends {package}");
    vec![
        Peer {
            name: "collectd",
            does: "9 plugins into CSV files every 10 s",
            install: debian("collectd-core"),
            program: find("collectd"),
            prepare: collectd,
            is_scraped: false,
        },
        Peer {
            name: "node_exporter",
            does: "scraped every 15 s",
            install: debian("prometheus-node-exporter"),
            program: find("prometheus-node-exporter"),
            prepare: node_exporter,
            is_scraped: true,
        },
        Peer {
            name: "zabbix-agent2",
            does: "nobody asks it for anything",
            install: debian("zabbix-agent2"),
            program: find("zabbix_agent2"),
            prepare: zabbix,
            is_scraped: false,
        },
        Peer {
            name: "MeshAgent",
            does: "without a server",
            install: format!(
                "npm pack {MESHCENTRAL} && tar -xzf meshcentral-*.tgz package/agents/meshagent_x86-64, then \
                 --mesh-agent package/agents/meshagent_x86-64"
            ),
            program: mesh_agent.map(Path::to_owned),
            prepare: mesh,
            is_scraped: false,
        },
    ]
}

/// Where a program is: daemons are often beside the search path.
fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    folders.map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// One that runs; it ends when this goes.
pub struct Running {
    child: Child,
    home: TempDir,
    /// Size of its program.
    pub program_bytes: u64,
    /// Bytes that were scraped so far, for those that are scraped.
    pub scraped: Option<Arc<AtomicU64>>,
    _scraping: JoinSet<()>,
}

impl Peer {
    /// Starts it; `None` when it is not on this machine.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(&self) -> Result<Option<Running>> {
        let Some(program) = &self.program else { return Ok(None) };
        let port = port()?;
        let home = tempfile::Builder::new().prefix("reeve-bench-").tempdir()?;
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755))?;
        let mut command = (self.prepare)(program, home.path(), port)?;
        let log = fs::File::create(home.path().join("out.log"))?;
        command.current_dir(home.path()).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        if rustix::process::geteuid().is_root() {
            give_away(home.path())?;
            command.uid(NOBODY).gid(NOBODY);
        }
        let program_bytes = fs::metadata(command.get_program()).or_else(|_| fs::metadata(program))?.len();
        let child = command.spawn().with_context(|| format!("{} does not start", self.name))?;
        let (scraped, mut scraping) = (self.is_scraped.then(Arc::<AtomicU64>::default), JoinSet::new());
        if let Some(count) = &scraped {
            scraping.spawn(scrape(port, Arc::clone(count)));
        }
        Ok(Some(Running { child, home, program_bytes, scraped, _scraping: scraping }))
    }
}

impl Running {
    /// Its process.
    ///
    /// # Errors
    /// With its last words, when it has ended.
    pub fn pid(&mut self) -> Result<u32> {
        if let Some(status) = self.child.try_wait()? {
            let text = fs::read_to_string(self.home.path().join("out.log")).unwrap_or_default();
            bail!("it ended, {status}: {}", text.lines().last().unwrap_or("without a word"));
        }
        Ok(self.child.id())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Its files go with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that nobody listens on and that was not handed out before, below those that systems give away: Zabbix takes no
/// other.
fn port() -> Result<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(20_000);
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    let mut next = std::iter::repeat_with(|| NEXT.fetch_add(1, Ordering::Relaxed)).take(10_000);
    next.find(is_free).context("no port is free")
}

/// Hands a folder with everything in it to nobody.
fn give_away(folder: &Path) -> Result<()> {
    std::os::unix::fs::chown(folder, Some(NOBODY), Some(NOBODY))?;
    for entry in fs::read_dir(folder)? {
        std::os::unix::fs::chown(entry?.path(), Some(NOBODY), Some(NOBODY))?;
    }
    Ok(())
}

fn collectd(program: &Path, home: &Path, _port: u16) -> Result<Command> {
    let folder = home.display();
    let plugins = ["cpu", "df", "disk", "interface", "load", "memory", "processes", "swap", "uptime", "csv"];
    let plugins: String = plugins.map(|name| format!("LoadPlugin {name}\n")).concat();
    let text = format!(
        "BaseDir \"{folder}\"\nPIDFile \"{folder}/pid\"\nHostname \"localhost\"\nFQDNLookup false\nInterval 10\n\
         {plugins}<Plugin csv>\n  DataDir \"{folder}/csv\"\n</Plugin>\n"
    );
    let file = home.join("collectd.conf");
    fs::write(&file, text)?;
    let mut command = Command::new(program);
    command.arg("-f").arg("-C").arg(file);
    Ok(command)
}

fn node_exporter(program: &Path, _home: &Path, port: u16) -> Result<Command> {
    let mut command = Command::new(program);
    command.arg(format!("--web.listen-address=127.0.0.1:{port}")).arg("--log.level=error");
    Ok(command)
}

fn zabbix(program: &Path, home: &Path, port: u16) -> Result<Command> {
    let folder = home.display();
    let text = format!(
        "LogType=console\nServer=127.0.0.1\nListenIP=127.0.0.1\nListenPort={port}\nHostname=bench\n\
         ControlSocket={folder}/control.sock\nPluginSocket={folder}/plugin.sock\nPidFile={folder}/pid\n"
    );
    let file = home.join("agent2.conf");
    fs::write(&file, text)?;
    let mut command = Command::new(program);
    command.arg("-f").arg("-c").arg(file);
    Ok(command)
}

/// It keeps its files beside its program, and wants to know a server: here one that nobody is.
fn mesh(program: &Path, home: &Path, _port: u16) -> Result<Command> {
    let own = home.join("meshagent");
    fs::copy(program, &own).context("the MeshAgent cannot be copied")?;
    fs::set_permissions(&own, fs::Permissions::from_mode(0o755))?;
    let id = "A".repeat(96);
    let text = format!(
        "MeshName=bench\nMeshType=2\nMeshID=0x{id}\nServerID={id}\nMeshServer=wss://127.0.0.1:9/agent.ashx\n"
    );
    fs::write(home.join("meshagent.msh"), text)?;
    let mut command = Command::new(own);
    command.arg("connect");
    Ok(command)
}

/// Asks for everything again and again, as a server of Prometheus does.
async fn scrape(port: u16, count: Arc<AtomicU64>) {
    let mut every = tokio::time::interval(SCRAPE_EVERY);
    loop {
        every.tick().await;
        let Ok(mut line) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else { continue };
        let request =
            b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n";
        let mut answer = Vec::new();
        if line.write_all(request).await.is_ok() && line.read_to_end(&mut answer).await.is_ok() {
            count.fetch_add((request.len() + answer.len()) as u64, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_says_how_to_get_it() {
        let peers = all(None);
        assert_eq!(peers.len(), 4);
        let mesh = peers.last().expect("four");
        assert!(mesh.start().expect("nothing to start").is_none());
        assert!(mesh.install.contains("npm pack meshcentral"));
        assert!(peers[0].install.contains("apt-get install") && peers[0].install.contains("collectd-core"));
    }
}
