//! Version 1 of the configuration, frozen: `agent.json`, what registration gave, the server's settings among it. Nothing
//! of today's types is used here, so that no change of theirs changes what version 1 was.

use super::{error::ConfigError, fields::Fields};
use serde_json::{Map, Value, json};

/// What was to be found there; anything else is left behind, in the backup.
const TAKEN: [&str; 7] = [
    "server_url",
    "websocket_url",
    "device_id",
    "device_name",
    "business_id",
    "service_location_id",
    "registered_at",
];

/// What version 1 becomes.
#[derive(Clone, Debug, PartialEq)]
pub struct Migrated {
    /// The configuration in version 2.
    pub config: Map<String, Value>,
    /// The server's settings, which lie in a file of their own from version 2 on.
    pub settings: Value,
}

/// Brings version 1 to version 2.
///
/// # Errors
/// Names the field that is missing.
pub fn migrate(fields: &Fields<'_>, agent_version: &str) -> Result<Migrated, ConfigError> {
    let former = fields.map();
    let mut config = Map::new();
    config.insert("config_version".to_owned(), json!(2));
    for name in TAKEN {
        match former.get(name) {
            Some(value) => drop(config.insert(name.to_owned(), value.clone())),
            None if name == "service_location_id" => {}
            None => return Err(ConfigError::field(name, None, "this field is missing")),
        }
    }
    config.insert("current_version".to_owned(), json!(agent_version));
    Ok(Migrated { config, settings: former.get("settings").cloned().unwrap_or(Value::Null) })
}
