//! What has to be decided by people: append-only revisions, a business's own before the MSP's. What held at a time can be
//! told later, and a stricter one voids what was approved under the one before.

mod change;
mod list;
mod sample;

pub use change::{set_business, set_default};
pub use list::{get_business, get_default, list, revisions_of_business, revisions_of_default};
pub(crate) use sample::sample;

use crate::{Error, Result, store::Reach};
use entity::{
    command::{ApprovalPolicy, ApprovalRule, CommandKind, REARM_APPROVALS_DEFAULT},
    id::BusinessId,
    table::approval_policy as policy,
};
use sea_orm::{ColumnTrait as _, ConnectionTrait, QueryFilter as _, QueryOrder as _};
use serde::{Deserialize, Serialize};

/// What is stored of a revision.
#[derive(Debug, Serialize, Deserialize)]
struct Document {
    /// What is decided further up holds from here on.
    #[serde(default)]
    inherits: bool,
    rules: Vec<ApprovalRule>,
    decide_seconds: u32,
    allows_break_glass: bool,
    #[serde(default = "rearm_approvals")]
    rearm_approvals: u32,
    #[serde(default)]
    automatic: Vec<CommandKind>,
}

const fn rearm_approvals() -> u32 {
    REARM_APPROVALS_DEFAULT
}

/// The policy that holds for a business: the last revision of its own, else of the MSP's, else what holds where nobody has
/// written one.
///
/// # Errors
/// When the database fails, or what is stored cannot be read.
pub(crate) async fn in_force(db: &impl ConnectionTrait, business: BusinessId) -> Result<ApprovalPolicy> {
    if let Some(row) = last(db, Some(business)).await? {
        let (inherits, policy) = read(&row)?;
        if !inherits {
            return Ok(policy);
        }
    }
    of_msp(db).await
}

/// The MSP's policy.
///
/// # Errors
/// When the database fails, or what is stored cannot be read.
pub(crate) async fn of_msp(db: &impl ConnectionTrait) -> Result<ApprovalPolicy> {
    match last(db, None).await? {
        Some(row) => Ok(read(&row)?.1),
        None => Ok(ApprovalPolicy::default()),
    }
}

/// The last revision of a business's own, or of the MSP's.
async fn last(db: &impl ConnectionTrait, business: Option<BusinessId>) -> Result<Option<policy::Model>> {
    Ok(of(business).order_by_desc(policy::Column::Revision).one(db).await?)
}

fn of(business: Option<BusinessId>) -> sea_orm::Select<policy::Entity> {
    // What belongs to no business is within nobody's reach but of those who reach all.
    let select = Reach::everything().select::<policy::Entity>();
    match business {
        Some(business) => select.filter(policy::Column::BusinessId.eq(business)),
        None => select.filter(policy::Column::BusinessId.is_null()),
    }
}

fn read(row: &policy::Model) -> Result<(bool, ApprovalPolicy)> {
    let document: Document = serde_json::from_str(&row.document)
        .map_err(|error| Error::Internal(format!("stored policy: {error}")))?;
    let Document { inherits, rules, decide_seconds, allows_break_glass, rearm_approvals, automatic } =
        document;
    let policy = ApprovalPolicy {
        id: Some(row.id),
        business_id: row.business_id,
        rules,
        decide_seconds,
        allows_break_glass,
        rearm_approvals,
        automatic,
    };
    Ok((inherits, policy))
}
