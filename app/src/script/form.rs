//! What the forms of scripts send: names of parameters stand one a line. Pure.

use entity::{
    command::Shell,
    problem::Problem,
    script::{ScriptInput, ScriptVersionInput},
};
use serde::{Deserialize, Serialize};

/// A script, or another version of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScriptForm {
    /// Whose; empty: shared by all businesses.
    pub business_id: String,
    /// What people call it.
    pub script_name: String,
    /// What it is for.
    pub description: String,
    /// A [`Shell`].
    pub shell: String,
    /// The text.
    pub script: String,
    /// What its arguments are called, one a line.
    pub parameters: String,
}

impl ScriptForm {
    /// As a new script.
    ///
    /// # Errors
    /// Names the field.
    pub fn input(self) -> Result<ScriptInput, Problem> {
        let business_id = match self.business_id.as_str() {
            "" => None,
            text => Some(
                text.parse()
                    .map_err(|_| Problem::invalid("business_id", "Choose a business, or all of them."))?,
            ),
        };
        let (script_name, description) = (self.script_name.clone(), self.description.clone());
        Ok(ScriptInput { business_id, script_name, description, version: self.version()? })
    }

    /// As another version.
    ///
    /// # Errors
    /// Names the field.
    pub fn version(self) -> Result<ScriptVersionInput, Problem> {
        let shell: Shell =
            self.shell.parse().map_err(|_| Problem::invalid("shell", "Choose what reads the script."))?;
        let parameters = self
            .parameters
            .lines()
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect();
        Ok(ScriptVersionInput { shell, script: self.script, parameters })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_parameters_stand_one_a_line() {
        let form = ScriptForm {
            shell: "sh".to_owned(),
            parameters: "folder\r\n\r\n days \r\n".to_owned(),
            ..ScriptForm::default()
        };
        assert_eq!(
            form.version().map(|version| version.parameters),
            Ok(vec!["folder".to_owned(), "days".to_owned()])
        );
        assert_eq!(
            ScriptForm::default().version().map_err(|problem| problem.field),
            Err(Some("shell".to_owned()))
        );
    }
}
