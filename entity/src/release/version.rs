//! What people call a release: `MAJOR.MINOR.PATCH` with an optional `-pre.release`, after Semantic Versioning 2.0.0 and
//! without build metadata, which would not tell two releases apart.

use serde::{Deserialize, Serialize};
use std::{cmp::Ordering, fmt, str::FromStr};

/// Longest version, in characters.
pub const VERSION_MAX: usize = 60;

/// What people call a release. Ordered as Semantic Versioning orders them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(with = "String"))]
#[serde(try_from = "String", into = "String")]
pub struct Version {
    text: String,
    numbers: [u64; 3],
}

/// Why a text is no version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a version such as 1.4.0 or 1.4.0-beta.2")]
pub struct VersionError;

impl Version {
    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn pre_release(&self) -> Option<&str> {
        self.text.split_once('-').map(|(_, rest)| rest)
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > VERSION_MAX {
            return Err(VersionError);
        }
        let (core, rest) = text.split_once('-').map_or((text, None), |(core, rest)| (core, Some(rest)));
        let mut numbers = [0; 3];
        let mut words = core.split('.');
        for number in &mut numbers {
            *number = number_of(words.next().ok_or(VersionError)?).ok_or(VersionError)?;
        }
        let is_good = words.next().is_none() && rest.is_none_or(|rest| rest.split('.').all(is_identifier));
        if is_good { Ok(Self { text: text.to_owned(), numbers }) } else { Err(VersionError) }
    }
}

/// Without leading zeros, as Semantic Versioning wants it.
fn number_of(word: &str) -> Option<u64> {
    let is_plain =
        word.bytes().all(|byte| byte.is_ascii_digit()) && (word.len() == 1 || !word.starts_with('0'));
    if is_plain { word.parse().ok() } else { None }
}

fn is_identifier(word: &str) -> bool {
    let is_number = word.bytes().all(|byte| byte.is_ascii_digit());
    !word.is_empty()
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && (!is_number || number_of(word).is_some())
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.numbers.cmp(&other.numbers).then_with(|| match (self.pre_release(), other.pre_release()) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(mine), Some(theirs)) => compare_pre_release(mine, theirs),
        })
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn compare_pre_release(mine: &str, theirs: &str) -> Ordering {
    let mut mine = mine.split('.');
    let mut theirs = theirs.split('.');
    loop {
        let (mine, theirs) = match (mine.next(), theirs.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(mine), Some(theirs)) => (mine, theirs),
        };
        let order = match (number_of(mine), number_of(theirs)) {
            (Some(mine), Some(theirs)) => mine.cmp(&theirs),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => mine.cmp(theirs),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.text
    }
}

impl TryFrom<String> for Version {
    type Error = VersionError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_ordered_and_refused() {
        // The order of the specification's own example, item 11.
        let ordered = [
            "0.9.9",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "1.0.10",
            "1.2.0",
        ];
        let versions: Vec<Version> = ordered.iter().map(|text| text.parse().expect("a version")).collect();
        assert!(versions.windows(2).all(|pair| pair[0] < pair[1]));
        let long = format!("1.0.0-{}", "a".repeat(60));
        for bad in [
            "",
            "v1",
            "1",
            "1.0",
            "1.0.0.0",
            "01.0.0",
            "1.0.0-",
            "1.0.0-01",
            "1.0.0+x",
            "1.0.0-😀",
            " 1.0.0",
            &long,
        ] {
            assert!(bad.parse::<Version>().is_err(), "{bad}");
        }
    }
}
