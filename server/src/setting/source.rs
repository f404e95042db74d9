//! Where a setting was said: by a flag, in the environment, in the settings file, or by nobody.

use super::{
    Group, Setting, TABLE, Value, Wrong,
    file::{self, SettingsFile},
};
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use std::{collections::BTreeMap, fmt, marker::PhantomData, path::PathBuf};

/// Which settings a command has flags for.
pub(crate) trait Groups {
    /// Their groups.
    const LIST: &'static [Group];
}

/// The flags that a command was given, as they were written.
pub(crate) struct Flags<G> {
    config: Option<PathBuf>,
    said: BTreeMap<&'static str, Vec<String>>,
    groups: PhantomData<G>,
}

impl<G: Groups> Args for Flags<G> {
    fn augment_args(command: Command) -> Command {
        let config = Arg::new("config")
            .long("config")
            .value_name("FILE")
            .value_parser(clap::value_parser!(PathBuf))
            .help(format!(
                "Settings file, in TOML [env: {}; default: {}, if it is there]",
                file::CONFIG_VARIABLE,
                file::CONFIG_DEFAULT
            ));
        let wanted = TABLE.iter().filter(|setting| G::LIST.contains(&setting.group));
        wanted.filter_map(argument).fold(command.arg(config), Command::arg)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// A setting as an option of the command line.
fn argument(setting: &'static Setting) -> Option<Arg> {
    let default = (setting.default)().filter(|_| !setting.is_switch);
    let default = default.map(|text| format!("; default: {text}")).unwrap_or_default();
    let about = setting.about.trim().trim_end_matches('.');
    let argument = Arg::new(setting.key)
        .long(setting.flag()?)
        .help(format!("{about} [env: {}{default}]", setting.variable()))
        .help_heading(setting.group.heading().trim());
    Some(if setting.is_switch {
        argument.action(ArgAction::SetTrue)
    } else if setting.is_list {
        argument.value_name(setting.value).action(ArgAction::Append).value_delimiter(',')
    } else {
        argument.value_name(setting.value)
    })
}

impl<G: Groups> FromArgMatches for Flags<G> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut said = BTreeMap::new();
        for setting in TABLE.iter().filter(|setting| G::LIST.contains(&setting.group) && !setting.is_secret) {
            if setting.is_switch {
                if matches.get_flag(setting.key) {
                    said.insert(setting.key, vec!["true".to_owned()]);
                }
            } else if let Some(texts) = matches.get_many::<String>(setting.key) {
                said.insert(setting.key, texts.cloned().collect());
            }
        }
        Ok(Self { config: matches.get_one("config").cloned(), said, groups: PhantomData })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl<G> Flags<G> {
    /// Adds the settings file and the environment to the flags.
    ///
    /// # Errors
    /// When the file cannot be read, or has a key that is no setting.
    pub(crate) fn gather(self) -> Result<Sources, Wrong> {
        let file = SettingsFile::find(self.config)?;
        Ok(Sources { flags: self.said, file, defaults: BTreeMap::new() })
    }

    /// As [`Self::gather`], without the machine's own settings file: only one that was named counts.
    pub(crate) fn gather_here(self) -> Result<Sources, Wrong> {
        let file = SettingsFile::find_named(self.config)?;
        Ok(Sources { flags: self.said, file, defaults: BTreeMap::new() })
    }
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The table itself.
    Default,
    /// The settings file, in this line.
    File(PathBuf, usize),
    /// An environment variable.
    Variable(String),
    /// A flag of the command line.
    Flag(String),
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str("default"),
            Self::File(file, line) => write!(formatter, "{}:{line}", file.display()),
            Self::Variable(name) => formatter.write_str(name),
            Self::Flag(name) => write!(formatter, "--{name}"),
        }
    }
}

/// What counts for a setting.
pub(crate) struct Found {
    /// Its texts; none when nobody said anything and there is no default.
    pub(crate) texts: Vec<String>,
    /// Who said it.
    pub(crate) source: Source,
}

/// Everything that was said.
pub(crate) struct Sources {
    flags: BTreeMap<&'static str, Vec<String>>,
    file: Option<SettingsFile>,
    defaults: BTreeMap<&'static str, &'static str>,
}

impl Sources {
    /// Lets another default count for this command.
    pub(crate) fn with_default(mut self, key: &'static str, text: &'static str) -> Self {
        self.defaults.insert(key, text);
        self
    }

    /// The settings file, if one was read.
    pub(crate) fn file(&self) -> Option<&SettingsFile> {
        self.file.as_ref()
    }

    /// What counts for a setting.
    pub(crate) fn find(&self, setting: &Setting) -> Found {
        if let (Some(texts), Some(flag)) = (self.flags.get(setting.key), setting.flag()) {
            return Found { texts: texts.clone(), source: Source::Flag(flag) };
        }
        let variable = setting.variable();
        // A variable that is empty says nothing: files with variables list them like that.
        if let Some(text) = std::env::var_os(&variable).filter(|text| !text.is_empty()) {
            let text = text.to_string_lossy();
            let texts = if setting.is_list {
                text.split(',').map(|part| part.trim().to_owned()).collect()
            } else {
                vec![text.into_owned()]
            };
            return Found { texts, source: Source::Variable(variable) };
        }
        if let Some(file) = &self.file
            && let Some((texts, line)) = file.get(setting.key)
        {
            return Found { texts: texts.to_vec(), source: Source::File(file.path().to_owned(), line) };
        }
        let default = self.defaults.get(setting.key).map(|text| (*text).to_owned());
        Found {
            texts: default.or_else(|| (setting.default)()).into_iter().collect(),
            source: Source::Default,
        }
    }

    /// Was it said on the command line, where others can see it?
    pub(crate) fn is_by_flag(&self, key: &str) -> bool {
        self.flags.contains_key(key)
    }

    /// What is wrong with what counts for a setting, as a sentence that names it and its source.
    pub(crate) fn complaint(&self, setting: &Setting) -> Option<String> {
        let found = self.find(setting);
        (setting.check)(&found.texts).err().map(|expected| complaint(setting, &found, &expected))
    }

    /// The value of a setting.
    pub(super) fn value<T: Value>(&self, key: &str) -> Result<T, Wrong> {
        let Some(setting) = Setting::of(key) else { return Err(Wrong(format!("{key} is no setting"))) };
        let found = self.find(setting);
        T::read(&found.texts).map_err(|expected| Wrong(complaint(setting, &found, &expected)))
    }
}

/// Names the setting as its source does.
fn complaint(setting: &Setting, found: &Found, expected: &str) -> String {
    let is_shown = !setting.is_secret && !["database_url", "smtp_url", "bus"].contains(&setting.key);
    let said = if is_shown { format!(" {}", found.texts.join(",")) } else { String::new() };
    match &found.source {
        Source::Flag(flag) => format!("--{flag}{said}: {expected}"),
        Source::Variable(name) => format!("the environment variable {name}{said}: {expected}"),
        Source::File(file, line) => {
            format!("{}, line {line}: {}{said}: {expected}", file.display(), setting.key)
        }
        Source::Default => format!("{}{said}: {expected}", setting.key),
    }
}
