//! Installs, upgrades and removes the packages for real: in a container with a systemd of its own, on top of this
//! machine's files, which it cannot change, and against a real server.

use crate::{
    demo::built,
    need,
    package::VERSION,
    package_linux::Agent,
    process::{LOOK_EVERY, Running},
    step::{cargo, output, step, target},
};
use anyhow::{Context as _, Result, bail, ensure};
use std::{
    env::consts::ARCH,
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// What is waited for comes within this time, or the try fails.
const PATIENCE: Duration = Duration::from_secs(60);
/// Newer than every other.
const NEXT_VERSION: &str = "99.0.0";
/// Where the container sees the folder with the packages.
const SHARED: &str = "/srv/reeve-try";

/// Puts a container on top of this machine's files. Its mounts are in a namespace of their own and end with it.
const BOOT: &str = r#"
set -e
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
root=$1/root
rm -rf "$root/var/lib/reeve" "$root/etc/reeve" "$root/usr/lib/reeve" "$root/usr/local/lib/reeve"
# Images that are meant for containers forbid packages to start services; the machines that these are for do not.
rm -f "$root/usr/sbin/policy-rc.d"
mkdir -p "$root/srv/reeve-try"
exec systemd-nspawn -q -D "$root" -M "$3" --register=no --keep-unit -b --console=pipe "--bind-ro=$2:/srv/reeve-try" systemd.unit=basic.target
"#;

/// Why no container can be made here, if so.
pub fn missing() -> Option<String> {
    if output(Command::new("id").arg("-u")).is_none_or(|id| id != "0") {
        return Some("it takes root".to_owned());
    }
    if !Path::new("/usr/lib/systemd/systemd").is_file() {
        return Some("it takes systemd (`apt-get install systemd`)".to_owned());
    }
    let tools = [
        ("systemd-nspawn", "systemd-container"),
        ("nsenter", "util-linux"),
        ("rpm", "rpm"),
        ("curl", "curl"),
    ];
    let tool = tools.iter().find(|(tool, _)| need::program(tool).is_none());
    tool.map(|(tool, package)| format!("it takes {tool} (`apt-get install {package}`)"))
}

/// Tries everything with these programs.
pub fn run_try(programs: &Path) -> Result<()> {
    match missing() {
        Some(missing) => bail!("the packages cannot be tried here: {missing}"),
        None => try_all(programs, true),
    }
}

/// The same, where a container can be started at all: some machines that run tests are containers themselves and may
/// not start another.
pub fn run_try_in_tests(programs: &Path) -> Result<()> {
    match missing() {
        Some(missing) => left_out(&missing),
        None => return try_all(programs, false),
    }
    Ok(())
}

fn left_out(why: &str) {
    eprintln!("xtask: LEFT OUT: the packages were not installed here: {why}");
}

fn try_all(programs: &Path, must_boot: bool) -> Result<()> {
    let folder = Folder::new()?;
    let shared = folder.0.join("shared");
    let programs = &stripped(programs, &folder.0)?;
    for (name, version) in [("now", VERSION), ("next", NEXT_VERSION)] {
        let agent = Agent { programs, arch: ARCH, version };
        let to = shared.join(name);
        fs::create_dir_all(&to)?;
        fs::copy(agent.write_deb(&to)?, to.join("agent.deb"))?;
        fs::copy(agent.write_rpm(&to)?, to.join("agent.rpm"))?;
    }
    let agents = shared.join("agents");
    fs::create_dir_all(&agents)?;
    for program in ["reeve-agent", "reeve-updater"] {
        fs::copy(programs.join(program), agents.join(format!("{program}-linux-{ARCH}")))?;
    }
    fs::copy(agent_tests()?, shared.join("agent-tests"))?;
    let machine = match step("starting a container", || Machine::boot(&folder.0, &shared)) {
        Err(error) if !must_boot => {
            left_out(&format!("{error:#}"));
            return Ok(());
        }
        machine => machine?,
    };
    step("commands behind the walls of the unit", || try_commands(&machine))?;
    step("the .deb: install, register, upgrade, remove, purge", || {
        let server = Server::start(&folder.0, "deb", &agents)?;
        try_deb(&machine, &server)
    })?;
    step("the .rpm: install, register, upgrade, remove", || {
        let server = Server::start(&folder.0, "rpm", &agents)?;
        try_rpm(&machine, &server)
    })?;
    step("install.sh, reeve-agent install, and the .deb in its place", || {
        let server = Server::start(&folder.0, "script", &agents)?;
        try_script(&machine, &server)
    })
}

/// Copies of the programs, without what only debuggers read: that is most of what was not built for release.
fn stripped(programs: &Path, folder: &Path) -> Result<PathBuf> {
    let to = folder.join("programs");
    fs::create_dir_all(&to)?;
    for program in ["reeve-agent", "reeve-updater"] {
        let from = programs.join(program);
        fs::copy(&from, to.join(program)).with_context(|| format!("cannot read {}", from.display()))?;
        // Without the tool the packages are larger, and as good.
        let _ = Command::new("strip").arg(to.join(program)).status();
    }
    Ok(to)
}

/// The agent's own test of that, which needs a systemd.
fn try_commands(machine: &Machine) -> Result<()> {
    // The container hides this machine's boot behind one of its own, and the unit's walls hide that again: to the agent it
    // would be another boot than to who arms it.
    machine.ask("umount /proc/sys/kernel/random/boot_id")?;
    let said = machine.run(&format!(
        "REEVE_TEST_AGENT={SHARED}/agents/reeve-agent-linux-{ARCH} {SHARED}/agent-tests --nocapture command_service"
    ))?;
    ensure!(said.contains("1 passed") && !said.contains("skipped"), "it was not run: {said}");
    Ok(())
}

/// The agent's integration tests as a program.
fn agent_tests() -> Result<PathBuf> {
    let mut build = cargo();
    build.args(["test", "--quiet", "-p", "agent", "--test", "it", "--no-run", "--message-format=json"]);
    let said = output(&mut build).context("the agent's tests cannot be built")?;
    let program = said.lines().rev().find_map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).ok()?;
        line["executable"].as_str().filter(|_| line["target"]["name"] == "it").map(PathBuf::from)
    });
    program.context("cargo does not say where the agent's tests are")
}

/// By the environment, as somebody who sets up many machines does it.
fn try_deb(machine: &Machine, server: &Server) -> Result<()> {
    let token = server.token()?;
    machine
        .run(&format!("REEVE_SERVER={} REEVE_TOKEN={token} dpkg -i {SHARED}/now/agent.deb", server.url))?;
    machine.is_well("after the installation")?;
    machine.run("test ! -e /etc/reeve/registration.conf")?;
    ensure!(
        !machine.run("journalctl -u reeve-agent --no-pager")?.contains(&token),
        "the token is in the journal"
    );
    ensure!(machine.run("stat -c %a /var/lib/reeve")? == "700", "the data is open to others");
    let (device, before) = (machine.device()?, machine.main_pid()?);
    machine.run(&format!("dpkg -i {SHARED}/next/agent.deb"))?;
    machine.is_well("after the upgrade")?;
    ensure!(machine.device()? == device, "the registration was lost by the upgrade");
    ensure!(machine.main_pid()? != before, "the upgrade did not restart the agent");
    let writable = machine.run("systemctl show --property ReadWritePaths --value reeve-agent")?;
    ensure!(writable.contains("/usr/lib/reeve"), "the supervisor cannot be replaced: {writable}");
    // What somebody decided outlasts an upgrade.
    machine.run("systemctl disable --quiet reeve-agent")?;
    machine.run(&format!("dpkg -i {SHARED}/now/agent.deb"))?;
    machine.run("! systemctl is-enabled --quiet reeve-agent")?;
    // As if it were removed in the middle of the supervisor's own update.
    machine.run("touch /usr/lib/reeve/reeve-updater.old /usr/lib/reeve/reeve-updater.new /var/lib/reeve/updates/state/own.a")?;
    machine.run("dpkg -r reeve-agent")?;
    machine.is_gone()?;
    machine.run("test ! -e /var/lib/reeve/updates/state/own.a")?;
    machine.run("test -e /var/lib/reeve/config.json")?;
    machine.run(&format!("dpkg -i {SHARED}/now/agent.deb"))?;
    machine.is_well("when it came back")?;
    ensure!(machine.device()? == device, "the registration was lost by removing the package");
    machine.run("dpkg -P reeve-agent")?;
    machine.is_gone()?;
    machine.run("test ! -e /var/lib/reeve && test ! -e /etc/reeve && ! dpkg -s reeve-agent")?;
    Ok(())
}

/// By hand, with the token from standard input.
fn try_rpm(machine: &Machine, server: &Server) -> Result<()> {
    // Debian's rpm knows nothing of what dpkg installed.
    let said = machine.run(&format!("rpm -i --nodeps {SHARED}/now/agent.rpm"))?;
    ensure!(said.contains("this machine is not registered"), "it does not say what to do next: {said}");
    machine.run("systemctl is-enabled --quiet reeve-agent && ! systemctl is-active --quiet reeve-agent")?;
    let said = machine.run("reeve-agent start")?;
    ensure!(said.contains("not registered"), "it does not say why it has nothing to do: {said}");
    let token = server.token()?;
    machine.run(&format!(
        "printf %s {token} | reeve-agent register --server {} --token-file - && reeve-agent start",
        server.url
    ))?;
    machine.is_well("after the registration")?;
    machine.run("rpm -V --nodeps reeve-agent")?;
    let (device, before) = (machine.device()?, machine.main_pid()?);
    machine.run(&format!("rpm -U --nodeps {SHARED}/next/agent.rpm"))?;
    machine.is_well("after the upgrade")?;
    ensure!(machine.device()? == device, "the registration was lost by the upgrade");
    ensure!(machine.main_pid()? != before, "the upgrade did not restart the agent");
    machine.run("touch /usr/lib/reeve/reeve-updater.old")?;
    machine.run("rpm -e --nodeps reeve-agent")?;
    machine.is_gone()?;
    machine.run("test -e /var/lib/reeve/config.json && test ! -e /etc/reeve && rm -rf /var/lib/reeve")?;
    Ok(())
}

fn try_script(machine: &Machine, server: &Server) -> Result<()> {
    let token = server.token()?;
    machine.run(&format!("curl -fsSL {}/install.sh | REEVE_TOKEN={token} sh", server.url))?;
    machine.is_well("after install.sh")?;
    let (device, before) = (machine.device()?, machine.main_pid()?);
    // Nothing to do is nothing done.
    let said = machine.run("reeve-agent install")?;
    ensure!(
        !said.contains("done:") && machine.main_pid()? == before,
        "installing twice changed something: {said}"
    );
    machine.run("reeve-agent stop && ! systemctl is-active --quiet reeve-agent && reeve-agent start")?;
    machine.is_well("after stop and start")?;
    machine.run(&format!("dpkg -i {SHARED}/now/agent.deb"))?;
    machine.is_well("when the package took over")?;
    ensure!(machine.device()? == device, "the registration was lost by the package");
    machine.run("test ! -e /usr/local/lib/reeve && test ! -e /etc/systemd/system/reeve-agent.service")?;
    machine.run("! reeve-agent uninstall --purge && test -e /var/lib/reeve/config.json")?;
    machine.run("dpkg -r reeve-agent")?;
    machine.run(&format!("curl -fsSL {}/install.sh | sh", server.url))?;
    machine.is_well("when install.sh came back")?;
    machine.run("reeve-agent uninstall --purge")?;
    machine.is_gone()?;
    machine.run(
        "test ! -e /var/lib/reeve && test ! -e /usr/local/lib/reeve && test ! -e /usr/local/bin/reeve-agent",
    )?;
    Ok(())
}

/// A folder that goes away with all that is in it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self> {
        let folder = target().join("tmp").join(format!("try-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        Ok(Self(folder.canonicalize()?))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("xtask: {} could not be removed: {error}", self.0.display());
        }
    }
}

/// A container that runs systemd.
struct Machine {
    process: Option<Running>,
    /// Its first process, as this machine sees it.
    leader: String,
}

impl Machine {
    fn boot(folder: &Path, shared: &Path) -> Result<Self> {
        let place = folder.join("machine");
        fs::create_dir_all(&place)?;
        let log = fs::File::create(folder.join("console.log"))?;
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "--propagation", "private", "sh", "-c", BOOT, "sh"])
            .arg(&place)
            .arg(shared)
            .arg(format!("reeve-try-{}", std::process::id()))
            // On machines of the older kind too, systemd wants the newer kind of control groups.
            .env("SYSTEMD_NSPAWN_UNIFIED_HIERARCHY", "1")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        let mut process = Running::start("the container", &mut command)?;
        let children = format!("/proc/{0}/task/{0}/children", process.id());
        let until = Instant::now() + PATIENCE;
        loop {
            let leader = fs::read_to_string(&children).unwrap_or_default();
            let leader = leader.split_whitespace().next().unwrap_or_default().to_owned();
            if !leader.is_empty() {
                let mut machine = Self { process: None, leader };
                let (_, state) = machine.ask("systemctl is-system-running")?;
                if matches!(state.as_str(), "running" | "degraded") {
                    machine.process = Some(process);
                    return Ok(machine);
                }
            }
            let console = || fs::read_to_string(folder.join("console.log")).unwrap_or_default();
            if let Some(status) = process.ended()? {
                bail!("no container can be started here ({status}): {}", console());
            }
            ensure!(Instant::now() < until, "the container did not come up: {}", console());
            thread::sleep(LOOK_EVERY);
        }
    }

    /// Runs a line of shell in the container. True: it succeeded; and what it said.
    fn ask(&self, line: &str) -> Result<(bool, String)> {
        let said = Command::new("timeout")
            .args(["--kill-after=5", "120", "nsenter", "-t", &self.leader, "-a", "env", "-i"])
            .args(["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"])
            .args(["LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", "sh", "-c", line])
            .stdin(Stdio::null())
            .output()
            .context("cannot start nsenter")?;
        let text = [said.stdout, said.stderr].concat();
        Ok((said.status.success(), String::from_utf8_lossy(&text).trim().to_owned()))
    }

    fn run(&self, line: &str) -> Result<String> {
        let (is_good, said) = self.ask(line)?;
        if is_good {
            return Ok(said);
        }
        let (_, journal) = self.ask("journalctl -u reeve-agent --no-pager -n 40")?;
        bail!("in the container failed: {line}\n{said}\nThe journal of the service:\n{journal}")
    }

    /// Enabled, active and connected to its server.
    fn is_well(&self, when: &str) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        loop {
            let line = "systemctl is-enabled --quiet reeve-agent && systemctl is-active --quiet reeve-agent && reeve-agent status";
            let (is_good, said) = self.ask(line)?;
            if is_good && said.contains("connected by WebSocket") {
                return Ok(());
            }
            if Instant::now() > until {
                let why = self.run("systemctl status reeve-agent --no-pager; false").err();
                bail!("{when} the agent is not enabled, active and connected: {said}\n{why:?}");
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    /// Nothing of it runs, nothing starts it, and its programs are not there.
    fn is_gone(&self) -> Result<()> {
        self.run(
            "! systemctl is-active --quiet reeve-agent && ! systemctl is-enabled --quiet reeve-agent 2>/dev/null \
             && test ! -e /usr/lib/reeve && test ! -e /usr/bin/reeve-agent && test ! -e /usr/lib/systemd/system/reeve-agent.service \
             && test -z \"$(find /etc/systemd/system -name 'reeve-agent*')\" && ! pgrep -x reeve-updater && ! pgrep -x reeve-agent",
        )?;
        Ok(())
    }

    fn main_pid(&self) -> Result<String> {
        self.run("systemctl show --property MainPID --value reeve-agent")
    }

    /// Which device the machine is.
    fn device(&self) -> Result<String> {
        let said = self.run("reeve-agent status")?;
        let line = said.lines().find(|line| line.starts_with("Device"));
        line.map(str::to_owned).with_context(|| format!("no device in: {said}"))
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // The request to stop that every program gets would be a request to reboot here.
        let Some(mut process) = self.process.take() else { return };
        let _ = self.ask("systemctl poweroff");
        let until = Instant::now() + PATIENCE;
        while matches!(process.ended(), Ok(None)) && Instant::now() < until {
            thread::sleep(LOOK_EVERY);
        }
    }
}

/// A server with the sample MSP and a token that was not used.
struct Server {
    _process: Running,
    url: String,
    token_file: PathBuf,
}

impl Server {
    fn start(folder: &Path, name: &str, agents: &Path) -> Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let data = folder.join(name);
        let token_file = data.join("demo-token");
        let program = built("reeve");
        ensure!(program.is_file(), "{} is missing: cargo build -p server", program.display());
        let log = fs::File::create(folder.join(format!("{name}.log")))?;
        let mut server = Command::new(program);
        server
            .args(["serve", "--demo", "--listen", &format!("127.0.0.1:{port}")])
            .arg("--data-dir")
            .arg(&data)
            .arg("--agents-dir")
            .arg(agents)
            .arg("--site-root")
            .arg(crate::bundle::site())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        let mut process = Running::start("the server", &mut server)?;
        let until = Instant::now() + PATIENCE;
        let is_up = || {
            std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
                && fs::metadata(&token_file).is_ok_and(|file| file.len() > 0)
        };
        while !is_up() {
            let said = || fs::read_to_string(folder.join(format!("{name}.log"))).unwrap_or_default();
            if let Some(status) = process.ended()? {
                bail!("the server ended ({status}): {}", said());
            }
            ensure!(Instant::now() < until, "the server did not come up: {}", said());
            thread::sleep(LOOK_EVERY);
        }
        Ok(Self { _process: process, url: format!("http://127.0.0.1:{port}"), token_file })
    }

    fn token(&self) -> Result<String> {
        Ok(fs::read_to_string(&self.token_file)?.trim().to_owned())
    }
}
