//! What goes on beside the link: everything that looks at the machine, and what it hands to the link.

use crate::{
    collect::Collector,
    command::{Commands, Setting},
    config, error_report,
    event::Events,
    http::Api,
    inventory::{Inventory, Parcel},
    log_tail::{LogTail, Outbox},
    monitored_service::{Told, Watcher},
    paths::Paths,
    registration::Registration,
    spool::{SharedSpool, Spool},
    state::Recorder,
    timing::Timing,
    update::Updates,
};
use entity::{
    metric::MetricSample,
    wire::{Known, Settings, limits::SAMPLES_PER_MESSAGE_MAX},
};
use std::sync::{Arc, atomic::AtomicBool};
use tokio::{
    sync::{Notify, mpsc, watch},
    task::JoinSet,
};

/// The tasks, and the ends of what they hand over.
pub(super) struct Works {
    pub(super) tasks: JoinSet<()>,
    pub(super) spool: SharedSpool<MetricSample>,
    pub(super) logs: Outbox,
    pub(super) told: watch::Receiver<Told>,
    pub(super) events: Events,
    pub(super) commands: Commands,
    pub(super) work: Arc<Notify>,
    pub(super) parcels: mpsc::Receiver<Parcel>,
    pub(super) settings: watch::Sender<Settings>,
    pub(super) known: watch::Sender<Option<Known>>,
    /// Facts were gathered.
    pub(super) has_facts: Arc<AtomicBool>,
}

impl Works {
    /// Starts them all.
    pub(super) fn begin(
        paths: &Paths,
        timing: Timing,
        registration: &Registration,
        recorder: &Recorder,
        api: &Api,
        updates: &Updates,
    ) -> Self {
        let device = registration.device_id;
        let spool = Spool::open(&paths.spool(), timing.spool_bytes);
        let spool = SharedSpool::new(spool, SAMPLES_PER_MESSAGE_MAX);
        let logs = Outbox::open(paths, &timing);
        let (settings, settings_seen) = watch::channel(registration.settings.clone());
        let (known, known_seen) = watch::channel(None);
        let (parcels_out, parcels) = mpsc::channel(4);
        let (events, work) = (Events::open(paths), Arc::new(Notify::new()));
        let (told_out, told) = watch::channel(Told::default());
        let mut tasks = JoinSet::new();
        let collector = Collector {
            device,
            spool: spool.clone(),
            settings: settings_seen.clone(),
            work: Arc::clone(&work),
            recorder: recorder.clone(),
            timing,
        };
        tasks.spawn(collector.run());
        let (look, has_facts) = (Arc::new(Notify::new()), Arc::new(AtomicBool::new(false)));
        let inventory = Inventory {
            device,
            settings: settings_seen,
            known: known_seen,
            parcels: parcels_out,
            events: events.clone(),
            work: Arc::clone(&work),
            look: Arc::clone(&look),
            has_facts: Arc::clone(&has_facts),
        };
        tasks.spawn(inventory.run());
        let commands = Commands::open(Setting {
            paths: paths.clone(),
            device_id: device,
            root: registration.command_root_key(),
            events: events.clone(),
            work: Arc::clone(&work),
            look,
            updates: updates.clone(),
        });
        tasks.spawn(commands.clone().work());
        let tail = LogTail {
            device,
            paths: paths.clone(),
            outbox: logs.clone(),
            settings: settings.subscribe(),
            work: Arc::clone(&work),
            timing,
        };
        tasks.spawn(tail.run());
        let watcher = Watcher {
            paths: paths.clone(),
            settings: settings.subscribe(),
            events: events.clone(),
            work: Arc::clone(&work),
            told: told_out,
            timing,
        };
        tasks.spawn(watcher.run());
        let reports =
            error_report::Sender { api: api.clone(), device, paths: paths.clone(), known: known.subscribe() };
        tasks.spawn(reports.run());
        tasks.spawn(config::remember_settings(paths.clone(), settings.subscribe()));
        Self { tasks, spool, logs, told, events, commands, work, parcels, settings, known, has_facts }
    }
}
