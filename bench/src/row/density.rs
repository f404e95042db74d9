//! Rows 3 and 4: what a sample takes on the disk once it is sealed, and how fast a month of them is drawn.

use super::ingest::Report;
use crate::{
    Bench,
    database::Engine,
    estate::{self, Device},
    measure::{Latencies, grouped, timed},
    report::Row,
    ruler::rows::{Question, Rows, asked, month},
    sample::moment,
    stand::Stand,
    wire::{Line, Place, header},
};
use anyhow::{Context, Result, ensure};
use std::{
    net::Ipv4Addr,
    time::{Duration, Instant},
};
use tokio::task::JoinSet;

/// A month.
const DAYS: i64 = 30;
const MINUTES: usize = DAYS as usize * 1440;
/// Samples of one post: as many as the wire takes.
const SAMPLES: usize = 120;
/// Sealing that has not finished within this time is taken as it is.
const SEALED_WITHIN: Duration = Duration::from_secs(150);
const FIVE_MINUTES: i64 = 300_000;
const DAY: i64 = 86_400_000;

/// Loads a month of some devices over the wire, waits until it is sealed, and asks.
///
/// # Errors
/// When a ruler or the product fails.
pub async fn measure(bench: &mut Bench, stand: &mut Stand) -> Result<()> {
    let devices = bench.plan.history_devices;
    // Whole hours: a point of the product and of the ruler are the same stretch.
    let start = (estate::now().timestamp_millis() - DAYS * DAY) / 3_600_000 * 3_600_000;
    let place = stand.serve(false).await?;
    let before = stand.database.used_bytes().await?;
    let all = stand.devices(&place, devices).await?;
    bench.report.progress(&format!("  a month of {devices} devices over the wire"));
    let loading = Instant::now();
    let count = load(&place, &all, start).await?;
    let loaded_in = loading.elapsed();
    let rate = grouped(count as f64 / loaded_in.as_secs_f64());
    bench
        .report
        .progress(&format!("  {} rows ({rate}/s); the same as a table of rows", grouped(count as f64)));
    let rows = match &stand.database.engine {
        Engine::Sqlite => Rows::sqlite(&bench.work, month(devices, start, MINUTES))?,
        Engine::Postgres(cluster) => {
            cluster.database("rows")?;
            Rows::postgres(&cluster.settings("rows"), month(devices, start, MINUTES)).await?
        }
    };
    bench.report.progress("  waiting until all is sealed");
    let (sealed_in, is_sealed) = sealed(stand, devices).await?;
    let bytes = stand.database.used_bytes().await?;
    let ours = (bytes - before) as f64 / count as f64;
    let ruler = rows.bytes().await? as f64 / count as f64;
    let (most, name) =
        if stand.engine() == "SQLite" { (0.25, "WITHOUT ROWID") } else { (0.13, "with its key") };
    let row = Row::new("3", "bytes a row, everything included, sealed", stand.engine())
        .found(format!("{ours:.1} B/row ({:.2} B/value)", ours / 13.0), format!("{ruler:.1} B/row (rows {name})"))
        .at_most(ours / ruler, most)
        .and("≤ 22.2 B/row (1.71 B/value)", ours <= 22.2)
        .remark(format!(
            "{} rows of 13 values, loaded over the wire in {:.0} s; {} Counted \
             is what all tables and indexes of the database grew by, the latest rows included, free pages left out. \
             Bytes a value of others were measured on other samples, noisier than these (some of the 13 hardly \
             move): VictoriaMetrics 1.49, Prometheus 3.37, Zabbix 99; the ratio to rows is what to compare.",
            grouped(count as f64),
            loaded_in.as_secs_f64(),
            if is_sealed {
                "the server's own job sealed them.".to_owned()
            } else {
                format!("the server's own job had not sealed all of them after {:.0} s.", sealed_in.as_secs_f64())
            }
        ));
    bench.report.disk(stand.engine(), ours);
    bench.figures.bytes_per_row(stand.engine(), ours);
    bench.report.add(row);
    if bench.plan.wants(&["4"]) {
        history(bench, stand, &rows, &place, &all, start).await?;
    }
    Ok(())
}

/// Posts the month, each device over its own connection and in order.
async fn load(place: &Place, devices: &[Device], start: i64) -> Result<usize> {
    let mut tasks = JoinSet::new();
    for (number, device) in devices.iter().enumerate() {
        let (place, device) = (place.clone(), device.clone());
        tasks.spawn(async move {
            let mut line = Line::open(&place, device.from).await?;
            let path = format!("/api/v1/agents/{}/metrics", device.id);
            let head = format!("{}Content-Type: application/json\r\n", device.authorization());
            let mut walk = crate::sample::Walk::new(number as u64, start);
            for _ in 0..MINUTES / SAMPLES {
                let body = Report::of(&mut walk, SAMPLES);
                loop {
                    let answer = line.ask("POST", &path, &head, body.as_bytes()).await?;
                    if !matches!(answer.status, 429 | 503) {
                        answer.good()?;
                        break;
                    }
                    let wait = header(&answer.head, "retry-after").and_then(|v| v.parse().ok()).unwrap_or(1);
                    tokio::time::sleep(Duration::from_secs(wait)).await;
                    if answer.head.contains("close") {
                        line = Line::open(&place, device.from).await?;
                    }
                }
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(devices.len() * (MINUTES / SAMPLES) * SAMPLES)
}

/// Waits until the product has sealed what it was given: its job does so by itself, once a minute. Says how long that
/// took, and whether all was done.
async fn sealed(stand: &Stand, devices: usize) -> Result<(Duration, bool)> {
    let start = Instant::now();
    // The newest post of each device waits for the end of its hour, and yesterday for its grace.
    let over = estate::now().timestamp_millis() / DAY * DAY - DAY;
    let left = format!(
        "SELECT (SELECT count(*) FROM metric_batches) \
         + (SELECT count(*) FROM metric_chunks WHERE NOT is_settled AND starts_at < {over})"
    );
    while stand.database.number(&left).await? > devices as i64 {
        if start.elapsed() > SEALED_WITHIN {
            return Ok((start.elapsed(), false));
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    Ok((start.elapsed(), true))
}

async fn history(
    bench: &mut Bench,
    stand: &mut Stand,
    rows: &Rows,
    place: &Place,
    devices: &[Device],
    start: i64,
) -> Result<()> {
    let end = start + DAYS * DAY;
    let many = if bench.plan.quick { 40 } else { 120 };
    let whole: Vec<Question> = (0..many)
        .map(|index| Question { device: index * 7 % devices.len(), start, end, width: FIVE_MINUTES })
        .collect();
    let days: Vec<Question> = (0..many as i64)
        .map(|index| {
            let start = start + index * 5 % (DAYS - 1) * DAY;
            Question {
                device: index as usize * 11 % devices.len(),
                start,
                end: start + DAY,
                width: FIVE_MINUTES,
            }
        })
        .collect();
    for (name, questions, p50_max, p99_max) in [("30 days", whole, 4.0, 20.0), ("24 hours", days, 0.5, 5.0)] {
        // Once unmeasured: both sides warm.
        rows.ask(&questions[..questions.len().min(devices.len())]).await?;
        let (ruler, ruler_points) = rows.ask(&questions).await?;
        ask(stand, place, devices, &questions[..questions.len().min(devices.len())]).await?;
        let (ours, points) = ask(stand, place, devices, &questions).await?;
        ensure!(points > 0, "the history is empty");
        let ratio = ruler.at(0.5) / ours.at(0.5);
        let row = Row::new("4", format!("history of {name} in points of 5 minutes, warm"), stand.engine())
            .found(
                format!("{} over HTTP", ours.text()),
                format!("{} (SQL over a table of rows)", ruler.text()),
            );
        let row = if name == "30 days" { row.at_least(ratio, 10.0) } else { row.beside(ratio) };
        bench.report.add(
            row.and(&format!("p50 ≤ {p50_max} ms"), ours.at(0.5) <= p50_max)
                .and(&format!("p99 ≤ {p99_max} ms"), ours.at(0.99) <= p99_max)
                .remark(format!(
                    "Average, least and most of four metrics from full resolution; {} points a question here, {} there. Ours \
                     includes HTTP, the session, tenancy and JSON; a question that has more points than one answer may is asked \
                     in two halves, counted as one. Read a ratio as how many times faster ours is.",
                    points / questions.len(),
                    ruler_points / questions.len()
                )),
        );
    }
    cold(bench, stand, devices, start).await
}

/// Asks for a month after the system has forgotten the file: each device once, on a server that has just started.
async fn cold(bench: &mut Bench, stand: &mut Stand, devices: &[Device], start: i64) -> Result<()> {
    if stand.database.engine.postmaster().is_some() {
        return Ok(());
    }
    stand.stop().await?;
    let place = stand.serve(false).await?;
    let mut latencies = Latencies::default();
    for device in 0..devices.len().min(20) {
        stand.database.evict()?;
        let question = Question { device, start, end: start + DAYS * DAY, width: FIVE_MINUTES };
        latencies.merge(ask(stand, &place, devices, &[question]).await?.0);
    }
    bench.report.add(
        Row::new("4", "history of 30 days in points of 5 minutes, cold", stand.engine())
            .found(format!("{} over HTTP", latencies.text()), "–")
            .and("p99 ≤ 40 ms", latencies.at(0.99) <= 40.0)
            .remark("The file was taken out of the system's cache before each question; each device was asked for once."),
    );
    Ok(())
}

/// Asks the product one question after the other, as people in turn.
async fn ask(
    stand: &mut Stand,
    place: &Place,
    devices: &[Device],
    questions: &[Question],
) -> Result<(Latencies, usize)> {
    let mut line = Line::open(place, Ipv4Addr::LOCALHOST).await?;
    let (mut latencies, mut points) = (Latencies::default(), 0);
    for question in questions {
        let cookie = stand.estate.cookie();
        let id = devices[question.device].id;
        let halves = if (question.end - question.start) / question.width > 5_000 { 2 } else { 1 };
        let step = (question.end - question.start) / halves;
        let paths: Vec<String> = (0..halves)
            .map(|half| {
                let start = question.start + half * step;
                format!(
                    "/api/v1/agents/{id}/metrics/history?metric={}&start={}&end={}&interval={}s",
                    asked(),
                    moment(start),
                    moment(start + step),
                    question.width / 1000
                )
            })
            .collect();
        let answers = timed(&mut latencies, async {
            let mut answers = Vec::new();
            for path in &paths {
                answers.push(line.ask("GET", path, &cookie, b"").await?.good()?);
            }
            anyhow::Ok(answers)
        })
        .await?;
        for answer in answers {
            let text = std::str::from_utf8(&answer).context("no text")?;
            // Every point has one moment; four series.
            points += text.matches(r#""at":"#).count() / 4;
        }
    }
    Ok((latencies, points))
}
