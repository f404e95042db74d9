//! Reading the audit log: the entries within reach, newest first.

use crate::{
    Cx, Error, Result,
    store::{decode_cursor, encode_cursor, keyset::limit_of},
};
use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use entity::{
    audit::{AuditActor, AuditEntryView, AuditOptions, AuditQuery},
    id::{BusinessId, UserId},
    input::SEARCH_MAX,
    page::Page,
    policy::Action,
    problem::Problem,
    table::{audit_entry, business},
};
use sea_orm::{
    ColumnTrait as _, Condition, QueryFilter as _, QueryOrder as _, QuerySelect as _, Select,
    sea_query::{Expr, ExprTrait as _, Func, LikeExpr},
};
use std::collections::HashMap;

/// Entries that one page looks through at most, when no index finds those that are asked for: a log of years is searched
/// piece by piece.
const LOOKED_THROUGH_MAX: i64 = 100_000;

/// Entries within reach that match the query, newest first. A page of a search may hold fewer than asked for, or none,
/// and still say where the search goes on.
///
/// # Errors
/// Forbidden by role; invalid names the field of the query.
pub async fn list(cx: &Cx, query: &AuditQuery) -> Result<Page<AuditEntryView>> {
    check(cx)?;
    let limit = limit_of(query.limit)?;
    let mut select = matching(cx, query)?;
    let before = query.cursor.as_deref().map(decode_cursor::<i64>).transpose()?;
    if let Some(before) = before {
        select = select.filter(audit_entry::Column::Seq.lt(before));
    }
    let mut goes_on_at = None;
    if is_searched(query) {
        let newest = match before {
            Some(before) => Some(before),
            None => newest(cx).await?,
        };
        let down_to = newest.unwrap_or_default().saturating_sub(LOOKED_THROUGH_MAX);
        if down_to > 1 {
            select = select.filter(audit_entry::Column::Seq.gte(down_to));
            goes_on_at = Some(down_to);
        }
    }
    let mut rows =
        select.order_by_desc(audit_entry::Column::Seq).limit(u64::from(limit) + 1).all(cx.db()).await?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = if more { rows.last().and_then(|row| row.seq) } else { goes_on_at };
    let next_cursor = next.map(|seq| encode_cursor(&seq)).transpose()?;
    Ok(Page { items: views(cx, rows).await?, next_cursor, total: None })
}

/// Every entry of these actions whose `after` holds this text, newest first. For actions that are few, each found by an
/// index: the rest of the log is not looked through, however long it is.
///
/// # Errors
/// Forbidden by role.
pub(crate) async fn about(cx: &Cx, actions: &[&str], text: &str) -> Result<Vec<AuditEntryView>> {
    check(cx)?;
    let pattern = LikeExpr::new(format!("%{}%", escaped(text))).escape('\\');
    let mut rows = cx
        .select::<audit_entry::Entity>()
        .filter(audit_entry::Column::Hash.is_not_null())
        .filter(audit_entry::Column::Action.is_in(actions.iter().copied()))
        .filter(audit_entry::Column::AfterJson.like(pattern))
        .all(cx.db())
        .await?;
    // Sorted here: asked for in this order, a database may read the whole log by it.
    rows.sort_by_key(|row| std::cmp::Reverse(row.seq));
    views(cx, rows).await
}

/// Is something asked for that no index finds?
fn is_searched(query: &AuditQuery) -> bool {
    let found_by_index = [query.business_id.is_some(), query.actor_id.is_some(), query.action.is_some()];
    let is_prefix = query.action.as_deref().is_some_and(|action| action.trim().ends_with('.'));
    query.search.is_some()
        || query.from.is_some()
        || query.to.is_some()
        || is_prefix
        || found_by_index.into_iter().filter(|is_asked| *is_asked).count() > 1
}

/// The place of the newest entry within reach.
async fn newest(cx: &Cx) -> Result<Option<i64>> {
    let select = cx.select::<audit_entry::Entity>().filter(audit_entry::Column::Seq.is_not_null());
    let found = select.order_by_desc(audit_entry::Column::Seq).limit(1).one(cx.db()).await?;
    Ok(found.and_then(|row| row.seq))
}

/// One entry, by its place in the chain.
///
/// # Errors
/// Forbidden by role, not found when it is out of reach.
pub async fn get(cx: &Cx, seq: i64) -> Result<AuditEntryView> {
    check(cx)?;
    let found = cx.select::<audit_entry::Entity>().filter(audit_entry::Column::Seq.eq(seq));
    let row = found.one(cx.db()).await?.ok_or_else(|| Error::not_found("audit entry"))?;
    views(cx, vec![row]).await?.pop().ok_or_else(|| Error::not_found("audit entry"))
}

/// What the entries within reach can be narrowed by.
///
/// # Errors
/// Forbidden by role.
pub async fn options(cx: &Cx) -> Result<AuditOptions> {
    check(cx)?;
    let actions = cx
        .select::<audit_entry::Entity>()
        .select_only()
        .column(audit_entry::Column::Action)
        .distinct()
        .order_by_asc(audit_entry::Column::Action)
        .into_tuple::<String>()
        .all(cx.db())
        .await?;
    let mut actors: Vec<AuditActor> = cx
        .select::<audit_entry::Entity>()
        .select_only()
        .column(audit_entry::Column::ActorId)
        .column_as(audit_entry::Column::ActorName.max(), "name")
        .filter(audit_entry::Column::ActorId.is_not_null())
        .group_by(audit_entry::Column::ActorId)
        .into_tuple::<(UserId, String)>()
        .all(cx.db())
        .await?
        .into_iter()
        .map(|(id, name)| AuditActor { id, name })
        .collect();
    actors.sort_by_key(|actor| actor.name.to_lowercase());
    Ok(AuditOptions { actions, actors })
}

pub(super) fn check(cx: &Cx) -> Result<()> {
    cx.check(Action::ViewAudit, "Your role does not show you the audit log.")
}

/// The entries within reach that the query asks for, whatever their order and page. Those that stand outside of the
/// chain are none: the check of the chain finds them.
pub(super) fn matching(cx: &Cx, query: &AuditQuery) -> Result<Select<audit_entry::Entity>> {
    let mut select = cx.select::<audit_entry::Entity>().filter(audit_entry::Column::Hash.is_not_null());
    if let Some(id) = query.business_id {
        select = select.filter(audit_entry::Column::BusinessId.eq(id));
    }
    if let Some(id) = query.actor_id {
        select = select.filter(audit_entry::Column::ActorId.eq(id));
    }
    if let Some(action) = text("action", query.action.as_deref())? {
        select = select.filter(if action.ends_with('.') {
            let pattern = LikeExpr::new(format!("{}%", escaped(action))).escape('\\');
            audit_entry::Column::Action.like(pattern)
        } else {
            audit_entry::Column::Action.eq(action)
        });
    }
    for word in text("search", query.search.as_deref())?.unwrap_or_default().split_whitespace() {
        let pattern = format!("%{}%", escaped(&word.to_lowercase()));
        let in_column = |column: audit_entry::Column| {
            Expr::expr(Func::lower(Expr::col(column))).like(LikeExpr::new(pattern.as_str()).escape('\\'))
        };
        select = select.filter(
            Condition::any()
                .add(in_column(audit_entry::Column::Summary))
                .add(in_column(audit_entry::Column::ActorName)),
        );
    }
    if let (Some(from), Some(to)) = (query.from, query.to)
        && from > to
    {
        return Err(Problem::invalid("to", "This day is before the first one.").into());
    }
    if let Some(from) = query.from {
        select = select.filter(audit_entry::Column::At.gte(midnight("from", from)?));
    }
    if let Some(to) = query.to {
        let after = to.checked_add_days(Days::new(1)).ok_or_else(|| no_day("to"))?;
        select = select.filter(audit_entry::Column::At.lt(midnight("to", after)?));
    }
    Ok(select)
}

/// What is searched for; nothing when it is empty.
fn text<'a>(field: &str, text: Option<&'a str>) -> Result<Option<&'a str>> {
    // PostgreSQL takes no zero in a text, and nothing that is searched holds the others.
    if text.is_some_and(|text| text.chars().any(char::is_control)) {
        return Err(Problem::invalid(field, "Control characters are not accepted.").into());
    }
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
    if text.chars().count() > SEARCH_MAX {
        return Err(Problem::invalid(field, format!("At most {SEARCH_MAX} characters.")).into());
    }
    Ok(Some(text))
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

/// Both engines keep times of these years; dates far beyond them are none that anybody means.
fn midnight(field: &str, day: NaiveDate) -> Result<DateTime<Utc>> {
    use chrono::Datelike as _;
    if (1970..=9999).contains(&day.year()) {
        Ok(day.and_time(NaiveTime::MIN).and_utc())
    } else {
        Err(no_day(field))
    }
}

fn no_day(field: &str) -> Error {
    Problem::invalid(field, "Choose a day between the years 1970 and 9999.").into()
}

/// Rows as they are shown.
pub(super) async fn views(cx: &Cx, rows: Vec<audit_entry::Model>) -> Result<Vec<AuditEntryView>> {
    let mut wanted: Vec<BusinessId> = rows.iter().filter_map(|row| row.business_id).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let names: HashMap<BusinessId, String> = if wanted.is_empty() {
        HashMap::new()
    } else {
        let found = cx.select::<business::Entity>().filter(business::Column::Id.is_in(wanted));
        found.all(cx.db()).await?.into_iter().map(|row| (row.id, row.business_name)).collect()
    };
    Ok(rows.into_iter().map(|row| view(row, &names)).collect())
}

fn view(row: audit_entry::Model, names: &HashMap<BusinessId, String>) -> AuditEntryView {
    // Text that is no JSON was not written by us; it is shown as it is, and the check of the chain names it.
    let json = |text: Option<String>| {
        text.map(|text| serde_json::from_str(&text).unwrap_or(serde_json::Value::String(text)))
    };
    AuditEntryView {
        seq: row.seq.unwrap_or_default(),
        id: row.id,
        at: row.at,
        actor_kind: row.actor_kind,
        actor_id: row.actor_id,
        actor_name: row.actor_name,
        source_ip: row.source_ip,
        request_id: row.request_id,
        business_name: row.business_id.and_then(|id| names.get(&id).cloned()),
        business_id: row.business_id,
        device_id: row.device_id,
        action: row.action,
        summary: row.summary,
        before: json(row.before_json),
        after: json(row.after_json),
        previous_hash: row.previous_hash.unwrap_or_default(),
        hash: row.hash.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_pattern_means_is_taken_literally() {
        assert_eq!(escaped(r"50%_\"), r"50\%\_\\");
    }

    #[test]
    fn days_out_of_time_are_refused() {
        let day = |year| NaiveDate::from_ymd_opt(year, 1, 1).expect("a day");
        assert!(midnight("from", day(2026)).is_ok());
        for year in [-1, 1969, 10_000] {
            assert!(midnight("from", day(year)).is_err(), "{year}");
        }
    }
}
