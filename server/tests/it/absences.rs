//! The arrows between the packages: each forbidden edge is a line here, and each drawn one exists.

use crate::support::workspace::root;
use std::process::Command;

/// Asks cargo whether `package`, with these features and for this target, reaches `dependency`.
fn reaches(package: &str, extra: &[&str], dependency: &str) -> bool {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args([
            "tree",
            "--offline",
            "--locked",
            "-p",
            package,
            "-e",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ])
        .args(extra)
        .current_dir(root())
        .output()
        .expect("cargo tree");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).expect("names");
    tree.lines().any(|line| line.split(' ').next() == Some(dependency))
}

/// What browsers get.
const BROWSER: [&str; 2] = ["--target", "wasm32-unknown-unknown"];
/// What servers get.
const SSR: [&str; 2] = ["--features", "ssr"];

#[test]
fn no_forbidden_edge_exists() {
    let none: &[&str] = &[];
    let mut found = Vec::new();
    for (package, extra, forbidden) in [
        ("entity", none, &["sea-orm", "axum", "leptos", "tokio", "domain", "migration"][..]),
        ("migration", none, &["entity", "domain", "axum", "leptos"]),
        ("domain", none, &["axum", "leptos", "reqwest", "app", "server", "agent"]),
        ("app", none, &["domain", "axum", "sea-orm", "tokio", "server"]),
        // Whoever has the server or an agent has nothing that makes a release.
        ("server", none, &["release"]),
        (
            "release",
            none,
            &[
                "tokio", "reqwest", "hyper", "rustls", "axum", "sea-orm", "domain", "server", "agent",
                "updater",
            ],
        ),
        (
            "frontend",
            &BROWSER,
            &["domain", "axum", "sea-orm", "tokio", "leptos_axum", "migration", "server", "schemars"],
        ),
        (
            "agent",
            none,
            &[
                "axum",
                "leptos",
                "sea-orm",
                "domain",
                "app",
                "server",
                "migration",
                "release",
                "schemars",
                "regex-automata",
            ],
        ),
        (
            "sim",
            none,
            &["domain", "server", "agent", "updater", "app", "migration", "axum", "sea-orm", "leptos"],
        ),
        (
            "updater",
            none,
            &["tokio", "reqwest", "hyper", "axum", "leptos", "sea-orm", "domain", "agent", "release"],
        ),
        ("windows_api", none, &["tokio", "reqwest", "entity", "agent", "updater", "domain"]),
    ] {
        for dependency in forbidden {
            if reaches(package, extra, dependency) {
                found.push(format!("{package} -> {dependency}"));
            }
        }
    }
    assert_eq!(found, Vec::<String>::new(), "forbidden edges");
}

#[test]
fn every_drawn_edge_exists() {
    let none: &[&str] = &[];
    for (package, extra, dependency) in [
        ("frontend", &BROWSER[..], "app"),
        ("app", none, "entity"),
        ("app", &SSR, "domain"),
        ("server", none, "app"),
        ("server", none, "domain"),
        ("domain", none, "entity"),
        ("domain", none, "migration"),
        ("agent", none, "updater"),
        ("agent", none, "entity"),
        ("agent", none, "windows_api"),
        ("sim", none, "entity"),
        ("release", none, "entity"),
    ] {
        assert!(reaches(package, extra, dependency), "{package} -> {dependency}");
    }
}

/// `app` and `server` know the database only through `domain`: their manifests do not name it.
#[test]
fn only_domain_names_the_database() {
    for package in ["app", "server", "frontend", "agent", "agent/updater"] {
        let manifest = std::fs::read_to_string(root().join(package).join("Cargo.toml")).expect("a manifest");
        assert!(!manifest.contains("sea-orm") && !manifest.contains("sqlx"), "{package}");
    }
}

/// Every package takes the workspace's lints, which forbid `unsafe`, but the one that calls the Windows API.
#[test]
fn one_package_alone_may_be_unsafe() {
    let mut exceptions = Vec::new();
    for (name, text) in crate::support::workspace::files() {
        if name.ends_with("Cargo.toml")
            && text.contains("[package]")
            && !text.contains("[lints]\nworkspace = true")
        {
            exceptions.push(name);
        }
    }
    assert_eq!(exceptions, ["agent/windows/Cargo.toml"]);
}
