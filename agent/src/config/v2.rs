//! Version 2 of the configuration, the present one: what this machine is to its server, and what its administrator
//! chose. It is frozen on the day that version 3 comes.

use super::{error::ConfigError, fields::Fields};
use crate::{
    http,
    log::{LogLevel, Rotation},
};
use chrono::{DateTime, Utc};
use entity::id::{BusinessId, DeviceId, ServiceLocationId};
use serde::Serialize;

/// Its number.
pub const VERSION: u64 = 2;

/// Its fields, for those who look for the one they meant.
const FIELDS: [&str; 15] = [
    "config_version",
    "server_url",
    "websocket_url",
    "device_id",
    "device_name",
    "business_id",
    "service_location_id",
    "registered_at",
    "current_version",
    "log_level",
    "log_file_size_bytes",
    "log_file_age_hours",
    "log_files",
    "polling_interval_seconds",
    "show_update_notifications",
];

/// The configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Config {
    /// Always [`VERSION`].
    pub config_version: u64,
    /// Address of the server, as it was given at registration; no message from the server changes it.
    pub server_url: String,
    /// Where the WebSocket is.
    pub websocket_url: String,
    /// The device that this machine is.
    pub device_id: DeviceId,
    /// What it was called in the portal.
    pub device_name: String,
    /// Whose device it is.
    pub business_id: BusinessId,
    /// Where it stands.
    pub service_location_id: Option<ServiceLocationId>,
    /// When it was registered.
    pub registered_at: DateTime<Utc>,
    /// The version of the agent that ran last.
    pub current_version: String,
    /// What is worth a line in the log.
    pub log_level: LogLevel,
    /// Largest file of the log.
    pub log_file_size_bytes: u64,
    /// Hours after which a file of the log gives way to the next.
    pub log_file_age_hours: u32,
    /// Files of the log in all.
    pub log_files: u32,
    /// Seconds between questions for a newer version, where no message of the server says that there is one.
    pub polling_interval_seconds: u64,
    /// True: the person at the machine is told about updates.
    pub show_update_notifications: bool,
}

/// What an administrator may choose, with what is used where nothing is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choices {
    /// See [`Config::log_level`].
    pub log_level: LogLevel,
    /// See [`Config::log_file_size_bytes`] and those after it.
    pub rotation: Rotation,
    /// See [`Config::polling_interval_seconds`].
    pub polling_interval_seconds: u64,
    /// See [`Config::show_update_notifications`].
    pub show_update_notifications: bool,
}

impl Default for Choices {
    fn default() -> Self {
        Self {
            log_level: LogLevel::default(),
            rotation: Rotation::default(),
            polling_interval_seconds: 4 * 3_600,
            show_update_notifications: false,
        }
    }
}

impl Config {
    /// Reads every field.
    ///
    /// # Errors
    /// Names the first that cannot be used.
    pub fn read(mut fields: Fields<'_>) -> Result<Self, ConfigError> {
        let usual = Choices::default();
        let server_url = fields.text("server_url")?;
        // The reason names an option of the command line, which is of no use here.
        let server_url = http::server_url(&server_url).map_err(|_| {
            fields.error(
                "server_url",
                "expected an address such as https://reeve.example, without user, query and fragment",
            )
        })?;
        let websocket_url = fields.text("websocket_url")?;
        let is_encrypted = websocket_url.starts_with("wss://");
        if !is_encrypted && !websocket_url.starts_with("ws://") {
            return Err(fields.error("websocket_url", "expected an address that starts with wss:// or ws://"));
        }
        if server_url.starts_with("https://") && !is_encrypted {
            return Err(fields.error(
                "websocket_url",
                "this is less protected than server_url: it has to start with wss://",
            ));
        }
        let hours = u64::from(usual.rotation.file_hours);
        let config = Self {
            config_version: fields.number("config_version", VERSION..=VERSION, VERSION)?,
            server_url,
            websocket_url,
            device_id: fields.parsed("device_id", "an id such as 01890000-0000-7000-8000-000000000001")?,
            device_name: fields.text("device_name")?,
            business_id: fields.parsed("business_id", "an id")?,
            service_location_id: fields.parsed_or_none("service_location_id", "an id or null")?,
            registered_at: fields.parsed("registered_at", "a time such as 2026-11-21T12:00:00Z")?,
            current_version: fields.text("current_version")?,
            log_level: match fields.map().get("log_level") {
                Some(_) => fields.parsed("log_level", "one of verbose, debug, info, warn, error, fatal")?,
                None => usual.log_level,
            },
            log_file_size_bytes: fields.number(
                "log_file_size_bytes",
                64 * 1024..=1024 * 1024 * 1024,
                usual.rotation.file_bytes,
            )?,
            log_file_age_hours: narrow(fields.number("log_file_age_hours", 1..=8_760, hours)?),
            log_files: narrow(fields.number("log_files", 1..=100, u64::from(usual.rotation.files))?),
            polling_interval_seconds: fields.number(
                "polling_interval_seconds",
                60..=7 * 86_400,
                usual.polling_interval_seconds,
            )?,
            show_update_notifications: fields
                .flag("show_update_notifications", usual.show_update_notifications)?,
        };
        fields.end(&FIELDS)?;
        Ok(config)
    }

    /// What was chosen.
    #[must_use]
    pub const fn choices(&self) -> Choices {
        Choices {
            log_level: self.log_level,
            rotation: Rotation {
                file_bytes: self.log_file_size_bytes,
                file_hours: self.log_file_age_hours,
                files: self.log_files,
            },
            polling_interval_seconds: self.polling_interval_seconds,
            show_update_notifications: self.show_update_notifications,
        }
    }
}

/// A number whose range was checked.
fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
