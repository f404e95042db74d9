//! `reeve serve`: the server in the foreground until it is asked to stop.

use super::{demo, place::make_private_folder, service};
use crate::{
    Server,
    bus::Nats,
    config::Config,
    connection::Caps,
    limit::Limits,
    setting::{
        Allowances, Bounded, Connections, Data, Files, Keeping, Log, Mail, Nodes, PublicUrl, Sources, Wrong,
    },
    telemetry::MetricsToken,
    tls::TlsFiles,
};
use anyhow::{Context, Result, bail};
use domain::{Store, clock::SystemClock, metric::Retention};
use std::{
    io::{self, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::net::TcpListener;

/// Everything that a server is told.
struct Settings {
    data: Data,
    connections: Connections,
    files: Files,
    mail: Mail,
    allowances: Allowances,
}

/// Runs a server.
pub(super) async fn serve(sources: Sources) -> Result<()> {
    crate::log::start(&Log::read(&sources)?);
    if let Some(warning) = sources.file().and_then(|file| file.warning()) {
        tracing::warn!("{warning}");
    }
    let settings = Settings {
        data: Data::read(&sources)?,
        connections: Connections::read(&sources)?,
        files: Files::read(&sources)?,
        mail: Mail::read(&sources)?,
        allowances: Allowances::read(&sources)?,
    };
    crate::descriptors::raise_limit();
    // Before anything is begun: whoever asks early has an orderly end too.
    let mut orders = Orders::listen()?;
    // Before anything is made: a wrong setting is said at once.
    let tls = tls_files(&settings.connections)?;
    let mailer = settings.mail.mailer()?;
    let bus = Nodes::read(&sources)?.bus()?;
    let keeping = Keeping::read(&sources)?;
    let retention = retention(&keeping);
    make_private_folder(&settings.data.data_dir)?;
    let listener = listen(settings.connections.listen).await?;
    let public_url = settings.data.public_url_or(Some(listener.local_addr()?), tls.is_some());
    if tls.is_some() && !public_url.starts_with("https://") {
        tracing::warn!("there is a certificate, but the public URL begins with http://");
    }
    let config = config(&settings, &public_url, tls)?;
    let store = open_store(&settings.data, &public_url).await?;
    store.set_retention(retention);
    store.set_test_mode(settings.files.test_mode);
    if settings.files.test_mode {
        tracing::warn!("test mode: every page says so, and devices have test controls");
    }
    store.set_logs_kept_days(u32::try_from(keeping.log_days.0).unwrap_or(u32::MAX));
    if let Some(mailer) = mailer {
        store.set_mailer(Arc::new(mailer));
    }
    if let Some(file) = &settings.files.breached_passwords {
        store.set_breached_list(file)?;
    }
    if let Some(bus) = &bus {
        Nats::start(bus, &store).await?;
    }
    let server = Server::start(listener, store.clone(), config).await?;
    if settings.files.demo {
        demo::seed(&store, &settings.data.data_dir).await?;
    }
    welcome(&store, &public_url).await?;
    service::is_ready();
    orders.next().await;
    service::is_stopping();
    tokio::select! {
        ended = server.stop() => ended,
        // Somebody who asks twice means it.
        () = orders.next() => bail!("ended at once, without waiting for what was under way"),
    }
}

/// The files of the certificate, if there are any.
pub(super) fn tls_files(connections: &Connections) -> Result<Option<TlsFiles>, Wrong> {
    match (connections.tls_cert.clone(), connections.tls_key.clone()) {
        (Some(cert), Some(key)) => Ok(Some(TlsFiles { cert, key })),
        (None, None) => Ok(None),
        (Some(_), None) => {
            Err(Wrong("tls_cert needs the certificate's key: say where it is with --tls-key".to_owned()))
        }
        (None, Some(_)) => {
            Err(Wrong("tls_key needs a certificate: say where it is with --tls-cert".to_owned()))
        }
    }
}

/// How many connections there may be.
pub(super) fn caps(connections: &Connections) -> Caps {
    let mut caps = Caps::within(crate::descriptors::limit());
    if let Some(Bounded(all)) = connections.connections_max {
        caps.all = usize::try_from(all).unwrap_or(usize::MAX);
        caps.per_address = (caps.all / 2).max(1);
    }
    if let Some(Bounded(own)) = connections.connections_per_address_max {
        caps.per_address = usize::try_from(own).unwrap_or(usize::MAX);
    }
    caps
}

fn config(settings: &Settings, public_url: &str, tls: Option<TlsFiles>) -> Result<Config> {
    let Settings { data, connections, files, allowances, .. } = settings;
    let metrics_token = match &files.metrics_token_file {
        Some(file) => MetricsToken::read(file)?,
        None => MetricsToken::read_or_make(&data.data_dir.join("metrics-token"))?,
    };
    Ok(Config {
        agents_dir: files.agents_dir.clone().unwrap_or_else(|| data.data_dir.join("agents")),
        artifacts: data.artifacts_at(),
        site_root: files.site_root.clone().unwrap_or_else(site_beside_program),
        trusted_proxies: connections.trusted_proxy.clone(),
        also_at: connections.also_at.iter().map(|PublicUrl(url)| url.clone()).collect(),
        limits: limits(allowances),
        caps: caps(connections),
        tls,
        metrics_token: Some(metrics_token),
        ..Config::at(public_url)
    })
}

/// How long samples are kept.
fn retention(keeping: &Keeping) -> Retention {
    let days = |days: u64| u32::try_from(days).unwrap_or(u32::MAX);
    Retention { raw_days: days(keeping.raw_days.0), five_minute_days: days(keeping.five_minute_days.0) }
}

fn limits(allowances: &Allowances) -> Limits {
    Limits {
        actor: allowances.limit_actor,
        tenant: allowances.limit_tenant,
        stranger: allowances.limit_stranger,
        device: allowances.limit_device,
        fleet: allowances.limit_fleet,
        newcomer: allowances.limit_newcomer,
        message: allowances.limit_message,
        fleet_message: allowances.limit_fleet_message,
        head_within: Duration::from_secs(allowances.head_within_seconds.0),
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!(
            "cannot listen on {address}; stop the program that does, or choose another port with --listen"
        )
    })
}

async fn open_store(data: &Data, public_url: &str) -> Result<Store> {
    let config = domain::Config {
        database_url: data.url_to_make(),
        data_dir: data.data_dir.clone(),
        public_url: public_url.to_owned(),
        command_key_file: data.command_key_file.clone(),
    };
    Store::open(config, Arc::new(SystemClock)).await.context("cannot open the database")
}

/// The portal's files lie beside an installed program, and one folder up from a built one.
pub(super) fn site_beside_program() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let folder = program.parent().unwrap_or(Path::new("."));
    let beside = folder.join("site");
    if beside.is_dir() { beside } else { folder.join("../site") }
}

/// Tells the person at the terminal where to go next.
async fn welcome(store: &Store, public_url: &str) -> Result<()> {
    let mut out = io::stdout();
    match domain::access::new_setup_key(store).await? {
        // A journal keeps what is printed, and a link that makes an admin is nothing to keep.
        Some(_) if std::env::var_os("JOURNAL_STREAM").is_some() => {
            writeln!(
                out,
                "Reeve is at {public_url}; make the first admin with `reeve setup`, or get a link with `reeve setup \
                 --print-link`."
            )?;
        }
        Some(key) => {
            writeln!(
                out,
                "Make the first admin here; the link works once:\n\n  {public_url}/setup?key={key}\n"
            )?;
        }
        None => writeln!(out, "Reeve is at {public_url}")?,
    }
    Ok(out.flush()?)
}

/// Waits until somebody asks the program to stop.
pub(super) async fn asked_to_stop() -> Result<()> {
    Orders::listen()?.next().await;
    Ok(())
}

/// What asks a server to stop: Ctrl-C or, where there is one, a request to terminate.
struct Orders {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Orders {
    fn listen() -> Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            terminate: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?,
        })
    }

    /// Waits for the next one.
    async fn next(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = self.terminate.recv() => {}
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
    }
}
