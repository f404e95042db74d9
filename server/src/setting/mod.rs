//! Every setting of `reeve`, in one table. A setting `data_dir` is the flag `--data-dir`, the environment variable
//! `REEVE_DATA_DIR` and the key `data_dir` in the settings file; the first of these that says something counts, then
//! the default. Secrets have no flag: others on a machine see a program's arguments.

pub(crate) mod file;
mod source;
mod value;

pub(crate) use source::{Flags, Groups, Sources};
pub(crate) use value::{Bounded, BusUrl, DatabaseUrl, LogLevel, PublicUrl, Secret, Value};

use crate::{
    artifacts::ArtifactsAt,
    limit::{Limits, Rate},
};
use domain::metric::Retention;
use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

/// One line of the table.
pub(crate) struct Setting {
    /// Its name in the settings file; those of the flag and of the variable follow from it.
    pub(crate) key: &'static str,
    /// What it belongs to.
    pub(crate) group: Group,
    /// What it is for: a sentence or some.
    pub(crate) about: &'static str,
    /// What its value is called.
    pub(crate) value: &'static str,
    /// May it be said several times?
    pub(crate) is_list: bool,
    /// Is it on or off, and no more?
    pub(crate) is_switch: bool,
    /// Does it have to stay out of sight?
    pub(crate) is_secret: bool,
    /// What counts when nobody says anything.
    default: fn() -> Option<String>,
    /// The variable, where it is called otherwise than the key.
    variable: &'static [&'static str],
    /// Is this an acceptable value?
    check: fn(&[String]) -> Result<(), String>,
}

/// A setting that cannot be understood: the message names it and where it was said.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Wrong(pub(crate) String);

impl Setting {
    /// The line of the table with this key.
    pub(crate) fn of(key: &str) -> Option<&'static Self> {
        TABLE.iter().find(|setting| setting.key == key)
    }

    /// The flag, without its dashes. Secrets have none.
    pub(crate) fn flag(&self) -> Option<String> {
        (!self.is_secret).then(|| self.key.replace('_', "-"))
    }

    /// A value as people may see it.
    pub(crate) fn shown(&self, text: &str) -> String {
        match self.key {
            "database_url" => DatabaseUrl(text.to_owned()).shown(),
            _ if text.contains("://") && text.contains('@') => "set".to_owned(),
            _ => text.to_owned(),
        }
    }

    /// The environment variable.
    pub(crate) fn variable(&self) -> String {
        match self.variable {
            [name, ..] => (*name).to_owned(),
            [] => format!("REEVE_{}", self.key.to_uppercase()),
        }
    }
}

/// Makes the table, and for each group a type with its values. A line is `key: type = default, "VALUE", "VARIABLE";`
/// where the default and the variable may be absent.
macro_rules! settings {
    ($(
        $(#[doc = $heading:literal])+
        $group:ident {
            $(
                $(#[doc = $about:literal])+
                $key:ident: $kind:ty $(= $default:expr)?, $value:literal $(, $variable:literal)?;
            )*
        }
    )*) => {
        /// What settings belong to.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Group {
            $($(#[doc = $heading])+ $group,)*
        }

        impl Group {
            /// Every group.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$group),*];

            /// What stands above its settings.
            pub(crate) const fn heading(self) -> &'static str {
                match self { $(Self::$group => concat!($($heading),+),)* }
            }
        }

        $(
            $(#[doc = $heading])+
            #[derive(Clone, Debug)]
            pub(crate) struct $group {
                $($(#[doc = $about])+ pub(crate) $key: $kind,)*
            }

            impl $group {
                /// Reads the group's values.
                ///
                /// # Errors
                /// Names the first that is wrong, and where it was said.
                pub(crate) fn read(sources: &Sources) -> Result<Self, Wrong> {
                    Ok(Self { $($key: sources.value(stringify!($key))?,)* })
                }
            }
        )*

        /// Every setting.
        pub(crate) static TABLE: &[Setting] = &[$($(
            Setting {
                key: stringify!($key),
                group: Group::$group,
                about: concat!($($about),+),
                value: $value,
                is_list: <$kind as Value>::IS_LIST,
                is_switch: <$kind as Value>::IS_SWITCH,
                is_secret: <$kind as Value>::IS_SECRET,
                default: || None$(.or_else(|| Some(ToString::to_string(&$default))))?,
                variable: &[$($variable)?],
                check: |texts| <$kind as Value>::read(texts).map(drop),
            },
        )*)*];
    };
}

settings! {
    /// Data
    Data {
        /// Folder for the database and the keys; made when missing.
        data_dir: PathBuf = "reeve-data", "FOLDER";
        /// Database: `sqlite://…` or `postgres://…`; a file in the data folder when absent.
        database_url: Option<DatabaseUrl>, "URL";
        /// Where people and agents reach this server, such as `https://reeve.example.com`.
        public_url: Option<PublicUrl>, "URL";
        /// File of the keys that sign commands, when several servers share them elsewhere than in the data folder; their
        /// root is looked for beside it.
        command_key_file: Option<PathBuf>, "FILE";
        /// Where the files of releases are kept: a folder, `s3://bucket/prefix` or `az://container/prefix`; `artifacts`
        /// in the data folder when absent. Keys and addresses of a bucket come from the environment, by the names that
        /// its own tools have (`AWS_…`, `AZURE_…`).
        artifacts_url: Option<ArtifactsAt>, "URL";
    }

    /// Connections
    Connections {
        /// Address and port to listen on.
        listen: SocketAddr = "127.0.0.1:8080", "ADDRESS:PORT";
        /// File with the server's certificate and those between it and a root, in PEM. With it, browsers and agents
        /// are answered over TLS; read anew when it changes.
        tls_cert: Option<PathBuf>, "FILE";
        /// File with the private key of the certificate, in PEM.
        tls_key: Option<PathBuf>, "FILE";
        /// Address of a proxy whose X-Forwarded-For says where requests come from; repeat for several.
        trusted_proxy: Vec<IpAddr>, "IP";
        /// Another address under which people open the portal, such as `http://reeve.lan:8080`; repeat for several.
        also_at: Vec<PublicUrl>, "URL";
        /// Most open connections at a time; as many as the limit of open files has room for when absent.
        connections_max: Option<Bounded<16, 10_000_000>>, "NUMBER";
        /// Most connections of one address that are no agents' sockets; half of all when absent. Trusted proxies
        /// are not counted.
        connections_per_address_max: Option<Bounded<1, 10_000_000>>, "NUMBER";
    }

    /// Several servers on one PostgreSQL
    Nodes {
        /// NATS over which the servers of one PostgreSQL wake each other: `nats://host:4222`, or `tls://host:4222`;
        /// several with commas between them. A user or a token comes from --bus-credentials-file or stands in the
        /// address. Without, servers see what others did after up to 30 seconds.
        bus: Option<BusUrl>, "URL";
        /// File with one line, `user:password` or a token, for NATS.
        bus_credentials_file: Option<PathBuf>, "FILE";
        /// File with certificates, in PEM, of which one has to sign that of NATS; those that this machine trusts when
        /// absent.
        bus_ca_file: Option<PathBuf>, "FILE";
    }

    /// Files
    Files {
        /// Folder with the agent's programs offered for download; `agents` in the data folder when absent.
        agents_dir: Option<PathBuf>, "FOLDER";
        /// Folder with the portal's files; found beside the program when absent.
        site_root: Option<PathBuf>, "FOLDER";
        /// File with stolen passwords that nobody may choose: the download of Pwned Passwords ordered by hash, SHA-1.
        breached_passwords: Option<PathBuf>, "FILE";
        /// File with the token that whoever reads `/metrics` sends as `Authorization: Bearer`; `metrics-token` in the
        /// data folder when absent, made at the first start.
        metrics_token_file: Option<PathBuf>, "FILE";
        /// Fill an empty database with a sample MSP and print its people's one-time passwords.
        demo: bool = "false", "BOOL";
        /// Show on every page that this server is for tests, and offer controls that send each kind of command to a
        /// device. Strong ones need both locks all the same.
        test_mode: bool = "false", "BOOL";
    }

    /// Mail
    Mail {
        /// Mail server: `smtps://user@host:465`, or `smtp://user@host:587` with STARTTLS. The user's password comes
        /// from --smtp-password-file or the environment variable `REEVE_SMTP_PASSWORD`.
        smtp_url: Option<String>, "URL";
        /// The sender of letters, such as `Reeve <reeve@example.com>`.
        mail_from: Option<String>, "ADDRESS";
        /// File with the password of the SMTP user.
        smtp_password_file: Option<PathBuf>, "FILE";
        /// The password of the SMTP user itself.
        smtp_password: Option<Secret>, "PASSWORD";
        /// File with certificates, in PEM, that sign the mail server's, besides those that this machine trusts.
        smtp_ca_file: Option<PathBuf>, "FILE";
    }

    /// Limits: so many a second / so many at once after a pause
    Allowances {
        /// Requests of one person in all their sessions, or of one API key.
        limit_actor: Rate = Limits::default().actor, "RATE";
        /// Requests of all people and keys of one business; for the MSP's own, of one person with all their keys.
        limit_tenant: Rate = Limits::default().tenant, "RATE";
        /// Requests of people who are not known yet, from one address.
        limit_stranger: Rate = Limits::default().stranger, "RATE";
        /// HTTP calls of one device.
        limit_device: Rate = Limits::default().device, "RATE";
        /// HTTP calls of all devices of one business.
        limit_fleet: Rate = Limits::default().fleet, "RATE";
        /// Calls of devices that have not proved who they are yet, and downloads of the agent, from one address.
        limit_newcomer: Rate = Limits::default().newcomer, "RATE";
        /// Messages over the socket of one device.
        limit_message: Rate = Limits::default().message, "RATE";
        /// Messages over the sockets of all devices of one business.
        limit_fleet_message: Rate = Limits::default().fleet_message, "RATE";
        /// How long the head of a request may take to arrive, and a connection may wait for the next one.
        head_within_seconds: Bounded<1, 3600> = Limits::default().head_within.as_secs(), "SECONDS";
    }

    /// What is kept
    Keeping {
        /// Days that every sample of a device's metrics is kept.
        raw_days: Bounded<1, 36_500> = Retention::default().raw_days, "DAYS";
        /// Days that one row for each five minutes is kept, counted from now as well.
        five_minute_days: Bounded<0, 36_500> = Retention::default().five_minute_days, "DAYS";
        /// Days that log entries are kept.
        log_days: Bounded<1, 3_650> = domain::log_entry::KEPT_DAYS, "DAYS";
    }

    /// Log
    Log {
        /// How the log is written: `text` for people, `json` for programs, one object a line.
        log_format: crate::log::Format = "text", "FORMAT";
        /// What is logged: error, warn, info, debug or trace; also for single parts, such as `info,domain=debug`.
        log_level: LogLevel = crate::log::LEVEL_DEFAULT, "LEVEL", "REEVE_LOG";
    }
}

impl Data {
    /// Where the files of releases are kept.
    pub(crate) fn artifacts_at(&self) -> ArtifactsAt {
        let own = || ArtifactsAt::Folder(self.data_dir.join("artifacts"));
        self.artifacts_url.clone().unwrap_or_else(own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_name_is_one_settings_alone() {
        let keys: BTreeSet<_> = TABLE.iter().map(|setting| setting.key).collect();
        let variables: BTreeSet<_> = TABLE.iter().map(Setting::variable).collect();
        assert_eq!((keys.len(), variables.len()), (TABLE.len(), TABLE.len()));
        assert!(Group::ALL.iter().all(|group| !group.heading().trim().is_empty()));
    }

    #[test]
    fn every_default_is_acceptable() {
        for setting in TABLE {
            let texts: Vec<_> = (setting.default)().into_iter().collect();
            assert_eq!((setting.check)(&texts), Ok(()), "{}", setting.key);
        }
    }
}
