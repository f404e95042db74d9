//! What was found: printed at once, and written down whole at the end.

use crate::{
    footprint::section,
    machine,
    measure::{grouped, kilobytes, megabytes},
};
use anyhow::Result;
use std::{
    fmt::Write as _,
    fs,
    io::{self, Write as _},
    path::Path,
    time::{Duration, Instant},
};

/// How a target was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Met {
    Yes,
    No,
    /// Nothing to compare with, or nothing to measure yet.
    Open,
}

/// One line of the table.
#[derive(Clone, Debug)]
pub struct Row {
    /// Number of the row, which decides where it stands.
    pub number: &'static str,
    /// What was measured.
    pub what: String,
    /// On which database; empty where that makes no difference.
    pub database: &'static str,
    /// What the product did, in absolute numbers.
    pub ours: String,
    /// What the ruler did.
    pub ruler: String,
    /// Ours against the ruler's.
    pub ratio: String,
    /// What was wanted.
    pub target: String,
    pub met: Met,
    /// What a reader has to know to judge it.
    pub remark: String,
}

impl Row {
    /// A row that has not been filled in.
    pub fn new(number: &'static str, what: impl Into<String>, database: &'static str) -> Self {
        Self {
            number,
            what: what.into(),
            database,
            ours: String::new(),
            ruler: "–".to_owned(),
            ratio: "–".to_owned(),
            target: "–".to_owned(),
            met: Met::Open,
            remark: String::new(),
        }
    }

    /// With the absolute numbers of both.
    pub fn found(mut self, ours: impl Into<String>, ruler: impl Into<String>) -> Self {
        self.ours = ours.into();
        self.ruler = ruler.into();
        self
    }

    /// With a ratio that may be no larger than this.
    pub fn at_most(mut self, ratio: f64, most: f64) -> Self {
        self.ratio = format!("{ratio:.2}×");
        self.target = format!("≤ {most}×");
        self.judged(ratio <= most)
    }

    /// With a ratio that may be no smaller than this.
    pub fn at_least(mut self, ratio: f64, least: f64) -> Self {
        self.ratio = format!("{ratio:.2}×");
        self.target = format!("≥ {least}×");
        self.judged(ratio >= least)
    }

    /// With a ratio that nobody has set a target for.
    pub fn beside(mut self, ratio: f64) -> Self {
        self.ratio = format!("{ratio:.2}×");
        self
    }

    /// With another target beside the ratio's, in words; both have to be met.
    pub fn and(mut self, target: &str, is_met: bool) -> Self {
        if self.target == "–" {
            self.target = target.to_owned();
        } else {
            let _ = write!(self.target, "; {target}");
        }
        let before = self.met != Met::No;
        self.judged(before && is_met)
    }

    /// With words that a reader needs.
    pub fn remark(mut self, remark: impl Into<String>) -> Self {
        self.remark = remark.into();
        self
    }

    fn judged(mut self, is_met: bool) -> Self {
        self.met = if is_met { Met::Yes } else { Met::No };
        self
    }

    const fn word(&self) -> &'static str {
        match self.met {
            Met::Yes => "met",
            Met::No => "**not met**",
            Met::Open => "–",
        }
    }
}

/// What a fleet of a size costs.
#[derive(Clone, Debug)]
pub struct Size {
    pub database: &'static str,
    pub devices: usize,
    /// Of one core.
    pub cpu_percent: f64,
    /// Of the database's own processes, of one core.
    pub database_cpu_percent: f64,
    pub rss_bytes: f64,
    /// Once known.
    pub disk_bytes_per_day: Option<f64>,
}

/// Everything that was found.
pub struct Report {
    started: Instant,
    load_before: String,
    rows: Vec<Row>,
    sizes: Vec<Size>,
    failures: Vec<String>,
    notes: Vec<String>,
}

impl Report {
    /// Nothing yet.
    pub fn new() -> Self {
        Self {
            started: Instant::now(),
            load_before: machine::load_average(),
            rows: Vec::new(),
            sizes: Vec::new(),
            failures: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Says what is being done.
    pub fn progress(&self, text: &str) {
        say(&format!("[{:>5.1} s] {text}", self.started.elapsed().as_secs_f64()));
    }

    /// Takes a row and shows it.
    pub fn add(&mut self, row: Row) {
        let database = if row.database.is_empty() { String::new() } else { format!(" ({})", row.database) };
        self.progress(&format!(
            "  {:<3} {}{database}\n             ours {} | ruler {} | ratio {} | target {} | {}",
            row.number,
            row.what,
            row.ours,
            row.ruler,
            row.ratio,
            row.target,
            row.word()
        ));
        self.rows.push(row);
    }

    /// Takes a line of the sizing table.
    pub fn size(&mut self, size: Size) {
        self.progress(&format!(
            "      {} devices ({}): {:.2} % of a core, {}",
            size.devices,
            size.database,
            size.cpu_percent,
            megabytes(size.rss_bytes)
        ));
        self.sizes.push(size);
    }

    /// Fills in the disk that devices take in a day, now that the bytes of a row are known.
    pub fn disk(&mut self, database: &str, bytes_per_row: f64) {
        for size in self.sizes.iter_mut().filter(|size| size.database == database) {
            size.disk_bytes_per_day = Some(bytes_per_row * 1440.0 * size.devices as f64);
        }
    }

    /// The lines of the sizing table.
    pub fn sizes(&self) -> &[Size] {
        &self.sizes
    }

    /// Writes down what could not be measured; the rest goes on.
    pub fn failed(&mut self, part: &str, error: &anyhow::Error) {
        self.progress(&format!("  {part} FAILED: {error:#}"));
        self.failures.push(format!("{part}: {error:#}"));
    }

    /// Something that stands below the tables.
    pub fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// True when every part was measured.
    pub fn is_whole(&self) -> bool {
        self.failures.is_empty()
    }

    /// Writes the whole document, with the section about the footprint where there is one.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&mut self, file: &Path, head: &Head, footprint: Option<String>) -> Result<()> {
        self.rows.sort_by_key(|row| order(row.number));
        let mut text = self.document(head);
        // One that was measured before stays when this run left it out.
        let before = || section::of(&fs::read_to_string(file).unwrap_or_default()).to_owned();
        let footprint = footprint.unwrap_or_else(before);
        if !footprint.is_empty() {
            text = section::put(&text, &footprint);
        }
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(file, text)?;
        self.progress(&format!("written to {}", file.display()));
        Ok(())
    }

    fn document(&self, head: &Head) -> String {
        let mut out = String::new();
        let took = self.started.elapsed();
        let _ = write!(out, "{}", head.text(took, &self.load_before));
        out.push_str("\n## Sizing\n\n");
        out.push_str(SIZING);
        out.push_str(
            "| devices | database | server CPU, % of one core | database CPU, % of one core | server memory | disk per day |\n\
             |--:|---|--:|--:|--:|--:|\n",
        );
        for size in &self.sizes {
            let disk = size.disk_bytes_per_day.map_or_else(|| "not measured".to_owned(), bytes_text);
            let _ = writeln!(
                out,
                "| {} | {} | {:.2} | {} | {} | {disk} |",
                grouped(size.devices as f64),
                size.database,
                size.cpu_percent,
                if size.database == "SQLite" {
                    "in the server".to_owned()
                } else {
                    format!("{:.2}", size.database_cpu_percent)
                },
                megabytes(size.rss_bytes),
            );
        }
        out.push_str("\n## Results\n\n");
        out.push_str(RESULTS);
        out.push_str(
            "| # | what | database | ours | ruler | ratio | target | |\n|--|---|---|---|---|--:|---|---|\n",
        );
        for row in &self.rows {
            let _ = writeln!(
                out,
                "| {} | {} | {} | {} | {} | {} | {} | {} |",
                row.number,
                row.what,
                row.database,
                row.ours,
                row.ruler,
                row.ratio,
                row.target,
                row.word()
            );
        }
        out.push_str("\n### Remarks\n\n");
        for row in self.rows.iter().filter(|row| !row.remark.is_empty()) {
            let database =
                if row.database.is_empty() { String::new() } else { format!(", {}", row.database) };
            let _ = writeln!(out, "- **{} {}{database}**: {}", row.number, row.what, row.remark);
        }
        for note in &self.notes {
            let _ = writeln!(out, "- {note}");
        }
        if !self.failures.is_empty() {
            out.push_str("\n### Not measured in this run\n\n");
            for failure in &self.failures {
                let _ = writeln!(out, "- {failure}");
            }
        }
        out.push_str(LIMITS);
        out
    }
}

/// What stands above the tables.
pub struct Head {
    /// When, as a date.
    pub date: String,
    /// The state of the source.
    pub commit: String,
    /// What was typed.
    pub command: String,
    /// True for a run whose numbers wobble.
    pub quick: bool,
}

impl Head {
    fn text(&self, took: Duration, load_before: &str) -> String {
        let quick = if self.quick {
            "\n> This was a quick run: fewer devices and shorter loads. Its numbers wobble; the whole run is what to quote.\n"
        } else {
            ""
        };
        format!(
            "# Benchmarks\n\nWhat Reeve costs, beside what this machine can do. Written by `cargo xtask bench`; do not \
             edit.\n{quick}\n| | |\n|---|---|\n| date | {} |\n| machine | {} |\n| commit | {} |\n| command | `{}` |\n\
             | took | {:.0} s, load before it {load_before} |\n\n{METHOD}",
            self.date,
            machine::describe(),
            self.commit,
            self.command,
            took.as_secs_f64(),
        )
    }
}

const METHOD: &str = "\
## Method

- The product is the release build of `reeve`, a process of its own with its usual settings: authentication, tenancy and rate limits are
  in every path; where a row says TLS, rustls ends it inside the server. It is driven over the wire on the loopback interface.
- Beside each number stands a **ruler**, measured in the same run just before: the least program that does the same physical work
  and nothing else (a prepared `INSERT`, a `COPY`, a socket that answers). The ratio is what to quote: it means the same on another machine.
- The load runs on the same cores as the server, so throughput is a lower bound. CPU is read from `/proc` for the server and, on
  PostgreSQL, for the database's processes; the load's own CPU is not in it. Memory is the resident set.
- PostgreSQL is a throw-away cluster with `fsync` and `synchronous_commit` on and 1 GB of shared buffers. SQLite is as the server ships it.
- A row is one sample: 13 numbers, a seeded walk that is the same for product and rulers. A target is the one we set ourselves; *not met* stays here until it is.
";

const SIZING: &str = "\
Agents over TLS with a heartbeat every 10 s and a sample every 60 s, the defaults. Disk is for samples at full resolution, sealed, index
included, from rows 3 below. CPU scales with devices; memory is the idle server plus what each connection takes. Add what the
kernel keeps for sockets, about 4 kB a device.

";

const RESULTS: &str = "\
`ours` and `ruler` are absolute numbers of this machine; the last column says whether every target of the row was met.

";

const LIMITS: &str = "\n## What these numbers are not\n\n\
- One machine, loopback, no network in between; samples are synthetic and their low bits noisier than those of a quiet real machine.\n\
- Peers are quoted from our own measurements of them on a machine of the same kind on another day, or from what they publish; they were not \
run beside this run.\n";

/// Bytes in the unit that fits.
fn bytes_text(bytes: f64) -> String {
    match bytes {
        b if b < 1e6 => kilobytes(b),
        b if b < 1e9 => megabytes(b),
        b => format!("{:.2} GB", b / 1e9),
    }
}

/// Rows are ordered by number, then by what follows it; those without a number come last.
fn order(number: &str) -> (u32, String) {
    let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
    (digits.parse().unwrap_or(u32::MAX), number.to_owned())
}

/// A line for the person at the terminal. A closed terminal ends nothing: the document is what counts.
pub fn say(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_targets_of_a_row_have_to_be_met() {
        let row = Row::new("1", "ingest", "SQLite").at_least(0.5, 0.45);
        assert_eq!(row.met, Met::Yes);
        assert_eq!(row.clone().and("≤ 3 µs", false).met, Met::No);
        assert_eq!(row.at_most(2.0, 1.0).and("≤ 3 µs", true).met, Met::No);
        assert_eq!(Row::new("8", "command", "").met, Met::Open);
    }

    #[test]
    fn rows_stand_in_the_order_of_their_numbers() {
        let mut numbers = ["fairness", "10", "1b", "1", "2"];
        numbers.sort_by_key(|number| order(number));
        assert_eq!(numbers, ["1", "1b", "2", "10", "fairness"]);
    }
}
