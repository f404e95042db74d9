//! The fleet of the simulator, which behaves as real agents do, while the server stops, is killed, and comes back: how
//! long until all are there again, and whether every sample that was taken is stored.

use crate::{
    Bench,
    database::Engine,
    estate::now,
    measure::grouped,
    report::Row,
    sample::moment,
    stand::Stand,
    wire::{Line, Place},
};
use anyhow::{Context, Result, bail};
use entity::id::{BusinessId, DeviceId};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use rustix::process::Signal;
use sim::{Count, Door, Fleet, Identity, Key, Kind, Manner, Rhythm, Tally};
use std::{
    fs,
    net::Ipv4Addr,
    sync::Arc,
    time::{Duration, Instant},
};

/// The target.
const BACK_WITHIN: Duration = Duration::from_secs(120);
/// What agents may take to send what waits at the end.
const DRAINED_WITHIN: Duration = Duration::from_secs(60);
/// A server that was killed is started again after this time, as a supervisor would.
const DOWN_FOR: Duration = Duration::from_secs(2);
/// Connections over which the stored samples are counted.
const COUNTERS: usize = 8;

/// Runs the fleet through an orderly restart and a kill.
///
/// # Errors
/// When the fleet does not come up at all.
pub async fn measure(bench: &mut Bench, stand: &mut Stand) -> Result<()> {
    let whole = bench.plan.devices;
    let count = if matches!(stand.database.engine, Engine::Sqlite) { whole } else { whole / 10 };
    let place = stand.serve(true).await?;
    let ca = fs::read(&bench.tls.cert)?;
    let door = Door::new(&place.url(), Some(&ca))?;
    let identities = identities(stand, count)?;
    let tally = Arc::new(Tally::default());
    let rhythm = Rhythm { metrics: Some(Duration::from_secs(10)), ..Rhythm::default() };
    let manner = |_: usize, _: &Identity| Manner {
        begins_within: Duration::from_secs(5),
        inventory_within: Duration::from_secs(3_600),
        ..Manner::default()
    };
    let started = now().timestamp_millis() - 1_000;
    bench.report.progress(&format!("  {count} simulated agents, one orderly stop, one kill"));
    let fleet = Fleet::start(&door, identities, rhythm, 1, &tally, manner);
    let up = fleet.connected(count, BACK_WITHIN).await.context("the simulated fleet did not come up")?;
    tokio::time::sleep(bench.plan.watch / 2).await;
    let mut back = Vec::new();
    for signal in [Signal::TERM, Signal::KILL] {
        let product = stand.take_product()?;
        product.signal(signal)?;
        product.ended().await?;
        while tally.connected() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        if signal == Signal::KILL {
            tokio::time::sleep(DOWN_FOR).await;
        }
        let start = Instant::now();
        stand.serve_again(&place).await?;
        let Some(_) = fleet.connected(count, BACK_WITHIN).await else {
            bail!("{} of {count} agents were back after {BACK_WITHIN:?}", tally.connected());
        };
        back.push(start.elapsed());
        tokio::time::sleep(bench.plan.watch / 3).await;
    }
    let drained = fleet.drain(DRAINED_WITHIN).await;
    let sent = fleet.stop().await;
    stand.stop().await?;
    let place = stand.serve(false).await?;
    let stored = stored(stand, &place, count, started).await?;
    report(bench, stand, &tally, &Outcome { count, up, back, drained, sent, stored });
    Ok(())
}

struct Outcome {
    count: usize,
    up: Duration,
    back: Vec<Duration>,
    drained: bool,
    sent: Count,
    stored: u64,
}

fn report(bench: &mut Bench, stand: &Stand, tally: &Tally, outcome: &Outcome) {
    let Outcome { count, up, back, drained, sent, stored } = outcome;
    let longest = back.iter().max().copied().unwrap_or_default();
    let ack = tally.latency(Kind::Ack).unwrap_or_default();
    let devices = grouped(*count as f64);
    let seconds = |time: Duration| format!("{:.1} s", time.as_secs_f64());
    bench.report.add(
        Row::new("restarts", format!("{devices} agents that behave as real ones, back after a restart, TLS"), stand.engine())
            .found(
                format!(
                    "{} after an orderly stop, {} after a kill",
                    back.first().map_or_else(String::new, |time| seconds(*time)),
                    back.get(1).map_or_else(String::new, |time| seconds(*time))
                ),
                "–",
            )
            .and("≤ 120 s", longest <= BACK_WITHIN)
            .remark(format!(
                "From the start of the new process to the last welcome. All agents of this test come from one address, which shares one \
                 allowance for newcomers; each waits its own random time before it comes back. The first time they \
                 were all there after {}, tokens included. Acknowledgements: p50 {:.1} ms, p99 {:.0} ms, restarts included.",
                seconds(*up),
                ack.p50_ms,
                ack.p99_ms
            )),
    );
    let is_whole =
        *drained && sent.produced == sent.acked + sent.spooled + sent.dropped && *stored == sent.acked;
    bench.report.add(
        Row::new("restarts", "samples taken = stored, with both restarts between", stand.engine())
            .found(
                format!(
                    "{} taken, {} acknowledged, {} stored, {} waiting, {} dropped and reported",
                    grouped(sent.produced as f64),
                    grouped(sent.acked as f64),
                    grouped(*stored as f64),
                    sent.spooled,
                    sent.dropped_and_reported
                ),
                "–",
            )
            .and("taken = stored", is_whole)
            .remark(format!(
                "Counted by the agents' own spools on one side and by the history of every device over the API on the other. Things that must \
                 not happen to an agent: {}.",
                tally.unexpected_count()
            )),
    );
}

fn identities(stand: &Stand, count: usize) -> Result<Vec<Identity>> {
    let devices = stand.estate.devices.iter().take(count).enumerate();
    devices
        .map(|(number, device)| {
            Ok(Identity {
                device: DeviceId(device.id),
                key: Key::from_hex(&device.key_hex()).context("a broken key")?,
                business: BusinessId(device.business),
                number: u16::try_from(number / crate::estate::DEVICES_PER_BUSINESS)?,
            })
        })
        .collect()
}

/// Samples since a moment, counted in the history of each device: points of a second hold one each.
async fn stored(stand: &mut Stand, place: &Place, count: usize, since: i64) -> Result<u64> {
    let until = now().timestamp_millis() + 60_000;
    let ids: Vec<_> = stand.estate.devices.iter().take(count).map(|device| device.id).collect();
    let work: Vec<_> = ids
        .chunks(ids.len().div_ceil(COUNTERS).max(1))
        .map(|ids| {
            let cookies: Vec<String> = ids.iter().map(|_| stand.estate.cookie()).collect();
            (ids.to_vec(), cookies)
        })
        .collect();
    let counts: Vec<u64> = stream::iter(work)
        .map(|(ids, cookies)| async move {
            let mut line = Line::open(place, Ipv4Addr::LOCALHOST).await?;
            let mut points = 0;
            for (id, cookie) in ids.iter().zip(cookies) {
                let path = format!(
                    "/api/v1/agents/{id}/metrics/history?metric=process_count&start={}&end={}&interval=1s",
                    moment(since),
                    moment(until)
                );
                points += ask(place, &mut line, &path, &cookie).await?.matches(r#""at":"#).count() as u64;
            }
            anyhow::Ok(points)
        })
        .buffer_unordered(COUNTERS)
        .try_collect()
        .await?;
    Ok(counts.into_iter().sum())
}

/// Asks until the server has time: people have a share too.
async fn ask(place: &Place, line: &mut Line, path: &str, cookie: &str) -> Result<String> {
    loop {
        let answer = line.ask("GET", path, cookie, b"").await?;
        if answer.status != 429 {
            return Ok(String::from_utf8(answer.good()?)?);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        *line = Line::open(place, Ipv4Addr::LOCALHOST).await?;
    }
}
