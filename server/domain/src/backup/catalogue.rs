//! What tables there are, as a database's own catalogue says: no list of tables to be forgotten.

use super::failed;
use crate::Result;
use std::collections::BTreeSet;

/// How PostgreSQL keeps the values of a column. The embedded database asks each value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Any,
    Truth,
    Integer2,
    Integer4,
    Integer8,
    Real4,
    Real8,
    Text,
    Time,
    Identity,
    Bytes,
}

impl Kind {
    /// From the name of a type of PostgreSQL.
    pub(super) fn of_postgres(type_name: &str) -> Option<Self> {
        Some(match type_name {
            "boolean" => Self::Truth,
            "smallint" => Self::Integer2,
            "integer" => Self::Integer4,
            "bigint" => Self::Integer8,
            "real" => Self::Real4,
            "double precision" => Self::Real8,
            "text" | "character varying" | "json" => Self::Text,
            "timestamp with time zone" => Self::Time,
            "uuid" => Self::Identity,
            "bytea" => Self::Bytes,
            _ => return None,
        })
    }
}

/// A column that is stored; what the database computes by itself is not carried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Kind,
}

/// A table with its columns in the order of their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<Column>,
    /// Tables whose rows its rows name.
    pub(super) parents: BTreeSet<String>,
}

impl Table {
    /// The columns in the words of a statement.
    pub(super) fn column_list(&self) -> String {
        self.columns.iter().map(|column| quoted(&column.name)).collect::<Vec<_>>().join(", ")
    }

    pub(super) fn tally(&self) -> super::value::Tally {
        super::value::Tally::new(&self.name, self.columns.iter().map(|column| column.name.as_str()))
    }
}

/// A name in the words of a statement.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The table in which the steps of the schema are noted: compared, not carried.
pub(super) const STEPS: &str = "seaql_migrations";

/// Tables in an order in which rows can be written: each behind those that its rows name.
pub(super) fn in_order(mut tables: Vec<Table>) -> Result<Vec<Table>> {
    let mut ordered: Vec<Table> = Vec::with_capacity(tables.len());
    while !tables.is_empty() {
        let (ready, waiting): (Vec<_>, Vec<_>) = tables.into_iter().partition(|table| {
            table
                .parents
                .iter()
                .all(|parent| *parent == table.name || ordered.iter().any(|before| before.name == *parent))
        });
        if ready.is_empty() {
            let names: Vec<_> = waiting.iter().map(|table| table.name.as_str()).collect();
            return Err(failed(format!(
                "these tables name each other's rows in a circle: {}",
                names.join(", ")
            )));
        }
        ordered.extend(ready);
        tables = waiting;
    }
    Ok(ordered)
}

/// Fails where the two do not have the same tables and columns.
pub(super) fn compare(source: &[Table], target: &[Table]) -> Result<()> {
    for (here, there, which) in [(source, target, "target"), (target, source, "source")] {
        for table in here {
            let Some(other) = there.iter().find(|other| other.name == table.name) else {
                return Err(failed(format!("the {which} has no table {}", table.name)));
            };
            for column in &table.columns {
                if !other.columns.iter().any(|other| other.name == column.name) {
                    return Err(failed(format!(
                        "the {which} has no column {} in {}",
                        column.name, table.name
                    )));
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, columns: &[&str], parents: &[&str]) -> Table {
        let column = |name: &&str| Column { name: (*name).to_owned(), kind: Kind::Any };
        Table {
            name: name.to_owned(),
            columns: columns.iter().map(column).collect(),
            parents: parents.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[test]
    fn rows_are_written_behind_those_they_name() {
        let tables = vec![table("c", &[], &["b", "a"]), table("b", &[], &["a", "b"]), table("a", &[], &[])];
        let names: Vec<_> = in_order(tables).expect("an order").into_iter().map(|table| table.name).collect();
        assert_eq!(names, ["a", "b", "c"]);
        let circle = vec![table("a", &[], &["b"]), table("b", &[], &["a"]), table("c", &[], &[])];
        let error = in_order(circle).expect_err("a circle").to_string();
        assert!(error.ends_with("a, b"), "{error}");
    }

    #[test]
    fn schemas_that_differ_are_told_apart() {
        let ours = [table("a", &["x", "y"], &[])];
        assert!(compare(&ours, &ours).is_ok());
        let error = |theirs: &[Table]| compare(&ours, theirs).expect_err("differs").to_string();
        assert_eq!(error(&[]), "the target has no table a");
        assert_eq!(error(&[table("a", &["x"], &[])]), "the target has no column y in a");
        assert_eq!(error(&[table("a", &["x", "y", "z"], &[])]), "the source has no column z in a");
        assert_eq!(error(&[ours[0].clone(), table("b", &[], &[])]), "the source has no table b");
    }
}
