//! The token that whoever reads the metrics shows.

use anyhow::{Context, Result, ensure};
use sha2::{Digest as _, Sha256};
use std::{
    fmt,
    fs::{self, OpenOptions},
    io::{ErrorKind, Write as _},
    path::Path,
};

/// Shortest token that somebody may choose themselves, in characters.
const TOKEN_MIN: usize = 16;

/// The digest of the token.
#[derive(Clone)]
pub struct MetricsToken([u8; 32]);

impl MetricsToken {
    /// The token of a file, without white space around it.
    ///
    /// # Errors
    /// When the file cannot be read or holds no token.
    pub fn read(file: &Path) -> Result<Self> {
        let text =
            fs::read_to_string(file).with_context(|| format!("the metrics token in {}", file.display()))?;
        Self::of(&text).with_context(|| format!("the metrics token in {}", file.display()))
    }

    /// The token of a file that is made, for its owner alone, when it is not there.
    ///
    /// # Errors
    /// When the file can be neither read nor made.
    pub fn read_or_make(file: &Path) -> Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(file) {
            Ok(mut opened) => {
                let text = domain::random_secret()?;
                writeln!(opened, "{text}").with_context(|| format!("cannot write {}", file.display()))?;
                Self::of(&text)
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Self::read(file),
            Err(error) => Err(error).with_context(|| format!("cannot make {}", file.display())),
        }
    }

    /// This text as the token.
    ///
    /// # Errors
    /// When it is too short to be a secret.
    pub fn of(text: &str) -> Result<Self> {
        let text = text.trim();
        ensure!(text.chars().count() >= TOKEN_MIN, "a token has at least {TOKEN_MIN} characters");
        Ok(Self(digest(text)))
    }

    /// Is this the token? Digests are compared, so that the time taken tells nothing of it.
    pub(crate) fn is(&self, shown: &str) -> bool {
        self.0 == digest(shown)
    }
}

impl fmt::Debug for MetricsToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MetricsToken")
    }
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_made_once_and_shown_by_nobody() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("metrics-token");
        let made = MetricsToken::read_or_make(&file).expect("made");
        let text = fs::read_to_string(&file).expect("there");
        assert!(made.is(text.trim()) && !made.is("") && !made.is("guess"));
        assert!(MetricsToken::read_or_make(&file).expect("found").is(text.trim()));
        assert!(!format!("{made:?}").contains(text.trim()));
        fs::write(&file, "short").expect("written");
        assert!(MetricsToken::read(&file).is_err());
    }
}
