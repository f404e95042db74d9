//! `reeve-agent rotate-key`: another device key takes the place of the present one. An agent that runs goes on with it.

use crate::{
    failure::Failure, http::Api, identity::Identity, paths::Paths, registration::Registration,
    timing::Timing, tls, token::DeviceApi,
};

/// Replaces the device key; the fingerprint of the new one.
///
/// # Errors
/// Each with a sentence that says what to do. The former key works until the server has taken the new one.
pub async fn rotate(paths: &Paths) -> Result<String, Failure> {
    let registration = Registration::load(paths)?;
    let identity = Identity::load(paths).map_err(|error| {
        Failure::failed(format!("{}: {error}; register again with --replace", paths.key().display()))
    })?;
    let tls = tls::config(paths, &registration.server_url)?;
    let api = Api::new(&registration.server_url, &tls, &Timing::default())?;
    let mut device = DeviceApi::new(api, registration.device_id, identity);
    device.rotate().await.map_err(|error| Failure::failed(format!("the key was not replaced: {error}")))
}
