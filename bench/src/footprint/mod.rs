//! What the agent takes of a device, beside other people's agents on the same machine, and while its server is gone.

mod family;
mod outage;
mod peer;
mod relay;
pub mod resident;
pub mod section;

use crate::{
    Bench,
    measure::megabytes,
    product::{Product, free_port},
    report::say,
    stand::Stand,
    wire::Place,
};
use anyhow::{Context, Result};
use family::{Cost, Family};
use outage::{Log, Outage};
use relay::{Carried, Relay};
use resident::Resident;
use section::Section;
use serde_json::json;
use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::{Duration, Instant},
};

/// After its start an agent looks at everything once; it settles for so long.
const SETTLE: Duration = Duration::from_secs(15);
/// How often threads are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// An agent whose server is back has heard of it by then.
const BACK_WITHIN: Duration = Duration::from_secs(90);
/// What was kept is handed over by then, for an outage of a minute.
const HAND_OVER: Duration = Duration::from_secs(10);

/// What was asked for.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// How long the server is gone.
    pub outage: Duration,
    /// MeshCentral's agent.
    pub mesh_agent: Option<PathBuf>,
}

/// One program of the table.
#[derive(Clone, Debug)]
pub struct Line {
    pub name: String,
    pub cost: Cost,
    /// Both ways; absent where nothing was counted.
    pub wire_bytes_per_hour: Option<f64>,
    pub program_bytes: f64,
}

/// The server behind its relay.
struct Way {
    server: SocketAddr,
    place: Place,
    carried: Carried,
    relay: Option<Relay>,
    product: Option<Product>,
}

impl Way {
    async fn new(bench: &Bench) -> Result<Self> {
        let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let place = Place { address: at(free_port().await?), tls: Some(bench.tls.clone()) };
        let server = at(free_port().await?);
        Ok(Self { server, place, carried: Carried::default(), relay: None, product: None })
    }

    async fn up(&mut self, stand: &Stand) -> Result<()> {
        let public_url = self.place.url();
        let product = Product::start_behind(
            &stand.programs,
            &stand.database,
            stand.data.path(),
            self.place.tls.as_ref(),
            self.server.port(),
            &public_url,
        );
        self.product = Some(product.await?);
        self.relay = Some(Relay::start(self.place.address, self.server, &self.carried).await?);
        Ok(())
    }

    async fn down(&mut self) -> Result<()> {
        self.relay = None;
        match self.product.take() {
            Some(product) => product.stop().await,
            None => Ok(()),
        }
    }
}

/// Measures everybody at once, then ours without its server.
///
/// # Errors
/// When our agent was not built or does not run.
pub async fn measure(bench: &mut Bench, stand: &mut Stand, wish: &Wish) -> Result<Section> {
    let program = stand.programs.agent.clone().context("the agent was not built")?;
    let mut way = Way::new(bench).await?;
    way.up(stand).await?;
    let data = stand.data.path().join("agent");
    let token = resident::token(&way.place, &mut stand.estate).await?;
    resident::register(&program, &data, &way.place, &token)?;
    let mut log = Log::new(&stand.data.path().join("app.log"))?;
    let mut section = Section::default();
    if let Err(error) = follow(&way.place, stand, &log).await {
        section.notes.push(format!("The agent could not be told to follow a log: {error:#}"));
    }
    let ours = Resident::start(&program, &data).await?;
    idle(bench, &ours, &way.carried, wish, &mut section, &program).await?;
    if !wish.outage.is_zero() {
        bench.report.progress(&format!("the server is gone for {} s", wish.outage.as_secs()));
        section.outage = Some(gone(stand, &ours, &mut way, &mut log, wish.outage).await?);
    }
    drop(ours);
    way.down().await?;
    Ok(section)
}

/// Tells the agent to follow a file and nothing else.
async fn follow(place: &Place, stand: &mut Stand, log: &Log) -> Result<()> {
    let device = resident::device_id(place, &mut stand.estate).await?;
    let sources = json!({"inherits": false, "system_log": false, "files": log.path.display().to_string()});
    let path = format!("/api/v1/agents/{device}/log-sources");
    resident::ask(place, &mut stand.estate, "PUT", &path, &sources).await.map(drop)
}

/// Watches everybody at the same time.
async fn idle(
    bench: &Bench,
    ours: &Resident,
    carried: &Carried,
    wish: &Wish,
    section: &mut Section,
    program: &std::path::Path,
) -> Result<()> {
    let mut peers = Vec::new();
    for peer in peer::all(wish.mesh_agent.as_deref()) {
        match peer.start() {
            Ok(Some(running)) => peers.push((peer, running)),
            Ok(None) => {
                let line =
                    format!("{} is not installed here, so it was left out: {}", peer.name, peer.install);
                say(&format!("           {line}"));
                section.missing.push(line);
            }
            Err(error) => section.missing.push(format!("{}: {error:#}", peer.name)),
        }
    }
    tokio::time::sleep(SETTLE).await;
    ours.is_there()?;
    let mut families =
        vec![("reeve-agent".to_owned(), Family::alone(ours.agent), fs::metadata(program)?.len(), None)];
    if let Some(updater) = ours.updater {
        let bytes = fs::metadata(program.with_file_name("reeve-updater"))?.len();
        families.push(("reeve-updater, which watches it".to_owned(), Family::alone(updater), bytes, None));
    }
    for (peer, running) in &mut peers {
        match running.pid() {
            Ok(pid) => families.push((
                format!("{}, {}", peer.name, peer.does),
                Family::whole(pid),
                running.program_bytes,
                running.scraped.clone(),
            )),
            Err(error) => section.missing.push(format!("{}: {error:#}", peer.name)),
        }
    }
    // A whole number of sampling intervals, so that nobody is favoured.
    let during = Duration::from_secs(60);
    bench.report.progress(&format!("{} programs are watched for {} s", families.len(), during.as_secs()));
    let (sent, scraped): (u64, Vec<u64>) =
        (carried.total(), families.iter().map(|(.., count)| read(count)).collect());
    let since = Instant::now();
    families.iter_mut().for_each(|(_, family, ..)| family.begin());
    while since.elapsed() < during {
        tokio::time::sleep(LOOK_EVERY).await;
        families.iter_mut().for_each(|(_, family, ..)| family.look());
    }
    let seconds = since.elapsed().as_secs_f64();
    section.seconds = seconds;
    let per_hour = |bytes: u64| bytes as f64 * 3600.0 / seconds;
    for (index, (name, family, program_bytes, count)) in families.iter().enumerate() {
        let wire_bytes_per_hour = match count {
            _ if index == 0 => Some(per_hour(carried.total() - sent)),
            Some(_) => Some(per_hour(read(count) - scraped[index])),
            None => None,
        };
        let cost = family.cost(seconds);
        let line =
            Line { name: name.clone(), cost, wire_bytes_per_hour, program_bytes: *program_bytes as f64 };
        bench.report.progress(&format!(
            "  {name}: {} resident, {} anonymous, {:.4} % of a core, {} threads, {} of program",
            megabytes(cost.rss_bytes),
            megabytes(cost.anonymous_bytes),
            cost.cpu_percent,
            cost.threads,
            megabytes(line.program_bytes)
        ));
        section.lines.push(line);
    }
    ours.is_there()
}

fn read(count: &Option<std::sync::Arc<std::sync::atomic::AtomicU64>>) -> u64 {
    count.as_ref().map_or(0, |count| count.load(std::sync::atomic::Ordering::Relaxed))
}

/// Takes the server away while the log grows, and gives it back.
async fn gone(
    stand: &Stand,
    ours: &Resident,
    way: &mut Way,
    log: &mut Log,
    during: Duration,
) -> Result<Outage> {
    let mut family = Family::alone(ours.agent);
    let rss_before = family.cost(1.0).rss_bytes;
    let (since, lines) = (Instant::now(), log.lines());
    way.down().await?;
    family.begin();
    let rss_most = outage::watch(ours, log, during, || family.look()).await?;
    let seconds = since.elapsed().as_secs_f64();
    let outage = Outage { minutes: seconds / 60.0, rss_before, rss_most, ..Outage::default() };
    let mut outage = outage.ended(log, lines, family.cost(seconds), &ours.data);
    way.up(stand).await?;
    let (since, heard) = (Instant::now(), way.carried.down());
    while way.carried.down() == heard && since.elapsed() < BACK_WITHIN {
        outage::watch(ours, log, LOOK_EVERY, || ()).await?;
    }
    anyhow::ensure!(way.carried.down() > heard, "the agent did not come back within {BACK_WITHIN:?}");
    let patience = HAND_OVER.max(during / 20);
    outage.rss_most_after = outage::watch(ours, log, patience, || ()).await?;
    outage.rss_after = family.cost(1.0).rss_bytes;
    Ok(outage)
}
