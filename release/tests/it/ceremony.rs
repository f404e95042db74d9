//! Keys and roots.

use super::*;

#[test]
fn a_key_is_for_its_owner_alone_and_never_written_over() {
    let desk = Desk::new();
    let said = desk.run("keygen --out k --holder Anna").good();
    assert!(said.contains("k is not encrypted"), "{said}");
    let public: serde_json::Value = serde_json::from_str(&desk.read("k.pub")).unwrap();
    assert_eq!(public["holder"], "Anna");
    assert!(said.contains(public["keyid"].as_str().unwrap()));
    let secret: serde_json::Value = serde_json::from_str(&desk.read("k")).unwrap();
    assert!(!said.contains(secret["seed"].as_str().unwrap()), "the secret is shown nowhere");
    let before = desk.read("k");
    desk.run("keygen --out k --holder Anna").refused(&["k.pub", "is there already"]);
    fs::remove_file(desk.path("k.pub")).unwrap();
    desk.run("keygen --out k --holder Anna").refused(&["k: is there already"]);
    assert_eq!(desk.read("k"), before);
    assert_eq!(names(desk.folder.path()), ["k"], "no public part of a key that was not made");
}

#[cfg(unix)]
#[test]
fn a_key_that_others_may_read_signs_nothing() {
    use std::os::unix::fs::PermissionsExt as _;
    let desk = Desk::with_keys();
    let mode = |name: &str| fs::metadata(desk.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("a"), 0o600);
    fs::set_permissions(desk.path("a"), fs::Permissions::from_mode(0o640)).unwrap();
    desk.run(&format!("{MAKE} --key a --key b --out 1.json")).refused(&["a: others may read", "chmod 600"]);
    assert!(!desk.path("1.json").exists());
}

#[test]
fn what_is_no_key_is_not_shown() {
    let desk = Desk::with_keys();
    desk.write("secret", "{\"seed\":\"hunter2\"}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(desk.path("secret"), fs::Permissions::from_mode(0o600)).unwrap();
    }
    let said = desk.run(&format!("{MAKE} --key secret --out 1.json"));
    assert!(!said.error.contains("hunter2"), "{}", said.error);
    said.refused(&["secret: is no private key"]);
}

#[test]
fn two_people_make_the_first_root() {
    let desk = Desk::with_keys();
    let said = desk.run(&format!("{MAKE} --key a --out 1.json --at {AT}")).good();
    assert!(said.contains("signed by    1 of the 2 that are needed: a (not complete)"), "{said}");
    desk.run(&format!("verify --root 1.json --at {AT}"))
        .refused(&["1.json: Not signed by enough trusted keys"]);
    desk.run("root sign 1.json --key x").refused(&["x: is a root key neither"]);
    desk.run("root sign 1.json --key r").refused(&["r: is a root key neither"]);
    let said = desk.run("root sign 1.json --key c").good();
    assert!(said.contains("signed by    2 of the 2 that are needed: a, c (complete)"), "{said}");
    let (_, fingerprint) = said.split_once("fingerprint  ").unwrap();
    let fingerprint = &fingerprint[..64];
    let said = desk.run(&format!("verify --root 1.json --fingerprint {fingerprint} --at {AT}")).good();
    assert_eq!(said, "root 1: good until 2028-11-20 10:00:00 UTC\n");
    let other = "0".repeat(64);
    desk.run(&format!("verify --root 1.json --fingerprint {other} --at {AT}"))
        .refused(&[fingerprint, "another"]);
    desk.run("verify --root 1.json --at 2028-11-20T10:00:00Z").refused(&["root 1 is out of date"]);
    let said = desk.run("inspect 1.json").good();
    for word in [fingerprint, "root: 2 of 3", "release: 1 of 1", "No signature was checked"] {
        assert!(said.contains(word), "{word:?} in {said}");
    }
}

#[test]
fn a_root_that_nobody_would_take_is_not_made() {
    let desk = Desk::with_keys();
    let refused = |line: &str, words: &[&str]| {
        desk.run(&format!("{line} --key a --key b --out 1.json --at {AT}")).refused(words);
        assert!(!desk.path("1.json").exists());
    };
    refused(&format!("{MAKE} --root-threshold 1"), &["roles.root.threshold must be at least 2"]);
    refused(
        &format!("{MAKE} --root-threshold 4"),
        &["roles.root.threshold must not be more than there are keys"],
    );
    refused(&format!("{MAKE} --release-key f.pub"), &["roles.freshness.keyids names", "a second time"]);
    refused(&format!("{MAKE} --release-key r.pub"), &["roles.release.keyids names", "a second time"]);
    refused(
        "root make --root-key a.pub --root-key b.pub --release-key r.pub",
        &["--freshness-key: at least one"],
    );
    refused(&format!("{MAKE} --release-key missing.pub"), &["missing.pub: cannot be opened"]);
    refused(&format!("{MAKE} --release-key r"), &["r: is no public key"]);
    refused(&format!("{MAKE} --key f"), &["f: is no root key"]);
}

#[test]
fn a_root_is_rotated_by_the_old_and_the_new() {
    let desk = Desk::with_root();
    desk.run("keygen --out n --holder Nora").good();
    // Whoever has one key, and makes themselves another, gets nowhere.
    let swap =
        "root rotate --from 1.json --root-key a.pub --root-key b.pub --root-key n.pub --release-key s.pub";
    let said = desk.run(&format!("{swap} --key b --key n --out 2.json --at {AT}")).good();
    assert!(said.contains("signed by    2 of the 2 that are needed: b, Nora (complete)"), "{said}");
    assert!(said.contains("root 1       1 of the 2 that are needed: b (not complete)"), "{said}");
    desk.run(&format!("verify --root 1.json --root 2.json --at {AT}"))
        .refused(&["2.json: Not signed by enough"]);
    let said = desk.run("root sign 2.json --key c --from 1.json").good();
    assert!(said.contains("root 1       2 of the 2 that are needed: b, c (complete)"), "{said}");
    desk.run(&format!("verify --root 1.json --root 2.json --at {AT}")).good();
    // Nobody leaps over a root, or goes back.
    desk.run(&format!("root rotate --from 2.json --key a --key b --out 3.json --at {AT}")).good();
    desk.run(&format!("verify --root 1.json --root 2.json --root 3.json --at {AT}")).good();
    desk.run(&format!("verify --root 1.json --root 3.json --at {AT}"))
        .refused(&["3.json: Root does not follow"]);
    desk.run(&format!("verify --root 2.json --root 1.json --at {AT}")).refused(&["1.json: "]);
    let said = desk.run("inspect 3.json").good();
    assert!(said.contains("root 3") && said.contains("Nora") && !said.contains("  r\n"), "{said}");
}
