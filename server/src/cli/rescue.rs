//! What somebody at the server's own command line does when nobody can get in any more; beside a running server too.

use super::OnlyData;
use crate::setting::{Data, Flags};
use anyhow::{Result, bail};
use clap::Args;
use domain::SystemCx;
use entity::factor::FactorPolicy;
use std::io::{self, Write};

/// How the audit log names whoever does this.
const BY: &str = "the server's command line";

/// Whose access is reset.
#[derive(Args)]
pub(super) struct ResetAccess {
    /// The address that they sign in with.
    email: String,
    #[command(flatten)]
    data: Flags<OnlyData>,
}

/// Who has to have a second factor.
#[derive(Args)]
pub(super) struct DecideFactorPolicy {
    /// `nobody`, `msp` (the MSP's own people) or `everybody`.
    policy: String,
    #[command(flatten)]
    data: Flags<OnlyData>,
}

/// Whose keys are taken.
#[derive(Args)]
pub(super) struct AcceptKeys {
    #[command(flatten)]
    data: Flags<OnlyData>,
}

/// Takes somebody's second factors away and prints a link to choose another password.
pub(super) async fn reset_access(options: ResetAccess) -> Result<()> {
    let store = Data::read(&options.data.gather()?)?.open_existing().await?;
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
    let store = Data::read(&options.data.gather()?)?.open_existing().await?;
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

/// Takes the keys in the data folder for those of the database, after the former ones were lost.
pub(super) async fn accept_keys(options: AcceptKeys) -> Result<()> {
    let data = Data::read(&options.data.gather()?)?;
    let config = domain::Config {
        database_url: data.url_of_existing()?,
        public_url: data.public_url_or(None, false),
        data_dir: data.data_dir,
        command_key_file: data.command_key_file.clone(),
    };
    domain::accept_keys(&config).await?;
    Ok(writeln!(
        io::stdout(),
        "The keys in {} are those of this database now. Every other server on it needs them too.",
        config.data_dir.join("keys").display()
    )?)
}
