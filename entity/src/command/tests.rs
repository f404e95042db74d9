//! What a command may become, and what is refused.

use super::*;

#[test]
fn every_state_and_event() {
    let mut table = String::new();
    for state in CommandState::ALL {
        for event in CommandEvent::ALL {
            if let Some(next) = state.on(*event) {
                table.push_str(&format!("{} + {} = {}\n", state.word(), event.word(), next.word()));
            }
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn strong_is_what_the_devices_lock_keeps() {
    for kind in CommandKind::ALL {
        assert_eq!(kind.strength() == Strength::Strong, kind.strong_kind().is_some(), "{kind:?}");
        assert!(kind.strong_kind().is_none_or(|strong| strong.word() == kind.word()), "{kind:?}");
    }
}

#[test]
fn what_people_read_before_they_approve_is_what_it_seems() {
    let service = |name: &str| Payload::RestartService { service_name: name.to_owned() }.check().is_ok();
    assert!(service("nginx.service") && service("Druckwarteschlange für Büro"));
    for name in ["nginx\u{202e}ecivres.", "ngi\u{200b}nx", "nginx\u{1b}[2K", "\u{feff}nginx"] {
        assert!(!service(name), "{name:?}");
    }
    let note = |message: &str| Payload::NotifyOps { message: message.to_owned() }.check().is_ok();
    assert!(note("Two lines,\nand a\ttab.") && !note("\u{1b}]0;title\u{7}") && !note("a\0b"));
}
