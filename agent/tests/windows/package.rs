//! The MSI: installed quietly with a server and a token, upgraded, taken away.

use crate::{
    machine::{Windows, said},
    support::{FakeServer, eventually},
};
use std::{
    env, fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::time::Instant;

/// Below it the installer leaves what was asked for.
const KEY: &str = r"HKLM\Software\Reeve";

fn msi(version: &str) -> PathBuf {
    let name = format!("REEVE_MSI_{}", version.replace('.', "_"));
    env::var_os(&name).map(PathBuf::from).unwrap_or_else(|| panic!("{name} names the package"))
}

/// The installer takes paths of Windows alone.
fn as_windows_names(path: &Path) -> String {
    format!("Z:{}", path.display().to_string().replace('/', "\\"))
}

async fn install(windows: &Windows, version: &str, more: &[&str]) {
    let file = as_windows_names(&msi(version));
    let mut arguments = vec!["/i", &file, "/quiet"];
    arguments.extend(more);
    let output = windows.output("msiexec", &arguments).await;
    assert!(output.status.success(), "{:?} {}", output.status, said(&output));
}

/// As if an update had been tried, with a program that nobody changes; what of it is data is a denied build.
pub fn plant_updates(updates: &Path) {
    let slot = updates.join("slots/2-0a1b2c3d");
    for folder in [&slot, &updates.join("staging"), &updates.join("state")] {
        fs::create_dir_all(folder).unwrap();
    }
    let program = slot.join("reeve-agent.exe");
    fs::write(&program, "MZ").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o555)).unwrap();
    fs::write(updates.join("staging/0a1b2c3d.part"), "MZ").unwrap();
    fs::write(updates.join("state/journal.a"), "").unwrap();
    fs::write(updates.join("state/denied.json"), "{}").unwrap();
}

/// What updates brought is gone, and what this machine has had of them is not.
pub fn expect_forgotten(updates: &Path) {
    for name in ["slots", "staging", "state/journal.a"] {
        assert!(!updates.join(name).exists(), "{name} came by an update and goes with the agent");
    }
    assert!(updates.join("state/denied.json").exists(), "what this machine has had stays");
}

pub async fn an_msi_installs_registers_upgrades_and_uninstalls(windows: &Windows) {
    let server = FakeServer::start().await;
    let to = format!("SERVER={}", server.url);
    install(windows, "0.1.0", &[&to, "TOKEN=AGT-good"]).await;
    let agent = windows.place(r"C:\Program Files\Reeve\reeve-agent.exe");
    assert!(agent.exists() && agent.with_file_name("reeve-updater.exe").exists());
    eventually("the hello", || server.world().hellos.len() == 1).await;
    assert_eq!(server.world().devices.len(), 1);
    assert_eq!(windows.registry(KEY, "Token").await, None, "the token is gone after it was used");
    let data = windows.place(r"C:\ProgramData\Reeve");
    assert!(data.join("config.json").exists());

    install(windows, "0.2.0", &[]).await;
    eventually("the hello of the upgraded agent", || server.world().hellos.len() == 2).await;
    assert_eq!(server.world().devices.len(), 1, "the same device");
    assert!(agent.exists());

    let updates = data.join("updates");
    plant_updates(&updates);
    let file = as_windows_names(&msi("0.2.0"));
    let gone = windows.output("msiexec", &["/x", &file, "/quiet"]).await;
    assert!(gone.status.success(), "{}", said(&gone));
    eventually("the end", || server.world().closed_because.len() == 2).await;
    // What was still in use when it was to be deleted goes when its program has ended.
    eventually("the programs are gone", || !agent.exists()).await;
    // What is marked for deletion goes when the last one has let go of it.
    let deadline = Instant::now() + Duration::from_secs(20);
    while windows.output("sc", &["query", "ReeveAgent"]).await.status.success() {
        assert!(Instant::now() < deadline, "the service is still there");
    }
    assert!(data.join("device.key").exists() && data.join("config.json").exists(), "the data stays");
    expect_forgotten(&updates);
}
