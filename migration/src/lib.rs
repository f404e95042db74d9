//! The schema of Reeve over time, for SQLite and PostgreSQL. Frozen text: imports no type of today.
#![warn(missing_docs)]

use sea_orm_migration::{prelude::*, sea_orm::DatabaseBackend};

/// Declares one step from its two texts; its name is the name of its file.
macro_rules! step {
    ($up:ident, $down:ident) => {
        #[derive(sea_orm_migration::prelude::DeriveMigrationName)]
        pub(crate) struct Migration;

        #[sea_orm_migration::async_trait::async_trait]
        #[expect(elided_lifetimes_in_paths, reason = "as the trait declares them")]
        impl sea_orm_migration::MigrationTrait for Migration {
            async fn up(
                &self,
                manager: &sea_orm_migration::SchemaManager,
            ) -> Result<(), sea_orm_migration::DbErr> {
                crate::run(manager, $up).await
            }

            async fn down(
                &self,
                manager: &sea_orm_migration::SchemaManager,
            ) -> Result<(), sea_orm_migration::DbErr> {
                crate::run(manager, $down).await
            }
        }
    };
}
pub(crate) use step;

mod m0001_businesses;
mod m0002_devices;
mod m0003_metrics;
mod m0004_audit;
mod m0005_accounts;
mod m0006_row_security;
mod m0007_device_identity;
mod m0008_metric_chunks;
mod m0009_nodes;
mod m0010_lists;
mod m0011_error_reports;
mod m0012_log_entries;
mod m0013_monitored_services;
mod m0014_agent_state;
mod m0015_commands;
mod m0016_releases;
mod m0017_rollouts;

/// The ordered list of steps.
pub struct Migrator;

#[sea_orm_migration::async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_businesses::Migration),
            Box::new(m0002_devices::Migration),
            Box::new(m0003_metrics::Migration),
            Box::new(m0004_audit::Migration),
            Box::new(m0005_accounts::Migration),
            Box::new(m0006_row_security::Migration),
            Box::new(m0007_device_identity::Migration),
            Box::new(m0008_metric_chunks::Migration),
            Box::new(m0009_nodes::Migration),
            Box::new(m0010_lists::Migration),
            Box::new(m0011_error_reports::Migration),
            Box::new(m0012_log_entries::Migration),
            Box::new(m0013_monitored_services::Migration),
            Box::new(m0014_agent_state::Migration),
            Box::new(m0015_commands::Migration),
            Box::new(m0016_releases::Migration),
            Box::new(m0017_rollouts::Migration),
        ]
    }
}

/// Runs statements separated by `;`, with the few words in which the two engines differ filled in. A statement that
/// begins with `{sqlite}` or `{postgres}` is for that engine alone; `{;}` is a semicolon inside of one.
async fn run(manager: &SchemaManager<'_>, sql: &str) -> Result<(), DbErr> {
    let is_postgres = manager.get_database_backend() == DatabaseBackend::Postgres;
    let words: &[(&str, &str)] = if is_postgres {
        &[
            ("{uuid}", "uuid"),
            ("{time}", "timestamptz"),
            ("{real}", "double precision"),
            ("{clustered}", ""),
            ("{new_uuid}", "gen_random_uuid()"),
        ]
    } else {
        &[
            ("{uuid}", "BLOB"),
            ("{time}", "TEXT"),
            ("{real}", "REAL"),
            ("{clustered}", "WITHOUT ROWID"),
            ("{new_uuid}", "randomblob(16)"),
        ]
    };
    let (ours, others) = if is_postgres { ("{postgres}", "{sqlite}") } else { ("{sqlite}", "{postgres}") };
    let sql = sql.replace("{;}", "\u{0}");
    let sql = words.iter().fold(sql, |sql, (word, text)| sql.replace(word, text));
    for statement in sql.split(';').map(str::trim).filter(|statement| !statement.is_empty()) {
        if !statement.starts_with(others) {
            let statement = statement.trim_start_matches(ours).replace('\u{0}', ";");
            manager.get_connection().execute_unprepared(&statement).await?;
        }
    }
    Ok(())
}
