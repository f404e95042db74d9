//! Taking entries along: as JSON Lines or CSV, oldest first, a piece at a time, so that a long log needs no more
//! memory than a short one.

use super::{
    Record, chain,
    list::{check, matching, views},
};
use crate::{Cx, Error, Result, access::Target};
use chrono::SecondsFormat;
use entity::{
    audit::{AuditEntryView, AuditQuery, ExportFormat},
    policy::Action,
    problem::Problem,
    table::{audit_entry, business},
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _};

/// Entries that are read at a time.
const PIECE: u64 = 500;
/// The first line of CSV.
const HEAD: &str = "seq,at,actor_kind,actor_id,actor_name,source_ip,request_id,business_id,business_name,device_id,\
                    action,summary,before,after,previous_hash,hash\r\n";

/// An export under way.
pub struct Export {
    cx: Cx,
    query: AuditQuery,
    format: ExportFormat,
    after: i64,
    until: i64,
    has_head: bool,
    is_over: bool,
}

/// Begins to export the entries within reach that match the query, and writes down that it was done. Entries that
/// come later are left out.
///
/// # Errors
/// Forbidden by role; invalid names the field of the query.
pub async fn export(cx: &Cx, query: AuditQuery, format: ExportFormat) -> Result<Export> {
    check(cx)?;
    for (field, is_given) in [("cursor", query.cursor.is_some()), ("limit", query.limit.is_some())] {
        if is_given {
            return Err(Problem::invalid(field, "An export holds every entry that matches.").into());
        }
    }
    matching(cx, &query)?;
    // The entry about it belongs to the business that was asked for, where there is such a one.
    let of_business = match query.business_id.filter(|business| cx.reach().includes(*business)) {
        Some(business) => business::Entity::find_by_id(business).one(cx.db()).await?.map(|row| row.id),
        None => None,
    };
    let permit = cx.permit(Action::ViewAudit, Target::of(of_business.or(cx.me().business_id)))?;
    let change = permit.begin().await?;
    let (until, _) = chain::head(&*change).await?;
    let summary = format!("Exported the audit log as {}", name(format));
    permit.commit(change, Record::new("audit.export", summary).after(&query)).await?;
    Ok(Export { cx: cx.clone(), query, format, after: 0, until, has_head: false, is_over: false })
}

impl Export {
    /// The next piece of text; nothing after the last.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn next(&mut self) -> Result<Option<String>> {
        if self.is_over {
            return Ok(None);
        }
        let rows = matching(&self.cx, &self.query)?
            .filter(audit_entry::Column::Seq.gt(self.after))
            .filter(audit_entry::Column::Seq.lte(self.until))
            .order_by_asc(audit_entry::Column::Seq)
            .limit(PIECE)
            .all(self.cx.db())
            .await?;
        self.is_over = (rows.len() as u64) < PIECE;
        self.after = rows.last().and_then(|row| row.seq).unwrap_or(self.until);
        let mut text = String::new();
        if self.format == ExportFormat::Csv && !self.has_head {
            text.push_str(HEAD);
        }
        self.has_head = true;
        for entry in views(&self.cx, rows).await? {
            match self.format {
                ExportFormat::Csv => text.push_str(&csv(&entry)),
                ExportFormat::Jsonl => text.push_str(&jsonl(&entry)?),
            }
        }
        Ok((!text.is_empty()).then_some(text))
    }
}

const fn name(format: ExportFormat) -> &'static str {
    match format {
        ExportFormat::Csv => "CSV",
        ExportFormat::Jsonl => "JSON Lines",
    }
}

fn jsonl(entry: &AuditEntryView) -> Result<String> {
    let mut line = serde_json::to_string(entry).map_err(|error| Error::Internal(error.to_string()))?;
    line.push('\n');
    Ok(line)
}

fn csv(entry: &AuditEntryView) -> String {
    let text = |value: Option<String>| value.unwrap_or_default();
    let json = |value: &Option<serde_json::Value>| text(value.as_ref().map(ToString::to_string));
    let cells = [
        entry.seq.to_string(),
        // As exact as it is hashed.
        entry.at.to_rfc3339_opts(SecondsFormat::Micros, true),
        entry.actor_kind.word().to_owned(),
        text(entry.actor_id.map(|id| id.to_string())),
        entry.actor_name.clone(),
        entry.source_ip.clone(),
        text(entry.request_id.clone()),
        text(entry.business_id.map(|id| id.to_string())),
        text(entry.business_name.clone()),
        text(entry.device_id.map(|id| id.to_string())),
        entry.action.clone(),
        entry.summary.clone(),
        json(&entry.before),
        json(&entry.after),
        entry.previous_hash.clone(),
        entry.hash.clone(),
    ];
    let mut line = cells.map(|text| cell(&text)).join(",");
    line.push_str("\r\n");
    line
}

/// One cell. A spreadsheet takes text that begins with one of these for a formula and would calculate what a stranger
/// wrote; an apostrophe before it keeps it text.
fn cell(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) { "'" } else { "" };
    if guard.is_empty() && !text.contains([',', '"', '\r', '\n', ';']) {
        return text.to_owned();
    }
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn a_cell_is_text_and_never_a_formula() {
        for (text, written) in [
            ("plain", "plain"),
            ("a, b", "\"a, b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=1+1", "\"'=1+1\""),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("\t=1", "\"'\t=1\""),
            ("=HYPERLINK(\"http://x\")", "\"'=HYPERLINK(\"\"http://x\"\")\""),
        ] {
            assert_eq!(cell(text), written);
        }
    }
}
