//! Rows 10 and 10b: the device list, rendered on the server.

use crate::{
    Bench, machine,
    measure::{Latencies, kilobytes, timed},
    product::free_port,
    report::{Met, Row},
    ruler,
    stand::Stand,
    wire::{Line, Place},
};
use anyhow::{Context, Result, ensure};
use std::net::Ipv4Addr;

/// Pages of one measurement: below what people may ask at once.
const PAGES: usize = 300;
/// What Tactical RMM took for its list of 1,000 devices in our measurements, milliseconds of CPU.
const PEER_MILLISECONDS: f64 = 2_270.0;

/// Measures the list on one database.
///
/// # Errors
/// When the ruler or the product fails.
pub async fn measure(bench: &mut Bench, stand: &mut Stand) -> Result<()> {
    let pages = if bench.plan.quick { PAGES / 3 } else { PAGES };
    let (bare, bare_cpu) = ruler(bench, stand, pages).await?;
    let place = stand.serve(false).await?;
    let path = "/devices?search=srv&sort=name";
    page(stand, &place, path, pages / 4).await?;
    let before = stand.cpu_seconds()?;
    let (ours, _) = page(stand, &place, path, pages).await?;
    let cpu = (stand.cpu_seconds()? - before).total() * 1e3 / pages as f64;
    let packed = packed(stand, &place, path).await?;
    let before = stand.cpu_seconds()?;
    let (json, bytes) = page(stand, &place, "/api/v1/agents?search=srv&sort=name&limit=50", pages).await?;
    let json_cpu = (stand.cpu_seconds()? - before).total() * 1e3 / pages as f64;
    let devices = stand.estate.devices.len();
    bench.report.add(
        Row::new("10", format!("device list, {devices} devices, searched, sorted and counted, first page, SSR"), stand.engine())
            .found(
                format!("{}, {cpu:.2} ms CPU, {} as brotli", ours.text(), kilobytes(packed as f64)),
                format!("{}, {bare_cpu:.2} ms CPU (SeaORM and Leptos)", bare.text()),
            )
            .at_most(ours.at(0.5) / bare.at(0.5), 1.3)
            .and("CPU ≤ 1.2 ms", cpu <= 1.2)
            .and("p50 ≤ 3 ms", ours.at(0.5) <= 3.0)
            .and("≤ 4 kB brotli", packed <= 4_000)
            .remark(format!(
                "The whole page of the portal: session, reach, frame, filters, fifty rows joined with their business, place, \
                 latest values and small charts, and what the browser needs to hydrate. The ruler is one table of twelve columns and \
                 a bare HTML table. The same rows as JSON: {}, {json_cpu:.2} ms CPU, {}. Tactical RMM took {:.0}× the CPU for 1,000 \
                 devices (target ≥ 1,000×).",
                json.text(),
                kilobytes(bytes as f64),
                PEER_MILLISECONDS / cpu
            )),
    );
    bench.report.add(Row {
        met: Met::Open,
        remark: "There is no such page: lists come a page at a time, by keyset, whatever their length. That is the point of row 10."
            .to_owned(),
        ..Row::new("10b", "all devices in one response", stand.engine()).found("not offered", "–")
    });
    Ok(())
}

/// The bare list as a process of its own, on a database of the same kind.
async fn ruler(bench: &Bench, stand: &Stand, pages: usize) -> Result<(Latencies, f64)> {
    let folder = tempfile::tempdir_in(&bench.work)?;
    let url = match &stand.database.engine {
        crate::database::Engine::Sqlite => {
            format!("sqlite://{}?mode=rwc", folder.path().join("list.db").display())
        }
        crate::database::Engine::Postgres(cluster) => cluster.database("list")?,
    };
    let port = free_port().await?;
    let devices = stand.estate.devices.len().to_string();
    let arguments = ["list", "--port", &port.to_string(), "--devices", &devices, "--database-url", &url];
    let list = ruler::Process::start(&arguments.map(str::to_owned), Some(port)).await?;
    let place = Place { address: (Ipv4Addr::LOCALHOST, port).into(), tls: None };
    let mut line = Line::open(&place, Ipv4Addr::LOCALHOST).await?;
    let mut latencies = Latencies::default();
    for _ in 0..pages / 4 {
        line.ask("GET", "/devices?search=srv", "", b"").await?.good()?;
    }
    let cpu = || machine::cpu_seconds(list.pid()) + stand.database.engine.cpu_seconds();
    let before = cpu();
    for _ in 0..pages {
        let page = timed(&mut latencies, line.ask("GET", "/devices?search=srv", "", b"")).await?.good()?;
        ensure!(page.len() > 5_000, "the bare list is empty");
    }
    Ok((latencies, (cpu() - before) * 1e3 / pages as f64))
}

/// Asks for a page so many times, as people in turn; the bytes of the last.
async fn page(stand: &mut Stand, place: &Place, path: &str, times: usize) -> Result<(Latencies, usize)> {
    let mut line = Line::open(place, Ipv4Addr::LOCALHOST).await?;
    let (mut latencies, mut bytes) = (Latencies::default(), 0);
    for _ in 0..times {
        let cookie = stand.estate.cookie();
        let answer = timed(&mut latencies, line.ask("GET", path, &cookie, b"")).await?;
        let body = answer.good().with_context(|| path.to_owned())?;
        ensure!(body.windows(4).any(|word| word == b"srv-"), "{path} shows no device");
        bytes = body.len();
    }
    Ok((latencies, bytes))
}

/// Bytes of the page as a browser gets it.
async fn packed(stand: &mut Stand, place: &Place, path: &str) -> Result<usize> {
    let mut line = Line::open(place, Ipv4Addr::LOCALHOST).await?;
    let headers = format!("{}Accept-Encoding: br\r\n", stand.estate.cookie());
    Ok(line.ask("GET", path, &headers, b"").await?.good()?.len())
}
