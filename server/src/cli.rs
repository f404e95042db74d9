//! The command line of `reeve`.

mod mail;
mod rescue;
mod verify;

use crate::{
    Server,
    config::{self, Config},
};
use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};
use domain::{Store, SystemCx, clock::SystemClock, demo::Seed};
use std::{
    fs,
    io::{self, IsTerminal, Write},
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

/// What is logged when `REEVE_LOG` does not say.
const LOG_DEFAULT: &str = "info,sqlx=warn,sea_orm_migration=warn";

/// Reeve: remote monitoring and management in which every change comes with its proof.
#[derive(Parser)]
#[command(name = "reeve", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server: portal, API and the agents' link.
    Serve(Box<Serve>),
    /// Check the audit chain and the foreign keys of a database; reads only, also beside a running server.
    Verify(verify::Verify),
    /// Send a test letter, with the options that `serve` has for mail.
    MailTest(mail::MailTest),
    /// Take somebody's second factors away and print a link with which they choose another password.
    ResetAccess(rescue::ResetAccess),
    /// Decide who has to have a second factor.
    FactorPolicy(rescue::DecideFactorPolicy),
    /// Print the version.
    Version,
}

#[derive(Args)]
struct Serve {
    /// Address and port to listen on.
    #[arg(long, env = "REEVE_LISTEN", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Folder for the database and the keys; made when missing.
    #[arg(long, env = "REEVE_DATA_DIR", default_value = "reeve-data")]
    data_dir: PathBuf,
    /// Database: `sqlite://…` or `postgres://…`; a file in the data folder when absent.
    #[arg(long, env = "REEVE_DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    /// Where people and agents reach this server, such as `https://reeve.example.com`.
    #[arg(long, env = "REEVE_PUBLIC_URL")]
    public_url: Option<String>,
    /// Folder with the agent's programs offered for download; `agents` in the data folder when absent.
    #[arg(long, env = "REEVE_AGENTS_DIR")]
    agents_dir: Option<PathBuf>,
    /// Folder with the portal's files; found beside the program when absent.
    #[arg(long, env = "REEVE_SITE_ROOT")]
    site_root: Option<PathBuf>,
    /// Address of a proxy whose X-Forwarded-For says where requests come from; repeat for several.
    #[arg(long, env = "REEVE_TRUSTED_PROXY", value_name = "IP", value_delimiter = ',')]
    trusted_proxy: Vec<IpAddr>,
    /// Another address under which people open the portal, such as `http://reeve.lan:8080`; repeat for several.
    #[arg(long, env = "REEVE_ALSO_AT", value_name = "URL", value_delimiter = ',')]
    also_at: Vec<String>,
    /// File with stolen passwords that nobody may choose: the download of Pwned Passwords ordered by hash, SHA-1.
    #[arg(long, env = "REEVE_BREACHED_PASSWORDS", value_name = "FILE")]
    breached_passwords: Option<PathBuf>,
    #[command(flatten)]
    mail: mail::Mail,
    /// Fill an empty database with a sample MSP and print its people's one-time passwords.
    #[arg(long, env = "REEVE_DEMO")]
    demo: bool,
}

/// Does what the command line asks.
///
/// # Errors
/// With a sentence for the person at the terminal.
pub async fn run(cli: Cli) -> Result<()> {
    match cli.command {
        Command::Serve(options) => serve(*options).await,
        Command::Verify(options) => verify::verify(options).await,
        Command::MailTest(options) => mail::mail_test(options).await,
        Command::ResetAccess(options) => rescue::reset_access(options).await,
        Command::FactorPolicy(options) => rescue::factor_policy(options).await,
        Command::Version => Ok(writeln!(io::stdout(), "reeve {}", env!("CARGO_PKG_VERSION"))?),
    }
}

async fn serve(options: Serve) -> Result<()> {
    let filter = EnvFilter::try_from_env("REEVE_LOG").unwrap_or_else(|_| LOG_DEFAULT.into());
    let has_colours = io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(has_colours).init();
    crate::descriptors::raise_limit();
    make_private_folder(&options.data_dir)?;
    let listener = listen(options.listen).await?;
    let public_url = match &options.public_url {
        Some(url) => config::public_url(url)?,
        None => config::default_public_url(listener.local_addr()?),
    };
    // Before anything is opened: a wrong setting is said at once.
    let mailer = options.mail.mailer()?;
    let store = open_store(&options, &public_url).await?;
    if let Some(mailer) = mailer {
        store.set_mailer(Arc::new(mailer));
    }
    if let Some(file) = &options.breached_passwords {
        store.set_breached_list(file)?;
    }
    let config = Config {
        public_url: public_url.clone(),
        agents_dir: options.agents_dir.unwrap_or_else(|| options.data_dir.join("agents")),
        site_root: options.site_root.unwrap_or_else(site_beside_program),
        trusted_proxies: options.trusted_proxy,
        also_at: options.also_at.iter().map(|url| config::public_url(url)).collect::<Result<_>>()?,
        limits: crate::Limits::default(),
    };
    let server = Server::start(listener, store.clone(), config).await?;
    if options.demo {
        seed(&store, &options.data_dir).await?;
    }
    welcome(&store, &public_url).await?;
    asked_to_stop().await?;
    server.stop().await
}

async fn listen(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!(
            "cannot listen on {address}; stop the program that does, or choose another port with --listen"
        )
    })
}

async fn open_store(options: &Serve, public_url: &str) -> Result<Store> {
    let database_url = options
        .database_url
        .clone()
        .unwrap_or_else(|| format!("sqlite://{}?mode=rwc", options.data_dir.join("reeve.db").display()));
    let config = domain::Config {
        database_url,
        data_dir: options.data_dir.clone(),
        public_url: public_url.to_owned(),
    };
    Store::open(config, Arc::new(SystemClock)).await.context("cannot open the database")
}

/// The portal's files lie beside an installed program, and one folder up from a built one.
fn site_beside_program() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let folder = program.parent().unwrap_or(Path::new("."));
    let beside = folder.join("site");
    if beside.is_dir() { beside } else { folder.join("../site") }
}

/// Tells the person at the terminal where to go next.
async fn welcome(store: &Store, public_url: &str) -> Result<()> {
    let mut out = io::stdout();
    match domain::access::new_setup_key(store).await? {
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

async fn seed(store: &Store, data_dir: &Path) -> Result<()> {
    let mut out = io::stdout();
    let Some(Seed { people, token }) = domain::demo::seed(&SystemCx::new(store, "demo")).await? else {
        writeln!(out, "The database has people already; the sample MSP was left as it is.")?;
        return Ok(());
    };
    write_private(&data_dir.join("demo-token"), &token.token)?;
    writeln!(
        out,
        "People of the sample MSP; each password works once and is then replaced by the person's own:\n"
    )?;
    let place = |business: Option<String>| business.unwrap_or_else(|| "every business".to_owned());
    let rows: Vec<[String; 4]> = people
        .into_iter()
        .map(|person| {
            let user = person.user;
            let reach = if user.grants.is_empty() {
                place(user.business_name)
            } else {
                user.grants.into_iter().filter_map(|grant| grant.business_name).collect::<Vec<_>>().join(", ")
            };
            [user.role.label().to_owned(), user.email, person.one_time_password, reach]
        })
        .collect();
    writeln!(out, "{}", table(&rows))?;
    Ok(())
}

/// Rows with their columns aligned.
fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |row: &[String; N]| {
        let cells: Vec<_> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        format!("  {}\n", cells.join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

/// Waits for Ctrl-C or, where there is one, a request to terminate.
async fn asked_to_stop() -> Result<()> {
    #[cfg(unix)]
    {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            pressed = tokio::signal::ctrl_c() => pressed?,
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await?;
    Ok(())
}

fn make_private_folder(folder: &Path) -> Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).with_context(|| format!("cannot make the data folder {}", folder.display()))
}

fn write_private(file: &Path, text: &str) -> Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let write = || options.open(file)?.write_all(text.as_bytes());
    write().with_context(|| format!("cannot write {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn columns_are_aligned() {
        let rows = [["a".to_owned(), "bb".to_owned()], ["ccc".to_owned(), "d".to_owned()]];
        assert_eq!(table(&rows), "  a    bb\n  ccc  d\n");
    }
}
