//! Does a file belong to a release? What the browser can tell before anything is sent; the server looks again. Pure.

use super::words::platform_words;
use entity::{
    agent_release::ArtifactView,
    platform::{Arch, Os},
    release::{Artifact, ArtifactKind, Libc, Sha256Hex, program::Platform},
};

/// A file that a release wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// What it is.
    pub kind: ArtifactKind,
    /// For which system.
    pub os: Os,
    /// For which processor.
    pub arch: Arch,
    /// For which C library; Linux only.
    pub libc: Option<Libc>,
    /// Of its bytes.
    pub sha256: Sha256Hex,
    /// The server has it already.
    pub is_stored: bool,
}

impl Wanted {
    fn is_for(&self, platform: Platform) -> bool {
        (self.os, self.arch) == (platform.os, platform.arch)
    }

    /// In words: `Agent for Linux, x86_64, glibc`.
    pub(super) fn words(&self) -> String {
        format!("{} for {}", self.kind.label(), platform_words(self.os, self.arch, self.libc))
    }
}

impl From<&Artifact> for Wanted {
    fn from(artifact: &Artifact) -> Self {
        Self {
            kind: artifact.kind,
            os: artifact.os,
            arch: artifact.arch,
            libc: artifact.libc,
            sha256: artifact.sha256.clone(),
            is_stored: false,
        }
    }
}

impl From<&ArtifactView> for Wanted {
    fn from(artifact: &ArtifactView) -> Self {
        Self {
            kind: artifact.kind,
            os: artifact.os,
            arch: artifact.arch,
            libc: artifact.libc,
            sha256: artifact.sha256.clone(),
            is_stored: artifact.stored_at.is_some(),
        }
    }
}

/// How a file stands to what a release wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// It is this one.
    Named(Wanted),
    /// It is none of them; why, and what to do, in sentences.
    Misfit(String),
}

/// Looks for the file among those that are wanted.
pub(super) fn fit(platform: Platform, sha256: &Sha256Hex, wanted: &[Wanted]) -> Fit {
    let is = platform_words(platform.os, platform.arch, None);
    if let Some(named) = wanted.iter().find(|wanted| wanted.sha256 == *sha256) {
        if named.is_for(platform) {
            return Fit::Named(named.clone());
        }
        let says = platform_words(named.os, named.arch, None);
        return Fit::Misfit(format!(
            "The manifest says that this is for {says}, and it is a program for {is}. It was signed as something else \
             than it is: build and sign the release again."
        ));
    }
    let alike: Vec<&Wanted> = wanted.iter().filter(|wanted| wanted.is_for(platform)).collect();
    Fit::Misfit(match alike.as_slice() {
        [] => {
            format!("The manifest names nothing for {is}. Remove this file, or sign a release that has it.")
        }
        [one] => format!(
            "The manifest names another file for {is}: the SHA-256 of that one begins with {}. Choose the file that \
             was signed.",
            one.sha256.short()
        ),
        _ => format!("The manifest names other files for {is}. Choose one of those that were signed."),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(letter: char) -> Sha256Hex {
        letter.to_string().repeat(64).parse().expect("a digest")
    }

    fn wanted(os: Os, letter: char) -> Wanted {
        Wanted {
            kind: ArtifactKind::Agent,
            os,
            arch: Arch::X86_64,
            libc: None,
            sha256: digest(letter),
            is_stored: false,
        }
    }

    const LINUX: Platform = Platform { os: Os::Linux, arch: Arch::X86_64, libc: Some(Libc::Gnu) };

    #[test]
    fn the_file_that_was_signed_fits() {
        let one = wanted(Os::Linux, 'a');
        assert_eq!(fit(LINUX, &digest('a'), std::slice::from_ref(&one)), Fit::Named(one));
    }

    #[test]
    fn any_other_is_told_what_to_do() {
        let said = |wanted: &[Wanted]| match fit(LINUX, &digest('a'), wanted) {
            Fit::Misfit(why) => why,
            Fit::Named(_) => String::new(),
        };
        assert!(said(&[]).starts_with("The manifest names nothing for Linux, x86_64."));
        assert!(said(&[wanted(Os::Windows, 'b')]).starts_with("The manifest names nothing for Linux"));
        assert!(said(&[wanted(Os::Linux, 'b')]).contains("begins with bbbbbbbb"));
        assert!(said(&[wanted(Os::Linux, 'b'), wanted(Os::Linux, 'c')]).contains("other files"));
        assert!(
            said(&[wanted(Os::Windows, 'a')]).contains("for Windows, x86_64, and it is a program for Linux")
        );
    }
}
