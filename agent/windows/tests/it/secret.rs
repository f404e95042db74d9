//! Run keys, values in the registry, and secrets in the Credential Manager.

use windows_api::{credential, identity, name::Scope, registry, run_key};

fn user() -> Scope {
    Scope::User { sid: identity::sid().unwrap() }
}

#[test]
fn a_run_key_is_set_read_and_removed_for_the_machine_and_for_a_user() {
    let command = r#""C:\Program Files\Reeve\reeve-agent.exe" run"#;
    for scope in [Scope::Machine, user()] {
        run_key::set(&scope, "ReeveTest", command).unwrap();
        assert_eq!(run_key::get(&scope, "ReeveTest").unwrap().as_deref(), Some(command));
        assert!(run_key::remove(&scope, "ReeveTest").unwrap());
        assert_eq!(run_key::get(&scope, "ReeveTest").unwrap(), None);
        assert!(!run_key::remove(&scope, "ReeveTest").unwrap(), "it is gone already");
    }
}

#[test]
fn the_scopes_have_keys_of_their_own() {
    run_key::set(&Scope::Machine, "ReeveTestApart", "machine").unwrap();
    assert_eq!(run_key::get(&user(), "ReeveTestApart").unwrap(), None);
    assert!(run_key::remove(&Scope::Machine, "ReeveTestApart").unwrap());
}

#[test]
fn a_value_is_written_read_and_removed() {
    const KEY: &str = r"Software\ReeveTest";
    assert_eq!(registry::text(KEY, "Token").unwrap(), None);
    registry::set_text(KEY, "Token", "AGT-x").unwrap();
    assert_eq!(registry::text(KEY, "Token").unwrap().as_deref(), Some("AGT-x"));
    registry::protect(KEY).unwrap();
    assert_eq!(
        registry::text(KEY, "Token").unwrap().as_deref(),
        Some("AGT-x"),
        "an administrator still reads it"
    );
    assert!(registry::remove(KEY, "Token").unwrap());
    assert!(!registry::remove(KEY, "Token").unwrap());
    assert!(!registry::remove(r"Software\ReeveNoSuchKey", "Token").unwrap());
}

#[test]
fn a_secret_is_kept_replaced_and_deleted() {
    for (scope, target) in [(Scope::Machine, "Reeve/Test/SYSTEM"), (user(), "Reeve/Test/USER")] {
        assert_eq!(credential::read(target).unwrap(), None);
        credential::write(&scope, target, b"\x00first\xff").unwrap();
        assert_eq!(credential::read(target).unwrap().unwrap(), b"\x00first\xff");
        credential::write(&scope, target, b"second").unwrap();
        assert_eq!(credential::read(target).unwrap().unwrap(), b"second");
        assert!(credential::delete(target).unwrap());
        assert_eq!(credential::read(target).unwrap(), None);
        assert!(!credential::delete(target).unwrap());
    }
    assert!(credential::write(&user(), "Reeve/Test/Long", &[0; 4000]).is_err());
    assert!(credential::read("with a zero \0 inside").is_err());
}
