//! Mail: letters arrive over TLS, and where they do not, the link is shown; it is in no log.

use crate::support::{
    mail::MailServer,
    world::{PASSWORD, World, each_engine, session_of, user_input, visitor},
};
use domain::{Letter, Mailer as _};
use entity::{
    session::LinkInput,
    user::{LinkKind, UserInput},
};
use server::mail::{MailConfig, SmtpMailer};
use std::{
    io::{self, Write},
    process::{Command, Output},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tracing_subscriber::fmt::MakeWriter;

fn somebody(world: &World) -> UserInput {
    UserInput {
        email: "mira@quay.example".to_owned(),
        full_name: "Mira Sand".to_owned(),
        business_id: Some(world.business),
        ..user_input()
    }
}

fn letter() -> Letter {
    Letter {
        to: "mira@quay.example".to_owned(),
        subject: "Grüße".to_owned(),
        text: "Hello Mira,\n\nall is well.\n".to_owned(),
    }
}

#[tokio::test]
async fn an_invitation_is_sent_and_not_shown() {
    each_engine(|world| async move {
        let mut mail = MailServer::start(&[]).await;
        world.store.set_mailer(Arc::new(mail.mailer()));
        let admin = world.admin.confirmed().expect("just now");
        let added = domain::user::add(&admin, somebody(&world)).await.expect("added");
        assert_eq!((added.link.url, added.link.mailed_to.as_deref()), (None, Some("mira@quay.example")));
        assert_eq!(domain::user::take_link(&world.admin, added.user.id).await.expect("asks"), None);
        let taken = mail.letter().await;
        assert_eq!(taken.sender, "reeve@msp.example");
        assert_eq!(taken.receivers, ["mira@quay.example"]);
        assert_eq!(taken.subject, "Your invitation to Reeve");
        assert!(taken.headers.iter().any(|name| name == "Date"), "{:?}", taken.headers);
        assert!(taken.text.starts_with("Hello Mira Sand,\n"), "{}", taken.text);
        assert!(taken.text.contains("https://reeve.example/welcome#"), "{}", taken.text);
        let input = LinkInput { key: taken.key(), password: PASSWORD.to_owned() };
        session_of(domain::user::accept_link(&world.store, &visitor(), input).await.expect("it works"));

        let again =
            domain::user::send_reset_link(&world.admin.confirmed().expect("just now"), added.user.id).await;
        assert_eq!(again.expect("made").link.kind, LinkKind::Reset);
        assert_eq!(mail.letter().await.subject, "Choose another password for Reeve");
    })
    .await;
}

/// Remembers what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("whole").extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;
    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn a_link_that_cannot_be_sent_is_shown_and_not_logged() {
    for arguments in [&["--refuse"][..], &["--silent"]] {
        let mail = MailServer::start(arguments).await;
        let world = World::on_sqlite().await;
        world.store.set_mailer(Arc::new(mail.mailer()));
        let log = Log::default();
        let subscriber =
            tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone()).finish();
        let guard = tracing::subscriber::set_default(subscriber);
        let start = Instant::now();
        let admin = world.admin.confirmed().expect("just now");
        let added = domain::user::add(&admin, somebody(&world)).await.expect("added");
        drop(guard);
        assert!(start.elapsed() < Duration::from_secs(14), "{:?}", start.elapsed());
        let url = added.link.url.clone().expect("it is shown");
        let shown = domain::user::take_link(&world.admin, added.user.id).await.expect("asks");
        assert_eq!(shown, Some(added.link));
        let text = String::from_utf8(log.0.lock().expect("whole").clone()).expect("text");
        assert!(text.contains("a link could not be mailed"), "{text}");
        let key = url.split('#').nth(1).expect("a key");
        assert!(!text.contains(key), "the key is in the log");
    }
}

/// A certificate for this machine, signed by itself.
struct Certificate(TempDir);

impl Certificate {
    fn make() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
            .args(["-days", "2", "-subj", "/CN=mail.test", "-addext", "subjectAltName=IP:127.0.0.1"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .arg("-keyout")
            .arg(folder.path().join("key"))
            .arg("-out")
            .arg(folder.path().join("certificate"))
            .output()
            .expect("the program `openssl`");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Self(folder)
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    fn pem(&self) -> Vec<u8> {
        std::fs::read(self.path("certificate")).expect("a certificate")
    }
}

#[tokio::test]
async fn letters_go_over_tls_to_a_server_that_is_who_it_should_be() {
    let certificate = Certificate::make();
    let tls =
        ["--tls", &certificate.path("certificate"), &certificate.path("key"), "--user", "reeve", "a secret"];
    let mut mail = MailServer::start(&tls).await;
    let config = |password: &str, roots: Vec<u8>| MailConfig {
        smtp_url: format!("smtp://reeve@127.0.0.1:{}", mail.port),
        password: Some(password.to_owned()),
        extra_roots: Some(roots),
        ..mail.config()
    };
    let mailer = SmtpMailer::new(&config("a secret", certificate.pem())).expect("good settings");
    let wrong_password = SmtpMailer::new(&config("another", certificate.pem())).expect("good settings");
    let wrong_server =
        SmtpMailer::new(&config("a secret", Certificate::make().pem())).expect("good settings");
    mailer.send(letter()).await.expect("sent");
    let taken = mail.letter().await;
    assert!(taken.is_encrypted);
    assert_eq!((taken.user.as_deref(), taken.subject.as_str()), (Some("reeve"), "Grüße"));
    for mailer in [wrong_password, wrong_server] {
        let error = mailer.send(letter()).await.expect_err("refused").to_string();
        assert!(!error.contains("a secret") && error.len() <= 800, "{error}");
    }
    assert!(mail.is_quiet().await);

    // One that offers no TLS gets neither letter nor password.
    let mut plain = MailServer::start(&[]).await;
    let config = MailConfig { extra_roots: Some(certificate.pem()), ..plain.config() };
    assert!(SmtpMailer::new(&config).expect("good settings").send(letter()).await.is_err());
    assert!(plain.is_quiet().await);
}

#[tokio::test]
async fn nobody_adds_receivers_or_headers_to_a_letter() {
    let mut mail = MailServer::start(&[]).await;
    let mailer = mail.mailer();
    for to in ["mira@quay.example\r\nBcc: eve@evil.example", "mira@quay.example, eve@evil.example", ""] {
        assert!(mailer.send(Letter { to: to.to_owned(), ..letter() }).await.is_err(), "{to:?}");
    }
    let subject = "Hello\r\nBcc: eve@evil.example".to_owned();
    if mailer.send(Letter { subject, ..letter() }).await.is_ok() {
        let taken = mail.letter().await;
        assert_eq!(taken.receivers, ["mira@quay.example"]);
        assert!(!taken.headers.iter().any(|name| name == "Bcc"), "{:?}", taken.headers);
    }
}

fn reeve(arguments: &[&str], password: Option<&str>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reeve"));
    command.args(arguments).env_remove("REEVE_SMTP_PASSWORD");
    if let Some(password) = password {
        command.env("REEVE_SMTP_PASSWORD", password);
    }
    command.output().expect("it runs")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_tries_the_settings() {
    let certificate = Certificate::make();
    let (file, key) = (certificate.path("certificate"), certificate.path("key"));
    let mut mail = MailServer::start(&["--tls", &file, &key, "--user", "reeve", "a secret"]).await;
    let url = format!("smtp://reeve@127.0.0.1:{}", mail.port);
    let with = ["mail-test", "mira@quay.example", "--smtp-url", &url, "--mail-from", "r@msp.example"];
    let with = [&with[..], &["--smtp-ca-file", &file]].concat();
    let sent = reeve(&with, Some("a secret"));
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
    assert_eq!(mail.letter().await.subject, "A test letter from Reeve");
    let secret = certificate.path("password");
    std::fs::write(&secret, "a secret\n").expect("written");
    assert!(reeve(&[&with[..], &["--smtp-password-file", &secret]].concat(), None).status.success());
    mail.letter().await;
    assert!(!reeve(&with, Some("another")).status.success());
    let unset = reeve(&["mail-test", "mira@quay.example"], None);
    let text = String::from_utf8_lossy(&unset.stderr).into_owned();
    assert!(!unset.status.success() && text.contains("--smtp-url"), "{text}");
    let told = reeve(
        &["mail-test", "a@b.example", "--smtp-url", "smtps://u:p4ssw0rd@h", "--mail-from", "a@b.c"],
        None,
    );
    let text = String::from_utf8_lossy(&told.stderr).into_owned();
    assert!(!told.status.success() && text.contains("password") && !text.contains("p4ssw0rd"), "{text}");
}
