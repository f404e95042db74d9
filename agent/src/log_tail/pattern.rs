//! Which files a path with `*` and `?` in its name stands for: bounded, and never what is no log.

use entity::log_entry::check_path;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Files that one path may stand for.
const FILES_MAX: usize = 64;
/// Names of a folder that are looked at.
const NAMES_MAX: usize = 10_000;

/// Does a name fit a pattern with `*` and `?`?
#[must_use]
pub fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut in_name) = (0, 0);
    // Where the last star stood, and how much it has swallowed.
    let mut star: Option<(usize, usize)> = None;
    while in_name < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, in_name));
                at += 1;
            }
            Some(character) if *character == '?' || *character == name[in_name] => {
                at += 1;
                in_name += 1;
            }
            _ => match &mut star {
                Some((position, swallowed)) => {
                    *swallowed += 1;
                    at = *position + 1;
                    in_name = *swallowed;
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|character| *character == '*')
}

/// The files that a path stands for now, in order. What lies in `own`, the agent's own folder, is never among them.
#[must_use]
pub fn files(path: &str, own: &Path) -> Vec<PathBuf> {
    if check_path(path).is_err() {
        return Vec::new();
    }
    let path = Path::new(path);
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Vec::new();
    };
    let mut found: Vec<PathBuf> = if name.contains(['*', '?']) {
        let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
        entries
            .take(NAMES_MAX)
            .filter_map(Result::ok)
            .filter(|entry| entry.file_name().to_str().is_some_and(|entry| fits(name, entry)))
            .map(|entry| entry.path())
            .collect()
    } else {
        vec![path.to_owned()]
    };
    found.sort();
    found.retain(|path| resolved(path, own).is_some());
    found.truncate(FILES_MAX);
    found
}

/// Where a path leads in the end, if that is a plain file that may be read: links are followed, but not to where no log
/// is, and nothing but plain files is ever opened.
#[must_use]
pub fn resolved(path: &Path, own: &Path) -> Option<PathBuf> {
    let real = fs::canonicalize(path).ok()?;
    let own = fs::canonicalize(own).unwrap_or_else(|_| own.to_owned());
    let is_allowed = !real.starts_with(own) && check_path(real.to_str()?.trim_start_matches(r"\\?\")).is_ok();
    (is_allowed && fs::metadata(&real).ok()?.is_file()).then_some(real)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_as_people_expect() {
        for (pattern, name, expected) in [
            ("*.log", "app.log", true),
            ("*.log", "app.log.1", false),
            ("app*", "app", true),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxbyy", false),
            ("app-?.log", "app-1.log", true),
            ("app-?.log", "app-12.log", false),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("**", "ä", true),
            ("*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }

    // macOS makes named pipes by another call.
    #[cfg(target_os = "linux")]
    #[test]
    fn only_plain_files_that_may_be_logs_are_found() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let (logs, own) = (folder.path().join("logs"), folder.path().join("own"));
        for made in [&logs, &own] {
            fs::create_dir(made).unwrap();
        }
        fs::write(own.join("device.key"), "ERROR").unwrap();
        for name in ["b.log", "a.log", "c.txt"] {
            fs::write(logs.join(name), "").unwrap();
        }
        fs::create_dir(logs.join("folder.log")).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            logs.join("pipe.log"),
            rustix::fs::FileType::Fifo,
            0o600.into(),
            0,
        )
        .unwrap();
        symlink("/dev/zero", logs.join("device.log")).unwrap();
        symlink("/etc/passwd", logs.join("passwd.log")).unwrap();
        symlink(own.join("device.key"), logs.join("key.log")).unwrap();
        symlink(logs.join("c.txt"), logs.join("link.log")).unwrap();
        symlink(logs.join("gone"), logs.join("dangling.log")).unwrap();
        let pattern = format!("{}/*.log", logs.display());
        let found: Vec<_> =
            files(&pattern, &own).into_iter().map(|path| path.file_name().unwrap().to_owned()).collect();
        assert_eq!(found, ["a.log", "b.log", "link.log"]);
        let own_file = format!("{}/device.key", own.display());
        assert_eq!(files(&own_file, &own), Vec::<PathBuf>::new());
        assert_eq!(files("/etc/hostname", &own), Vec::<PathBuf>::new());
        for name in 0..100 {
            fs::write(logs.join(format!("n{name}.log")), "").unwrap();
        }
        assert_eq!(files(&pattern, &own).len(), FILES_MAX);
    }
}
