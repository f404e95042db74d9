//! The rules that are about text: how files open, how long they are, and where things may appear.

use crate::support::workspace::{files, rust_files};

/// Fails with every finding, one a line.
#[track_caller]
fn none(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}

/// Every line of a Rust file that contains `needle`, outside of the places where it belongs.
fn lines_with(needle: &str, belongs: impl Fn(&str) -> bool) -> Vec<String> {
    let this = "server/tests/it/tidy.rs";
    rust_files()
        .iter()
        .filter(|(name, _)| name != this && !belongs(name))
        .flat_map(|(name, text)| {
            let lines = text.lines().enumerate().filter(|(_, line)| line.contains(needle));
            lines
                .map(move |(number, line)| format!("{name}:{}: {}", number + 1, line.trim()))
                .collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn every_file_opens_with_what_lives_in_it() {
    let found: Vec<_> = rust_files()
        .into_iter()
        .filter(|(_, text)| {
            let first = text.lines().next().unwrap_or_default();
            !first.starts_with("//! ") || first.len() < 12
        })
        .map(|(name, _)| name)
        .collect();
    none("files that do not open with `//!` and a sentence", &found);
}

#[test]
fn no_file_is_longer_than_five_hundred_lines() {
    let found: Vec<_> = rust_files()
        .into_iter()
        .filter_map(|(name, text)| {
            let lines = text.lines().count();
            (lines > 500).then(|| format!("{name}: {lines} lines"))
        })
        .collect();
    none("files that hold more than one room", &found);
}

#[test]
fn names_say_what_things_are() {
    let banned = ["helper", "util", "utils", "common", "manager", "handler", "misc"];
    let found: Vec<_> = rust_files()
        .into_iter()
        .filter(|(name, _)| {
            let mut parts = name.trim_end_matches(".rs").split(['/', '_']);
            parts.any(|part| banned.contains(&part))
        })
        .map(|(name, _)| name)
        .collect();
    none("files named after nothing", &found);
    let types = [
        "Client",
        "Customer",
        "Tenant",
        "Company",
        "Organisation",
        "Organization",
        "Endpoint",
        "Host",
        "Asset",
    ];
    let mut found = Vec::new();
    for word in types {
        for kind in ["struct", "enum", "type"] {
            for end in [" ", "(", ";", "<", "View", "Input", "Id"] {
                let belongs = |name: &str| match word {
                    // The database layer's word for tables that have an owner, and the router's for its entries.
                    "Tenant" => name == "server/domain/src/store/scoped.rs",
                    "Endpoint" => name == "server/src/router.rs",
                    _ => false,
                };
                found.extend(lines_with(&format!("{kind} {word}{end}"), belongs));
            }
        }
    }
    none("types that have another word", &found);
}

#[test]
fn things_appear_where_they_belong() {
    let in_calls = |name: &str| name.starts_with("app/src/") && name.ends_with("/calls.rs");
    none("server functions outside of calls.rs", &lines_with("#[server", in_calls));
    none(
        "tables outside of domain",
        &lines_with("entity::table", |name| {
            name.starts_with("server/domain/") || name.starts_with("entity/")
        }),
    );
    none(
        "the system's clock outside of the server's clock",
        // An agent's clock is its machine's; the server's is handed in.
        &lines_with("Utc::now()", |name| {
            name == "server/domain/src/clock.rs" || name.starts_with("agent/") || name.starts_with("sim/")
        }),
    );
    none(
        "the ORM outside of domain",
        &lines_with("sea_orm::", |name| {
            // A ruler of the bench is the bare ORM.
            ["server/domain/", "entity/", "migration/", "bench/src/"]
                .iter()
                .any(|folder| name.starts_with(folder))
        }),
    );
    none(
        "axum outside of the faces",
        &lines_with("axum::", |name| {
            name.starts_with("server/src/")
                || name.starts_with("server/tests/")
                || name.starts_with("bench/src/ruler/")
                || name == "app/src/context.rs"
        }),
    );
}

/// The modules of the tables that belong to businesses, as the store declares them.
fn tenant_modules() -> Vec<String> {
    let (_, text) = rust_files()
        .into_iter()
        .find(|(name, _)| name == "server/domain/src/store/scoped.rs")
        .expect("the store's declarations");
    let (_, list) = text.split_once("tenants! {").expect("the list");
    let lines = list.lines().map(str::trim).take_while(|line| *line != "}");
    lines.filter_map(|line| Some(line.split_once('.')?.0.to_owned())).collect()
}

/// Verbs that people call reach the rows of a business through `cx.select`, which carries the tenant's filter. What
/// is left is authentication, one's own account, links whose secret is the credential, and grants of people who were
/// themselves found within reach.
#[test]
fn people_reach_rows_through_their_scope_alone() {
    let by_themselves = [
        "access/",
        "agent_token.rs",
        "alert/clear.rs",
        "alert/evaluate.rs",
        "alert/in_force.rs",
        "alert/who.rs",
        "command/approval.rs",
        "command/view.rs",
        "log_entry/in_force.rs",
        "error_report/receive.rs",
        "audit/",
        "presence.rs",
        "report/",
        "metric/",
        "oidc/sign_in",
        "store/",
        "account.rs",
        "factor/",
        "registration/register.rs",
        "user/link.rs",
        "user/forgotten.rs",
    ];
    let modules = tenant_modules();
    assert!(modules.len() > 8, "{modules:?}");
    let found: Vec<_> = lines_with("Entity::find", |name| {
        let in_domain = name.strip_prefix("server/domain/src/");
        in_domain.is_none_or(|name| by_themselves.iter().any(|place| name.starts_with(place)))
    })
    .into_iter()
    .filter(|line| {
        let module = line.split("::Entity::find").next().unwrap_or_default();
        let module: String = module.chars().rev().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let module: String = module.chars().rev().collect();
        // Tables that belong to no business have no scope; a name of another kind is one in disguise.
        modules.contains(&module) && module != "access_grant"
    })
    .collect();
    none("rows read without a scope", &found);
}

#[test]
fn nothing_is_unsafe_or_unfinished() {
    for needle in ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern"] {
        // The Windows API cannot be called otherwise; one package does it for all.
        none("unsafe code", &lines_with(needle, |name| name.starts_with("agent/windows/src/")));
    }
    for needle in ["TODO", "FIXME", "XXX", "todo!(", "unimplemented!(", "dbg!(", "#[ignore", "#[allow(clippy"]
    {
        none("unfinished work", &lines_with(needle, |_| false));
    }
}

#[test]
fn nothing_names_the_machine_it_was_made_on() {
    let mut found = Vec::new();
    let needles = ["/work/", "/root/", "/home/"].map(|folder| folder.to_owned());
    for (name, text) in files() {
        let allowed = name == "server/tests/it/tidy.rs"
            || name.ends_with(".lock")
            || name.ends_with("package-lock.json");
        for (number, line) in text.lines().enumerate() {
            if !allowed && needles.iter().any(|needle| line.contains(needle.as_str())) {
                found.push(format!("{name}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    none("paths of one machine", &found);
}
