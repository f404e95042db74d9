//! Row 8: a command's way to a device and back. Asked for over the API, committed, handed to a device that does nothing,
//! its result committed, and the event of that on a page that somebody has open.

use crate::{
    Bench,
    estate::Device,
    fleet::Talk,
    measure::{Latencies, grouped, milliseconds},
    report::Row,
    ruler::disk,
    stand::{Cpu, Stand},
    wire::{Line, Place},
};
use anyhow::{Context, Result, ensure};
use std::{
    net::Ipv4Addr,
    time::{Duration, Instant},
};
use tokio::{
    sync::mpsc::{self, UnboundedReceiver},
    task::JoinSet,
    time::timeout,
};

/// Devices that are asked in turn; all of them are connected.
const DEVICES: usize = 100;
/// Commands whose way is timed, one at a time.
const ROUNDS: usize = 500;
/// Commands before that, which are not.
const WARM_UP: usize = 50;
/// Commands on their way at once, in the second row.
const AT_ONCE: usize = 32;
/// What has not come within this time is lost.
const WITHIN: Duration = Duration::from_secs(5);
/// What MeshCentral takes to hand a message to an agent and its answer back, nothing of it on the disk.
const UNDURABLE_RELAY_MS: f64 = 0.37;
/// Something that is safe, takes nobody's approval, and that the devices of this bench take for done.
const ASKED: &[u8] = br#"{"payload":{"kind":"patch_scan"}}"#;

/// What a device says of a command.
struct Said {
    id: String,
    ordered: Instant,
    acknowledged: Instant,
}

/// A device that does at once what it is asked for, and what it says.
struct Obedient {
    device: Device,
    says: UnboundedReceiver<Said>,
}

/// Where the time of one command went.
#[derive(Default)]
struct Times {
    answered: Latencies,
    ordered: Latencies,
    shown: Latencies,
}

/// Times commands one by one, and then many at once.
///
/// # Errors
/// When a command does not come back.
pub async fn measure(bench: &mut Bench, stand: &mut Stand) -> Result<()> {
    let mut fsync = disk::fsyncs(&bench.work, bench.plan.load / 4)?;
    let place = stand.serve(false).await?;
    let devices = stand.devices(&place, DEVICES).await?;
    let mut tasks = JoinSet::new();
    let mut obedient = connect(&place, devices, &mut tasks).await?;
    let mut events = events(&place, &stand.estate.cookie(), &mut tasks).await?;
    one_by_one(stand, &place, &mut obedient, &mut events, WARM_UP).await?;
    let before = stand.cpu_seconds()?;
    let times = one_by_one(stand, &place, &mut obedient, &mut events, ROUNDS).await?;
    let cpu = stand.cpu_seconds()? - before;
    // Before and after: what else the disk does changes by the second.
    fsync.merge(disk::fsyncs(&bench.work, bench.plan.load / 4)?);
    bench.report.add(alone(stand.engine(), &times, cpu, &fsync));
    let before = stand.cpu_seconds()?;
    let (many, took) = at_once(stand, &place, obedient, bench.plan.load).await?;
    let cpu = stand.cpu_seconds()? - before;
    bench.report.add(together(stand.engine(), &many, took, cpu, &fsync));
    tasks.shutdown().await;
    Ok(())
}

fn alone(engine: &'static str, times: &Times, cpu: Cpu, fsync: &Latencies) -> Row {
    let (p50, p99) = (times.shown.at(0.5), times.shown.at(0.99));
    let micros = cpu.total() * 1e6 / times.shown.len() as f64;
    let ratio = p50 / fsync.at(0.5);
    let row = Row::new("8", "command round trip, one at a time", engine).found(
        format!("{}; {micros:.0} µs CPU a command", times.shown.text()),
        format!("fsync {}", fsync.text()),
    );
    let row = if engine == "SQLite" {
        row.beside(ratio).and("p50 ≤ 0.5 ms", p50 <= 0.5).and("p99 ≤ 5 ms", p99 <= 5.0)
    } else {
        row.at_most(ratio, 2.5).and("p50 ≤ 10 ms", p50 <= 10.0).and("p99 ≤ 40 ms", p99 <= 40.0)
    };
    row.and("≤ 250 µs CPU", micros <= 250.0).remark(format!(
        "From the request over the API to the event of the result on an open page; on the way the command, its order and its \
         result are committed, each with its audit entry, and the order is signed. The order was on the device after {}, the \
         API had answered after {}. MeshCentral's relay keeps nothing and signs nothing: 0.31–0.37 ms, of which this is {:.1}×; \
         273–360 µs CPU. {DEVICES} devices are connected; the real agent's own disk is not in it. The ruler is 8 KiB \
         appended and synced, before and after.",
        milliseconds(times.ordered.at(0.5)),
        milliseconds(times.answered.at(0.5)),
        p50 / UNDURABLE_RELAY_MS,
    ))
}

fn together(engine: &'static str, many: &Latencies, took: Duration, cpu: Cpu, fsync: &Latencies) -> Row {
    let rate = many.len() as f64 / took.as_secs_f64();
    let micros = cpu.total() * 1e6 / many.len() as f64;
    let syncs = 1e3 / fsync.at(0.5);
    Row::new("8", format!("commands, {AT_ONCE} on their way at once"), engine)
        .found(
            format!("{}/s, {micros:.0} µs CPU a command; {}", grouped(rate), many.text()),
            format!("{} fsyncs/s", grouped(syncs)),
        )
        .beside(rate / syncs)
        .remark(
            "From the request to the acknowledgement of the result on the device. The ratio is commands to fsyncs in a \
             second, one after the other: above a third, commits are shared.",
        )
}

/// Opens a socket for each device; each does what it is asked for.
async fn connect(place: &Place, devices: Vec<Device>, tasks: &mut JoinSet<()>) -> Result<Vec<Obedient>> {
    let mut obedient = Vec::with_capacity(devices.len());
    for device in devices {
        let mut talk = Talk::open(place, &device).await?;
        let (say, says) = mpsc::unbounded_channel();
        tasks.spawn(async move {
            // A socket that ends is found by whoever waits for what comes over it.
            while let Ok(asked) = talk.next_command().await {
                let ordered = Instant::now();
                if talk.obey(&asked).await.is_err() {
                    return;
                }
                let id = asked.order.command_id.to_string();
                if say.send(Said { id, ordered, acknowledged: Instant::now() }).is_err() {
                    return;
                }
            }
        });
        obedient.push(Obedient { device, says });
    }
    Ok(obedient)
}

/// Opens a page's stream; each event with the moment at which it came.
async fn events(
    place: &Place,
    cookie: &str,
    tasks: &mut JoinSet<()>,
) -> Result<UnboundedReceiver<(Instant, String)>> {
    let mut page = Line::open(place, Ipv4Addr::LOCALHOST).await?;
    page.send("GET", "/portal/events", &format!("{cookie}Accept: text/event-stream\r\n"), b"").await?;
    let opened = page.next_bytes().await?;
    ensure!(opened.starts_with(b"HTTP/1.1 200"), "no events: {}", String::from_utf8_lossy(&opened));
    let (show, shown) = mpsc::unbounded_channel();
    tasks.spawn(async move {
        let mut text = String::new();
        while let Ok(bytes) = page.next_bytes().await {
            let at = Instant::now();
            text.push_str(&String::from_utf8_lossy(&bytes));
            while let Some(end) = text.find("\n\n") {
                let event: String = text.drain(..end + 2).collect();
                if show.send((at, event)).is_err() {
                    return;
                }
            }
        }
    });
    Ok(shown)
}

async fn one_by_one(
    stand: &mut Stand,
    place: &Place,
    obedient: &mut [Obedient],
    events: &mut UnboundedReceiver<(Instant, String)>,
    rounds: usize,
) -> Result<Times> {
    let mut times = Times::default();
    let mut line = Line::open(place, Ipv4Addr::LOCALHOST).await?;
    let count = obedient.len();
    for round in 0..rounds {
        let Obedient { device, says } = &mut obedient[round % count];
        let cookie = stand.estate.cookie();
        let start = Instant::now();
        let id = ask(&mut line, device, &cookie).await?;
        times.answered.add(start.elapsed());
        let shown = timeout(WITHIN, shown(events, &id)).await;
        let shown = shown.with_context(|| format!("no event of the end of {id} came in time"))??;
        times.shown.add(shown.duration_since(start));
        let said =
            timeout(WITHIN, said(says, &id)).await.context("the device was not answered in time")??;
        times.ordered.add(said.ordered.duration_since(start));
    }
    Ok(times)
}

/// Asks for a command; answers its id.
async fn ask(line: &mut Line, device: &Device, cookie: &str) -> Result<String> {
    let path = format!("/api/v1/agents/{}/commands", device.id);
    let head = format!("{cookie}Content-Type: application/json\r\n");
    let answer = line.ask("POST", &path, &head, ASKED).await?.good()?;
    let made: serde_json::Value = serde_json::from_slice(&answer)?;
    Ok(made["command"]["id"].as_str().context("a command without an id")?.to_owned())
}

async fn shown(events: &mut UnboundedReceiver<(Instant, String)>, id: &str) -> Result<Instant> {
    loop {
        let (at, event) = events.recv().await.context("the page's stream ended")?;
        if event.contains(id) && event.contains(r#""state":"completed""#) {
            return Ok(at);
        }
    }
}

async fn said(says: &mut UnboundedReceiver<Said>, id: &str) -> Result<Said> {
    loop {
        let said = says.recv().await.context("a device's socket ended")?;
        if said.id == id {
            return Ok(said);
        }
    }
}

/// So many at once for a while; how long each took until its device was answered, and all together.
async fn at_once(
    stand: &mut Stand,
    place: &Place,
    obedient: Vec<Obedient>,
    during: Duration,
) -> Result<(Latencies, Duration)> {
    let start = Instant::now();
    let mut askers = JoinSet::new();
    for Obedient { device, mut says } in obedient.into_iter().take(AT_ONCE) {
        let (place, cookie) = (place.clone(), stand.estate.cookie());
        askers.spawn(async move {
            let mut latencies = Latencies::default();
            let mut line = Line::open(&place, Ipv4Addr::LOCALHOST).await?;
            while start.elapsed() < during {
                let asked = Instant::now();
                let id = ask(&mut line, &device, &cookie).await?;
                let said = timeout(WITHIN, said(&mut says, &id)).await.context("no answer in time")??;
                latencies.add(said.acknowledged.duration_since(asked));
            }
            anyhow::Ok(latencies)
        });
    }
    let mut all = Latencies::default();
    while let Some(asked) = askers.join_next().await {
        all.merge(asked??);
    }
    Ok((all, start.elapsed()))
}
