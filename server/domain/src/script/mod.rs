//! The library of scripts: shared ones and those of one business. A version never changes; what people approve and devices
//! run is its text, not its name.

mod change;
mod list;

pub use change::{add, add_version, archive, change};
pub use list::{get, get_version, list, versions};

use crate::{Cx, Error, Result, store::Reach};
use entity::{
    id::ScriptId,
    policy::Action,
    table::{script, script_version as version},
};
use sea_orm::{ColumnTrait, Condition, QueryFilter as _, Select};

/// Those who ask for scripts, write them, decide about them, or look at what was done.
fn check_view(cx: &Cx) -> Result<()> {
    let any = [Action::RequestCommand, Action::ManageScript, Action::Approve, Action::ViewAudit];
    let held = any.into_iter().find(|action| cx.me().may(*action)).unwrap_or(Action::ManageScript);
    cx.check(held, "Your role does not show you scripts.")
}

/// Rows within reach, and shared ones: they belong to no business and are for everybody's devices.
fn shown<E>(cx: &Cx, business: E::Column) -> Select<E>
where
    E: crate::store::Tenant<Column: ColumnTrait>,
{
    let own = cx.reach().filter::<E>();
    Reach::everything().select::<E>().filter(Condition::any().add(business.is_null()).add(own))
}

/// The row, if it is within reach or shared.
async fn find(cx: &Cx, id: ScriptId) -> Result<script::Model> {
    shown::<script::Entity>(cx, script::Column::BusinessId)
        .filter(script::Column::Id.eq(id))
        .one(cx.store().db())
        .await?
        .ok_or_else(not_found)
}

fn not_found() -> Error {
    Error::not_found("script")
}

/// The last version of a script.
async fn latest(cx: &Cx, row: &script::Model) -> Result<version::Model> {
    shown::<version::Entity>(cx, version::Column::BusinessId)
        .filter(version::Column::ScriptId.eq(row.id))
        .filter(version::Column::Version.eq(row.latest_version))
        .one(cx.store().db())
        .await?
        .ok_or_else(|| Error::Internal("a script has no version".to_owned()))
}
