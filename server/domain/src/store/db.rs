//! The connection with the businesses that it may touch. On PostgreSQL each statement runs in a transaction that is
//! told which they are, and row-level security holds it to them, whatever the statement forgets. On the embedded
//! database the tenant filter stands alone.

use super::statement;
use async_trait::async_trait;
use entity::id::BusinessId;
use sea_orm::{
    ConnectionTrait, DatabaseBackend, DatabaseConnection, DatabaseTransaction, DbErr, ExecResult,
    QueryResult, Statement, TransactionOptions, TransactionTrait as _, Value,
};

/// The businesses whose rows a transaction may touch, in the words of the database's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scope {
    every: &'static str,
    businesses: String,
    denied: String,
}

impl Scope {
    pub(super) fn new(
        every: bool,
        businesses: impl Iterator<Item = BusinessId>,
        denied: impl Iterator<Item = BusinessId>,
    ) -> Self {
        Self { every: if every { "on" } else { "off" }, businesses: array(businesses), denied: array(denied) }
    }

    /// Every business: for authentication, jobs, and what has no tenant.
    pub(crate) fn everything() -> Self {
        Self::new(true, std::iter::empty(), std::iter::empty())
    }

    /// One business: for what a device reports.
    pub(crate) fn of(business: BusinessId) -> Self {
        Self::new(false, std::iter::once(business), std::iter::empty())
    }

    /// Tells a transaction; forgotten when it ends, so that nothing is left on a pooled connection.
    async fn tell(&self, tx: &DatabaseTransaction) -> Result<(), DbErr> {
        if tx.get_database_backend() != DatabaseBackend::Postgres {
            return Ok(());
        }
        let sql = "SELECT set_config('reeve.every', ?, true), set_config('reeve.businesses', ?, true), \
                   set_config('reeve.denied', ?, true)";
        let values: [Value; 3] =
            [self.every.into(), self.businesses.as_str().into(), self.denied.as_str().into()];
        tx.execute_raw(statement(DatabaseBackend::Postgres, sql, values)).await.map(drop)
    }
}

/// An array of PostgreSQL.
fn array(ids: impl Iterator<Item = BusinessId>) -> String {
    format!("{{{}}}", ids.map(|id| id.to_string()).collect::<Vec<_>>().join(","))
}

/// The connection within a scope; for reading, and for beginning what writes.
#[derive(Clone)]
pub(crate) struct Db {
    connection: DatabaseConnection,
    scope: Scope,
}

impl Db {
    pub(crate) const fn new(connection: DatabaseConnection, scope: Scope) -> Self {
        Self { connection, scope }
    }

    /// The same connection within another scope.
    pub(crate) fn within(&self, scope: Scope) -> Self {
        Self { connection: self.connection.clone(), scope }
    }

    pub(crate) const fn connection(&self) -> &DatabaseConnection {
        &self.connection
    }

    pub(crate) async fn begin(&self, options: TransactionOptions) -> Result<DatabaseTransaction, DbErr> {
        let tx = self.connection.begin_with_options(options).await?;
        self.scope.tell(&tx).await?;
        Ok(tx)
    }

    /// A transaction around one statement where the database needs to be told; none where it does not.
    async fn around(&self) -> Result<Option<DatabaseTransaction>, DbErr> {
        if self.connection.get_database_backend() != DatabaseBackend::Postgres {
            return Ok(None);
        }
        self.begin(TransactionOptions::default()).await.map(Some)
    }
}

async fn ended<T>(tx: DatabaseTransaction, outcome: Result<T, DbErr>) -> Result<T, DbErr> {
    let value = outcome?;
    tx.commit().await?;
    Ok(value)
}

#[async_trait]
impl ConnectionTrait for Db {
    fn get_database_backend(&self) -> DatabaseBackend {
        self.connection.get_database_backend()
    }

    async fn execute_raw(&self, stmt: Statement) -> Result<ExecResult, DbErr> {
        #[cfg(test)]
        heard::hear(&stmt);
        match self.around().await? {
            None => self.connection.execute_raw(stmt).await,
            Some(tx) => {
                let outcome = tx.execute_raw(stmt).await;
                ended(tx, outcome).await
            }
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match self.around().await? {
            None => self.connection.execute_unprepared(sql).await,
            Some(tx) => {
                let outcome = tx.execute_unprepared(sql).await;
                ended(tx, outcome).await
            }
        }
    }

    async fn query_one_raw(&self, stmt: Statement) -> Result<Option<QueryResult>, DbErr> {
        #[cfg(test)]
        heard::hear(&stmt);
        match self.around().await? {
            None => self.connection.query_one_raw(stmt).await,
            Some(tx) => {
                let outcome = tx.query_one_raw(stmt).await;
                ended(tx, outcome).await
            }
        }
    }

    async fn query_all_raw(&self, stmt: Statement) -> Result<Vec<QueryResult>, DbErr> {
        #[cfg(test)]
        heard::hear(&stmt);
        match self.around().await? {
            None => self.connection.query_all_raw(stmt).await,
            Some(tx) => {
                let outcome = tx.query_all_raw(stmt).await;
                ended(tx, outcome).await
            }
        }
    }
}

/// What was asked on this thread, for tests that look at how it is answered.
#[cfg(test)]
pub(crate) mod heard {
    use sea_orm::Statement;
    use std::cell::RefCell;

    thread_local! {
        static HEARD: RefCell<Vec<Statement>> = const { RefCell::new(Vec::new()) };
    }

    pub(super) fn hear(stmt: &Statement) {
        HEARD.with_borrow_mut(|heard| heard.push(stmt.clone()));
    }

    /// Everything since the last time.
    pub(crate) fn take() -> Vec<Statement> {
        HEARD.with_borrow_mut(std::mem::take)
    }
}
