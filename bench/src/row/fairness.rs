//! One business at a hundred times its share, and what another one notices.

use super::ingest::Report;
use crate::{
    Bench,
    estate::{DEVICES_PER_BUSINESS, Device, now},
    measure::{Latencies, grouped},
    report::Row,
    stand::Stand,
    wire::{Line, Place},
};
use anyhow::{Result, ensure};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

/// Devices of the quiet business that post once a second each.
const QUIET: usize = 20;
/// The loud one does so many times as much.
const TIMES: usize = 100;
/// How long the quiet one is watched, alone and beside the loud one.
const WATCH: Duration = Duration::from_secs(10);
/// Connections of the loud one.
const LOUD_CONNECTIONS: usize = 64;

/// Measures the quiet business alone, then beside the loud one.
///
/// # Errors
/// When the quiet business is refused.
pub async fn measure(bench: &mut Bench, stand: &mut Stand) -> Result<()> {
    let place = stand.serve(false).await?;
    let devices = stand.devices(&place, DEVICES_PER_BUSINESS * 4).await?;
    ensure!(devices.len() > DEVICES_PER_BUSINESS, "there is only one business");
    let (loud, quiet) = devices.split_at(DEVICES_PER_BUSINESS);
    let quiet = &quiet[DEVICES_PER_BUSINESS.min(quiet.len() - QUIET)..][..QUIET];
    let during = WATCH;
    let from = now().timestamp_millis() - 5 * 86_400_000;
    let alone = steady(&place, quiet, from, during).await?;
    let (stop, counts) =
        (Arc::new(AtomicBool::new(false)), Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]));
    let mut flood = flood(&place, loud, from, &stop, &counts);
    let beside = steady(&place, quiet, from + 86_400_000, during).await?;
    stop.store(true, Ordering::Relaxed);
    while let Some(done) = flood.join_next().await {
        done??;
    }
    let ratio = beside.at(0.95) / alone.at(0.95);
    let count = |index: usize| counts[index].load(Ordering::Relaxed) as f64 / during.as_secs_f64();
    bench.report.add(
        Row::new("fairness", format!("a business's p95 while another one does {TIMES} times as much"), stand.engine())
            .found(
                format!("p95 {:.2} ms (p50 {:.2} ms)", beside.at(0.95), beside.at(0.5)),
                format!("p95 {:.2} ms (p50 {:.2} ms) alone", alone.at(0.95), alone.at(0.5)),
            )
            .at_most(ratio, 1.2)
            .remark(format!(
                "{QUIET} devices post one sample a second each and are never refused; the other business had {}/s stored and {}/s refused with \
                 429 or 503 in that time. Server, database and both loads share the machine's cores: what the quiet one \
                 notices is mostly the processor.",
                grouped(count(0)),
                grouped(count(1))
            )),
    );
    Ok(())
}

/// One sample a second from each device.
async fn steady(place: &Place, devices: &[Device], from: i64, during: Duration) -> Result<Latencies> {
    let mut tasks = JoinSet::new();
    let start = Instant::now();
    for (number, device) in devices.iter().enumerate() {
        let (place, device) = (place.clone(), device.clone());
        tasks.spawn(async move {
            let mut line = Line::open(&place, device.from).await?;
            let mut report = Report::new(number as u64, 1, false);
            let (mut latencies, mut round) = (Latencies::default(), 0);
            tokio::time::sleep(Duration::from_millis(number as u64 * 1000 / QUIET as u64)).await;
            let mut pace = interval(Duration::from_secs(1));
            pace.set_missed_tick_behavior(MissedTickBehavior::Skip);
            while start.elapsed() < during {
                pace.tick().await;
                let sent = Instant::now();
                post(&mut line, &device, report.at(from + round * 60_000)).await?.good()?;
                latencies.add(sent.elapsed());
                round += 1;
            }
            anyhow::Ok(latencies)
        });
    }
    let mut all = Latencies::default();
    while let Some(latencies) = tasks.join_next().await {
        all.merge(latencies??);
    }
    Ok(all)
}

/// A hundred times as much, as evenly as a machine can; counts what was stored and what was refused.
fn flood(
    place: &Place,
    devices: &[Device],
    from: i64,
    stop: &Arc<AtomicBool>,
    counts: &Arc<[AtomicUsize; 2]>,
) -> JoinSet<Result<()>> {
    let mut tasks = JoinSet::new();
    let pause = Duration::from_secs_f64(LOUD_CONNECTIONS as f64 / (QUIET * TIMES) as f64);
    for (number, group) in devices.chunks(devices.len().div_ceil(LOUD_CONNECTIONS)).enumerate() {
        let (place, group, stop, counts) =
            (place.clone(), group.to_vec(), Arc::clone(stop), Arc::clone(counts));
        tasks.spawn(async move {
            let mut line = Line::open(&place, group[0].from).await?;
            let mut report = Report::new(number as u64, 1, false);
            // Evenly spread: started together, all of them would post in the same moment again and again.
            tokio::time::sleep(pause.mul_f64(number as f64 / LOUD_CONNECTIONS as f64)).await;
            let mut pace = interval(pause);
            let mut round = 0;
            while !stop.load(Ordering::Relaxed) {
                pace.tick().await;
                let device = &group[round % group.len()];
                let answer = post(&mut line, device, report.at(from + round as i64 * 1_000)).await?;
                counts[usize::from(answer.status != 200)].fetch_add(1, Ordering::Relaxed);
                if answer.status != 200 {
                    line = Line::open(&place, group[0].from).await?;
                }
                round += 1;
            }
            anyhow::Ok(())
        });
    }
    tasks
}

async fn post(line: &mut Line, device: &Device, body: &[u8]) -> Result<crate::wire::Answer> {
    let path = format!("/api/v1/agents/{}/metrics", device.id);
    let head = format!("{}Content-Type: application/json\r\n", device.authorization());
    line.ask("POST", &path, &head, body).await
}
