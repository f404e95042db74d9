//! Rows 1, 1b and 2: samples that are on the disk before they are acknowledged.

use crate::{
    Bench,
    database::Engine,
    estate::{self, Device},
    fleet::Talk,
    machine,
    measure::{Latencies, grouped},
    report::Row,
    ruler::ladder::{self, Rate},
    sample::{Walk, moment},
    stand::{Cpu, Stand},
    wire::{Line, Place},
};
use anyhow::{Result, ensure};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Devices that take turns: each has its own share of calls.
const DEVICES: usize = 4_000;
/// Connections that post at once.
const CONNECTIONS: usize = 256;
/// Sockets that report at once.
const SOCKETS: usize = 256;
/// Samples of a message over a socket: what fits into the largest that the product takes there.
const SOCKET_SAMPLES: usize = 30;
/// After a refusal a connection waits this long.
const PAUSE: Duration = Duration::from_millis(20);

/// What a load achieved.
#[derive(Default)]
pub struct Load {
    pub rows: usize,
    pub refused: usize,
    pub took: Duration,
    pub posts: Latencies,
    /// Processor seconds of this process, which is the load.
    pub own_cpu: f64,
}

impl Load {
    pub fn rows_per_second(&self) -> f64 {
        self.rows as f64 / self.took.as_secs_f64()
    }

    fn text(&self, cpu: Cpu) -> String {
        let per_row = |seconds: f64| seconds * 1e6 / self.rows.max(1) as f64;
        let database = if cpu.database > 0.0 {
            format!(" server + {:.1} µs database", per_row(cpu.database))
        } else {
            String::new()
        };
        format!(
            "{} rows/s, {:.1} µs CPU{database} a row; post {}",
            grouped(self.rows_per_second()),
            per_row(cpu.server),
            self.posts.text()
        )
    }
}

/// A report that is made once and sent often, with other times each time.
#[derive(Clone)]
pub struct Report {
    text: Vec<u8>,
    times: Vec<usize>,
}

impl Report {
    /// So many samples of a machine; as a frame for the socket, or as a body.
    pub fn new(machine: u64, samples: usize, is_frame: bool) -> Self {
        let mut walk = Walk::new(machine, 0);
        let mut text = if is_frame { r#"{"type":"metrics","# } else { "{" }.to_owned();
        text.push_str(r#""position":1,"dropped_total":0,"samples":["#);
        let mut times = Vec::new();
        for index in 0..samples {
            if index > 0 {
                text.push(',');
            }
            times.push(text.len() + r#"{"collected_at":""#.len());
            walk.next(60_000).write_json(&mut text);
        }
        text.push_str("]}");
        Self { text: text.into_bytes(), times }
    }

    /// The body of the next samples of a walk.
    pub fn of(walk: &mut Walk, samples: usize) -> String {
        let mut text = r#"{"position":1,"dropped_total":0,"samples":["#.to_owned();
        for index in 0..samples {
            if index > 0 {
                text.push(',');
            }
            walk.next(60_000).write_json(&mut text);
        }
        text.push_str("]}");
        text
    }

    /// The report with its first sample at this time and the others a minute apart.
    pub fn at(&mut self, start: i64) -> &[u8] {
        for (index, at) in self.times.iter().enumerate() {
            let time = moment(start + index as i64 * 60_000);
            self.text[*at..*at + time.len()].copy_from_slice(time.as_bytes());
        }
        &self.text
    }
}

/// Posts reports over HTTP for so long, each device an hour further with each of its reports.
///
/// # Errors
/// When a connection breaks or an answer is neither good nor a refusal for want of time.
pub async fn post(
    place: &Place,
    devices: &[Device],
    samples: usize,
    from: i64,
    during: Duration,
) -> Result<Load> {
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for (number, group) in devices.chunks(devices.len().div_ceil(CONNECTIONS).max(1)).enumerate() {
        let (place, group) = (place.clone(), group.to_vec());
        tasks.spawn(async move {
            let mut line = Line::open(&place, group[0].from).await?;
            let mut report = Report::new(number as u64, samples, false);
            let (mut load, mut round) = (Load::default(), 0);
            while start.elapsed() < during {
                let device = &group[round % group.len()];
                let at = from + (round / group.len()) as i64 * samples as i64 * 60_000;
                round += 1;
                let path = format!("/api/v1/agents/{}/metrics", device.id);
                let head = format!("{}Content-Type: application/json\r\n", device.authorization());
                let sent = Instant::now();
                let answer = line.ask("POST", &path, &head, report.at(at)).await?;
                match answer.status {
                    200 => {
                        load.posts.add(sent.elapsed());
                        load.rows += samples;
                    }
                    429 | 503 => {
                        load.refused += 1;
                        if answer.head.contains("close") {
                            line = Line::open(&place, group[0].from).await?;
                        }
                        tokio::time::sleep(PAUSE).await;
                    }
                    _ => drop(answer.good()?),
                }
            }
            anyhow::Ok(load)
        });
    }
    gather(tasks, start).await
}

/// Sends reports over sockets for so long, with at most two of them on their way.
///
/// # Errors
/// When a socket breaks.
async fn talk(
    place: &Place,
    devices: &[Device],
    samples: usize,
    from: i64,
    during: Duration,
) -> Result<Load> {
    let mut tasks = JoinSet::new();
    let start = Instant::now();
    for (number, device) in devices.iter().take(SOCKETS).enumerate() {
        let (place, device) = (place.clone(), device.clone());
        tasks.spawn(async move {
            let mut talk = Talk::open(&place, &device).await?;
            let mut report = Report::new(number as u64, samples, true);
            let (mut load, mut round, mut on_their_way) =
                (Load::default(), 0, std::collections::VecDeque::new());
            while start.elapsed() < during || !on_their_way.is_empty() {
                if on_their_way.len() < 2 && start.elapsed() < during {
                    let frame = report.at(from + round * samples as i64 * 60_000);
                    talk.send(String::from_utf8_lossy(frame).into_owned()).await?;
                    on_their_way.push_back(Instant::now());
                    round += 1;
                    continue;
                }
                let is_ack = talk.next_outcome().await?;
                if let Some(sent) = on_their_way.pop_front()
                    && is_ack
                {
                    load.posts.add(sent.elapsed());
                    load.rows += samples;
                } else {
                    load.refused += 1;
                    tokio::time::sleep(PAUSE).await;
                }
            }
            anyhow::Ok(load)
        });
    }
    gather(tasks, start).await
}

async fn gather(mut tasks: JoinSet<Result<Load>>, start: Instant) -> Result<Load> {
    let before = machine::cpu_seconds(std::process::id());
    let mut whole = Load::default();
    while let Some(load) = tasks.join_next().await {
        let load = load??;
        whole.rows += load.rows;
        whole.refused += load.refused;
        whole.posts.merge(load.posts);
    }
    whole.took = start.elapsed();
    whole.own_cpu = machine::cpu_seconds(std::process::id()) - before;
    ensure!(whole.rows > 0, "nothing was acknowledged; {} posts were refused", whole.refused);
    Ok(whole)
}

/// Measures all rows of this family on one database.
///
/// # Errors
/// When a ruler or the load fails.
pub async fn measure(bench: &mut Bench, stand: &mut Stand) -> Result<()> {
    let place = stand.serve(false).await?;
    let devices = stand.devices(&place, DEVICES).await?;
    let during = bench.plan.load;
    bench.report.progress("  raw appends, then ours");
    let rulers = Rulers::measure(bench, stand, during).await?;
    let days_ago = |days: i64| estate::now().timestamp_millis() - days * 86_400_000;
    // The first posts of a device are another thing: its credential is not known yet, its latest row not there.
    post(&place, &devices, 1, days_ago(60), during / 3).await?;
    for (samples, from, number) in [(60, 50, "1"), (10, 20, "1b"), (1, 10, "1b")] {
        let before = stand.cpu_seconds()?;
        let load = post(&place, &devices, samples, days_ago(from), during).await?;
        let cpu = stand.cpu_seconds()? - before;
        let what =
            format!("durable ingest over HTTP, {samples} row{} a post", if samples == 1 { "" } else { "s" });
        bench.figures.ingested(stand.engine(), samples, cpu.total() / load.rows as f64);
        bench.report.add(rulers.row(number, what, stand, samples, &load, cpu));
    }
    let before = stand.cpu_seconds()?;
    let load = talk(&place, &devices, SOCKET_SAMPLES, days_ago(90), during).await?;
    let cpu = stand.cpu_seconds()? - before;
    let what = format!("durable ingest over sockets, {SOCKET_SAMPLES} rows a message");
    let row = rulers.row("1", what, stand, SOCKET_SAMPLES, &load, cpu);
    bench.report.add(row);
    Ok(())
}

/// What the disk and the database do without us.
enum Rulers {
    Sqlite { thousand: Rate, one: Rate, synced: Rate },
    Postgres { copy: Rate },
}

impl Rulers {
    async fn measure(bench: &Bench, stand: &Stand, during: Duration) -> Result<Self> {
        let work = bench.work.clone();
        match &stand.database.engine {
            Engine::Sqlite => {
                // Blocking on purpose: nothing else runs beside a ruler.
                let thousand = ladder::sqlite(&work, 1_000, false, during)?;
                let one = ladder::sqlite(&work, 1, false, during / 2)?;
                let synced = ladder::sqlite(&work, 1_000, true, during / 2)?;
                Ok(Self::Sqlite { thousand, one, synced })
            }
            Engine::Postgres(cluster) => {
                cluster.database("ladder")?;
                let settings = cluster.settings("ladder");
                let copy = ladder::postgres(&settings, cluster.postmaster()?, during).await?;
                Ok(Self::Postgres { copy })
            }
        }
    }

    fn row(
        &self,
        number: &'static str,
        what: String,
        stand: &Stand,
        samples: usize,
        load: &Load,
        cpu: Cpu,
    ) -> Row {
        let ours = load.rows_per_second();
        let micros = cpu.total() * 1e6 / load.rows as f64;
        let number = if matches!(self, Self::Postgres { .. }) { "2" } else { number };
        let row = Row::new(number, what, stand.engine());
        let mut more =
            format!(" The load took {:.1} µs CPU a row itself.", load.own_cpu * 1e6 / load.rows as f64);
        if load.refused > 0 {
            let count = load.refused;
            more.push_str(&format!(" {count} posts were refused for want of time and are not counted."));
        }
        match self {
            Self::Sqlite { thousand, one, synced } => {
                let (ruler, name) =
                    if samples == 1 { (one, "1 row a commit") } else { (thousand, "1,000 rows a commit") };
                let ratio = ours / ruler.rows_per_second;
                let row = row.found(load.text(cpu), rate_text(*ruler, name));
                let row = match samples {
                    60 => row.at_least(ratio, 0.45).and("≤ 3 µs CPU a row", micros <= 3.0),
                    10 => row.at_least(ratio, 0.2),
                    1 => row.at_least(ratio, 1.0),
                    _ => row.beside(ratio),
                };
                row.remark(format!(
                    "Every post is committed with an fsync before its answer; the ruler appends to a table without an \
                     index and syncs at checkpoints only (with a sync at each commit it makes {}/s). Sealing into chunks runs \
                     beside. Zabbix 6.0 made 4.8–6.1 thousand rows/s on a machine of this kind, VictoriaMetrics 69–116 \
                     thousand, neither with a sync before the answer.{more}",
                    grouped(synced.rows_per_second)
                ))
            }
            Self::Postgres { copy } => {
                let row = row.found(load.text(cpu), rate_text(*copy, "COPY of 10,000 rows, table with key"));
                let ratio = ours / copy.rows_per_second;
                let row = if samples == 60 { row.at_least(ratio, 1.0) } else { row.beside(ratio) };
                row.remark(format!(
                    "The ruler's CPU is that of the database and of the program that feeds it; ours that of database and \
                     server.{more}"
                ))
            }
        }
    }
}

fn rate_text(rate: Rate, name: &str) -> String {
    format!("{} rows/s, {:.1} µs CPU a row ({name})", grouped(rate.rows_per_second), rate.cpu_microseconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use entity::wire::{Metrics, ToServer};

    #[test]
    fn a_message_over_a_socket_fits() {
        let length = Report::new(1, SOCKET_SAMPLES, true).at(0).len();
        assert!(length < entity::wire::limits::SOCKET_MESSAGE_BYTES_MAX, "{length} bytes");
    }

    #[test]
    fn a_report_moves_in_time_and_stays_readable() {
        let mut report = Report::new(1, 3, false);
        let read: Metrics = serde_json::from_slice(report.at(1_760_000_000_000)).expect("reads");
        let times: Vec<i64> = read.samples.iter().map(|s| s.collected_at.timestamp()).collect();
        assert_eq!(times, [1_760_000_000, 1_760_000_060, 1_760_000_120]);
        let frame: ToServer = serde_json::from_slice(Report::new(1, 2, true).at(0)).expect("reads");
        assert!(matches!(frame, ToServer::Metrics(_)));
    }
}
