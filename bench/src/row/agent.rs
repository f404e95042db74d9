//! Row 13: the agent itself, as it is installed on devices.

use crate::{
    Bench,
    footprint::resident,
    machine::{self, Threads},
    measure::{kilobytes, megabytes},
    product::free_port,
    report::Row,
    ruler,
    stand::Stand,
};
use anyhow::{Context, Result, ensure};
use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// After its start an agent looks at everything once; it settles for so long.
const SETTLE: Duration = Duration::from_secs(10);
/// How often threads are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// What MeshCentral's agent takes, bytes.
const PEER_BYTES: f64 = 10_200_000.0;

/// A process that is ended with its measurement.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Its data are gone with the stand.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Registers a real agent and watches it beside the smallest one.
///
/// # Errors
/// When the agent was not built or does not run.
pub async fn measure(bench: &mut Bench, stand: &mut Stand) -> Result<()> {
    let program = stand.programs.agent.clone().context("the agent was not built")?;
    let size = fs::metadata(&program)?.len();
    let place = stand.serve(true).await?;
    let token = resident::token(&place, &mut stand.estate).await?;
    let data = stand.data.path().join("agent");
    resident::register(&program, &data, &place, &token)?;
    let mut agent = Command::new(&program);
    agent
        .arg("--data-dir")
        .arg(&data)
        .arg("run")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let agent = Running(agent.spawn().context("the agent does not start")?);
    let (hub_port, file) = (free_port().await?, |path: &Path| path.display().to_string());
    let (cert, key) = (file(&bench.tls.cert), file(&bench.tls.key));
    let hub = ["hub", "--port", &hub_port.to_string(), "--cert", &cert, "--key", &key].map(str::to_owned);
    let _hub = ruler::Process::start(&hub, Some(hub_port)).await?;
    let least = ["agent", "--port", &hub_port.to_string(), "--cert", &cert].map(str::to_owned);
    let least = ruler::Process::start(&least, None).await?;
    tokio::time::sleep(SETTLE).await;
    let pid = agent.0.id();
    // A whole number of sampling intervals, so that neither is favoured.
    let during = Duration::from_secs(if bench.plan.quick { 30 } else { 60 });
    let [ours, bare] = watch([pid, least.pid()], during).await;
    let (rss, anonymous) = (machine::rss_bytes(pid) as f64, machine::anonymous_bytes(pid) as f64);
    ensure!(rss > 0.0, "the agent has ended");
    let (bare_rss, bare_anonymous) =
        (machine::rss_bytes(least.pid()) as f64, machine::anonymous_bytes(least.pid()) as f64);
    bench.report.add(
        Row::new("13", "agent on Linux: memory", "")
            .found(
                format!("{} resident, {} anonymous", megabytes(rss), megabytes(anonymous)),
                format!("{} resident, {} anonymous (least agent); MeshAgent 10.2 MB", megabytes(bare_rss), megabytes(bare_anonymous)),
            )
            .at_most(rss / PEER_BYTES, 0.6)
            .and("≤ 6 MB", rss <= 6e6)
            .and("≤ 1 MB anonymous", anonymous <= 1e6)
            .remark(format!(
                "The ratio is to MeshAgent's resident set. The least agent is this bench's own program ({} of code), so its resident part \
                 is not the smallest possible; its anonymous part is. A release agent has its supervisor beside it, which is not counted.",
                megabytes(fs::metadata(std::env::current_exe()?)?.len() as f64)
            )),
    );
    bench.report.add(
        Row::new("13", "agent on Linux: CPU, sample every 60 s, heartbeat every 10 s", "")
            .found(format!("{ours:.3} % of a core"), format!("{bare:.3} % of a core (least agent)"))
            .at_most(ours / bare, 3.0)
            .and("≤ 0.02 %", ours <= 0.02)
            .remark(
                "Processor time of all its threads by the scheduler's own clock. Ours also has disks, processes, a durable spool with its \
                 syncs, services and software in it; the least agent reads /proc and sends.",
            ),
    );
    bench.report.add(
        Row::new("13", "agent on Linux: size of the program", "")
            .found(kilobytes(size as f64), "MeshAgent 3.7 MB")
            .and("≤ 5 MB", size <= 5_000_000),
    );
    Ok(())
}

/// Percent of a core that each of these processes takes for so long.
async fn watch<const N: usize>(pids: [u32; N], during: Duration) -> [f64; N] {
    let mut threads = pids.map(|pid| {
        let mut threads = Threads::default();
        threads.look(pid);
        (pid, threads)
    });
    let before: Vec<u64> = threads.iter().map(|(_, threads)| threads.nanoseconds()).collect();
    let start = Instant::now();
    while start.elapsed() < during {
        tokio::time::sleep(LOOK_EVERY).await;
        for (pid, threads) in &mut threads {
            threads.look(*pid);
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    std::array::from_fn(|index| {
        let used = threads[index].1.nanoseconds().saturating_sub(before[index]);
        used as f64 / 1e9 / seconds * 100.0
    })
}
