//! What the form of a root sends: a fingerprint may stand in groups, as people read it to each other. Pure.

use entity::{agent_release::RootInput, problem::Problem, release::Sha256Hex};
use serde::{Deserialize, Serialize};

/// A root to add.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RootForm {
    /// The envelope.
    pub root: String,
    /// Its fingerprint, in whatever groups; may be empty where the root before vouches for it.
    pub fingerprint: String,
}

impl RootForm {
    /// As the server takes it.
    ///
    /// # Errors
    /// Names the field that is not acceptable.
    pub fn input(self) -> Result<RootInput, Problem> {
        if self.root.trim().is_empty() {
            return Err(Problem::invalid(
                "root",
                "Choose the file that “reeve-release root” wrote, or paste what is in it.",
            ));
        }
        Ok(RootInput { fingerprint: fingerprint(&self.fingerprint)?, root: self.root })
    }
}

/// The digest, without what people write between its digits.
fn fingerprint(text: &str) -> Result<Option<Sha256Hex>, Problem> {
    let digits: String = text
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, ':' | '-'))
        .collect::<String>()
        .to_lowercase();
    if digits.is_empty() {
        return Ok(None);
    }
    let wrong = |_| {
        let count = digits.chars().count();
        Problem::invalid(
            "fingerprint",
            format!("A fingerprint has 64 digits from 0 to f; these are {count} characters."),
        )
    };
    digits.parse().map(Some).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_in_whatever_groups() {
        let digest = "0123456789abcdef".repeat(4);
        let grouped = super::super::words::grouped(&digest).to_uppercase();
        for text in [digest.clone(), grouped.clone(), grouped.replace(' ', ":"), format!(" {digest}\n")] {
            assert_eq!(fingerprint(&text).map(|found| found.map(String::from)), Ok(Some(digest.clone())));
        }
        assert_eq!(fingerprint("  "), Ok(None));
    }

    #[test]
    fn what_is_wrong_names_its_field() {
        let field =
            |form: RootForm| form.input().map_err(|problem| problem.field.unwrap_or_default()).map(|_| ());
        assert_eq!(field(RootForm::default()), Err("root".to_owned()));
        let short = RootForm { root: "{}".to_owned(), fingerprint: "abcd".to_owned() };
        assert_eq!(field(short), Err("fingerprint".to_owned()));
    }
}
