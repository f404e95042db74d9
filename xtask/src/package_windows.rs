//! The agent as an MSI, by `wixl` and `msibuild`.

use crate::step::{command, root, run};
use anyhow::Result;
use std::path::{Path, PathBuf};

/// What packing takes, by the name of Debian's package.
pub const TOOLS: [(&str, &str); 2] = [("wixl", "wixl"), ("msibuild", "msitools")];

/// Properties that may be handed to the part of an installation that runs with more rights. `wixl` cannot say it.
const SECURE: &str = "WIX_UPGRADE_DETECTED;WIX_DOWNGRADE_DETECTED;SERVER;TOKEN";

/// Writes the `.msi` for programs in a folder.
pub fn write_msi(programs: &Path, version: &str, folder: &Path) -> Result<PathBuf> {
    let path = folder.join("reeve-agent-x86_64.msi");
    // Both go on from a file that is there.
    if path.exists() {
        std::fs::remove_file(&path)?;
    }
    // It finds files below the folder that it is started in, and no others.
    let content = folder.join("msi");
    std::fs::create_dir_all(&content)?;
    for program in ["reeve-agent.exe", "reeve-updater.exe"] {
        std::fs::copy(programs.join(program), content.join(program))?;
    }
    for licence in ["LICENSE-APACHE", "LICENSE-MIT"] {
        std::fs::copy(root().join(licence), content.join(licence))?;
    }
    run(command("wixl")
        .current_dir(&content)
        .args(["-a", "x64"])
        .args(["-D", &format!("Version={version}")])
        .arg("-o")
        .arg(&path)
        .arg(root().join("agent/package/windows/reeve-agent.wxs")))?;
    std::fs::remove_dir_all(&content)?;
    let update = format!("UPDATE Property SET Value='{SECURE}' WHERE Property='SecureCustomProperties'");
    run(command("msibuild").arg(&path).args(["-q", &update]))?;
    Ok(path)
}
