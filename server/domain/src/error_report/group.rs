//! Error reports put together: one line for each error, however many devices report it.

use super::list::matching;
use crate::{
    Cx, Result,
    store::{
        decode_cursor, encode_cursor,
        keyset::{foreign_cursor, limit_of},
    },
};
use chrono::{DateTime, Utc};
use entity::{
    error_report::{ErrorGroupView, ErrorReportOptions, ErrorReportQuery, ErrorState, ErrorTypeCount},
    page::Page,
    table::error_report,
};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, FromQueryResult, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, QueryTrait as _, Select,
    sea_query::{Expr, ExprTrait as _},
};

/// Names this list in cursors.
const WORD: &str = "error_groups.last";
/// Most choices of a filter.
const OPTIONS_MAX: u64 = 200;

/// Where a page ends: the list, when the last group was seen last, its name.
type Position = (String, DateTime<Utc>, String);

#[derive(FromQueryResult)]
struct Group {
    fingerprint: String,
    error_type: String,
    error_message: String,
    devices: i64,
    occurrences: i64,
    seen_first_at: DateTime<Utc>,
    seen_last_at: DateTime<Utc>,
    least_done: i32,
}

/// Errors within reach, each once, the latest first. The rows that match are put together by the database: their number
/// is bounded per device.
///
/// # Errors
/// Invalid names the field of the query.
pub async fn groups(cx: &Cx, query: &ErrorReportQuery) -> Result<Page<ErrorGroupView>> {
    let limit = limit_of(query.limit)?;
    let select = matching(cx, query)?;
    let total = count(cx, select.clone()).await?;
    let last = || Expr::cust("MAX(\"error_reports\".\"last_at\")");
    let name = || Expr::col((error_report::Entity, error_report::Column::Fingerprint));
    let mut select = select
        .select_only()
        .column(error_report::Column::Fingerprint)
        .expr_as(Expr::cust("MAX(\"error_type\")"), "error_type")
        .expr_as(Expr::cust("MAX(\"error_message\")"), "error_message")
        .expr_as(Expr::cust("COUNT(*)"), "devices")
        .expr_as(Expr::cust("CAST(SUM(\"occurrences\") AS BIGINT)"), "occurrences")
        .expr_as(Expr::cust("MIN(\"first_at\")"), "seen_first_at")
        .expr_as(last(), "seen_last_at")
        .expr_as(
            Expr::cust("MIN(CASE \"state\" WHEN 'new' THEN 0 WHEN 'seen' THEN 1 ELSE 2 END)"),
            "least_done",
        )
        .group_by(error_report::Column::Fingerprint);
    if let Some(cursor) = &query.cursor {
        let (word, at, fingerprint): Position = decode_cursor(cursor)?;
        if word != WORD || fingerprint.contains('\0') {
            return Err(foreign_cursor());
        }
        let here = Expr::tuple([last(), name()]);
        select = select.having(here.lt(Expr::tuple([Expr::val(at), Expr::val(fingerprint)])));
    }
    let select = select.order_by_desc(last()).order_by_desc(name()).limit(u64::from(limit) + 1);
    let found = cx.db().query_all_raw(select.build(cx.db().get_database_backend())).await?;
    let is_more = found.len() > limit as usize;
    let shown = found.iter().take(limit as usize).map(|row| Group::from_query_result(row, ""));
    let shown: Vec<Group> = shown.collect::<std::result::Result<_, _>>()?;
    let next_cursor = match shown.last() {
        Some(last) if is_more => {
            let position: Position = (WORD.to_owned(), last.seen_last_at, last.fingerprint.clone());
            Some(encode_cursor(&position)?)
        }
        _ => None,
    };
    Ok(Page { items: shown.into_iter().map(view).collect(), next_cursor, total: Some(total) })
}

async fn count(cx: &Cx, select: Select<error_report::Entity>) -> Result<u64> {
    let count: Option<i64> = select
        .select_only()
        .expr_as(Expr::cust("COUNT(DISTINCT \"fingerprint\")"), "count")
        .into_tuple()
        .one(cx.db())
        .await?;
    Ok(count.unwrap_or_default().unsigned_abs())
}

fn view(group: Group) -> ErrorGroupView {
    ErrorGroupView {
        fingerprint: group.fingerprint,
        error_type: group.error_type,
        error_message: group.error_message,
        devices: group.devices.unsigned_abs(),
        occurrences: group.occurrences.unsigned_abs(),
        first_at: group.seen_first_at,
        last_at: group.seen_last_at,
        state: match group.least_done {
            0 => ErrorState::New,
            1 => ErrorState::Seen,
            _ => ErrorState::Resolved,
        },
    }
}

/// What the errors within reach can be narrowed by.
///
/// # Errors
/// When the database fails.
pub async fn options(cx: &Cx) -> Result<ErrorReportOptions> {
    let distinct = async |column: error_report::Column| {
        cx.select::<error_report::Entity>()
            .select_only()
            .column(column)
            .distinct()
            .order_by_asc(column)
            .limit(OPTIONS_MAX)
            .into_tuple::<String>()
            .all(cx.db())
            .await
    };
    Ok(ErrorReportOptions {
        kinds: kinds(cx).await?,
        error_types: distinct(error_report::Column::ErrorType).await?,
        agent_versions: distinct(error_report::Column::AgentVersion).await?,
    })
}

#[derive(FromQueryResult)]
struct Kind {
    error_type: String,
    errors: i64,
    devices: i64,
}

/// How much of each kind is not over yet.
async fn kinds(cx: &Cx) -> Result<Vec<ErrorTypeCount>> {
    let select = cx
        .select::<error_report::Entity>()
        .filter(error_report::Column::State.ne(ErrorState::Resolved))
        .select_only()
        .column(error_report::Column::ErrorType)
        .expr_as(Expr::cust("COUNT(DISTINCT \"fingerprint\")"), "errors")
        .expr_as(Expr::cust("COUNT(DISTINCT \"device_id\")"), "devices")
        .group_by(error_report::Column::ErrorType)
        .order_by_desc(Expr::cust("COUNT(DISTINCT \"fingerprint\")"))
        .order_by_asc(error_report::Column::ErrorType)
        .limit(OPTIONS_MAX);
    let found = select.into_model::<Kind>().all(cx.db()).await?;
    let count = |kind: Kind| ErrorTypeCount {
        error_type: kind.error_type,
        errors: kind.errors.unsigned_abs(),
        devices: kind.devices.unsigned_abs(),
    };
    Ok(found.into_iter().map(count).collect())
}
