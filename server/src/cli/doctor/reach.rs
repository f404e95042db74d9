//! What is at the other ends: this server as the world sees it, the mail server, the bus.

use super::{clock, finding::Finding};
use crate::{
    health::SERVER,
    setting::{Connections, Data, Mail, Setting, Sources},
    tls,
};
use chrono::{DateTime, Utc};
use domain::{Clock as _, clock::SystemClock};
use reqwest::{Certificate, Client, Url, redirect::Policy};
use std::{net::SocketAddr, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    time::timeout,
};

/// What does not answer within this time does not answer.
const WITHIN: Duration = Duration::from_secs(5);

/// Who answered.
struct Answer {
    name: Option<String>,
    date: Option<DateTime<Utc>>,
    asked_at: DateTime<Utc>,
}

/// Is the server running here, and is it the one that the public URL leads to?
pub(super) async fn server(
    data: &Data,
    connections: &Connections,
    public_url: &str,
    is_tls: bool,
) -> Vec<Finding> {
    let ours = match domain::fingerprint(&data.data_dir) {
        Ok(ours) => ours,
        Err(error) => {
            let what = format!("The server's key is no good: {error}.");
            return vec![Finding::problem("disk", what, "Take it from a backup.")];
        }
    };
    let mut found = Vec::new();
    let is_running = match listening(connections.listen, is_tls, connections, ours.as_deref()).await {
        Listening::Nobody => {
            let what = format!("The server does not run; {} is free.", connections.listen);
            found.push(Finding::ok("network", what));
            false
        }
        Listening::Ours => {
            found.push(Finding::ok(
                "network",
                format!("The server runs and listens on {}.", connections.listen),
            ));
            true
        }
        Listening::Another => {
            let what = format!("Another program, or another server, listens on {}.", connections.listen);
            found.push(Finding::problem(
                "network",
                what,
                "Stop it, or choose another address with --listen.",
            ));
            false
        }
        Listening::Refused(error) => {
            let what = format!("Nobody can listen on {}: {error}.", connections.listen);
            found.push(Finding::problem("network", what, "Choose another address with --listen."));
            false
        }
    };
    match ask(public_url, connections).await {
        Ok(Answer { name: Some(name), date, asked_at }) => {
            if ours.as_ref().is_none_or(|ours| *ours == name) {
                found.push(Finding::ok("network", format!("{public_url} leads to this server.")));
            } else {
                let what = format!("{public_url} leads to another Reeve server.");
                found.push(Finding::problem(
                    "network",
                    what,
                    "Look at the name's address, and at the proxy.",
                ));
            }
            found.extend(date.map(|date| clock::compare(public_url, date, asked_at)));
        }
        Ok(Answer { name: None, .. }) => {
            let what = format!("What answers at {public_url} is no Reeve server.");
            found.push(Finding::problem("network", what, "Look at the name's address, and at the proxy."));
        }
        Err(error) if is_running => {
            let what = format!("{public_url} cannot be reached from here: {error}.");
            found.push(Finding::warning(
                "network",
                what,
                "Look at the name's address, the proxy and the firewall.",
            ));
        }
        Err(_) => {
            let what = format!("{public_url} does not answer; the server does not run.");
            found.push(Finding::ok("network", what));
        }
    }
    found
}

enum Listening {
    Nobody,
    Ours,
    Another,
    Refused(std::io::Error),
}

async fn listening(
    listen: SocketAddr,
    is_tls: bool,
    connections: &Connections,
    ours: Option<&str>,
) -> Listening {
    match TcpListener::bind(listen).await {
        Ok(_) => Listening::Nobody,
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            let mut local = listen;
            if listen.ip().is_unspecified() {
                local.set_ip(match listen {
                    SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
                    SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
                });
            }
            let scheme = if is_tls { "https" } else { "http" };
            match here(&format!("{scheme}://{local}"), connections).await {
                Ok(Answer { name: Some(name), .. }) if ours.is_some_and(|ours| ours == name) => {
                    Listening::Ours
                }
                _ => Listening::Another,
            }
        }
        Err(error) => Listening::Refused(error),
    }
}

/// Asks who answers at an address of this machine itself, where the certificate is for another name.
async fn here(url: &str, connections: &Connections) -> Result<Answer, String> {
    fetch(url, client(connections).tls_danger_accept_invalid_certs(true)).await
}

async fn ask(url: &str, connections: &Connections) -> Result<Answer, String> {
    fetch(url, client(connections)).await
}

fn client(connections: &Connections) -> reqwest::ClientBuilder {
    // The certificate's own signer may be a private one.
    let own = connections.tls_cert.as_ref().and_then(|file| tls::chain(file).ok()).unwrap_or_default();
    let own = own.iter().filter_map(|certificate| Certificate::from_der(certificate).ok());
    own.fold(Client::builder().no_proxy().redirect(Policy::none()).timeout(WITHIN), |client, certificate| {
        client.add_root_certificate(certificate)
    })
}

async fn fetch(url: &str, client: reqwest::ClientBuilder) -> Result<Answer, String> {
    // Somebody else may have been faster; then there is one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = client.build().map_err(|error| error.to_string())?;
    let asked_at = SystemClock.now();
    let answer = client.get(format!("{url}/healthz")).send().await.map_err(|error| {
        let mut cause: &dyn std::error::Error = &error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        cause.to_string()
    })?;
    let text = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
    let date = text("date").and_then(|date| DateTime::parse_from_rfc2822(date).ok());
    Ok(Answer { name: text(SERVER.as_str()).map(str::to_owned), date: date.map(Into::into), asked_at })
}

/// The mail server.
pub(super) async fn mail(mail: &Mail) -> Option<Finding> {
    let advice = "`reeve mail-test ADDRESS` tries it with a letter.";
    match mail.mailer() {
        Ok(None) => Some(Finding::ok("mail", "No mail is sent; links are shown to those who make them.")),
        Err(error) => Some(Finding::problem("mail", format!("{error:#}."), "The server does not start so.")),
        Ok(Some(mailer)) => Some(match mailer.reach().await {
            Ok(()) => Finding::ok("mail", "The mail server answers."),
            Err(error) => {
                Finding::warning("mail", format!("The mail server cannot be used: {error:#}."), advice)
            }
        }),
    }
}

/// The servers of the bus, where there is one.
pub(super) async fn bus(sources: &Sources) -> Vec<Finding> {
    let Some(setting) = Setting::of("bus") else { return vec![] };
    let mut found = Vec::new();
    for text in sources.find(setting).texts.iter().flat_map(|text| text.split(',')) {
        let Ok(url) = Url::parse(text.trim()) else { continue };
        let (Some(host), port) = (url.host_str(), url.port().unwrap_or(4222)) else { continue };
        let place = format!("{host}:{port}");
        found.push(match timeout(WITHIN, TcpStream::connect((host.trim_matches(['[', ']']), port))).await {
            Ok(Ok(_)) => Finding::ok("bus", format!("The bus answers at {place}.")),
            Ok(Err(error)) => lost(&place, &error.to_string()),
            Err(_) => lost(&place, "it takes too long"),
        });
    }
    found
}

fn lost(place: &str, why: &str) -> Finding {
    let advice = "Servers go on without it; what others do is seen up to 30 seconds later.";
    Finding::warning("bus", format!("The bus cannot be reached at {place}: {why}."), advice)
}
