//! `reeve doctor` with things that are right and things that were broken on purpose, before the first start and beside
//! a running server.

use crate::support::{
    certificate::{Authority, Named},
    postgres,
    process::{Place, set_mode},
};
use serde_json::Value;
use std::fs;

/// The findings of one area with a state, as text; and whether the doctor is content.
async fn examine(place: &Place, arguments: &[&str]) -> (Vec<(String, String, String)>, bool) {
    let output = place.run(&[&["doctor", "--json"], arguments].concat()).await;
    let report: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap_or_default().to_owned();
    let checks = report["checks"].as_array().expect("checks");
    let checks = checks
        .iter()
        .map(|finding| (text(finding, "state"), text(finding, "area"), text(finding, "what")))
        .collect::<Vec<_>>();
    let problems = checks.iter().filter(|(state, ..)| state == "problem").count();
    assert_eq!(report["problems"], problems);
    assert_eq!(output.status.success(), problems == 0);
    (checks, output.status.success())
}

/// Fails unless a finding has this state and says this.
#[track_caller]
fn finds(found: &(Vec<(String, String, String)>, bool), state: &str, part: &str) {
    let is_there = found.0.iter().any(|(is, _, what)| is == state && what.contains(part));
    assert!(is_there, "no {state} {part:?} in {:#?}", found.0);
}

#[tokio::test]
async fn before_the_first_start_nothing_is_wrong_and_nothing_is_made() {
    let place = Place::new();
    let free = ["--listen", "127.0.0.1:0"];
    let found = examine(&place, &free).await;
    assert!(found.1, "{:#?}", found.0);
    finds(&found, "ok", "There is no data folder");
    finds(&found, "ok", "There is no database");
    finds(&found, "ok", "The server does not run");
    finds(&found, "ok", "The portal's files are in");
    finds(&found, "warning", "There are no programs for agents");
    assert!(!place.data().exists());
    let text = place.run(&["doctor", "--listen", "127.0.0.1:0"]).await;
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(
        text.contains("127.0.0.1:0") && text.contains("--listen") && text.contains("no problems."),
        "{text}"
    );
}

#[tokio::test]
async fn beside_a_running_server_everything_is_looked_at() {
    let mut place = Place::new();
    let server = place.serve(&[]).await;
    place.set("REEVE_SMTP_PASSWORD", "p4ssw0rd");
    place.set("REEVE_LISEN", "127.0.0.1:1");
    let listen = server.url.replace("http://localhost", "127.0.0.1");
    let found = examine(&place, &["--listen", &listen]).await;
    assert!(found.1, "{:#?}", found.0);
    for part in [
        "SQLite 3",
        "The schema is up to date.",
        "write-ahead log",
        "foreign keys hold",
        "The server runs and listens",
        "leads to this server",
        "clock agrees",
        "are free in",
        "keeps a page in",
        "is its owner's alone",
        "files can be open",
        "No mail is sent",
    ] {
        finds(&found, "ok", part);
    }
    finds(&found, "warning", "REEVE_LISEN is not a setting");
    let before: Vec<_> =
        fs::read_dir(place.data()).expect("a folder").flatten().map(|file| file.file_name()).collect();
    let text = place.run(&["doctor", "--listen", &listen]).await;
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(text.contains("smtp_password") && !text.contains("p4ssw0rd"), "{text}");
    let after: Vec<_> =
        fs::read_dir(place.data()).expect("a folder").flatten().map(|file| file.file_name()).collect();
    assert_eq!(before.len(), after.len(), "{before:?} {after:?}");

    // The same port from the view of another server.
    let other = Place::new();
    finds(
        &examine(&other, &["--listen", &listen]).await,
        "problem",
        "Another program, or another server, listens",
    );
    server.stop().await;
    let stopped = examine(&place, &["--listen", &listen]).await;
    finds(&stopped, "ok", "The server does not run");
    finds(&stopped, "ok", "SQLite 3");
}

#[tokio::test]
async fn what_is_broken_is_found() {
    let place = Place::new();
    place.serve(&[]).await.stop().await;
    let with = |more: &[&str]| {
        [&["--listen", "127.0.0.1:0"], more]
            .concat()
            .iter()
            .map(|text| (*text).to_owned())
            .collect::<Vec<_>>()
    };
    let check = async |more: &[&str]| {
        let arguments = with(more);
        examine(&place, &arguments.iter().map(String::as_str).collect::<Vec<_>>()).await
    };
    finds(&check(&["--site-root", "nowhere"]).await, "problem", "The portal's files are not in nowhere");
    finds(&check(&["--breached-passwords", "nowhere"]).await, "problem", "cannot be read");
    finds(&check(&["--smtp-url", "smtp://127.0.0.1:1"]).await, "problem", "--mail-from");
    let mail = ["--smtp-url", "smtp://127.0.0.1:1", "--mail-from", "a@b.example"];
    finds(&check(&mail).await, "warning", "The mail server cannot be used");
    finds(
        &check(&["--database-url", "postgres://reeve:p4ss@127.0.0.1:1/a"]).await,
        "problem",
        "cannot be read",
    );
    finds(&check(&["--connections-max", "999999999"]).await, "problem", "must be a whole number");
    finds(&check(&["--connections-max", "9999999"]).await, "problem", "connections_max is");
    finds(
        &check(&["--public-url", "https://reeve.example"]).await,
        "warning",
        "neither a certificate nor a trusted proxy",
    );
    finds(&check(&["--config", "nowhere.toml"]).await, "problem", "nowhere.toml cannot be read");
    let bad = place.write("bad.toml", "listen = \"here\"\nlimit_actor = \"x\"\n");
    let both = examine(&place, &["--config", &bad]).await;
    finds(&both, "problem", "line 1: listen here");
    finds(&both, "problem", "line 2: limit_actor x");
    let open = place.write("open.toml", "smtp_password = \"p4ss\"\n");
    set_mode(&place.path("open.toml"), 0o644);
    finds(&check(&["--config", &open]).await, "warning", "others on this machine can read");

    set_mode(&place.data(), 0o755);
    set_mode(&place.data().join("keys"), 0o755);
    let key = place.data().join("keys/agent-token.key");
    set_mode(&key, 0o644);
    let found = check(&[]).await;
    finds(&found, "problem", "Others on this machine can read keys");
    finds(&found, "warning", "Others on this machine may look into");
    set_mode(&key, 0o600);
    fs::write(&key, "no key").expect("written");
    finds(&check(&[]).await, "problem", "key is no good");
    fs::remove_dir_all(place.data()).expect("removed");
    fs::write(place.data(), "a file").expect("written");
    finds(&check(&[]).await, "problem", "is no folder");
}

#[tokio::test]
async fn certificates_are_looked_at() {
    let place = Place::new();
    let authority = Authority::new();
    let check = async |cert: &str, key: &str, url: &str| {
        let arguments =
            ["--listen", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key, "--public-url", url];
        examine(&place, &arguments).await
    };
    let write = |name: &str, named: &Named| {
        let (cert, key) = (format!("{name}.pem"), format!("{name}.key"));
        let paths = (place.write(&cert, &named.chain), place.write(&key, &named.key));
        set_mode(&place.path(&key), 0o600);
        paths
    };
    let url = "https://localhost:8443";
    let (cert, key) = write("good", &authority.sign(&["localhost"], 90));
    let good = check(&cert, &key, url).await;
    assert!(good.1, "{:#?}", good.0);
    finds(&good, "ok", "The key is the certificate's.");
    finds(&good, "ok", "for 89 days");
    finds(&good, "ok", "The certificate is for localhost.");
    finds(&good, "warning", "does not lead to a root that this machine trusts");
    finds(&check(&cert, &key, "https://reeve.example").await, "problem", "is not for reeve.example");
    finds(&check(&cert, &key, "http://localhost").await, "problem", "people are sent to http://localhost");
    let (soon, soon_key) = write("soon", &authority.sign(&["localhost"], 3));
    finds(&check(&soon, &soon_key, url).await, "warning", "in 2 days");
    let (old, old_key) = write("old", &authority.sign(&["localhost"], -1));
    finds(&check(&old, &old_key, url).await, "problem", "expired on");
    finds(&check(&cert, &old_key, url).await, "problem", "is not the one of the certificate");
    finds(&check("nowhere.pem", &key, url).await, "problem", "nowhere.pem cannot be read");
    let text = place.write("text.pem", "no certificate");
    finds(&check(&text, &key, url).await, "problem", "there is no certificate in");
    finds(&check(&cert, &text, url).await, "problem", "there is no private key in");
    set_mode(&place.path("good.key"), 0o644);
    finds(&check(&cert, &key, url).await, "problem", "Others on this machine can read");
    // The same mistakes keep a server from starting.
    let refused =
        place.run(&["serve", "--listen", "127.0.0.1:0", "--tls-cert", &cert, "--tls-key", &old_key]).await;
    assert_eq!(refused.status.code(), Some(1));
}

#[tokio::test]
async fn postgresql_is_looked_at() {
    let place = Place::new();
    let url = tokio::task::spawn_blocking(postgres::database).await.expect("a database");
    let arguments = ["--listen", "127.0.0.1:0", "--database-url", &url];
    let empty = examine(&place, &arguments).await;
    finds(&empty, "warning", "Steps of the schema are missing: m0001");
    let migrated = place.run(&["migrate", "--database-url", &url]).await;
    assert!(migrated.status.success());
    let found = examine(&place, &arguments).await;
    finds(&found, "ok", "PostgreSQL");
    finds(&found, "ok", "The schema is up to date.");
    finds(&found, "ok", "Row-level security is on.");
    finds(&found, "ok", "agrees with that of the database");
    finds(&found, "warning", "is a superuser");
}
