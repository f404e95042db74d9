//! `reeve doctor`: what counts for this server, where each value comes from, and what is wrong around it. Changes
//! nothing and makes nothing; works before the first start and beside a running server.

mod clock;
mod command_key;
mod database;
mod disk;
mod finding;
mod program;
mod reach;
mod release;
mod tls;

use super::{Everything, serve};
use crate::setting::{Connections, Data, Files, Flags, Group, Mail, Sources, TABLE, Wrong};
use anyhow::{Result, bail};
use clap::Args;
use finding::{Finding, State};
use serde_json::{Value, json};
use std::io::{self, Write};

/// How the report is written, and the settings of the server that it is about.
#[derive(Args)]
pub(super) struct Doctor {
    /// Write the report as one object of JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    flags: Flags<Everything>,
}

/// Prints the report; fails when there is a problem.
pub(super) async fn doctor(options: Doctor) -> Result<()> {
    let (values, findings) = match options.flags.gather() {
        Ok(sources) => (values(&sources), examine(&sources).await),
        Err(Wrong(complaint)) => {
            let advice = "The rest is looked at when this is right.";
            (vec![], vec![Finding::problem("settings", complaint, advice)])
        }
    };
    let mut out = io::stdout();
    let count = |state| findings.iter().filter(|finding| finding.state == state).count();
    let (warnings, problems) = (count(State::Warning), count(State::Problem));
    if options.json {
        let report = json!({
            "settings": values.iter().map(ValueLine::json).collect::<Vec<_>>(),
            "checks": findings.iter().map(Finding::json).collect::<Vec<_>>(),
            "warnings": warnings,
            "problems": problems,
        });
        writeln!(out, "{report:#}")?;
    } else {
        write!(out, "{}", text(&values, &findings))?;
        writeln!(out, "\n{}, {}.", counted(warnings, "warning"), counted(problems, "problem"))?;
    }
    out.flush()?;
    if problems > 0 { bail!("the doctor found {}", counted(problems, "problem")) } else { Ok(()) }
}

fn counted(number: usize, what: &str) -> String {
    match number {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        many => format!("{many} {what}s"),
    }
}

/// A setting as it counts.
struct ValueLine {
    group: Group,
    key: &'static str,
    shown: Option<String>,
    source: String,
}

impl ValueLine {
    fn json(&self) -> Value {
        json!({"key": self.key, "value": self.shown, "source": self.source})
    }
}

fn values(sources: &Sources) -> Vec<ValueLine> {
    TABLE
        .iter()
        .map(|setting| {
            let found = sources.find(setting);
            let shown = match &*found.texts {
                [] => None,
                _ if setting.is_secret => Some("set".to_owned()),
                texts => Some(setting.shown(&texts.join(", "))),
            };
            ValueLine { group: setting.group, key: setting.key, shown, source: found.source.to_string() }
        })
        .collect()
}

async fn examine(sources: &Sources) -> Vec<Finding> {
    let mut found: Vec<Finding> = TABLE
        .iter()
        .filter_map(|setting| sources.complaint(setting))
        .map(|complaint| Finding::problem("settings", complaint, "The server does not start with it."))
        .collect();
    if found.is_empty() {
        let file = sources.file().map_or_else(
            || "Every setting is understood; there is no settings file.".to_owned(),
            |file| format!("Every setting is understood; the settings file is {}.", file.path().display()),
        );
        found.push(Finding::ok("settings", file));
    }
    if let Some(warning) = sources.file().and_then(|file| file.warning()) {
        found.push(Finding::warning("settings", warning, "Let the server's user alone read it."));
    }
    found.extend(unknown_variables());
    let (Ok(data), Ok(connections), Ok(files), Ok(mail)) =
        (Data::read(sources), Connections::read(sources), Files::read(sources), Mail::read(sources))
    else {
        return found;
    };
    if data.database_url.as_ref().is_some_and(|url| url.has_password()) && sources.is_by_flag("database_url")
    {
        found.push(Finding::warning(
            "settings",
            "The password in --database-url can be seen by everybody on this machine.".to_owned(),
            "Give the URL in the environment variable REEVE_DATABASE_URL, or in the settings file.",
        ));
    }
    let tls = serve::tls_files(&connections);
    let is_tls = !matches!(tls, Ok(None));
    let public_url = data.public_url_or(Some(connections.listen), is_tls);
    found.extend(clock::examine());
    found.extend(disk::examine(&data));
    found.extend(command_key::examine(&data));
    let database = database::examine(&data).await;
    let is_readable = !database.iter().any(|finding| finding.state == State::Problem);
    found.extend(database);
    found.extend(release::examine(&data, is_readable).await);
    match tls {
        Ok(tls) => found.extend(tls::examine(tls.as_ref(), &public_url, &connections)),
        Err(Wrong(complaint)) => {
            found.push(Finding::problem("tls", complaint, "The server does not start so."))
        }
    }
    found.extend(reach::server(&data, &connections, &public_url, is_tls).await);
    found.extend(reach::mail(&mail).await);
    found.extend(reach::bus(sources).await);
    found.extend(program::examine(&data, &connections, &files, &mail));
    found
}

/// Variables that look like settings and are none.
fn unknown_variables() -> Option<Finding> {
    let known = ["REEVE_CONFIG", "REEVE_TOKEN"];
    let names: Vec<_> = std::env::vars_os()
        .filter_map(|(name, _)| name.into_string().ok())
        .filter(|name| name.starts_with("REEVE_") && !known.contains(&name.as_str()))
        .filter(|name| !TABLE.iter().any(|setting| setting.variable() == *name))
        .collect();
    (!names.is_empty()).then(|| {
        let (are, settings) = if names.len() == 1 { ("is", "a setting") } else { ("are", "settings") };
        let what = format!("{} {are} not {settings} of this server.", names.join(", "));
        Finding::warning("settings", what, "`reeve serve --help` lists the variables.")
    })
}

fn text(values: &[ValueLine], findings: &[Finding]) -> String {
    let mut lines = String::new();
    let width = |of: fn(&ValueLine) -> usize| values.iter().map(of).max().unwrap_or(0);
    let key_width = width(|line| line.key.len());
    let value_width = width(|line| line.shown.as_ref().map_or(0, |shown| shown.chars().count())).min(48);
    for group in Group::ALL {
        let mut in_group = values.iter().filter(|line| line.group == *group).peekable();
        if in_group.peek().is_some() {
            lines.push_str(&format!("{}\n", group.heading().trim()));
        }
        for line in in_group {
            let shown = line.shown.as_deref().unwrap_or("-");
            lines.push_str(&format!("  {:<key_width$}  {shown:<value_width$}  {}\n", line.key, line.source));
        }
    }
    lines.push_str("\nChecks\n");
    for finding in findings {
        lines.push_str(&format!("  {}\n", finding.line()));
    }
    lines
}
