//! Slots: a folder for each build that an update brought, with the program, which nobody changes, and beside it what it is.

use crate::fs::{Fs, Inspected};
use entity::{
    release::{Artifact, Manifest, Sha256Hex},
    update::Running,
};
use serde::{Deserialize, Serialize};
use std::{
    io,
    path::{Path, PathBuf},
};

/// The program in a slot.
pub const PROGRAM: &str = if cfg!(windows) { "reeve-agent.exe" } else { "reeve-agent" };
const ABOUT: &str = "build.json";
const ABOUT_BYTES_MAX: u64 = 16 * 1024;
/// Beside a program that has passed its trial here.
const PROVEN: &str = "proven";

/// What a build is, by the manifest that brought it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// The sequence of its release.
    pub seq: u64,
    /// What people call its release.
    pub version: String,
    /// What it calls itself.
    pub build_id: String,
    /// Bytes.
    pub size_bytes: u64,
    /// Of those bytes.
    pub sha256: Sha256Hex,
    /// Version of the configuration that it writes.
    pub config_schema: u64,
    /// Version of the spool that it writes.
    pub spool_schema: u64,
}

impl Build {
    /// One artifact of a release.
    #[must_use]
    pub fn of(manifest: &Manifest, artifact: &Artifact) -> Self {
        Self {
            seq: manifest.seq,
            version: manifest.version.as_str().to_owned(),
            build_id: artifact.build_id.clone(),
            size_bytes: artifact.size_bytes,
            sha256: artifact.sha256.clone(),
            config_schema: artifact.config_schema,
            spool_schema: artifact.spool_schema,
        }
    }

    /// The name of its slot.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}-{}", self.seq, self.sha256.short())
    }

    /// True when what runs says the same of itself as the manifest.
    #[must_use]
    pub fn is(&self, running: &Running) -> bool {
        (self.seq, self.version.as_str(), self.build_id.as_str())
            == (running.seq, running.version.as_str(), running.build_id.as_str())
    }

    /// True when the file is the one that was signed.
    #[must_use]
    pub fn is_file(&self, file: &Inspected) -> bool {
        (self.size_bytes, &self.sha256) == (file.size_bytes, &file.sha256)
    }
}

/// Where everything of the updater lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    data: PathBuf,
}

impl Home {
    /// Below this data directory.
    #[must_use]
    pub fn under(data: impl Into<PathBuf>) -> Self {
        Self { data: data.into() }
    }

    /// The agent's data directory.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The updater's own folder in it.
    #[must_use]
    pub fn updates(&self) -> PathBuf {
        self.data.join("updates")
    }

    /// Where pointer, journal, trust and denied builds are.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.updates().join("state")
    }

    /// Where artifacts are put while they are fetched.
    #[must_use]
    pub fn staging(&self) -> PathBuf {
        self.updates().join("staging")
    }

    /// Where the slots are.
    #[must_use]
    pub fn slots(&self) -> PathBuf {
        self.updates().join("slots")
    }

    /// Held by the one supervisor that runs.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.updates().join("lock")
    }

    /// Every folder, each after the one that holds it.
    #[must_use]
    pub fn folders(&self) -> [PathBuf; 4] {
        [self.updates(), self.state(), self.staging(), self.slots()]
    }

    /// Where an artifact is put while it is fetched.
    #[must_use]
    pub fn part(&self, sha256: &Sha256Hex) -> PathBuf {
        self.staging().join(format!("{sha256}.part"))
    }

    /// The folder of a slot.
    #[must_use]
    pub fn slot(&self, build: &Build) -> PathBuf {
        self.slots().join(build.name())
    }

    /// The program of a slot.
    #[must_use]
    pub fn program(&self, build: &Build) -> PathBuf {
        self.slot(build).join(PROGRAM)
    }
}

/// Moves a verified artifact from staging into its slot; everything is on the disk when this returns. Doing it again
/// changes nothing.
///
/// # Errors
/// Whatever the file system refuses.
pub fn fill(fs: &impl Fs, home: &Home, build: &Build) -> io::Result<()> {
    let folder = home.slot(build);
    fs.make_folder(&folder)?;
    fs.sync_folder(&home.slots())?;
    let about = serde_json::to_vec(build).map_err(io::Error::other)?;
    let neighbour = folder.join("build.json.new");
    fs.write_synced(&neighbour, &about)?;
    fs.rename(&neighbour, &folder.join(ABOUT))?;
    fs.rename(&home.part(&build.sha256), &folder.join(PROGRAM))?;
    fs.sync_folder(&folder)?;
    fs.sync_folder(&home.staging())
}

/// True when the program of a slot is the one that was signed, by all of its bytes.
#[must_use]
pub fn verifies(fs: &impl Fs, home: &Home, build: &Build) -> bool {
    fs.inspect(&home.program(build)).is_ok_and(|file| build.is_file(&file))
}

/// Remembers in the slot itself that its program has passed its trial, for the day when nothing else is left to say so.
///
/// # Errors
/// Whatever the file system refuses.
pub fn prove(fs: &impl Fs, home: &Home, build: &Build) -> io::Result<()> {
    let folder = home.slot(build);
    fs.write_synced(&folder.join(PROVEN), b"")?;
    fs.sync_folder(&folder)
}

/// True when the program of a slot has passed its trial.
#[must_use]
pub fn is_proven(fs: &impl Fs, home: &Home, build: &Build) -> bool {
    fs.read(&home.slot(build).join(PROVEN), 0).is_ok()
}

/// What the slots on the disk say that they are, newest first. Whether they verify is another question.
#[must_use]
pub fn list(fs: &impl Fs, home: &Home) -> Vec<Build> {
    let names = fs.list(&home.slots()).unwrap_or_default();
    let about = |name: &String| {
        let bytes = fs.read(&home.slots().join(name).join(ABOUT), ABOUT_BYTES_MAX).ok()?;
        let build: Build = serde_json::from_slice(&bytes).ok()?;
        (build.name() == *name).then_some(build)
    };
    let mut builds: Vec<Build> = names.iter().filter_map(about).collect();
    builds.sort_by(|a, b| b.seq.cmp(&a.seq).then_with(|| a.sha256.cmp(&b.sha256)));
    builds
}

/// Removes every slot but these, and whatever lies in staging besides the artifact that is being fetched. What cannot be
/// removed now is removed the next time.
pub fn sweep(fs: &impl Fs, home: &Home, keep: &[&Build], fetching: Option<&Sha256Hex>) {
    let kept: Vec<String> = keep.iter().map(|build| build.name()).collect();
    for name in fs.list(&home.slots()).unwrap_or_default() {
        if !kept.contains(&name) {
            remove(fs, &home.slots().join(name));
        }
    }
    let part = fetching.map(|sha256| format!("{sha256}.part"));
    for name in fs.list(&home.staging()).unwrap_or_default() {
        if part.as_ref() != Some(&name) {
            remove(fs, &home.staging().join(name));
        }
    }
}

/// A file, or a folder with nothing but files in it.
fn remove(fs: &impl Fs, path: &Path) {
    if fs.remove(path).is_err() {
        for name in fs.list(path).unwrap_or_default() {
            let _ = fs.remove(&path.join(name));
        }
        let _ = fs.remove_folder(path);
    }
}
