//! Why a configuration cannot be used: the file, the field, the place in the file, and what to do.

use crate::failure::Failure;
use entity::error_report::ErrorKind;
use std::{fmt, path::PathBuf};
use updater::exit;

/// Why a configuration cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The file.
    pub path: PathBuf,
    /// The field that is at fault, if one is.
    pub field: Option<String>,
    /// Line and column of it, from one.
    pub at: Option<(usize, usize)>,
    /// What is wrong and what to do.
    pub detail: String,
    /// True when an older version could not be brought to the present one.
    pub is_migration: bool,
    /// True when the file is of a later version than this agent knows.
    pub is_later: bool,
}

impl ConfigError {
    /// About the file as a whole.
    pub fn file(detail: impl Into<String>) -> Self {
        Self {
            path: PathBuf::new(),
            field: None,
            at: None,
            detail: detail.into(),
            is_migration: false,
            is_later: false,
        }
    }

    /// About a field of it.
    pub fn field(name: &str, at: Option<(usize, usize)>, detail: impl Into<String>) -> Self {
        Self { field: Some(name.to_owned()), at, ..Self::file(detail) }
    }

    /// What an error report calls it.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        if self.is_migration { ErrorKind::ConfigMigrationFailed } else { ErrorKind::ConfigInvalid }
    }

    /// Without the folders of this machine, so that the same fault of many devices reads alike.
    #[must_use]
    pub fn sentence(&self) -> String {
        let name = self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        self.told(&name)
    }

    fn told(&self, file: &str) -> String {
        let mut text = file.to_owned();
        if let Some((line, column)) = self.at {
            text = format!("{text}, line {line} column {column}");
        }
        match &self.field {
            Some(field) => format!("{text}: {field}: {}", self.detail),
            None => format!("{text}: {}", self.detail),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told(&self.path.display().to_string()))
    }
}

impl std::error::Error for ConfigError {}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::new(
            exit::CONFIG_INVALID,
            format!(
                "{error}. The file was left as it is; correct it, or put a config.json.*.bak in its place."
            ),
        )
    }
}
