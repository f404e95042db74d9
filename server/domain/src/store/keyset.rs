//! Lists a page at a time, by keyset: each page begins behind the last row of the one before, so that rows which come
//! and go in between neither repeat nor hide those that stay.

use super::{cursor::no_page, decode_cursor, encode_cursor};
use crate::{Error, Result};
use chrono::{DateTime, Utc};
use entity::{
    input::{SEARCH_MAX, fold},
    page::{PAGE_SIZE, PAGE_SIZE_MAX},
    problem::Problem,
};
use sea_orm::{
    ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter as _, QueryOrder as _, QueryResult,
    QuerySelect as _, QueryTrait as _, Select, Value,
    sea_query::{Alias, Expr, ExprTrait as _, LikeExpr, Order as Direction},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What the rows are ordered by beside their id, which tells equal ones apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Time,
}

/// The order of a list. Keys are never null, so that the order is total; on PostgreSQL they have to be compared by
/// functions that leak nothing, or row-level security keeps them from the index.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    /// Names list and order in cursors, so that one of another list is found out.
    word: &'static str,
    key: Option<(Expr, Kind)>,
    is_descending: bool,
}

impl Order {
    /// By a text.
    pub(crate) fn text(word: &'static str, key: impl Into<Expr>, is_descending: bool) -> Self {
        Self { word, key: Some((key.into(), Kind::Text)), is_descending }
    }

    /// By a time.
    pub(crate) fn time(word: &'static str, key: impl Into<Expr>, is_descending: bool) -> Self {
        Self { word, key: Some((key.into(), Kind::Time)), is_descending }
    }

    /// Newest first: ids are ordered by time.
    pub(crate) const fn newest(word: &'static str) -> Self {
        Self { word, key: None, is_descending: true }
    }

    /// The cursor behind a row of a list that is newest first.
    pub(crate) fn after(&self, id: Uuid) -> Result<String> {
        let position: Position = (self.word.to_owned(), self.is_descending, Key::None, id);
        encode_cursor(&position)
    }
}

/// A column of a table, for the key of an order.
pub(crate) fn column<E: EntityTrait>(column: E::Column) -> Expr {
    Expr::col((E::default(), column))
}

/// The value of the key in the last row of a page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Key {
    None,
    Text(String),
    Time(DateTime<Utc>),
}

/// Where a page ends: list and order, the other way round, key, id.
type Position = (String, bool, Key, Uuid);

/// Rows of one page, and where the next begins.
pub(crate) struct Slice<M> {
    pub(crate) rows: Vec<M>,
    pub(crate) next_cursor: Option<String>,
}

/// One page of what is selected.
pub(crate) async fn page<E>(
    db: &impl ConnectionTrait,
    select: Select<E>,
    order: Order,
    cursor: Option<&str>,
    limit: Option<u32>,
) -> Result<Slice<E::Model>>
where
    E: EntityTrait,
    E::Model: FromQueryResult,
{
    let limit = limit_of(limit)?;
    let id = Expr::col((Alias::new(E::default().unquoted()), Alias::new("id")));
    let direction = if order.is_descending { Direction::Desc } else { Direction::Asc };
    let mut select = select;
    if let Some(cursor) = cursor {
        let (key, after) = read(&order, cursor)?;
        let (here, there) = match (&order.key, key) {
            (Some((expression, _)), Some(key)) => (
                Expr::tuple([expression.clone(), id.clone()]),
                Expr::tuple([Expr::val(key), Expr::val(after)]),
            ),
            _ => (id.clone(), Expr::val(after)),
        };
        select = select.filter(if order.is_descending { here.lt(there) } else { here.gt(there) });
    }
    if let Some((expression, _)) = &order.key {
        select =
            select.expr_as(expression.clone(), "sort_key").order_by(expression.clone(), direction.clone());
    }
    let select = select.order_by(id, direction).limit(u64::from(limit) + 1);
    let found = db.query_all_raw(select.build(db.get_database_backend())).await?;
    let is_more = found.len() > limit as usize;
    let shown = &found[..found.len().min(limit as usize)];
    let next_cursor = match shown.last() {
        Some(last) if is_more => Some(position(&order, last)?),
        _ => None,
    };
    let rows = shown.iter().map(|row| E::Model::from_query_result(row, ""));
    Ok(Slice { rows: rows.collect::<std::result::Result<_, _>>()?, next_cursor })
}

/// How many rows are selected.
pub(crate) async fn total<E: EntityTrait>(db: &impl ConnectionTrait, select: Select<E>) -> Result<u64> {
    let count: Option<i64> =
        select.select_only().expr_as(Expr::cust("COUNT(*)"), "count").into_tuple().one(db).await?;
    Ok(count.unwrap_or_default().unsigned_abs())
}

/// How many rows a page may have.
pub(crate) fn limit_of(limit: Option<u32>) -> Result<u32> {
    let limit = limit.unwrap_or(PAGE_SIZE);
    if (1..=PAGE_SIZE_MAX).contains(&limit) {
        Ok(limit)
    } else {
        Err(Problem::invalid("limit", format!("Between 1 and {PAGE_SIZE_MAX}.")).into())
    }
}

fn position(order: &Order, row: &QueryResult) -> Result<String> {
    let key = match &order.key {
        None => Key::None,
        Some((_, Kind::Text)) => Key::Text(row.try_get("", "sort_key")?),
        Some((_, Kind::Time)) => Key::Time(row.try_get("", "sort_key")?),
    };
    let position: Position = (order.word.to_owned(), order.is_descending, key, row.try_get("", "id")?);
    encode_cursor(&position)
}

fn read(order: &Order, cursor: &str) -> Result<(Option<Value>, Uuid)> {
    let (word, is_descending, key, id): Position = decode_cursor(cursor)?;
    if word != order.word || is_descending != order.is_descending {
        return Err(foreign_cursor());
    }
    let key = match (&order.key, key) {
        (None, Key::None) => None,
        // PostgreSQL takes no such character in a text, and none of ours has one.
        (Some((_, Kind::Text)), Key::Text(text)) if !text.contains('\0') => Some(text.into()),
        (Some((_, Kind::Time)), Key::Time(time)) => Some(time.into()),
        _ => return Err(foreign_cursor()),
    };
    Ok((key, id))
}

/// A cursor that says where another list, or another order, goes on.
pub(crate) fn foreign_cursor() -> Error {
    no_page("This cursor belongs to another list or another order. Begin with the first page.")
}

/// What is searched for, folded, as a pattern that finds it anywhere; nothing when it is empty.
///
/// # Errors
/// Names the field `search`.
pub(crate) fn pattern(search: Option<&str>) -> Result<Option<String>> {
    // PostgreSQL takes no zero in a text, and nothing that is searched holds the others.
    if search.is_some_and(|text| text.chars().any(char::is_control)) {
        return Err(Problem::invalid("search", "Control characters are not accepted.").into());
    }
    let Some(text) = search.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
    if text.chars().count() > SEARCH_MAX {
        return Err(Problem::invalid("search", format!("At most {SEARCH_MAX} characters.")).into());
    }
    let literal = fold(text).replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    Ok(Some(format!("%{literal}%")))
}

/// Does a folded text hold the pattern?
pub(crate) fn holds(text: Expr, pattern: &str) -> Expr {
    text.like(LikeExpr::new(pattern).escape('\\'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use entity::table::business;

    fn order(is_descending: bool) -> Order {
        let key = column::<business::Entity>(business::Column::NameKey);
        Order::text("businesses.name", key, is_descending)
    }

    #[test]
    fn a_cursor_of_another_list_or_order_is_refused() {
        let cursor = |word: &str, is_descending, key| {
            encode_cursor(&(word, is_descending, key, Uuid::nil())).expect("a cursor")
        };
        let text = || Key::Text("a".to_owned());
        assert!(read(&order(false), &cursor("businesses.name", false, text())).is_ok());
        for (word, is_descending, key) in [
            ("businesses.added", false, text()),
            ("businesses.name", true, text()),
            ("businesses.name", false, Key::None),
            ("businesses.name", false, Key::Time(DateTime::UNIX_EPOCH)),
            ("businesses.name", false, Key::Text("\0".to_owned())),
        ] {
            let problem =
                read(&order(false), &cursor(word, is_descending, key)).expect_err("refused").problem();
            assert_eq!(problem.field.as_deref(), Some("cursor"), "{word}");
        }
        for nonsense in ["", "x", "bm9uc2Vuc2U", "W10"] {
            let problem = read(&order(false), nonsense).expect_err("refused").problem();
            assert_eq!(problem.field.as_deref(), Some("cursor"), "{nonsense}");
        }
    }

    #[test]
    fn what_is_searched_for_is_folded_and_taken_literally() {
        assert_eq!(pattern(Some(r" ÄRGER 5%_\ ")).expect("good").as_deref(), Some(r"%ärger 5\%\_\\%"));
        assert_eq!(pattern(Some("  ")).expect("good"), None);
        assert!(pattern(Some("a\0")).is_err() && pattern(Some(&"x".repeat(SEARCH_MAX + 1))).is_err());
    }
}
