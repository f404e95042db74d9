//! Table `error_reports`: one row for each error of a device, however often it was reported.

use crate::{
    error_report::ErrorState,
    id::{BusinessId, DeviceId, ErrorReportId},
};
use sea_orm::entity::prelude::*;

#[expect(missing_docs, reason = "columns are described by the views that show them")]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "error_reports")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ErrorReportId,
    pub device_id: DeviceId,
    pub business_id: BusinessId,
    pub fingerprint: String,
    pub error_type: String,
    pub error_message: String,
    /// What is searched: type and message, folded.
    pub search_text: String,
    /// As JSON.
    pub details: String,
    pub log_snippet: Option<String>,
    pub agent_version: String,
    pub failed_version: Option<String>,
    pub occurrences: i64,
    pub first_at: DateTimeUtc,
    pub last_at: DateTimeUtc,
    pub state: ErrorState,
    pub decided_by: Option<String>,
    pub decided_at: Option<DateTimeUtc>,
    /// Ids of the reports that were counted last, newest first, with spaces between.
    pub report_ids: String,
}

/// Relations are composite keys in the schema; queries join by hand.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
