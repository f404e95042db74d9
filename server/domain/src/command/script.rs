//! Scripts of commands: what runs is what is written in the request, wherever it comes from; the library only helps to
//! write it, and the digest says which it is.

use crate::{Cx, Result, Store, store::Reach};
use entity::{
    command::Payload,
    id::{BusinessId, ScriptVersionId},
    problem::Problem,
    seal,
    table::script_version as version,
};
use sea_orm::{ColumnTrait as _, QueryFilter as _};

/// Fills in what a script of the library says, and the digest; for everything else nothing.
///
/// # Errors
/// Invalid when there is no such version, or the script or its digest is another one.
pub(super) async fn complete(cx: &Cx, payload: Payload) -> Result<Payload> {
    let Payload::RunScript { mut shell, mut script, script_sha256, parameters, script_version_id } = payload
    else {
        return Ok(payload);
    };
    if let Some(id) = script_version_id {
        let row = find(cx.store(), id).await?.ok_or_else(unknown)?;
        if row.business_id.is_some_and(|of| !cx.reach().touches(of)) {
            return Err(unknown().into());
        }
        if !script.is_empty() && script != row.script {
            let detail = "This is not the script of that version; leave one of them out.";
            return Err(Problem::invalid("script", detail).into());
        }
        (shell, script) = (row.shell, row.script);
    }
    let digest = seal::sha256(script.as_bytes());
    if !script_sha256.is_empty() && !script_sha256.eq_ignore_ascii_case(&digest) {
        return Err(Problem::invalid("script_sha256", "This is not the SHA-256 of the script.").into());
    }
    Ok(Payload::RunScript { shell, script, script_sha256: digest, parameters, script_version_id })
}

/// A script of one business is not for another's devices.
///
/// # Errors
/// Invalid, as if there were none.
pub(super) async fn check_business(store: &Store, payload: &Payload, business: BusinessId) -> Result<()> {
    let Payload::RunScript { script_version_id: Some(id), .. } = payload else { return Ok(()) };
    let row = find(store, *id).await?.ok_or_else(unknown)?;
    if row.business_id.is_none_or(|of| of == business) { Ok(()) } else { Err(unknown().into()) }
}

fn unknown() -> Problem {
    Problem::invalid("script_version_id", "There is no such version of a script for these devices.")
}

/// By the store: the MSP's own are for everybody's devices.
async fn find(store: &Store, id: ScriptVersionId) -> Result<Option<version::Model>> {
    let select = Reach::everything().select::<version::Entity>().filter(version::Column::Id.eq(id));
    Ok(select.one(store.db()).await?)
}
