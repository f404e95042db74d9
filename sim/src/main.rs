//! The binary `reeve-sim`: reads what it is told, makes a fleet, lets it live, and prints what it measured.

mod options;
mod report;

use anyhow::{Context as _, Result, bail, ensure};
use clap::Parser as _;
use options::Options;
use report::Report;
use sim::{
    Credential, Door, Estate, Fleet, Identity, Kind, Machine, Manner, Misdeed, Order, Rhythm, State, Tally,
    Updates, keep_asking, misbehave,
};
use std::{
    fs,
    io::{self, Read as _, Write as _},
    path::Path,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{task::JoinSet, time::sleep};

/// Registrations under way at once.
const REGISTERING_MAX: usize = 32;
/// Tries of one registration.
const TRIES_MAX: u32 = 30;
/// Descriptors that a run needs besides its sockets.
const DESCRIPTORS_BESIDE: usize = 700;

fn main() -> ExitCode {
    let options = Options::parse();
    let run = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(anyhow::Error::from);
    match run.and_then(|runtime| runtime.block_on(run_fleet(&options))) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("reeve-sim: {error:#}"));
            ExitCode::from(2)
        }
    }
}

/// Says something to whoever watches.
fn say(line: &str) {
    // Nobody listening is fine.
    let _ = writeln!(io::stderr(), "{line}");
}

/// Runs everything; true when it was as it should be.
async fn run_fleet(options: &Options) -> Result<bool> {
    let descriptors = raise_descriptors();
    ensure!(
        options.agents + options.hostile + DESCRIPTORS_BESIDE <= descriptors,
        "{} agents need more than the {descriptors} open files that this process may have: raise `ulimit -n`, or run \
         several processes with a --state of their own",
        options.agents + options.hostile
    );
    let ca = options.tls_ca.as_deref().map(fs::read).transpose().context("--tls-ca cannot be read")?;
    let door = Door::new(&options.server, ca.as_deref())?;
    let tally = Arc::new(Tally::default());
    let mut identities = identities(options, &door, &tally).await?;
    let hostile = identities.split_off(options.agents);
    let rhythm = Rhythm {
        heartbeat: options.rate.heartbeat,
        metrics: options.rate.metrics,
        inventory: options.rate.inventory,
        samples: options.rate.samples.unwrap_or(1).max(1),
        logs: options.rate.logs.unwrap_or_default(),
        software: options.software,
        services: options.services,
        spool_max: options.spool.max(1),
        ..Rhythm::default()
    };
    let asker = asker(options, &door, &identities, &tally)?;
    let started = Instant::now();
    let fleet = Fleet::start(&door, identities, rhythm, options.seed, &tally, |number, identity| {
        manner(options, number, identity)
    });
    let nuisances = nuisances(&door, hostile, &tally);
    let duration = Duration::from_secs(options.duration);
    live(options, &fleet, &tally, duration).await;
    let connected = tally.connected();
    drop((nuisances, asker));
    if !fleet.drain(Duration::from_secs(options.drain)).await {
        say("reeve-sim: some spools were not empty in time");
    }
    let seconds = started.elapsed().as_secs_f64();
    let count = fleet.stop().await;
    let report = Report::of(&tally, count, options.agents, options.hostile, connected, seconds);
    let mut out = io::stdout().lock();
    if options.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?;
    } else {
        write!(out, "{report}")?;
    }
    Ok(report.is_good())
}

/// Lets the fleet live for the duration, or until Ctrl-C.
async fn live(options: &Options, fleet: &Fleet, tally: &Tally, duration: Duration) {
    let storms = async {
        let between = duration / (options.storm + 1);
        for _ in 0..options.storm {
            sleep(between).await;
            say(&format!("reeve-sim: all {} agents reconnect at once", fleet.size()));
            fleet.storm();
            let back = fleet.connected(fleet.size(), between).await;
            say(&match back {
                Some(time) => format!("reeve-sim: all are back after {:.1} s", time.as_secs_f64()),
                None => "reeve-sim: not all came back in time".to_owned(),
            });
        }
        std::future::pending::<()>().await;
    };
    let watch = async {
        if !options.progress {
            std::future::pending::<()>().await;
        }
        loop {
            sleep(Duration::from_secs(5)).await;
            let count = fleet.count();
            say(&format!(
                "reeve-sim: {} connected, {} samples acknowledged, {} spooled, {} dropped",
                tally.connected(),
                count.acked,
                count.spooled,
                count.dropped
            ));
        }
    };
    tokio::select! {
        () = sleep(duration) => {}
        () = storms => {}
        () = watch => {}
        _ = tokio::signal::ctrl_c() => say("reeve-sim: ending; once more to end at once"),
    }
    fleet.order(Order::Drain);
}

/// Somebody who asks for commands, until it is dropped; nobody where none are wanted.
fn asker(options: &Options, door: &Door, of: &[Identity], tally: &Arc<Tally>) -> Result<JoinSet<()>> {
    let mut tasks = JoinSet::new();
    if options.commands > 0.0 {
        let credentials = credentials(options)?;
        ensure!(
            !credentials.is_empty(),
            "--commands needs an API key or a session of somebody who may ask for them"
        );
        let estate = Arc::new(Estate::new(door.clone(), credentials));
        tasks.spawn(keep_asking(estate, of.to_vec(), options.commands, Arc::clone(tally)));
    }
    Ok(tasks)
}

/// Hostile agents, until they are dropped.
fn nuisances(door: &Door, identities: Vec<Identity>, tally: &Arc<Tally>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    for (number, identity) in identities.into_iter().enumerate() {
        let (door, tally) = (door.clone(), Arc::clone(tally));
        tasks.spawn(async move {
            for misdeed in Misdeed::ALL.iter().cycle().skip(number) {
                tally.note(&format!("misdeed: {misdeed:?}"));
                if let Err(what) = misbehave(&door, &identity, *misdeed).await {
                    tally.unexpected(&what);
                }
                sleep(Duration::from_millis(200)).await;
            }
        });
    }
    tasks
}

/// How the agent with a number differs from the others.
fn manner(options: &Options, number: usize, identity: &Identity) -> Manner {
    // Shares are taken from all over the fleet, not from its beginning.
    let part = |percent: u8, what: usize| ((number + what) * 37) % 100 < usize::from(percent);
    let weight = options.weights.get(usize::from(identity.number)).or(options.weights.last()).copied();
    let slow = part(options.slow, 11);
    Manner {
        weight: weight.unwrap_or(1.0),
        polls: part(options.polling, 23),
        begins_within: Duration::from_secs(options.ramp),
        stays: part(options.churn, 5).then_some(Duration::from_secs(30)),
        reads_after: if slow { Duration::from_secs(3) } else { Duration::ZERO },
        writes_within: if slow { Duration::from_secs(4) } else { Duration::ZERO },
        updates: options.updates.map(|fate| Updates {
            fate,
            seq: options.seq,
            trial: Duration::from_secs(5),
            every: Duration::from_secs(60),
        }),
        ..Manner::default()
    }
}

/// Who the agents are: those of the state file, and as many new ones as are missing.
async fn identities(options: &Options, door: &Door, tally: &Arc<Tally>) -> Result<Vec<Identity>> {
    let wanted = options.agents + options.hostile;
    let mut state = options.state.as_deref().map(State::load).transpose()?.unwrap_or_default();
    let missing = wanted.saturating_sub(state.identities.len());
    if missing > 0 {
        let begun = state.identities.len();
        let made = register(options, door, tally, begun, missing).await;
        // What was made is kept even when not all could be.
        let (made, failed) = made?;
        state.identities.extend(made);
        if let Some(path) = &options.state {
            state.save(path)?;
        }
        if let Some(error) = failed {
            return Err(error);
        }
    }
    state.identities.truncate(wanted);
    Ok(state.identities)
}

/// Registers machines, several at once; those that became devices, and the first error.
async fn register(
    options: &Options,
    door: &Door,
    tally: &Arc<Tally>,
    begun: usize,
    missing: usize,
) -> Result<(Vec<Identity>, Option<anyhow::Error>)> {
    let tokens = lines(options.token_file.as_deref(), None)?;
    let estate = Arc::new(Estate::new(door.clone(), credentials(options)?));
    let businesses = if tokens.is_empty() {
        let count = usize::from(options.businesses);
        estate.businesses(count).await.map_err(|trouble| anyhow::anyhow!("the businesses: {trouble}"))?
    } else {
        ensure!(tokens.len() >= missing, "{missing} tokens are needed, and {} were given", tokens.len());
        vec![]
    };
    say(&format!("reeve-sim: registering {missing} machines"));
    let started = Instant::now();
    let (mut tasks, mut made, mut failed) = (JoinSet::new(), Vec::with_capacity(missing), None);
    let mut tokens = tokens.into_iter();
    for number in begun..begun + missing {
        let (door, tally, estate) = (door.clone(), Arc::clone(tally), Arc::clone(&estate));
        let place = number % usize::from(options.businesses);
        let business = businesses.get(place).copied();
        let (token, seed) = (tokens.next(), options.seed);
        let of_business = u16::try_from(place).unwrap_or(0);
        tasks.spawn(async move {
            let token = match (token, business) {
                (Some(token), _) => token,
                (None, Some(business)) => estate.token(business, &tally).await?,
                (None, None) => return Err(sim::Trouble::Unreadable("no token".to_owned())),
            };
            let machine = Machine::of_fleet(seed, number);
            let mut tries = 0;
            loop {
                tries += 1;
                let made = Identity::register(&door, &token, &machine, of_business, &tally).await;
                let Err(trouble) = &made else { return made };
                let again = matches!(trouble.status(), Some(429 | 503));
                if !again || tries >= TRIES_MAX {
                    return made;
                }
                let wait = f64::from(trouble.retry_after_seconds().unwrap_or(1));
                sleep(Duration::from_secs_f64(wait * (1.0 + fastrand::f64()))).await;
            }
        });
        if tasks.len() >= REGISTERING_MAX
            && let Some(ended) = tasks.join_next().await
        {
            take(ended?, &mut made, &mut failed);
        }
        if failed.is_some() {
            break;
        }
    }
    while let Some(ended) = tasks.join_next().await {
        take(ended?, &mut made, &mut failed);
    }
    say(&format!("reeve-sim: {} registered in {:.1} s", made.len(), started.elapsed().as_secs_f64()));
    if let Some(latency) = tally.latency(Kind::Register) {
        say(&format!(
            "reeve-sim: a registration took {:.0} ms (p95 {:.0} ms)",
            latency.p50_ms, latency.p95_ms
        ));
    }
    Ok((made, failed))
}

fn take(ended: Result<Identity, sim::Trouble>, made: &mut Vec<Identity>, failed: &mut Option<anyhow::Error>) {
    match ended {
        Ok(identity) => made.push(identity),
        Err(trouble) => *failed = Some(anyhow::anyhow!("a machine could not register: {trouble}")),
    }
}

/// In whose name tokens are issued.
fn credentials(options: &Options) -> Result<Vec<Credential>> {
    let keys = lines(options.api_key_file.as_deref(), Some("REEVE_SIM_API_KEY"))?;
    if !keys.is_empty() {
        return Ok(keys.into_iter().map(Credential::ApiKey).collect());
    }
    let sessions = lines(options.session_file.as_deref(), Some("REEVE_SIM_SESSION"))?;
    if sessions.is_empty() && options.token_file.is_none() {
        bail!(
            "nobody to ask in the name of: give an API key that may register devices (--api-key-file or REEVE_SIM_API_KEY), an \
             admin's session (--session-file or REEVE_SIM_SESSION), or tokens (--token-file)"
        );
    }
    Ok(sessions.into_iter().map(Credential::Session).collect())
}

/// The lines of a file, of standard input, or of a variable.
fn lines(file: Option<&Path>, variable: Option<&str>) -> Result<Vec<String>> {
    let mut text = String::new();
    match file {
        Some(path) if path.as_os_str() == "-" => {
            io::stdin().read_to_string(&mut text).context("standard input cannot be read")?;
        }
        Some(path) => {
            text = fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
        }
        None => text = variable.and_then(|name| std::env::var(name).ok()).unwrap_or_default(),
    }
    Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

/// Allows this process as many open files as the system does; how many that are.
fn raise_descriptors() -> usize {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        // What cannot be raised stays as it is; the check that follows says so.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
        let now = getrlimit(Resource::Nofile).current;
        now.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX)
    }
    #[cfg(not(unix))]
    usize::MAX
}
