//! `reeve demo`: a server with a sample MSP to look around in.

use super::{Everything, place::write_private, serve::serve};
use crate::setting::Flags;
use anyhow::Result;
use domain::{Store, SystemCx, demo::Seed};
use std::{
    io::{self, Write},
    path::Path,
};

/// Serves the sample MSP, in a data folder of its own. The machine's settings file is not read: it is about the real
/// server's data.
pub(super) async fn demo(flags: Flags<Everything>) -> Result<()> {
    let sources = flags.gather_here()?;
    serve(sources.with_default("data_dir", "reeve-demo").with_default("demo", "true")).await
}

/// Fills an empty database, and prints who can sign in.
pub(super) async fn seed(store: &Store, data_dir: &Path) -> Result<()> {
    let mut out = io::stdout();
    let Some(Seed { people, token }) = domain::demo::seed(&SystemCx::new(store, "demo")).await? else {
        writeln!(out, "The database has people already; the sample MSP was left as it is.")?;
        return Ok(());
    };
    write_private(&data_dir.join("demo-token"), &token.token)?;
    writeln!(
        out,
        "People of the sample MSP; each password works once and is then replaced by the person's own:\n"
    )?;
    let place = |business: Option<String>| business.unwrap_or_else(|| "every business".to_owned());
    let rows: Vec<[String; 4]> = people
        .into_iter()
        .map(|person| {
            let user = person.user;
            let reach = if user.grants.is_empty() {
                place(user.business_name)
            } else {
                user.grants.into_iter().filter_map(|grant| grant.business_name).collect::<Vec<_>>().join(", ")
            };
            [user.role.label().to_owned(), user.email, person.one_time_password, reach]
        })
        .collect();
    writeln!(out, "{}", table(&rows))?;
    Ok(())
}

/// Rows with their columns aligned.
fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |row: &[String; N]| {
        let cells: Vec<_> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        format!("  {}\n", cells.join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let rows = [["a".to_owned(), "bb".to_owned()], ["ccc".to_owned(), "d".to_owned()]];
        assert_eq!(table(&rows), "  a    bb\n  ccc  d\n");
    }
}
