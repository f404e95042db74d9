//! The root of release trust as the agent hands it on: the one that came with the registration, which is pinned once, and
//! one that an administrator of this machine gives. Which one is trusted is the supervisor's to keep.

use crate::{
    failure::Failure,
    lock,
    paths::Paths,
    protect::{self, Kind},
};
use clap::{Args, Subcommand};
use entity::release::{ROOT_BYTES_MAX, Root, Sha256Hex, open_root, root_fingerprint};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
    thread::sleep,
    time::{Duration, Instant},
};
use updater::{
    durable::{Mode, write_atomic},
    exit,
    fs::Disk,
    slot::Home,
};

/// An agent that runs looks for a root every few seconds.
const TAKEN_WITHIN: Duration = Duration::from_secs(12);

/// What `trust` takes.
#[derive(Args, Clone, Debug)]
pub struct TrustInput {
    /// What to do.
    #[command(subcommand)]
    pub verb: TrustVerb,
}

/// What can be done about whose releases this machine takes.
#[derive(Clone, Debug, Subcommand)]
pub enum TrustVerb {
    /// Show the root that this machine was given
    Show,
    /// Trust this root: the keys in it say who may sign releases
    Root {
        /// The signed root, as the release tool wrote it.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Put it in the place of another one.
        #[arg(long)]
        replace: bool,
    },
}

/// A root that waits for the supervisor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// The envelope.
    pub root: String,
    /// It takes the place of another one.
    pub replace: bool,
}

/// The root that registration or an administrator gave, if there is one.
#[must_use]
pub fn find(paths: &Paths) -> Option<String> {
    read(&paths.release_root()).ok().filter(|text| !text.trim().is_empty())
}

/// Keeps it, or forgets it.
///
/// # Errors
/// Whatever the file system refuses.
pub fn keep(paths: &Paths, root: Option<&str>) -> io::Result<()> {
    match root {
        Some(root) => write_atomic(&paths.release_root(), root.as_bytes(), Mode::Private),
        None => match fs::remove_file(paths.release_root()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        },
    }
}

/// What an administrator gave and the supervisor has not seen yet.
#[must_use]
pub fn given(paths: &Paths) -> Option<Given> {
    serde_json::from_str(&read(&paths.given_root()).ok()?).ok()
}

/// The supervisor has taken it, or refused it.
pub fn settle(paths: &Paths, given: &Given, is_taken: bool) {
    let kept = if is_taken { keep(paths, Some(&given.root)) } else { Ok(()) };
    if let Err(error) = kept.and_then(|()| fs::remove_file(paths.given_root())) {
        tracing::warn!(%error, "the root that an administrator gave cannot be put away");
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    // What quotes it takes some room too.
    File::open(path)?.take(2 * ROOT_BYTES_MAX as u64).read_to_string(&mut text)?;
    Ok(text)
}

/// Does what is asked for; answers what to say.
///
/// # Errors
/// When the root cannot be read or is none, or another one is there already.
pub fn carry_out(paths: &Paths, input: &TrustInput) -> Result<String, Failure> {
    check_place(paths)?;
    match &input.verb {
        TrustVerb::Show => Ok(show(paths)),
        TrustVerb::Root { file, replace } => give(paths, file, *replace),
    }
}

fn show(paths: &Paths) -> String {
    let trust = updater::status::read(&Disk, &Home::under(paths.folder())).trust;
    let trusted = match trust.root_version {
        0 => "Trusted     none yet: the supervisor pins it when it has heard of it\n".to_owned(),
        version => format!("Trusted     root {version}; highest release {}\n", trust.highest_seq),
    };
    match find(paths) {
        None => "This machine was given no root of release trust: it takes no updates.\n".to_owned(),
        Some(text) => match understand(&text) {
            Ok((root, fingerprint)) => format!(
                "Root        version {}, good until {}\nFingerprint {fingerprint}\n{trusted}",
                root.version, root.expires
            ),
            Err(why) => format!("The root that this machine was given cannot be used: {why}\n"),
        },
    }
}

fn understand(text: &str) -> Result<(Root, Sha256Hex), String> {
    let root = open_root(text).map_err(|reason| reason.label().to_owned())?;
    let fingerprint = root_fingerprint(text).map_err(|reason| reason.label().to_owned())?;
    Ok((root, fingerprint))
}

fn give(paths: &Paths, file: &Path, replace: bool) -> Result<String, Failure> {
    let wrong = |why: &dyn std::fmt::Display| Failure::new(exit::USAGE, format!("{}: {why}", file.display()));
    let text = read(file).map_err(|error| wrong(&error))?;
    let (root, fingerprint) = understand(&text).map_err(|why| wrong(&why))?;
    let present = find(paths).and_then(|text| root_fingerprint(&text).ok());
    if let Some(present) = present.filter(|present| *present != fingerprint && !replace) {
        return Err(Failure::failed(format!(
            "this machine was given another root already (fingerprint {present}); compare the two, then add --replace"
        )));
    }
    let given = Given { root: text, replace };
    let bytes = serde_json::to_vec(&given).unwrap_or_default();
    write_atomic(&paths.given_root(), &bytes, Mode::Private).map_err(|error| {
        Failure::failed(format!("{} cannot be written: {error}", paths.given_root().display()))
    })?;
    let what = format!("root {} with the fingerprint {fingerprint}", root.version);
    let (runs, until) = (lock::running(paths).is_some(), Instant::now() + TAKEN_WITHIN);
    while runs && Instant::now() < until {
        if !paths.given_root().exists() {
            return if find(paths).as_ref() == Some(&given.root) {
                Ok(format!("This machine trusts {what}.\n"))
            } else {
                Err(Failure::failed(format!("the supervisor did not take {what}; its log says why")))
            };
        }
        sleep(Duration::from_millis(200));
    }
    Ok(format!("The agent hands {what} to its supervisor when both run.\n"))
}

/// A root is worth what its place is worth.
fn check_place(paths: &Paths) -> Result<(), Failure> {
    let folder = paths.folder();
    if !folder.is_dir() {
        let why = format!(
            "there is no agent at {}: register first, or name the place with --data-dir",
            folder.display()
        );
        return Err(Failure::new(exit::NOT_REGISTERED, why));
    }
    match protect::look(folder, Kind::Folder).first() {
        None => Ok(()),
        Some(finding) => Err(Failure::new(
            exit::UNPROTECTED,
            format!("{finding}; only an administrator of this machine can say whose releases it takes"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_waits_until_it_is_settled() {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::under(folder.path());
        assert_eq!((find(&paths), given(&paths)), (None, None));
        keep(&paths, Some("one")).unwrap();
        assert_eq!(find(&paths).as_deref(), Some("one"));
        let two = Given { root: "two".to_owned(), replace: true };
        fs::write(paths.given_root(), serde_json::to_vec(&two).unwrap()).unwrap();
        assert_eq!(given(&paths), Some(two.clone()));
        settle(&paths, &two, true);
        assert_eq!((find(&paths).as_deref(), given(&paths)), (Some("two"), None));
        keep(&paths, None).unwrap();
        keep(&paths, None).unwrap();
        assert_eq!(find(&paths), None);
    }

    #[test]
    fn nonsense_is_no_root() {
        let folder = tempfile::tempdir().unwrap();
        #[cfg(unix)]
        fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        let paths = Paths::under(folder.path());
        let file = folder.path().join("root.json");
        fs::write(&file, "{}").unwrap();
        let input = TrustInput { verb: TrustVerb::Root { file, replace: true } };
        assert_eq!(carry_out(&paths, &input).unwrap_err().code, exit::USAGE);
        assert!(!paths.given_root().exists());
        let said = carry_out(&paths, &TrustInput { verb: TrustVerb::Show }).unwrap();
        assert!(said.contains("no root"), "{said}");
    }
}
