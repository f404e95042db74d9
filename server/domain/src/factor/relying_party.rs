//! Who passkeys are made for: this server, under the name by which browsers reach it.

use crate::{Error, Result, Store};
use webauthn_rs::prelude::{Url, Webauthn, WebauthnBuilder};

/// Browsers make passkeys for names, never for bare IP addresses, and only where nobody can listen.
#[must_use]
pub fn passkeys_are_possible(store: &Store) -> bool {
    origin(store).is_some()
}

fn origin(store: &Store) -> Option<Url> {
    let url = Url::parse(store.public_url()).ok()?;
    let name = url.domain()?;
    let is_private = url.scheme() == "https" || name == "localhost" || name.ends_with(".localhost");
    is_private.then_some(url)
}

/// The one who asks for passkeys and checks what they answer.
///
/// # Errors
/// Conflict where they are impossible.
pub(super) fn relying_party(store: &Store) -> Result<Webauthn> {
    let url = origin(store).ok_or_else(|| {
        Error::conflict(
            None,
            "Browsers make passkeys only for a server that is reached by its name over https. Use an authenticator \
             app instead.",
        )
    })?;
    let name = url.domain().unwrap_or_default();
    WebauthnBuilder::new(name, &url)
        .and_then(|builder| builder.rp_name("Reeve").build())
        .map_err(|error| Error::Internal(format!("passkeys for {url}: {error}")))
}
