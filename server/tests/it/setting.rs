//! Settings and commands, tried with the program itself: which source counts, what is refused and how it is said.

use crate::support::{
    people::{Person, send},
    process::{Place, complaint, said},
    world::PASSWORD,
};
use reqwest::Method;
use serde_json::Value;

/// A setting as `reeve doctor` sees it: its value and where that comes from.
async fn setting(place: &Place, key: &str, arguments: &[&str]) -> (String, String) {
    let output = place.run(&[&["doctor", "--json"], arguments].concat()).await;
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let settings = report["settings"].as_array().expect("settings");
    let found = settings.iter().find(|setting| setting["key"] == key).expect("the setting");
    let text = |name: &str| found[name].as_str().unwrap_or("-").to_owned();
    (text("value"), text("source"))
}

#[tokio::test]
async fn a_flag_counts_before_a_variable_before_the_file_before_the_default() {
    let mut place = Place::new();
    let pair = |value: &str, source: &str| (value.to_owned(), source.to_owned());
    assert_eq!(setting(&place, "listen", &[]).await, pair("127.0.0.1:8080", "default"));
    let file = place.write("reeve.toml", "# ours\n\nlisten = \"127.0.0.1:8081\"\nhead_within_seconds = 7\n");
    place.set("REEVE_CONFIG", &file);
    assert_eq!(setting(&place, "listen", &[]).await, pair("127.0.0.1:8081", &format!("{file}:3")));
    assert_eq!(setting(&place, "head_within_seconds", &[]).await, pair("7", &format!("{file}:4")));
    place.set("REEVE_LISTEN", "127.0.0.1:8082");
    assert_eq!(setting(&place, "listen", &[]).await, pair("127.0.0.1:8082", "REEVE_LISTEN"));
    let flag = ["--listen", "127.0.0.1:8083"];
    assert_eq!(setting(&place, "listen", &flag).await, pair("127.0.0.1:8083", "--listen"));
    // A variable that is empty says nothing.
    place.set("REEVE_LISTEN", "");
    assert_eq!(setting(&place, "listen", &[]).await.1, format!("{file}:3"));
    let other = place.write("other.toml", "trusted_proxy = [\"192.0.2.1\", \"192.0.2.2\"]\n");
    let proxies = setting(&place, "trusted_proxy", &["--config", &other]).await;
    assert_eq!(proxies, pair("192.0.2.1, 192.0.2.2", &format!("{other}:1")));
    place.set("REEVE_LOG", "debug");
    assert_eq!(setting(&place, "log_level", &[]).await, pair("debug", "REEVE_LOG"));
}

#[tokio::test]
async fn what_is_wrong_is_named_with_its_source_and_nothing_is_made() {
    for (text, part) in [
        ("listen = \"here\"", "reeve.toml, line 1: listen here: must be an address and a port"),
        ("\nlisen = \"127.0.0.1:1\"", "reeve.toml, line 2: lisen is no setting; is listen meant?"),
        ("head_within_seconds = 0", "line 1: head_within_seconds 0: must be a whole number from 1 to 3600"),
        ("demo = \"maybe\"", "demo maybe: must be true or false"),
        ("limit_actor = \"50\"", "limit_actor 50: must be two numbers"),
        ("public_url = \"reeve.example\"", "public_url reeve.example: the public URL must begin"),
        ("database_url = \"mysql://a:p4ss@b\"", "database_url: must begin with sqlite: or postgres:"),
        ("log_format = \"xml\"", "log_format xml: must be text or json"),
        ("listen = [", "line 1: "),
        ("tls_cert = \"a.pem\"", "--tls-key"),
    ] {
        let place = Place::new();
        let file = place.write("reeve.toml", text);
        // A flag would count instead of the file.
        let output = if text.starts_with("listen =") {
            place.run(&["serve", "--config", &file]).await
        } else {
            place.run(&["serve", "--listen", "127.0.0.1:0", "--config", &file]).await
        };
        let complaint = complaint(&output);
        assert_eq!(output.status.code(), Some(2), "{text}: {complaint}");
        assert!(complaint.contains(part) && !complaint.contains("p4ss"), "{text}: {complaint}");
        assert!(!place.data().exists(), "{text}");
    }
    let mut place = Place::new();
    let by_flag = place.run(&["serve", "--listen", "here"]).await;
    assert!(complaint(&by_flag).contains("--listen here: must be"), "{}", complaint(&by_flag));
    let unknown = place.run(&["serve", "--lisen", "127.0.0.1:1"]).await;
    assert!(unknown.status.code() == Some(2) && complaint(&unknown).contains("--listen"));
    let secret = place.run(&["serve", "--smtp-password", "p4ss"]).await;
    assert_eq!(secret.status.code(), Some(2), "a secret has no flag");
    let missing = place.run(&["serve", "--config", "nowhere.toml"]).await;
    assert!(complaint(&missing).contains("nowhere.toml cannot be read"), "{}", complaint(&missing));
    place.set("REEVE_LISTEN", "there");
    let by_variable = place.run(&["serve"]).await;
    assert!(complaint(&by_variable).contains("REEVE_LISTEN there: must be"), "{}", complaint(&by_variable));
}

#[tokio::test]
async fn the_first_admin_is_made_at_the_terminal_once() {
    let place = Place::new();
    let who = ["setup", "--email", "ada@msp.example", "--full-name", "Ada Admin"];
    let weak = place.run_with_input(&who, "password\n").await;
    assert!(weak.status.code() == Some(1) && complaint(&weak).contains("password"), "{}", complaint(&weak));
    let none = place.run_with_input(&who, "").await;
    assert!(complaint(&none).contains("no password"), "{}", complaint(&none));
    let wrong = ["setup", "--email", "nobody", "--full-name", "Ada"];
    assert!(!place.run_with_input(&wrong, PASSWORD).await.status.success());
    assert_eq!(place.run_with_input(&["setup"], PASSWORD).await.status.code(), Some(2));

    let link = said(&place.run(&["setup", "--print-link", "--public-url", "https://reeve.example"]).await);
    assert!(link.contains("https://reeve.example/setup?key="), "{link}");
    let made = said(&place.run_with_input(&who, &format!("{PASSWORD}\n")).await);
    assert!(made.contains("Ada Admin is the first admin") && !made.contains(PASSWORD), "{made}");
    for again in [&who[..], &["setup", "--print-link"]] {
        let again = place.run_with_input(again, PASSWORD).await;
        assert!(again.status.code() == Some(1) && complaint(&again).contains("there are people already"));
    }
    said(&place.run(&["factor-policy", "nobody"]).await);
    let server = place.serve(&[]).await;
    assert!(server.welcome.starts_with("Reeve is at http://localhost:"), "{}", server.welcome);
    assert!(sign_in(&server.url).await.is_some());
    assert!(said(&place.run(&["verify"]).await).contains("The chain is whole"));
    server.stop().await;
}

/// Signs the admin in; the cookie.
pub async fn sign_in(url: &str) -> Option<String> {
    let form = [("input[email]", "ada@msp.example"), ("input[password]", PASSWORD), ("next", "/")];
    let answer = send(Person::stranger(url).request(Method::POST, "/portal/sign-in").form(&form)).await;
    let cookie = answer.headers.get("set-cookie")?.to_str().ok()?.split(';').next()?.to_owned();
    Some(cookie)
}

#[tokio::test]
async fn the_schema_is_brought_up_to_date_and_told_of() {
    let place = Place::new();
    let before = said(&place.run(&["migrate", "--status"]).await);
    assert!(before.contains("missing  m0001_businesses") && !before.contains("applied"), "{before}");
    assert!(!place.data().exists(), "looking makes nothing");
    let done = said(&place.run(&["migrate"]).await);
    assert!(done.contains("applied  m0001_businesses") && done.contains("steps were applied"), "{done}");
    let after = said(&place.run(&["migrate", "--dry-run"]).await);
    assert!(after.contains("The schema is up to date.") && !after.contains("missing"), "{after}");
    assert!(said(&place.run(&["migrate"]).await).contains("nothing was changed"));
    let nowhere = place.run(&["migrate", "--database-url", "postgres://127.0.0.1:1/none"]).await;
    assert!(nowhere.status.code() == Some(1) && !complaint(&nowhere).is_empty());
    assert_eq!(place.run(&["migrate", "--down"]).await.status.code(), Some(2));
}

#[tokio::test]
async fn the_demo_has_a_folder_and_people_of_its_own() {
    let mut place = Place::new();
    let file = place.write("reeve.toml", &format!("data_dir = \"{}\"\n", place.path("real").display()));
    place.set("REEVE_DATA_DIR", "");
    let server = place.start(&["demo", "--listen", "127.0.0.1:0"]).await;
    assert!(server.welcome.contains("admin@demo.example"), "{}", server.welcome);
    assert!(place.path("reeve-demo/reeve.db").is_file() && !place.path("real").exists());
    server.stop().await;
    // With a file that was named, its folder counts.
    place.set("REEVE_CONFIG", &file);
    let server = place.start(&["demo", "--listen", "127.0.0.1:0"]).await;
    assert!(server.welcome.contains("technician@demo.example") && place.path("real/reeve.db").is_file());
    server.stop().await;
}
