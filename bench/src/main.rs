//! What Reeve costs, beside what the machine can do: rulers and product in one run, ratios between them, and the document
//! that says so. `cargo xtask bench` builds everything and runs this.

mod database;
mod estate;
mod fleet;
mod footprint;
mod machine;
mod measure;
mod plan;
mod postgres;
mod product;
mod report;
mod row;
mod ruler;
mod sample;
mod stand;
mod wire;

use crate::{
    database::Engine,
    footprint::Wish,
    plan::Plan,
    postgres::Cluster,
    product::Programs,
    report::{Head, Report, say},
    row::{headline::Figures, sockets::HubFigures},
    stand::Stand,
    wire::Tls,
};
use anyhow::{Result, bail};
use clap::{Args, Parser, Subcommand};
use std::{fs, path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

/// A part that takes longer than this hangs.
const PART_WITHIN: Duration = Duration::from_secs(300);

#[derive(Parser)]
#[command(name = "reeve-bench", version, about = "Measures Reeve; `cargo xtask bench` builds and runs it")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure, and write the document.
    Run(Box<Run>),
    /// Be a ruler.
    #[command(subcommand, hide = true)]
    Ruler(Ruler),
}

#[derive(Subcommand)]
enum Ruler {
    /// A bare hub for sockets.
    Hub(ruler::hub::Options),
    /// A bare list.
    List(ruler::list::Options),
    /// The smallest agent.
    Agent(ruler::agent::Options),
}

#[derive(Args)]
struct Run {
    /// The server's release build.
    #[arg(long)]
    reeve: PathBuf,
    /// The portal's files.
    #[arg(long)]
    site: PathBuf,
    /// The agent's release build.
    #[arg(long)]
    agent: Option<PathBuf>,
    /// The document.
    #[arg(long)]
    out: PathBuf,
    /// Folder on the disk that is measured.
    #[arg(long)]
    work: PathBuf,
    /// What was typed.
    #[arg(long, default_value = "cargo xtask bench")]
    command: String,
    /// A look at the shape of things, in two minutes.
    #[arg(long)]
    quick: bool,
    /// Only these parts.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Only on SQLite.
    #[arg(long)]
    sqlite: bool,
    /// Only on PostgreSQL.
    #[arg(long)]
    postgres: bool,
    /// For how many minutes the server is gone when the footprint is measured.
    #[arg(long, default_value_t = 1)]
    outage_minutes: u64,
    /// MeshCentral's agent, to be measured beside ours.
    #[arg(long)]
    mesh_agent: Option<PathBuf>,
}

/// What all parts share.
pub struct Bench {
    pub plan: Plan,
    pub report: Report,
    pub work: PathBuf,
    pub tls: Tls,
    /// The bare hub, once it was measured.
    pub hub: Option<HubFigures>,
    pub figures: Figures,
}

impl Bench {
    /// Runs a part if it is wanted; its failure is written down and keeps nothing else from running.
    async fn part(
        &mut self,
        parts: &[&str],
        name: &str,
        stand: &mut Stand,
        measure: impl AsyncFnOnce(&mut Self, &mut Stand) -> Result<()>,
    ) {
        if !self.plan.wants(parts) {
            return;
        }
        let name = format!("{name} ({})", stand.engine());
        self.report.progress(&name);
        let outcome = tokio::time::timeout(PART_WITHIN, measure(self, stand)).await;
        match outcome {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.report.failed(&name, &error),
            Err(_) => self.report.failed(&name, &anyhow::anyhow!("it did not end within {PART_WITHIN:?}")),
        }
    }

    async fn engine(&mut self, programs: &Programs, engine: &Engine) -> Result<()> {
        let fleet_parts = ["1", "2", "5", "6", "7", "8", "9", "10", "11", "13", "14", "fairness", "restarts"];
        if self.plan.wants(&fleet_parts) {
            self.report.progress(&format!("an estate of {} devices on {}", self.plan.devices, engine.name()));
            let stand = Stand::new(programs, engine, "fleet", self.plan.devices, &self.work, &self.tls).await;
            match stand {
                Ok(mut stand) => self.fleet(&mut stand).await,
                Err(error) => self.report.failed(&format!("the fleet on {}", engine.name()), &error),
            }
        }
        if self.plan.wants(&["3", "4"]) {
            let devices = self.plan.history_devices;
            let mut stand = Stand::new(programs, engine, "month", devices, &self.work, &self.tls).await?;
            self.part(&["3", "4"], "density and history", &mut stand, row::density::measure).await;
        }
        Ok(())
    }

    /// The agent beside others, and without its server; answers the section about it.
    async fn footprint(&mut self, programs: &Programs, wish: &Wish, head: &Head) -> Option<String> {
        self.report.progress("the agent beside others");
        let measure = async {
            let mut stand =
                Stand::new(programs, &Engine::Sqlite, "footprint", 1, &self.work.clone(), &self.tls.clone())
                    .await?;
            footprint::measure(self, &mut stand, wish).await
        };
        let within = PART_WITHIN + wish.outage * 2;
        match tokio::time::timeout(within, measure).await {
            Ok(Ok(section)) => return Some(section.text(head)),
            Ok(Err(error)) => self.report.failed("footprint", &error),
            Err(_) => self.report.failed("footprint", &anyhow::anyhow!("it did not end within {within:?}")),
        }
        None
    }

    async fn fleet(&mut self, stand: &mut Stand) {
        let ingest: &[&str] = if stand.engine() == "SQLite" { &["1", "14"] } else { &["2", "14"] };
        let is_first = matches!(stand.database.engine, Engine::Sqlite) || !self.plan.sqlite;
        self.part(&["10"], "device list", stand, row::list::measure).await;
        if is_first {
            self.part(&["11"], "portal", stand, row::portal::measure).await;
        }
        self.part(ingest, "durable ingest", stand, row::ingest::measure).await;
        self.part(&["8"], "command", stand, row::command::measure).await;
        self.part(&["fairness"], "fairness", stand, row::fairness::measure).await;
        self.part(&["5", "6", "7", "9", "14"], "agents with sockets", stand, row::sockets::measure).await;
        self.part(&["restarts"], "restarts", stand, row::restarts::measure).await;
        if is_first {
            self.part(&["13"], "the agent", stand, row::agent::measure).await;
        }
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Command::Run(options) => runtime(2).and_then(|runtime| runtime.block_on(run(*options))),
        Command::Ruler(Ruler::Hub(options)) => {
            runtime(2).and_then(|runtime| runtime.block_on(ruler::hub::serve(options)))
        }
        Command::Ruler(Ruler::List(options)) => {
            runtime(2).and_then(|runtime| runtime.block_on(ruler::list::serve(options)))
        }
        Command::Ruler(Ruler::Agent(options)) => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(ruler::agent::run(options)))
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("reeve-bench: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn runtime(threads: usize) -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?)
}

async fn run(options: Run) -> Result<()> {
    let plan = Plan::new(options.quick, options.only, options.sqlite, options.postgres)?;
    let files = machine::raise_file_limit()?;
    fs::create_dir_all(&options.work)?;
    let home = tempfile::Builder::new().prefix("run-").tempdir_in(&options.work)?;
    let work = home.path().canonicalize()?;
    let tls = Tls::new(&work)?;
    let mut bench = Bench { plan, report: Report::new(), work, tls, hub: None, figures: Figures::default() };
    if files < bench.plan.devices as u64 + 2_000 {
        let possible = usize::try_from(files.saturating_sub(2_000)).unwrap_or(0);
        bench.report.note(format!(
            "Only {possible} agents instead of {}: a process may have {files} files open here (`ulimit -Hn`).",
            bench.plan.devices
        ));
        bench.plan.devices = possible;
    }
    let wish =
        Wish { outage: Duration::from_secs(options.outage_minutes * 60), mesh_agent: options.mesh_agent };
    let programs = Programs { reeve: options.reeve, site: options.site, agent: options.agent };
    if bench.plan.sqlite
        && let Err(error) = bench.engine(&programs, &Engine::Sqlite).await
    {
        bench.report.failed("SQLite", &error);
    }
    if bench.plan.postgres && !bench.plan.is_only("footprint") {
        bench.report.progress("starting a PostgreSQL cluster");
        match Cluster::start() {
            Ok(cluster) => {
                let engine = Engine::Postgres(Arc::new(cluster));
                if let Err(error) = bench.engine(&programs, &engine).await {
                    bench.report.failed("PostgreSQL", &error);
                }
            }
            Err(error) => bench.report.failed("PostgreSQL", &error),
        }
    }
    if bench.plan.wants(&["14"]) {
        row::headline::measure(&mut bench);
    }
    let head = Head {
        date: estate::now().format("%Y-%m-%d %H:%M UTC").to_string(),
        commit: commit(),
        command: options.command,
        quick: bench.plan.quick,
    };
    let mut footprint = None;
    if bench.plan.wants(&["footprint"]) {
        footprint = bench.footprint(&programs, &wish, &head).await;
    }
    if bench.plan.is_only("footprint") {
        if let Some(section) = footprint {
            fs::write(&options.out, footprint::section::into_file(&options.out, &section)?)?;
            bench.report.progress(&format!("written into {}", options.out.display()));
        }
    } else {
        bench.report.write(&options.out, &head, footprint)?;
    }
    if bench.report.is_whole() {
        return Ok(());
    }
    bail!("some parts were not measured; the document says which");
}

/// The commit, and whether the source differs from it.
fn commit() -> String {
    let commit = machine::says("git", &["rev-parse", "--short=12", "HEAD"]);
    let changes = machine::says("git", &["status", "--porcelain", "--untracked-files=no"]);
    if changes.is_empty() { commit } else { format!("{commit} with changes") }
}
