//! The settings file: TOML, one key a setting, nothing that is not one.

use super::{TABLE, Wrong};
use std::{
    collections::BTreeMap,
    env, fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};
use toml::de::{DeTable, DeValue};

/// The variable that names the file.
pub(crate) const CONFIG_VARIABLE: &str = "REEVE_CONFIG";
/// The file that is read when nobody names one, if it is there.
pub(crate) const CONFIG_DEFAULT: &str = "/etc/reeve/reeve.toml";
/// A name that is as near as this to a known one was probably meant to be it.
const NEAR: f64 = 0.7;

/// A settings file that was read.
pub(crate) struct SettingsFile {
    path: PathBuf,
    said: Said,
    is_open_to_others: bool,
}

impl SettingsFile {
    /// The file that was named, or else the machine's own, where there is one.
    pub(super) fn find(flag: Option<PathBuf>) -> Result<Option<Self>, Wrong> {
        match named(flag) {
            Some(path) if path.as_os_str().is_empty() => Ok(None),
            Some(path) => Self::read(&path).map(Some),
            None if Path::new(CONFIG_DEFAULT).exists() => Self::read(Path::new(CONFIG_DEFAULT)).map(Some),
            None => Ok(None),
        }
    }

    /// The file that was named.
    pub(super) fn find_named(flag: Option<PathBuf>) -> Result<Option<Self>, Wrong> {
        named(flag).filter(|path| !path.as_os_str().is_empty()).map(|path| Self::read(&path)).transpose()
    }

    fn read(path: &Path) -> Result<Self, Wrong> {
        let shown = path.display();
        let text = fs::read_to_string(path).map_err(|error| {
            let hint = match error.kind() {
                ErrorKind::PermissionDenied => {
                    "; let the server's user read it, or name another with --config"
                }
                _ => "",
            };
            Wrong(format!("the settings file {shown} cannot be read: {error}{hint}"))
        })?;
        let said = parse(&text).map_err(|(line, what)| Wrong(format!("{shown}, line {line}: {what}")))?;
        Ok(Self { path: path.to_owned(), said, is_open_to_others: is_open_to_others(path) })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What it says about a key, and in which line.
    pub(super) fn get(&self, key: &str) -> Option<(&[String], usize)> {
        self.said.get(key).map(|(texts, line)| (texts.as_slice(), *line))
    }

    /// A sentence about a file that tells secrets to everybody on the machine.
    pub(crate) fn warning(&self) -> Option<String> {
        let has_secret = TABLE.iter().any(|setting| {
            let said = self.said.get(setting.key);
            said.is_some_and(|(texts, _)| {
                setting.is_secret
                    || setting.key == "database_url"
                        && texts.iter().any(|text| super::DatabaseUrl(text.clone()).has_password())
            })
        });
        (has_secret && self.is_open_to_others).then(|| {
            let file = self.path.display();
            format!("others on this machine can read {file}, which holds a password: chmod 600 {file}")
        })
    }
}

fn named(flag: Option<PathBuf>) -> Option<PathBuf> {
    flag.or_else(|| env::var_os(CONFIG_VARIABLE).map(PathBuf::from))
}

/// Texts and line by key.
type Said = BTreeMap<String, (Vec<String>, usize)>;

/// What a file says; or the line of what is wrong.
fn parse(text: &str) -> Result<Said, (usize, String)> {
    let line_of = |at: usize| 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count();
    let table = DeTable::parse(text).map_err(|error| {
        (line_of(error.span().map_or(0, |span| span.start)), error.message().trim().replace('\n', ", "))
    })?;
    let mut said = BTreeMap::new();
    for (key, value) in table.get_ref() {
        let line = line_of(key.span().start);
        let name = key.get_ref().as_ref();
        if !TABLE.iter().any(|setting| setting.key == name) {
            return Err((line, unknown(name)));
        }
        let texts = texts(value.get_ref()).ok_or_else(|| {
            (line, format!("{name} must be a text, a number, true or false, or a list of these"))
        })?;
        said.insert(name.to_owned(), (texts, line));
    }
    Ok(said)
}

fn unknown(name: &str) -> String {
    let near = TABLE
        .iter()
        .map(|setting| (strsim::jaro_winkler(name, setting.key), setting.key))
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .filter(|(likeness, _)| *likeness >= NEAR);
    match near {
        Some((_, key)) => format!("{name} is no setting; is {key} meant?"),
        None => format!("{name} is no setting; `reeve serve --help` lists them all"),
    }
}

fn texts(value: &DeValue<'_>) -> Option<Vec<String>> {
    match value {
        DeValue::Array(list) => list.iter().map(|value| text(value.get_ref())).collect(),
        single => Some(vec![text(single)?]),
    }
}

fn text(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.to_string().replace('_', "")),
        DeValue::Float(number) => Some(number.to_string()),
        DeValue::Boolean(switch) => Some(switch.to_string()),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

/// Can others than the owner read it?
#[cfg(unix)]
pub(crate) fn is_open_to_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).is_ok_and(|about| about.permissions().mode() & 0o044 != 0)
}

/// Elsewhere the folder decides.
#[cfg(not(unix))]
pub(crate) fn is_open_to_others(_: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_each_setting_in_a_line() {
        let text = "# ours\nlisten = \"[::]:443\"\ntrusted_proxy = [\"192.0.2.1\",\n  \"192.0.2.2\"]\ndemo = true\n\
                    head_within_seconds = 1_0\n";
        let said = parse(text).expect("good");
        assert_eq!(said["listen"], (vec!["[::]:443".to_owned()], 2));
        assert_eq!(said["trusted_proxy"].0.len(), 2);
        assert_eq!(said["demo"], (vec!["true".to_owned()], 5));
        assert_eq!(said["head_within_seconds"], (vec!["10".to_owned()], 6));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, line, part) in [
            ("listen = \"a\"\nlisen = 1\n", 2, "lisen is no setting; is listen meant?"),
            ("\n[mail]\nfrom = \"a\"", 2, "is mail_from meant?"),
            ("listen = \"a", 1, ""),
            ("listen = \"a\"\nlisten = \"b\"", 2, "duplicate"),
            ("xyz = 1", 1, "--help"),
            ("listen = 1979-05-27", 1, "listen must be"),
        ] {
            let (found, what) = parse(text).expect_err(text);
            assert!(found == line && what.contains(part), "{text:?}: {found}: {what}");
        }
    }
}
