//! The options about mail, and `reeve mail-test`, which tries them.

use crate::mail::{MailConfig, SmtpMailer};
use anyhow::{Context, Result, bail};
use clap::Args;
use domain::{Letter, Mailer as _};
use std::{
    env, fs,
    io::{self, Write},
    path::PathBuf,
};

/// The environment variable with the password; there is no option for it, because others see a program's arguments.
const PASSWORD: &str = "REEVE_SMTP_PASSWORD";

/// How mail is sent. Without, links are shown to those who make them.
#[derive(Args)]
pub(super) struct Mail {
    /// Mail server: `smtps://user@host:465`, or `smtp://user@host:587` with STARTTLS. The user's password comes from
    /// --smtp-password-file or the environment variable `REEVE_SMTP_PASSWORD`.
    #[arg(long, env = "REEVE_SMTP_URL", value_name = "URL", requires = "mail_from")]
    smtp_url: Option<String>,
    /// The sender of letters, such as `Reeve <reeve@example.com>`.
    #[arg(long, env = "REEVE_MAIL_FROM", value_name = "ADDRESS")]
    mail_from: Option<String>,
    /// File with the password of the SMTP user.
    #[arg(long, env = "REEVE_SMTP_PASSWORD_FILE", value_name = "FILE")]
    smtp_password_file: Option<PathBuf>,
    /// File with certificates, in PEM, that sign the mail server's, besides those that this machine trusts.
    #[arg(long, env = "REEVE_SMTP_CA_FILE", value_name = "FILE")]
    smtp_ca_file: Option<PathBuf>,
}

/// Where a test letter goes.
#[derive(Args)]
pub(super) struct MailTest {
    /// The receiver's address.
    address: String,
    #[command(flatten)]
    mail: Mail,
}

impl Mail {
    /// Who sends mail, if somebody is to.
    pub(super) fn mailer(&self) -> Result<Option<SmtpMailer>> {
        let (Some(url), Some(from)) = (&self.smtp_url, &self.mail_from) else { return Ok(None) };
        let extra_roots = self.smtp_ca_file.as_ref().map(|file| {
            fs::read(file).with_context(|| format!("cannot read the certificates in {}", file.display()))
        });
        let config = MailConfig {
            smtp_url: url.clone(),
            from: from.clone(),
            password: self.password()?,
            extra_roots: extra_roots.transpose()?,
        };
        Ok(Some(SmtpMailer::new(&config)?))
    }

    fn password(&self) -> Result<Option<String>> {
        let Some(file) = &self.smtp_password_file else {
            return Ok(env::var(PASSWORD).ok().filter(|password| !password.is_empty()));
        };
        let text = fs::read_to_string(file)
            .with_context(|| format!("cannot read the SMTP password in {}", file.display()))?;
        let password = text.trim_end_matches(['\r', '\n']);
        if password.is_empty() {
            bail!("there is no SMTP password in {}", file.display());
        }
        Ok(Some(password.to_owned()))
    }
}

/// Sends a test letter.
pub(super) async fn mail_test(options: MailTest) -> Result<()> {
    let Some(mailer) = options.mail.mailer()? else {
        bail!("say which mail server: --smtp-url and --mail-from, as for `reeve serve`");
    };
    let letter = Letter {
        to: options.address.clone(),
        subject: "A test letter from Reeve".to_owned(),
        text: "Hello,\n\nthis letter shows that Reeve can send mail. Nothing needs to be done.\n".to_owned(),
    };
    mailer.send(letter).await.context("the letter was not sent")?;
    Ok(writeln!(io::stdout(), "The mail server has taken a letter to {}.", options.address)?)
}
