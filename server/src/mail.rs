//! Letters by SMTP: over TLS, bounded in time, and never with their text in a log.

use anyhow::{Context, Result, bail, ensure};
use async_trait::async_trait;
use domain::{Letter, Mailer};
use entity::input::clip;
use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
    transport::smtp::{
        authentication::Credentials,
        client::{Certificate, Tls, TlsParameters},
    },
};
use percent_encoding::percent_decode_str;
use reqwest::Url;
use std::{net::IpAddr, time::Duration};
use tokio::time::timeout;

/// A mail server has this long to take a letter.
const TAKES: Duration = Duration::from_secs(10);
/// What a mail server says is kept to this length in the log, in characters.
const SAID_MAX: usize = 200;
/// The usual ports: TLS from the first byte, and TLS asked for by STARTTLS.
const SMTPS_PORT: u16 = 465;
const SUBMISSION_PORT: u16 = 587;

/// How mail is sent.
pub struct MailConfig {
    /// `smtps://user@host:465` or `smtp://user@host:587`, without a password.
    pub smtp_url: String,
    /// The sender, such as `Reeve <reeve@example.com>`.
    pub from: String,
    /// The user's password.
    pub password: Option<String>,
    /// Certificates, in PEM, that the mail server's may be signed by besides those that this machine trusts.
    pub extra_roots: Option<Vec<u8>>,
}

/// Sends letters through one mail server.
pub struct SmtpMailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl SmtpMailer {
    /// Checks the settings; talks to nobody yet.
    ///
    /// # Errors
    /// Says what is wrong with which setting.
    pub fn new(config: &MailConfig) -> Result<Self> {
        let from = config
            .from
            .parse()
            .context("the sender must be an address, such as Reeve <reeve@example.com>")?;
        let place = Place::read(&config.smtp_url)?;
        let mut tls = TlsParameters::builder(place.host.clone());
        if let Some(pem) = &config.extra_roots {
            tls = tls
                .add_root_certificate(Certificate::from_pem(pem).context("the mail server's certificates")?);
        }
        let tls = tls.build().context("TLS for mail cannot be set up")?;
        let tls = match (place.is_tls_from_the_start, place.is_loopback() && config.extra_roots.is_none()) {
            (true, _) => Tls::Wrapper(tls),
            // What stays on this machine is read by nobody on the way.
            (false, true) => Tls::None,
            (false, false) => Tls::Required(tls),
        };
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(place.host)
            .port(place.port)
            .tls(tls)
            .timeout(Some(TAKES));
        match (place.user, &config.password) {
            (Some(user), Some(password)) => {
                transport = transport.credentials(Credentials::new(user, password.clone()));
            }
            (Some(_), None) => bail!(
                "the SMTP URL names a user: give their password with --smtp-password-file or REEVE_SMTP_PASSWORD"
            ),
            (None, Some(_)) => bail!("there is a password for mail, but the SMTP URL names no user"),
            (None, None) => {}
        }
        Ok(Self { transport: transport.build(), from })
    }

    /// Talks to the mail server and sends nothing.
    ///
    /// # Errors
    /// When it cannot be reached, does not show who it is, or does not know the user.
    pub async fn reach(&self) -> Result<()> {
        let answers =
            timeout(TAKES, self.transport.test_connection()).await.context("it takes too long")??;
        ensure!(answers, "it does not answer as a mail server does");
        Ok(())
    }

    async fn deliver(&self, letter: Letter) -> Result<()> {
        let to: Address = letter.to.parse().context("the receiver's address")?;
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(letter.subject)
            .message_id(None)
            .header(ContentType::TEXT_PLAIN)
            .body(letter.text)
            .context("the letter")?;
        timeout(TAKES, self.transport.send(message)).await.context("the mail server takes too long")??;
        Ok(())
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, letter: Letter) -> domain::Result<()> {
        self.deliver(letter).await.map_err(|error| {
            // What the server answered may be long, and is somebody else's words.
            domain::Error::Internal(clip(&format!("mail: {error:#}"), SAID_MAX))
        })
    }
}

/// Where the mail server is.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    host: String,
    port: u16,
    user: Option<String>,
    is_tls_from_the_start: bool,
}

impl Place {
    fn read(url: &str) -> Result<Self> {
        // The text itself is not repeated: somebody may have put a password into it.
        let url =
            Url::parse(url.trim()).context("the SMTP URL must be like smtps://user@mail.example.com:465")?;
        let is_tls_from_the_start = match url.scheme() {
            "smtps" => true,
            "smtp" => false,
            _ => bail!("the SMTP URL must begin with smtps:// or smtp://"),
        };
        ensure!(
            url.password().is_none(),
            "leave the password out of the SMTP URL, where others on this machine see it: give it with \
             --smtp-password-file or REEVE_SMTP_PASSWORD"
        );
        ensure!(
            matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none(),
            "the SMTP URL ends after the port"
        );
        let host = url.host_str().filter(|host| !host.is_empty()).context("the SMTP URL names no host")?;
        let user = percent_decode_str(url.username()).decode_utf8().context("the user in the SMTP URL")?;
        Ok(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: url.port().unwrap_or(if is_tls_from_the_start { SMTPS_PORT } else { SUBMISSION_PORT }),
            user: (!user.is_empty()).then(|| user.into_owned()),
            is_tls_from_the_start,
        })
    }

    /// Is it this machine?
    fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_server_is_named_by_a_url_without_a_password() {
        let place = Place::read("smtps://reeve%40example.com@mail.example.com").expect("good");
        assert_eq!((place.host.as_str(), place.port), ("mail.example.com", 465));
        assert_eq!(place.user.as_deref(), Some("reeve@example.com"));
        assert!(place.is_tls_from_the_start && !place.is_loopback());
        let place = Place::read("smtp://[::1]:2525").expect("good");
        assert_eq!((place.host.as_str(), place.port, place.is_loopback()), ("::1", 2525, true));
        assert_eq!(Place::read("smtp://mail.example.com/").expect("good").port, 587);
        for bad in [
            "mail.example.com",
            "https://mail.example.com",
            "smtp://",
            "smtps://user:secret-word@mail.example.com",
            "smtp://mail.example.com/path",
            "smtp://mail.example.com?tls=none",
        ] {
            let error = format!("{:#}", Place::read(bad).expect_err(bad));
            assert!(!error.contains("secret-word"), "{error}");
        }
    }

    #[test]
    fn settings_that_do_not_go_together_are_refused() {
        let config = |url: &str, from: &str, password: Option<&str>| MailConfig {
            smtp_url: url.to_owned(),
            from: from.to_owned(),
            password: password.map(str::to_owned),
            extra_roots: None,
        };
        let good = "Reeve <reeve@example.com>";
        assert!(SmtpMailer::new(&config("smtp://127.0.0.1:25", good, None)).is_ok());
        assert!(SmtpMailer::new(&config("smtps://user@mail.example.com", good, Some("a secret"))).is_ok());
        assert!(SmtpMailer::new(&config("smtps://user@mail.example.com", good, None)).is_err());
        assert!(SmtpMailer::new(&config("smtps://mail.example.com", good, Some("a secret"))).is_err());
        assert!(SmtpMailer::new(&config("smtps://mail.example.com", "nobody", None)).is_err());
    }
}
