//! The options about mail, and `reeve mail-test`, which tries them.

use super::OnlyMail;
use crate::{
    mail::{MailConfig, SmtpMailer},
    setting::{Flags, Mail, Secret},
};
use anyhow::{Context, Result, bail};
use clap::Args;
use domain::{Letter, Mailer as _};
use std::{
    fs,
    io::{self, Write},
};

/// Where a test letter goes.
#[derive(Args)]
pub(super) struct MailTest {
    /// The receiver's address.
    address: String,
    #[command(flatten)]
    mail: Flags<OnlyMail>,
}

impl Mail {
    /// Who sends mail, if somebody is to.
    pub(super) fn mailer(&self) -> Result<Option<SmtpMailer>> {
        let Some(url) = &self.smtp_url else { return Ok(None) };
        let Some(from) = &self.mail_from else {
            bail!("--smtp-url needs a sender: say who letters come from with --mail-from");
        };
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
            return Ok(self.smtp_password.as_ref().map(|Secret(password)| password.clone()));
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
    let Some(mailer) = Mail::read(&options.mail.gather()?)?.mailer()? else {
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
