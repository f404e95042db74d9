//! `reeve setup`: the first admin, made at the terminal instead of in a browser.

use super::OnlyData;
use crate::setting::{Connections, Data, Flags};
use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use domain::SystemCx;
use std::io::{self, IsTerminal, Write};

/// How the audit log names whoever does this.
const BY: &str = "the server's command line";

/// Who becomes the first admin.
#[derive(Args)]
pub(super) struct Setup {
    /// The address that they sign in with.
    #[arg(long, value_name = "ADDRESS", required_unless_present = "print_link")]
    email: Option<String>,
    /// Their full name.
    #[arg(long, value_name = "NAME", required_unless_present = "print_link")]
    full_name: Option<String>,
    /// Print a link that works once, and let them choose their password in a browser. A link that was printed before
    /// stops working.
    #[arg(long, conflicts_with_all = ["email", "full_name"])]
    print_link: bool,
    #[command(flatten)]
    data: Flags<OnlyData>,
}

/// Makes the first admin. Their password is asked for at the terminal, or read as one line from standard input.
pub(super) async fn setup(options: Setup) -> Result<()> {
    let sources = options.data.gather()?;
    let (data, connections) = (Data::read(&sources)?, Connections::read(&sources)?);
    let store = data.open_or_make().await?;
    let mut out = io::stdout();
    let done = async {
        if !domain::access::setup_is_open(&store).await? {
            bail!("there are people already; an admin invites others, and `reeve reset-access` lets somebody in again");
        }
        let (Some(email), Some(full_name)) = (options.email, options.full_name) else {
            let key = domain::access::new_setup_key(&store).await?.context("there are people already")?;
            let url = data.public_url_or(Some(connections.listen), connections.tls_cert.is_some());
            return Ok(writeln!(
                out,
                "Make the first admin here; the link works once:\n\n  {url}/setup?key={key}\n"
            )?);
        };
        let password = tokio::task::spawn_blocking(password).await??;
        let name =
            domain::access::make_first_admin(&SystemCx::new(&store, BY), &email, &full_name, &password)
                .await
                .map_err(named)?;
        Ok(writeln!(out, "{name} is the first admin and signs in with {email}.")?)
    }
    .await;
    store.close().await;
    done
}

/// A refusal with the field that it is about.
fn named(error: domain::Error) -> anyhow::Error {
    let problem = error.problem();
    match problem.field {
        Some(field) => anyhow::anyhow!("{}: {}", field.replace('_', " "), problem.detail),
        None => error.into(),
    }
}

/// A password from the terminal, typed twice without being shown, or the first line of standard input.
fn password() -> Result<String> {
    if !io::stdin().is_terminal() {
        return line().context("no password came from standard input");
    }
    let password = crate::prompt::hidden("Password: ")?;
    let again = crate::prompt::hidden("Again: ")?;
    ensure!(password == again, "the two passwords differ");
    Ok(password)
}

fn line() -> Result<String> {
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    let line = line.trim_end_matches(['\r', '\n']);
    ensure!(!line.is_empty(), "it was empty");
    Ok(line.to_owned())
}
