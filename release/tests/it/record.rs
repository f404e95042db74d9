//! `releases.log`, the record of everything that was ever signed.

use super::*;

/// A desk with three releases.
fn with_three() -> Desk {
    let desk = Desk::with_root();
    desk.programs("1.1.0", 1);
    desk.run(&format!("{} --first --config-schema 2 --spool-schema 1 --out m1.json", sign(1, "1.1.0")))
        .good();
    for seq in [2, 3] {
        let version = format!("1.{seq}.0");
        desk.programs(&version, seq);
        let before = seq - 1;
        desk.run(&format!("{} --previous m{before}.json --out m{seq}.json", sign(seq, &version))).good();
    }
    desk
}

#[test]
fn every_signature_is_a_line_that_names_the_one_before() {
    let desk = with_three();
    let said = desk.run("inspect releases.log").good();
    assert!(said.starts_with("record of 3 signatures, whose chain is whole"), "{said}");
    let lines: Vec<serde_json::Value> =
        desk.read("releases.log").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["previous"], "0".repeat(64));
    assert_eq!(lines[2]["previous"], lines[1]["hash"]);
    assert_eq!((&lines[2]["seq"], &lines[2]["version"]), (&3.into(), &"1.3.0".into()));
}

#[test]
fn a_record_that_was_changed_is_refused_everywhere() {
    let desk = with_three();
    let good = desk.read("releases.log");
    let lines: Vec<&str> = good.lines().collect();
    let all = |lines: &[&str]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    desk.programs("1.4.0", 4);
    let sign = format!("{} --previous m3.json --out m4.json", sign(4, "1.4.0"));
    for (changed, words) in [
        (good.replace("1.2.0", "1.2.1"), "line 2 does not follow"),
        (all(&[lines[0], lines[2]]), "line 2 does not follow"),
        (all(&[lines[1], lines[2]]), "line 1 does not follow"),
        (all(&[lines[0], lines[2], lines[1]]), "line 2 does not follow"),
        (all(&[lines[0], lines[1], lines[1]]), "line 3 does not follow"),
        (good.trim_end().to_owned(), "its last line was cut off"),
        (format!("{good}{{}}\n"), "line 4 cannot be read"),
    ] {
        assert_ne!(changed, good);
        desk.write("releases.log", &changed);
        for line in [&sign, "verify --root 1.json --log releases.log", "inspect releases.log"] {
            desk.run(line).refused(&["releases.log: ", words]);
        }
        assert_eq!(desk.read("releases.log"), changed, "it is left as it was found");
    }
    assert!(!desk.path("m4.json").exists());
    desk.write("releases.log", good);
    desk.run(&sign).good();
}

#[test]
fn a_record_whose_end_is_missing_lets_nothing_be_signed_from_what_it_does_not_name() {
    let desk = with_three();
    let good = desk.read("releases.log");
    let short: String = good.lines().take(2).map(|line| format!("{line}\n")).collect();
    desk.write("releases.log", short);
    desk.programs("1.4.0", 4);
    desk.run(&format!("{} --previous m3.json --out m4.json", sign(4, "1.4.0")))
        .refused(&["m3.json: releases.log does not name it"]);
    desk.run(&format!("verify --root 1.json --manifest m3.json --log releases.log --at {AT}"))
        .refused(&["m3.json: the log does not name it"]);
    desk.run("renew m3.json --root 1.json --log releases.log --key r --out again.json")
        .refused(&["m3.json: releases.log does not name it"]);
}
