//! What registration gave, kept in `agent.json`.

use crate::{failure::Failure, paths::Paths};
use chrono::{DateTime, Utc};
use entity::{
    id::{BusinessId, DeviceId, ServiceLocationId},
    wire::Settings,
};
use serde::{Deserialize, Serialize};
use std::{fs, io};
use updater::{
    durable::{Mode, write_atomic},
    exit,
};

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
}

impl Registration {
    /// Reads the registration; `None` when there is none.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn find(paths: &Paths) -> Result<Option<Self>, Failure> {
        let path = paths.registration();
        let unreadable = |error: &dyn std::fmt::Display| {
            Failure::failed(format!("{} cannot be read: {error}", path.display()))
        };
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| unreadable(&error)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unreadable(&error)),
        }
    }

    /// Reads the registration.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn load(paths: &Paths) -> Result<Self, Failure> {
        Self::find(paths)?.ok_or_else(|| {
            Failure::new(
                exit::NOT_REGISTERED,
                format!(
                    "this machine is not registered ({} is missing). Make a token in the portal under Devices, then run: reeve-agent register --server URL",
                    paths.registration().display()
                ),
            )
        })
    }

    /// Keeps the registration.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn keep(&self, paths: &Paths) -> Result<(), Failure> {
        let path = paths.registration();
        serde_json::to_vec_pretty(self)
            .map_err(io::Error::from)
            .and_then(|bytes| write_atomic(&path, &bytes, Mode::Private))
            .map_err(|error| Failure::failed(format!("{} cannot be written: {error}", path.display())))
    }
}
