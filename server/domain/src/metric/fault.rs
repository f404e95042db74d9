//! Points between two steps at which a test can let a change die, as in a crash; nothing in the product.

use crate::Result;

/// Goes on.
#[cfg(not(test))]
pub(super) const fn point() -> Result<()> {
    Ok(())
}

#[cfg(test)]
tokio::task_local! {
    /// How many points are passed before one is deadly.
    static LEFT: std::cell::Cell<usize>;
}

/// Goes on, or dies; whoever dies here leaves a transaction that is not committed.
#[cfg(test)]
pub(super) fn point() -> Result<()> {
    let left = LEFT.try_with(|left| left.replace(left.get().saturating_sub(1)));
    if left == Ok(1) {
        return Err(crate::Error::Database(sea_orm::DbErr::Custom("died here".to_owned())));
    }
    Ok(())
}

/// Runs something that dies at the given point; the first is 1.
#[cfg(test)]
pub(super) async fn dying_at<T>(point: usize, future: impl Future<Output = T>) -> T {
    LEFT.scope(std::cell::Cell::new(point), future).await
}
