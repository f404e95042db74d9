//! `reeve-agent run`: starts everything, waits, stops in order.

use crate::{
    collect::Collector,
    event::Events,
    failure::Failure,
    http::Api,
    identity::Identity,
    inventory::Inventory,
    link::Link,
    lock::Lock,
    machine,
    paths::Paths,
    registration::Registration,
    spool::{SharedSpool, Spool},
    state::Recorder,
    timing::Timing,
    tls,
    token::DeviceApi,
};
use std::{pin::pin, sync::Arc, time::Duration};
use tokio::{
    sync::{Notify, mpsc, watch},
    task::JoinSet,
    time::timeout,
};

/// The link has this long to end in order.
const PATIENCE: Duration = Duration::from_secs(3);

/// Runs until `stop` is done.
///
/// # Errors
/// When this machine is not registered, another agent runs, or something it cannot do without is missing.
pub async fn run(paths: &Paths, timing: Timing, stop: impl Future<Output = ()>) -> Result<(), Failure> {
    let registration = Registration::load(paths)?;
    let _lock = Lock::take(paths)?;
    let identity = Identity::load(paths).map_err(|error| {
        Failure::failed(format!("{}: {error}; register again with --replace", paths.key().display()))
    })?;
    let tls = tls::config(paths, &registration.server_url)?;
    let api = Api::new(&registration.server_url, &tls, &timing)?;
    tracing::info!(
        version = machine::VERSION,
        device.id = %registration.device_id,
        server = registration.server_url,
        "the agent starts"
    );
    // Before the spool is opened, because that changes the files that tell when the last run ended.
    let recorder = Recorder::take_over(paths);
    let spool = SharedSpool::new(Spool::open(&paths.spool(), timing.spool_bytes));
    let (settings, settings_seen) = watch::channel(registration.settings);
    let (known, known_seen) = watch::channel(None);
    let (parcels_out, parcels) = mpsc::channel(4);
    let (stopping, stop_seen) = watch::channel(false);
    let (events, work) = (Events::default(), Arc::new(Notify::new()));
    let mut tasks = JoinSet::new();
    tasks.spawn(
        Collector {
            device: registration.device_id,
            spool: spool.clone(),
            settings: settings_seen.clone(),
            work: Arc::clone(&work),
            recorder: recorder.clone(),
            timing,
        }
        .run(),
    );
    tasks.spawn(
        Inventory {
            device: registration.device_id,
            settings: settings_seen,
            known: known_seen,
            parcels: parcels_out,
            events: events.clone(),
            work: Arc::clone(&work),
        }
        .run(),
    );
    let device = DeviceApi::new(api, registration.device_id, identity);
    let recorder_of_link = recorder.clone();
    let link = Link {
        registration,
        device,
        tls,
        timing,
        recorder: recorder_of_link,
        spool,
        events,
        work,
        parcels,
        settings,
        known,
        stop: stop_seen,
    };
    let mut link = pin!(link.run());
    tokio::select! {
        () = &mut link => {}
        () = stop => {
            stopping.send_replace(true);
            // One that does not end in time is simply left.
            let _ = timeout(PATIENCE, link).await;
        }
    }
    recorder.stopped();
    tracing::info!("the agent stops");
    Ok(())
}

/// Done when the operating system asks the agent to stop.
///
/// # Errors
/// When the system does not let the agent listen for that.
pub fn asked_to_stop() -> Result<impl Future<Output = ()>, Failure> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |kind| {
            signal(kind).map_err(|error| Failure::failed(format!("signals cannot be received: {error}")))
        };
        let (mut terminate, mut interrupt) =
            (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
        Ok(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    Ok(async {
        // Without the means to hear of it, the agent runs until it is ended.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
