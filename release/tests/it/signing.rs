//! Releases.

use super::*;

/// A desk with the first release, `m1.json`.
fn with_release() -> Desk {
    let desk = Desk::with_root();
    desk.programs("1.0.0", 1);
    desk.run(&format!("{} --first --config-schema 2 --spool-schema 1 --out m1.json", sign(1, "1.0.0")))
        .good();
    desk
}

#[test]
fn what_was_built_becomes_a_release_that_verifies_to_the_last_byte() {
    let desk = Desk::with_root();
    desk.programs("1.0.0", 1);
    desk.write("notes.md", "The first one.\n");
    let line =
        format!("{} --first --config-schema 2 --spool-schema 1 --notes-file notes.md", sign(1, "1.0.0"));
    let said = desk.run(&format!("{line} --dry-run --out m1.json")).good();
    assert!(said.contains("nothing was signed"), "{said}");
    assert!(!desk.path("m1.json").exists() && !desk.path("releases.log").exists());
    let said = desk.run(&format!("{line} --out m1.json")).good();
    for word in [
        "new         agent linux x86_64 gnu",
        "new         agent linux x86_64 musl",
        "new         agent windows x86_64\n",
        "build     1.0.0-musl",
        "schemas   configuration 2, spool 1",
        "wrote m1.json: signed by 1 of the 1 that are needed (complete)",
    ] {
        assert!(said.contains(word), "{word:?} in {said}");
    }
    let check = format!("verify --root 1.json --manifest m1.json --log releases.log --at {AT}");
    let said = desk.run(&format!("{check} --artifact 1-gnu --artifact 1-exe")).good();
    assert!(said.contains("1-gnu: agent linux x86_64 gnu\n1-exe: agent windows x86_64\n"), "{said}");
    desk.run(&format!("{check} --artifact 1-gnu.raw")).refused(&["1-gnu.raw: the manifest does not name it"]);
    desk.run("verify --root 1.json --manifest m1.json --at 2027-01-05T10:00:00Z")
        .refused(&["m1.json: is out of date since 2027-01-05"]);
    let said = desk.run("inspect m1.json").good();
    assert!(said.contains("The first one.") && said.contains("seq         1\n"), "{said}");
}

#[test]
fn a_second_release_says_what_it_changes_and_takes_over_the_rest() {
    let desk = with_release();
    desk.programs("1.1.0", 2);
    let revoked = "ab".repeat(32);
    let line = format!("{} --previous m1.json --min-secure 2 --revoke {revoked}", sign(2, "1.1.0"));
    let said = desk.run(&format!("{line} --out m2.json")).good();
    for word in [
        "version     1.0.0 → 1.1.0",
        "seq         1 → 2",
        "channel     stable\n",
        "min_secure  0 → 2",
        &format!("revokes   {revoked}"),
        "changed     agent linux x86_64 gnu",
        "schemas   configuration 2, spool 1\n",
    ] {
        assert!(said.contains(word), "{word:?} in {said}");
    }
    desk.programs("1.2.0", 3);
    let line = sign(3, "1.2.0").replace(" --agent 3-exe", "");
    let said = desk.run(&format!("{line} --previous m2.json --channel beta --out m3.json")).good();
    for word in [
        "channel     stable → beta",
        "gone        agent windows x86_64",
        "min_secure  2\n",
        "revoked     1\n",
    ] {
        assert!(said.contains(word), "{word:?} in {said}");
    }
}

#[test]
fn nothing_goes_back() {
    let desk = with_release();
    desk.programs("1.1.0", 2);
    desk.run(&format!("{} --previous m1.json --out m2.json", sign(2, "1.1.0"))).good();
    let refused = |line: String, words: &[&str]| {
        let log = desk.read("releases.log");
        desk.run(&format!("{line} --out no.json")).refused(words);
        assert!(!desk.path("no.json").exists());
        assert_eq!(desk.read("releases.log"), log);
    };
    refused(format!("{} --previous m2.json", sign(2, "1.2.0")), &["--seq 2: must be higher than 2"]);
    // The record knows better than who gives an older release before.
    refused(format!("{} --previous m1.json", sign(2, "1.2.0")), &["--seq 2: must be higher than 2"]);
    refused(format!("{} --first", sign(3, "1.2.0")), &["--first: releases.log names 2 signatures"]);
    refused(
        format!("{} --previous m2.json", sign(3, "1.1.0")),
        &["--version 1.1.0: must be higher than 1.1.0", "stamped anew"],
    );
    refused(format!("{} --previous m2.json --min-from 3", sign(3, "1.2.0")), &["3-gnu: cannot be opened"]);
    desk.programs("1.2.0", 3);
    refused(
        format!("{} --previous m2.json --min-from 3", sign(3, "1.2.0")),
        &["min_from must be lower than seq"],
    );
    desk.run(&format!("{} --previous m2.json --out m2.json", sign(3, "1.2.0")))
        .refused(&["m2.json: is there already"]);
}

#[test]
fn an_older_release_comes_back_under_a_new_sequence() {
    let desk = with_release();
    desk.programs("1.1.0", 2);
    desk.run(&format!("{} --previous m1.json --out m2.json", sign(2, "1.1.0"))).good();
    let back = |agents: &str| {
        format!(
            "sign --root 1.json --version 1.1.1 --seq 3 {agents} --log releases.log --key r --at {AT} \
             --previous m2.json --out m3.json"
        )
    };
    desk.run(&back("--agent 1-gnu"))
        .refused(&["1-gnu: its stamp says version 1.0.0 and seq 1, not 1.1.1 and 3"]);
    for name in ["gnu", "musl", "exe"] {
        let stamp =
            format!("stamp 1-{name} --version 1.1.1 --seq 3 --build-id 1.0.0-{name}-again --out 3-{name}");
        desk.run(&stamp).good();
    }
    let said = desk.run(&back("--agent 3-gnu --agent 3-musl --agent 3-exe")).good();
    assert!(said.contains("version     1.1.0 → 1.1.1") && said.contains("seq         2 → 3"), "{said}");
    desk.run(&format!("verify --root 1.json --manifest m3.json --artifact 3-exe --at {AT}")).good();
}

#[test]
fn what_does_not_fit_is_named() {
    let desk = with_release();
    desk.programs("1.1.0", 2);
    desk.write("page.html", "<html></html>");
    desk.write(
        "bare",
        elf(true).into_iter().map(|byte| if byte == b'-' { b'_' } else { byte }).collect::<Vec<_>>(),
    );
    let base = "sign --root 1.json --version 1.1.0 --seq 2 --previous m1.json --log releases.log --key r --out m2.json";
    let refused = |rest: &str, words: &[&str]| {
        desk.run(&format!("{base} {rest}")).refused(words);
        assert!(!desk.path("m2.json").exists());
    };
    refused("--agent page.html", &["page.html: is no program"]);
    refused("--agent bare", &["bare: has no build stamp"]);
    refused(
        "--agent 1-gnu",
        &["1-gnu: its stamp says version 1.0.0 and seq 1, not 1.1.0 and 2", "reeve-release stamp"],
    );
    refused("--agent 2-gnu.raw", &["2-gnu.raw: its stamp says version 0.1.0 and seq 0"]);
    refused("--agent 2-gnu --agent 2-gnu", &["2-gnu: is a second agent linux x86_64 gnu"]);
    desk.write("long.md", "x".repeat(20_000));
    refused("--agent 2-gnu --notes-file long.md", &["long.md: is longer than 16384 bytes"]);
    let revoke = "ab".repeat(40);
    assert_eq!(desk.run(&format!("{base} --agent 2-gnu --revoke {revoke}")).code, 2);
    let bare = Desk::with_root();
    bare.programs("1.0.0", 1);
    bare.run(&format!("{} --first --out m1.json", sign(1, "1.0.0"))).refused(&["--config-schema: is needed"]);
}

#[test]
fn only_release_keys_of_a_complete_root_sign() {
    let desk = Desk::with_root();
    desk.programs("1.0.0", 1);
    let line = format!("{} --first --config-schema 2 --spool-schema 1 --out m1.json", sign(1, "1.0.0"));
    for key in ["a", "f", "x", "s"] {
        let line = line.replace("--key r", &format!("--key {key}"));
        desk.run(&line).refused(&[&format!("{key}: root 1 does not let this key sign releases")]);
    }
    desk.run(&format!("{MAKE} --key a --out half.json --at {AT}")).good();
    desk.run(&line.replace("1.json --version", "half.json --version"))
        .refused(&["half.json: Not signed by enough"]);
    assert!(!desk.path("m1.json").exists() && !desk.path("releases.log").exists());
}

#[test]
fn two_people_sign_when_the_root_wants_it() {
    let desk = Desk::with_keys();
    let make =
        format!("{MAKE} --release-key s.pub --release-threshold 2 --key a --key b --out 1.json --at {AT}");
    desk.run(&make).good();
    desk.programs("1.0.0", 1);
    let line = format!("{} --first --config-schema 2 --spool-schema 1 --out m1.json", sign(1, "1.0.0"));
    let said = desk.run(&line).good();
    assert!(
        said.contains("signed by 1 of the 2 that are needed (not complete; see add-signature)"),
        "{said}"
    );
    let check = format!("verify --root 1.json --manifest m1.json --log releases.log --at {AT}");
    desk.run(&check).refused(&["m1.json: Not signed by enough trusted keys"]);
    let said = desk.run("add-signature m1.json --root 1.json --key r").good();
    assert!(said.contains("1 of the 2"), "who signs twice counts once: {said}");
    desk.run("add-signature m1.json --root 1.json --key f").refused(&["f: root 1 does not let"]);
    let said = desk.run("add-signature m1.json --root 1.json --key s").good();
    assert_eq!(said, "1.0.0 (seq 1): signed by 2 of the 2 that are needed (complete)\n");
    desk.run(&check).good();
}

#[test]
fn a_release_is_renewed_with_a_later_date_and_nothing_else() {
    let desk = with_release();
    let renew = "renew m1.json --root 1.json --log releases.log --key r";
    let said = desk.run(&format!("{renew} --out again.json --at 2026-12-21T10:00:00Z")).good();
    assert!(said.contains("expires     2027-01-05 10:00:00 UTC → 2027-02-04 10:00:00 UTC"), "{said}");
    assert!(
        said.contains("version     1.0.0\n") && said.contains("same        agent linux x86_64 gnu"),
        "{said}"
    );
    let check = "verify --root 1.json --log releases.log --at 2027-01-10T10:00:00Z";
    desk.run(&format!("{check} --manifest again.json --artifact 1-musl")).good();
    desk.run(&format!("{check} --manifest m1.json")).refused(&["m1.json: is out of date"]);
    desk.run(&format!("{renew} --out no.json --at {AT} --expires-days 45"))
        .refused(&["--expires-days: must be later"]);
    desk.programs("1.1.0", 2);
    desk.run(&format!("{} --previous again.json --out m2.json", sign(2, "1.1.0"))).good();
    desk.run(&format!("{renew} --out no.json --at 2027-02-01T10:00:00Z"))
        .refused(&["seq 1 is not the newest"]);
    assert!(!desk.path("no.json").exists());
}

#[test]
fn a_key_that_the_root_took_away_signs_nothing_more() {
    let desk = with_release();
    desk.run(&format!(
        "root rotate --from 1.json --release-key s.pub --key a --key c --out 2.json --at {AT}"
    ))
    .good();
    let check = format!("verify --root 1.json --root 2.json --at {AT}");
    desk.run(&format!("{check} --manifest m1.json")).refused(&["m1.json: Not signed by enough trusted keys"]);
    desk.programs("1.1.0", 2);
    let line = format!("{} --previous m1.json --out m2.json", sign(2, "1.1.0"))
        .replace("1.json --version", "2.json --version");
    desk.run(&line).refused(&["r: root 2 does not let this key sign releases"]);
    desk.run(&line.replace("--key r", "--key s")).good();
    desk.run(&format!("{check} --manifest m2.json --artifact 2-gnu")).good();
}
