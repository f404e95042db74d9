//! Recovery codes: each lets one sign-in go on without the factor that was lost. Kept as digests, shown once.

use super::own::Changing;
use crate::{Confirmed, Error, Result, Store, audit::Record, secret, store::Change};
use entity::{factor::RECOVERY_CODES, id::UserId, table::recovery_code};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, PaginatorTrait as _, QueryFilter as _, Set,
    sea_query::Expr,
};

/// Groups of a code, and letters in each: 120 bits, so that a plain digest keeps it.
const SHAPE: (usize, usize) = (4, 6);

/// Makes new recovery codes, shown once; those from before stop working.
///
/// # Errors
/// Conflict when there is no factor that could be lost.
pub async fn new_recovery_codes(cx: &Confirmed<'_>) -> Result<Vec<String>> {
    let changing = Changing::begin(cx).await?;
    if changing.before.count() == 0 {
        return Err(Error::conflict(None, "Recovery codes stand in for a second factor. Add one first."));
    }
    let codes = replace(&changing.change, cx.me().id).await?;
    changing.commit(Record::new("account.new_recovery_codes", "Made new recovery codes")).await?;
    Ok(codes)
}

/// How many were not used yet.
pub(super) async fn left(db: &impl ConnectionTrait, id: UserId) -> Result<u64> {
    Ok(recovery_code::Entity::find()
        .filter(recovery_code::Column::UserId.eq(id))
        .filter(recovery_code::Column::UsedAt.is_null())
        .count(db)
        .await?)
}

/// Makes new ones in the place of all that there were.
pub(super) async fn replace(change: &Change, id: UserId) -> Result<Vec<String>> {
    remove(change, id).await?;
    let codes =
        (0..RECOVERY_CODES).map(|_| secret::readable(SHAPE.0, SHAPE.1)).collect::<Result<Vec<_>>>()?;
    let rows = codes.iter().map(|code| recovery_code::ActiveModel {
        user_id: Set(id),
        code_hash: Set(digest(id, code)),
        used_at: Set(None),
    });
    recovery_code::Entity::insert_many(rows).exec(&**change).await?;
    Ok(codes)
}

/// Forgets all of them.
pub(super) async fn remove(change: &Change, id: UserId) -> Result<()> {
    recovery_code::Entity::delete_many().filter(recovery_code::Column::UserId.eq(id)).exec(&**change).await?;
    Ok(())
}

/// Uses one up. Of many who use the same, one does.
pub(super) async fn spend(store: &Store, id: UserId, code: &str) -> Result<bool> {
    let hash = digest(id, code);
    let known = recovery_code::Entity::find_by_id((id, hash.clone())).one(store.db()).await?;
    if known.is_none_or(|row| row.used_at.is_some()) {
        return Ok(false);
    }
    let change = store.begin().await?;
    let used = recovery_code::Entity::update_many()
        .col_expr(recovery_code::Column::UsedAt, Expr::value(store.now()))
        .filter(recovery_code::Column::UserId.eq(id))
        .filter(recovery_code::Column::CodeHash.eq(hash))
        .filter(recovery_code::Column::UsedAt.is_null())
        .exec(&*change)
        .await?;
    change.commit_unattended().await?;
    Ok(used.rows_affected == 1)
}

/// What is stored of a code. People type dashes, spaces and capitals as they like, and take letters that there are
/// none of for the digits that they look like.
fn digest(id: UserId, code: &str) -> String {
    let letters: String = code
        .chars()
        .filter(|letter| letter.is_alphanumeric())
        .map(|letter| match letter.to_ascii_lowercase() {
            'o' => '0',
            'i' | 'l' => '1',
            other => other,
        })
        .collect();
    secret::digest(&format!("recovery code of {id} {letters}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_may_be_typed_in_many_ways() {
        let (ada, bob) = (UserId::generate(), UserId::generate());
        let stored = digest(ada, "abc012-def345-ghj678-kmn901");
        for typed in
            ["ABC012DEF345GHJ678KMN901", " abcO12 def345 ghj678 kmn9oI", "abc0l2-def345-ghj678-kmn90l"]
        {
            assert_eq!(digest(ada, typed), stored, "{typed}");
        }
        assert_ne!(digest(bob, "abc012-def345-ghj678-kmn901"), stored);
        assert_ne!(digest(ada, "abc012-def345-ghj678-kmn902"), stored);
    }
}
