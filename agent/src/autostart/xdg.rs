//! Autostart of desktops on Linux: an entry that they run when somebody signs in.

use super::{Who, write};
use std::{
    io,
    path::{Path, PathBuf},
};

/// Where the entry goes.
///
/// # Errors
/// When the user has no home.
pub(super) fn file(
    who: Who,
    root: &Path,
    environment: &dyn Fn(&str) -> Option<PathBuf>,
) -> io::Result<PathBuf> {
    let folder = match who {
        Who::Everybody => root.join("etc/xdg"),
        Who::User => environment("XDG_CONFIG_HOME")
            .or_else(|| environment("HOME").map(|home| home.join(".config")))
            .ok_or_else(|| {
                io::Error::new(io::ErrorKind::NotFound, "neither XDG_CONFIG_HOME nor HOME is set")
            })?,
    };
    Ok(folder.join("autostart/reeve-agent.desktop"))
}

/// Writes the entry.
///
/// # Errors
/// Whatever the file system refuses, and a path that an entry cannot hold.
pub(super) fn set(file: &Path, agent: &Path) -> io::Result<()> {
    let refused =
        || io::Error::new(io::ErrorKind::InvalidInput, "the path of this program is not plain text");
    let path = agent.to_str().filter(|path| !path.chars().any(char::is_control)).ok_or_else(refused)?;
    write(
        file,
        &format!(
            "[Desktop Entry]\nType=Application\nName=Reeve agent\nComment=Watches this machine and reports to its Reeve server\nExec={} run\nNoDisplay=true\nTerminal=false\nX-GNOME-Autostart-enabled=true\n",
            quoted(path)
        ),
    )
}

/// A word of `Exec`: quoted, and escaped twice, once for the quotes and once for the file.
fn quoted(path: &str) -> String {
    let mut word = String::from("\"");
    for sign in path.chars() {
        match sign {
            '\\' => word.push_str("\\\\\\\\"),
            '"' | '`' | '$' => {
                word.push_str("\\\\");
                word.push(sign);
            }
            '%' => word.push_str("%%"),
            _ => word.push(sign),
        }
    }
    word.push('"');
    word
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn signs_that_mean_something_are_escaped() {
        assert_eq!(quoted("/a b"), "\"/a b\"");
        assert_eq!(quoted("/a$b%c"), "\"/a\\\\$b%%c\"");
    }
}
