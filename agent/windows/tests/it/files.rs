//! Folders that only some may enter.

use std::{env, fs, path::PathBuf};
use windows_api::{ace, folder, identity, machine, name::Scope, sddl};

fn place(name: &str) -> PathBuf {
    let path = env::temp_dir().join(format!("reeve-test-{}-{name}", std::process::id())).join("data");
    let _ = fs::remove_dir_all(&path);
    path
}

#[test]
fn a_folder_is_protected_from_its_first_moment() {
    for scope in [Scope::Machine, Scope::User { sid: identity::sid().unwrap() }] {
        let path = place(if scope == Scope::Machine { "machine" } else { "user" });
        folder::create(&path, &sddl::folder(&scope)).unwrap();
        let told = folder::sddl(&path).unwrap();
        assert_eq!(folder::check(&path, &scope).unwrap(), ace::Findings::default(), "{told}");
        for everybody in ["WD", "BU", "AU"] {
            assert!(!told.contains(&format!(";{everybody})")), "{told}");
        }
        assert_eq!(
            folder::create(&path, &sddl::folder(&scope)).unwrap_err().kind(),
            std::io::ErrorKind::AlreadyExists
        );
        fs::write(path.join("config.json"), b"{}").unwrap();
        fs::remove_dir_all(&path).unwrap();
    }
}

#[test]
fn an_open_folder_is_seen_and_mended() {
    let path = place("open");
    folder::create(&path, "D:(A;OICI;FA;;;WD)").unwrap();
    // Wine's server may have a mask that lets nobody else in anyway.
    let is_wine = machine::is_wine();
    let findings = folder::check(&path, &Scope::Machine).unwrap();
    assert!(is_wine || findings.strangers == ["WD"], "{findings:?}");
    folder::protect(&path, &sddl::folder(&Scope::Machine)).unwrap();
    // Wine says yes and leaves everybody in.
    if !is_wine {
        let told = folder::sddl(&path).unwrap();
        assert_eq!(folder::check(&path, &Scope::Machine).unwrap(), ace::Findings::default(), "{told}");
    }
    fs::remove_dir_all(&path).unwrap();
}

#[test]
fn a_descriptor_without_a_list_is_refused() {
    let path = place("none");
    fs::create_dir_all(&path).unwrap();
    assert!(folder::protect(&path, "O:BA").is_err(), "it would let everybody in");
    assert!(folder::create(&path.join("x"), "nonsense").is_err());
    assert!(!path.join("x").exists());
}
