//! What somebody at the server's own command line does when nobody can get in any more; beside a running server too.

use crate::config;
use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use domain::{Store, SystemCx, clock::SystemClock};
use entity::factor::FactorPolicy;
use std::{
    io::{self, Write},
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

/// How the audit log names whoever does this.
const BY: &str = "the server's command line";

/// Where `reeve serve` listens when it is not told otherwise.
const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// Which server's data; the same options as for `reeve serve`.
#[derive(Args)]
struct Data {
    /// Folder with the database and the keys.
    #[arg(long, env = "REEVE_DATA_DIR", default_value = "reeve-data")]
    data_dir: PathBuf,
    /// Database: `sqlite://…` or `postgres://…`; a file in the data folder when absent.
    #[arg(long, env = "REEVE_DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    /// Where people reach the server, such as `https://reeve.example.com`.
    #[arg(long, env = "REEVE_PUBLIC_URL")]
    public_url: Option<String>,
}

impl Data {
    /// Opens what is there already; makes nothing new.
    async fn open_existing(&self) -> Result<Store> {
        let folder = self.data_dir.display();
        ensure!(self.data_dir.is_dir(), "there is no data folder {folder}; say where it is with --data-dir");
        let database_url = match &self.database_url {
            Some(url) => url.clone(),
            None => {
                let file = self.data_dir.join("reeve.db");
                ensure!(
                    file.is_file(),
                    "there is no database in {folder}; say where it is with --data-dir or --database-url"
                );
                format!("sqlite://{}?mode=rw", file.display())
            }
        };
        let public_url = match &self.public_url {
            Some(url) => config::public_url(url)?,
            None => config::default_public_url(LISTEN),
        };
        let config = domain::Config { database_url, data_dir: self.data_dir.clone(), public_url };
        Store::open(config, Arc::new(SystemClock)).await.context("cannot open the database")
    }
}

/// Whose access is reset.
#[derive(Args)]
pub(super) struct ResetAccess {
    /// The address that they sign in with.
    email: String,
    #[command(flatten)]
    data: Data,
}

/// Who has to have a second factor.
#[derive(Args)]
pub(super) struct DecideFactorPolicy {
    /// `nobody`, `msp` (the MSP's own people) or `everybody`.
    policy: String,
    #[command(flatten)]
    data: Data,
}

/// Takes somebody's second factors away and prints a link to choose another password.
pub(super) async fn reset_access(options: ResetAccess) -> Result<()> {
    let store = options.data.open_existing().await?;
    let done = domain::factor::reset(&SystemCx::new(&store, BY), &options.email).await;
    store.close().await;
    let done = done?;
    let mut out = io::stdout();
    match done.url {
        Some(url) => writeln!(
            out,
            "{} signs in without a second factor now, and chooses another password here. The link works once, until \
             {}:\n\n  {url}\n",
            options.email,
            done.expires_at.format("%Y-%m-%d %H:%M UTC"),
        )?,
        None => writeln!(out, "A link was sent to {}.", options.email)?,
    }
    Ok(out.flush()?)
}

/// Decides who has to have a second factor.
pub(super) async fn factor_policy(options: DecideFactorPolicy) -> Result<()> {
    let Ok(policy) = options.policy.parse::<FactorPolicy>() else {
        bail!("choose one of nobody, msp and everybody");
    };
    let store = options.data.open_existing().await?;
    let done = domain::access::decide_factor_policy(&SystemCx::new(&store, BY), policy).await;
    store.close().await;
    done?;
    let whose = match policy {
        FactorPolicy::Nobody => "Nobody has to have a second factor now.",
        FactorPolicy::Msp => "The MSP's own people have to have a second factor now.",
        FactorPolicy::Everybody => "Everybody has to have a second factor now.",
    };
    Ok(writeln!(io::stdout(), "{whose}")?)
}
