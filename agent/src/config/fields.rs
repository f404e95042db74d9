//! Reads the fields of a configuration one by one, so that what is wrong is said with the name of the field, where it
//! stands, what was found and what is accepted.

use super::error::ConfigError;
use serde_json::{Map, Value};
use std::{fmt::Display, ops::RangeInclusive, str::FromStr};

/// Longest text of a field, in characters.
const TEXT_MAX: usize = 2_000;

/// The fields that were not taken yet.
#[derive(Debug)]
pub struct Fields<'a> {
    text: &'a str,
    map: Map<String, Value>,
}

impl<'a> Fields<'a> {
    /// Reads a file.
    ///
    /// # Errors
    /// Says where it stops being JSON.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ConfigError> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let text = std::str::from_utf8(bytes).map_err(|error| {
            ConfigError::file(format!("this is not UTF-8 text (byte {})", error.valid_up_to() + 1))
        })?;
        if text.trim_matches(|c: char| c.is_whitespace() || c == '\0').is_empty() {
            return Err(ConfigError::file("the file is empty; it was probably cut off by a power cut"));
        }
        match serde_json::from_str(text) {
            Ok(Value::Object(map)) => Ok(Self { text, map }),
            Ok(_) => Err(ConfigError::file("the file has to hold an object, {…}")),
            Err(error) => {
                let said = error.to_string();
                let said = said.split(" at line ").next().unwrap_or(&said);
                let cut = if error.is_eof() { "; the file was probably cut off" } else { "" };
                let at = Some((error.line(), error.column()));
                Err(ConfigError { at, ..ConfigError::file(format!("this is not valid JSON: {said}{cut}")) })
            }
        }
    }

    /// Goes on with what a migration made.
    #[must_use]
    pub const fn with(&self, map: Map<String, Value>) -> Self {
        Self { text: self.text, map }
    }

    /// What is there.
    #[must_use]
    pub const fn map(&self) -> &Map<String, Value> {
        &self.map
    }

    fn at(&self, name: &str) -> Option<(usize, usize)> {
        let quoted = format!("\"{name}\"");
        let is_key = |at: &usize| self.text[at + quoted.len()..].trim_start().starts_with(':');
        let at = self.text.match_indices(&quoted).map(|(at, _)| at).find(is_key)?;
        let before = &self.text[..at];
        let line = before.rsplit('\n').next().unwrap_or_default();
        Some((before.matches('\n').count() + 1, line.chars().count() + 1))
    }

    /// What is wrong with this field.
    pub fn error(&self, name: &str, detail: impl Into<String>) -> ConfigError {
        ConfigError::field(name, self.at(name), detail)
    }

    fn wrong(&self, name: &str, expected: &str, found: &Value) -> ConfigError {
        let found = found.to_string();
        let short: String = found.chars().take(60).collect();
        let dots = if short.len() < found.len() { "…" } else { "" };
        self.error(name, format!("expected {expected}, found {}{dots}", crate::log::redact(&short)))
    }

    /// A text that has to be there.
    ///
    /// # Errors
    /// Names the field.
    pub fn text(&mut self, name: &str) -> Result<String, ConfigError> {
        match self.map.remove(name) {
            Some(Value::String(text)) if text.trim().is_empty() => {
                Err(self.error(name, "this must not be empty"))
            }
            Some(Value::String(text)) if text.chars().count() > TEXT_MAX => {
                Err(self.error(name, format!("at most {TEXT_MAX} characters")))
            }
            Some(Value::String(text)) if text.chars().any(char::is_control) => {
                Err(self.error(name, "control characters are not accepted"))
            }
            Some(Value::String(text)) => Ok(text),
            Some(other) => Err(self.wrong(name, "a text", &other)),
            None => Err(ConfigError::field(name, None, "this field is missing")),
        }
    }

    /// A text of a certain form that has to be there.
    ///
    /// # Errors
    /// Names the field.
    pub fn parsed<T: FromStr<Err: Display>>(&mut self, name: &str, expected: &str) -> Result<T, ConfigError> {
        let text = self.text(name)?;
        text.parse().map_err(|_| self.wrong(name, expected, &Value::String(text)))
    }

    /// The same, where it may be `null` or missing.
    ///
    /// # Errors
    /// Names the field.
    pub fn parsed_or_none<T: FromStr<Err: Display>>(
        &mut self,
        name: &str,
        expected: &str,
    ) -> Result<Option<T>, ConfigError> {
        match self.map.get(name) {
            None | Some(Value::Null) => {
                self.map.remove(name);
                Ok(None)
            }
            Some(_) => self.parsed(name, expected).map(Some),
        }
    }

    /// A whole number within a range, or what is used when it is missing.
    ///
    /// # Errors
    /// Names the field.
    pub fn number(&mut self, name: &str, range: RangeInclusive<u64>, usual: u64) -> Result<u64, ConfigError> {
        match self.map.remove(name) {
            None => Ok(usual),
            Some(value) => value.as_u64().filter(|number| range.contains(number)).ok_or_else(|| {
                let expected = format!("a whole number from {} to {}", range.start(), range.end());
                self.wrong(name, &expected, &value)
            }),
        }
    }

    /// Yes or no, or what is used when it is missing.
    ///
    /// # Errors
    /// Names the field.
    pub fn flag(&mut self, name: &str, usual: bool) -> Result<bool, ConfigError> {
        match self.map.remove(name) {
            None => Ok(usual),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(other) => Err(self.wrong(name, "true or false", &other)),
        }
    }

    /// Everything was taken.
    ///
    /// # Errors
    /// Names a field that nobody knows: more likely a slip than something to be left out in silence.
    pub fn end(self, known: &[&str]) -> Result<(), ConfigError> {
        match self.map.keys().next() {
            None => Ok(()),
            Some(name) => {
                let known = known.join(", ");
                Err(self.error(name, format!("there is no such field; the fields are: {known}")))
            }
        }
    }
}
