//! What `pkgbuild` makes a package for macOS of: the tree that is installed, and the scripts around it.

use crate::step::root;
use anyhow::{Context as _, Result};
use flate2::{Compression, write::GzEncoder};
use std::{
    fs,
    path::{Path, PathBuf},
};

const PREFIX: &str = "/usr/local/lib/reeve";
const DATA: &str = "/Library/Application Support/Reeve";

/// Writes the layout as one packed archive. Without programs it has the places for them, and says so.
pub fn write_layout(programs: Option<&Path>, version: &str, folder: &Path) -> Result<PathBuf> {
    let source = root().join("agent/package/macos");
    let path = folder.join("reeve-agent-macos-pkg-layout.tar.gz");
    let file = fs::File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut tar = tar::Builder::new(GzEncoder::new(file, Compression::best()));
    let mut put = |name: &str, mode: u32, bytes: &[u8]| -> Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_mode(mode);
        header.set_size(bytes.len().try_into()?);
        tar.append_data(&mut header, format!("reeve-agent-macos/{name}"), bytes)?;
        Ok(())
    };
    let read = |name: &str| {
        let from = source.join(name);
        fs::read_to_string(&from).with_context(|| format!("cannot read {}", from.display()))
    };
    put("build.sh", 0o755, read("build.sh")?.replace("@VERSION@", version).as_bytes())?;
    for name in ["scripts/preinstall", "scripts/postinstall"] {
        put(name, 0o755, read(name)?.as_bytes())?;
    }
    let list = read("org.reeve.agent.plist")?.replace("@PREFIX@", PREFIX).replace("@DATA_DIR@", DATA);
    put("root/Library/LaunchDaemons/org.reeve.agent.plist", 0o644, list.as_bytes())?;
    for licence in ["LICENSE-APACHE", "LICENSE-MIT"] {
        put(&format!("root{PREFIX}/{licence}"), 0o644, &fs::read(root().join(licence))?)?;
    }
    match programs {
        Some(programs) => {
            for name in ["reeve-agent", "reeve-updater"] {
                put(&format!("root{PREFIX}/{name}"), 0o755, &fs::read(programs.join(name))?)?;
            }
        }
        None => put(
            &format!("root{PREFIX}/PROGRAMS_ARE_MISSING"),
            0o644,
            b"Put reeve-agent and reeve-updater for macOS here before running build.sh.\n",
        )?,
    }
    tar.into_inner()?.finish()?;
    Ok(path)
}
