//! The section of the document about the footprint. It is written into the document in its place, so that it can be
//! measured by itself and outlives a run that leaves it out.

use super::{Line, outage::Outage};
use crate::{
    machine,
    measure::{grouped, kilobytes, megabytes},
    report::Head,
};
use std::{fmt::Write as _, path::Path};

/// What the section begins with.
pub const HEADING: &str = "## Footprint\n";

/// Everything that was found.
#[derive(Default)]
pub struct Section {
    /// How long the programs were watched, seconds.
    pub seconds: f64,
    pub lines: Vec<Line>,
    pub missing: Vec<String>,
    pub outage: Option<Outage>,
    /// What a reader has to know.
    pub notes: Vec<String>,
}

/// The wanted and whether it was met.
fn target(name: &str, is: &str, is_met: bool) -> String {
    let word = if is_met { "met" } else { "**not met**" };
    format!("- {name}: {is}, {word}\n")
}

impl Section {
    /// The section as text.
    pub fn text(&self, head: &Head) -> String {
        let mut out = format!(
            "{HEADING}\nWhat the agent takes of a device, beside other people's agents, all at the same time on one machine. Written by \
             `{}` on {}; {}; commit {}.\n\n",
            head.command,
            head.date,
            machine::describe(),
            head.commit
        );
        out.push_str(
            "| program | resident | of it anonymous | proportional (PSS) | CPU, % of a core | threads | on the wire, an hour | program file |\n\
             |---|--:|--:|--:|--:|--:|--:|--:|\n",
        );
        for line in &self.lines {
            let _ = writeln!(out, "{}", line.text());
        }
        if let Some(ours) = self.lines.first() {
            let cost = ours.cost;
            out.push_str("\nWhat we want of our own:\n\n");
            out += &target("≤ 6 MB resident", &megabytes(cost.rss_bytes), cost.rss_bytes <= 6e6);
            out += &target("≤ 1 MB anonymous", &two(cost.anonymous_bytes), cost.anonymous_bytes <= 1e6);
            out += &target(
                "≤ 0.02 % of a core",
                &format!("{:.3} %", cost.cpu_percent),
                cost.cpu_percent <= 0.02,
            );
            out += &target("≤ 5 MB of program", &two(ours.program_bytes), ours.program_bytes <= 5e6);
        }
        if let Some(outage) = &self.outage {
            out += &outage_text(outage);
        }
        let _ = write!(
            out,
            "\n### How this was measured\n\n\
             - Ours: the program that is shipped for Linux, with a heartbeat every 10 s and a sample every 60 s over TLS, started by its supervisor; \
             watched for {:.0} s after it had settled. Bytes are those that TLS hands to TCP, both ways, counted by a relay and multiplied; a fresh token \
             every 12 minutes or so and what changes on the machine come on top.\n\
             - Processor time is the scheduler's own count of all threads. Resident memory counts pages of program files that others could share.\n",
            self.seconds
        );
        for line in self.missing.iter().chain(&self.notes) {
            let _ = writeln!(out, "- {line}");
        }
        out
    }
}

fn two(bytes: f64) -> String {
    format!("{:.2} MB", bytes / 1e6)
}

impl Line {
    fn text(&self) -> String {
        let cost = self.cost;
        let wire = self.wire_bytes_per_hour.map_or_else(|| "–".to_owned(), kilobytes);
        let pss = if cost.pss_bytes.is_nan() { "–".to_owned() } else { two(cost.pss_bytes) };
        format!(
            "| {} | {} | {} | {pss} | {:.3} | {} | {wire} | {} |",
            self.name,
            two(cost.rss_bytes),
            two(cost.anonymous_bytes),
            cost.cpu_percent,
            cost.threads,
            two(self.program_bytes)
        )
    }
}

fn outage_text(outage: &Outage) -> String {
    format!(
        "\n### The server gone\n\nFor {} nobody listened where the server had been, and a log that the agent was told to follow grew by {} lines.\n\n\
         | | |\n|---|--:|\n| resident before | {} |\n| at its highest meanwhile | {} |\n| at the end | {}, of it {} anonymous |\n\
         | CPU, % of a core | {:.3} |\n| kept on disk for later | {} |\n| at its highest while it was handed over | {} |\n| after that | {} |\n",
        if outage.minutes < 1.5 { "a minute".to_owned() } else { format!("{:.0} minutes", outage.minutes) },
        grouped(outage.lines as f64),
        two(outage.rss_before),
        two(outage.rss_most),
        two(outage.rss_end),
        two(outage.anonymous_end),
        outage.cpu_percent,
        kilobytes(outage.kept_bytes as f64),
        two(outage.rss_most_after),
        two(outage.rss_after),
    )
}

/// The section of a document, up to the next heading of its rank; empty when there is none.
pub fn of(document: &str) -> &str {
    let Some(from) = document.find(HEADING) else { return "" };
    let rest = &document[from..];
    let to = rest[HEADING.len()..].find("\n## ").map_or(rest.len(), |at| HEADING.len() + at + 1);
    &rest[..to]
}

/// Puts the section into a document: where one stands, else at its end.
pub fn put(document: &str, section: &str) -> String {
    let present = of(document);
    if present.is_empty() {
        return format!("{}\n\n{section}", document.trim_end());
    }
    let space = if document.ends_with(present) { "" } else { "\n" };
    document.replacen(present, &format!("{}{space}", section.trim_end_matches('\n').to_owned() + "\n"), 1)
}

/// The document with this section in it, and everything else as it was.
///
/// # Errors
/// When the file is there and cannot be read.
pub fn into_file(file: &Path, section: &str) -> std::io::Result<String> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(put(&text, section)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(put("# Benchmarks", section)),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_section_takes_the_place_of_the_one_before() {
        let plain = "# Benchmarks\n\ntext\n\n## Results\n\nrows\n";
        let with = put(plain, "## Footprint\n\nold\n");
        assert_eq!(with, "# Benchmarks\n\ntext\n\n## Results\n\nrows\n\n## Footprint\n\nold\n");
        assert_eq!(
            put(&with, "## Footprint\n\nnew\n\n### More\n"),
            with.replace("old\n", "new\n\n### More\n")
        );
        let between = "# B\n\n## Footprint\n\nold\n\n### More\n\n## Results\n\nrows\n";
        assert_eq!(of(between), "## Footprint\n\nold\n\n### More\n\n");
        assert_eq!(
            put(between, "## Footprint\n\nnew\n"),
            "# B\n\n## Footprint\n\nnew\n\n## Results\n\nrows\n"
        );
        assert_eq!(of(plain), "");
    }
}
