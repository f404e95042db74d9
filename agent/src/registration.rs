//! What registration gave: the part of the configuration that says what this machine is to its server, with the server's
//! settings.

use crate::{
    config::{self, Choices, Config},
    failure::Failure,
    log::Rotation,
    machine,
    paths::Paths,
    update::pin,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use chrono::{DateTime, Utc};
use entity::{
    id::{BusinessId, DeviceId, ServiceLocationId},
    wire::Settings,
};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    io::{self, Read as _},
};
use updater::{
    durable::{Mode, write_atomic},
    exit,
};

/// Longest file of the root that is read; an honest one has 45 bytes.
const ROOT_BYTES_MAX: u64 = 256;

/// What this machine is to its server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Registration {
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
    /// In force until the server says otherwise.
    pub settings: Settings,
    /// When it was registered.
    pub registered_at: DateTime<Utc>,
    /// Public key of the root that says which keys may sign commands, base64. It lies in a file of its own, so that no
    /// message of the server and no change of the configuration touches it. Absent: every command is refused.
    pub command_root: Option<String>,
    /// The signed root that says which keys may sign releases; in a file of its own too. Absent: no update is taken, unless
    /// an administrator gives one. Too long to be shown.
    #[serde(skip)]
    pub release_root: Option<String>,
}

impl Registration {
    /// Reads the registration; `None` when there is none.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn find(paths: &Paths) -> Result<Option<Self>, Failure> {
        let found = config::read(paths)?;
        Ok(found.map(|found| Self {
            release_root: pin::find(paths),
            ..Self::of(&found.config, config::load_settings(paths), find_root(paths))
        }))
    }

    /// The root that this device knows, if it knows one.
    #[must_use]
    pub fn command_root_key(&self) -> Option<[u8; 32]> {
        BASE64_STANDARD.decode(self.command_root.as_ref()?).ok()?.try_into().ok()
    }

    fn of(config: &Config, settings: Settings, command_root: Option<String>) -> Self {
        Self {
            server_url: config.server_url.clone(),
            websocket_url: config.websocket_url.clone(),
            device_id: config.device_id,
            device_name: config.device_name.clone(),
            business_id: config.business_id,
            service_location_id: config.service_location_id,
            settings,
            registered_at: config.registered_at,
            command_root,
            release_root: None,
        }
    }

    /// Reads the registration.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn load(paths: &Paths) -> Result<Self, Failure> {
        Self::find(paths)?.ok_or_else(|| not_registered(paths))
    }

    /// Keeps the registration, with what the administrator of the machine chose before.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn keep(&self, paths: &Paths) -> Result<(), Failure> {
        let choices = match config::read(paths) {
            Ok(Some(found)) => {
                if found.is_former() {
                    set_aside(paths)?;
                }
                found.config.choices()
            }
            Ok(None) => Choices::default(),
            Err(error) => {
                tracing::warn!(%error, "the former configuration cannot be used; it is kept as a backup");
                set_aside(paths)?;
                Choices::default()
            }
        };
        let (path, config) = (config::path(paths), self.config(choices));
        // Before the rest: a device that died in between knows a root too many, and never one too few.
        keep_root(paths, self.command_root.as_deref())
            .and_then(|()| pin::keep(paths, self.release_root.as_deref()))
            .and_then(|()| config::former::renew(paths, &config))
            .and_then(|()| config::write(paths, &config))
            .and_then(|()| config::keep_settings(paths, &self.settings))
            .and_then(|()| forget_former(paths))
            .map_err(|error| Failure::failed(format!("{} cannot be written: {error}", path.display())))
    }

    fn config(&self, choices: Choices) -> Config {
        let Rotation { file_bytes, file_hours, files } = choices.rotation;
        Config {
            config_version: 2,
            server_url: self.server_url.clone(),
            websocket_url: self.websocket_url.clone(),
            device_id: self.device_id,
            device_name: self.device_name.clone(),
            business_id: self.business_id,
            service_location_id: self.service_location_id,
            registered_at: self.registered_at,
            current_version: machine::version().to_owned(),
            log_level: choices.log_level,
            log_file_size_bytes: file_bytes,
            log_file_age_hours: file_hours,
            log_files: files,
            polling_interval_seconds: choices.polling_interval_seconds,
            show_update_notifications: choices.show_update_notifications,
        }
    }
}

fn set_aside(paths: &Paths) -> Result<(), Failure> {
    config::set_aside(paths, Utc::now())
        .map_err(|error| Failure::failed(format!("the former configuration cannot be kept: {error}")))
}

/// The root that registration gave.
fn find_root(paths: &Paths) -> Option<String> {
    let mut text = String::new();
    let file = fs::File::open(paths.command_root()).ok()?;
    file.take(ROOT_BYTES_MAX).read_to_string(&mut text).ok()?;
    Some(text.trim().to_owned())
}

fn keep_root(paths: &Paths, root: Option<&str>) -> io::Result<()> {
    match root {
        Some(root) => write_atomic(&paths.command_root(), format!("{root}\n").as_bytes(), Mode::Private),
        None => match fs::remove_file(paths.command_root()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        },
    }
}

/// What to do on a machine that is no device.
fn not_registered(paths: &Paths) -> Failure {
    Failure::new(
        exit::NOT_REGISTERED,
        format!(
            "this machine is not registered ({} is missing). Make a token in the portal under Devices, then run: reeve-agent register --server URL",
            config::path(paths).display()
        ),
    )
}

/// An agent of a version before this one reads another file; what stands there is over.
fn forget_former(paths: &Paths) -> io::Result<()> {
    match fs::remove_file(paths.registration()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
