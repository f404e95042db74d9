//! Test mode: a badge that nobody can overlook, and controls that send each kind to a device. Only where the server was
//! started for that.

use super::calls::TestCommand;
use crate::ui::{ButtonKind, Form, Hidden, Panel, Submit};
use entity::{command::CommandKind, id::DeviceId};
use leptos::prelude::*;

#[derive(Clone, Copy)]
struct TestMode(bool);

/// Says whether the server is in test mode.
pub(crate) fn provide_test_mode(is_on: bool) {
    provide_context(TestMode(is_on));
}

fn is_test_mode() -> bool {
    use_context::<TestMode>().is_some_and(|mode| mode.0)
}

/// Stands on every page while the server is in test mode.
#[component]
pub(crate) fn TestModeBadge() -> impl IntoView {
    is_test_mode().then(|| {
        view! { <span class="test-mode" title="This server was started with --test-mode">"TEST MODE"</span> }
    })
}

/// What each control sends: the fields that its kind takes.
fn filled(kind: CommandKind) -> Vec<(&'static str, &'static str)> {
    match kind {
        CommandKind::SetMode => vec![("mode", "safe")],
        CommandKind::NotifyOps => vec![("message", "A test control sent this.")],
        CommandKind::SetRateLimit => vec![("endpoint", "/api"), ("limit_rps", "50")],
        CommandKind::RestartService => vec![("service_name", "reeve-test")],
        CommandKind::RestartProcess | CommandKind::StopProcess => vec![("process_name", "reeve-test")],
        CommandKind::RunScript => vec![("shell", "sh"), ("script", "echo \"hello from $(hostname)\"\n")],
        CommandKind::InstallPatches | CommandKind::RollbackPatches => vec![("patches", "test:none")],
        CommandKind::Rollback => vec![("program", "reeve-test")],
        CommandKind::UpdateAgent => vec![("version", "0.0.0")],
        CommandKind::Reboot => vec![("delay_minutes", "60")],
        CommandKind::PatchScan | CommandKind::CollectInventory => Vec::new(),
    }
}

/// One button for each kind. Strong ones need both locks here too.
#[component]
pub(super) fn TestControls(id: DeviceId) -> impl IntoView {
    if !is_test_mode() {
        return ().into_any();
    }
    let send = ServerAction::<TestCommand>::new();
    let controls = CommandKind::ALL.iter().map(move |kind| {
        let fields = filled(*kind).into_iter().chain([("kind", kind.word()), ("reason", "A test control.")]);
        view! {
            <Form action=send class="form-inline">
                <Hidden name="form[devices]" value=id.to_string()/>
                {fields.map(|(name, value)| view! { <Hidden name=format!("form[{name}]") value/> }).collect_view()}
                <Submit kind=ButtonKind::Plain>{kind.label()}</Submit>
            </Form>
        }
    });
    view! {
        <div class="test-controls">
            <Panel title="Test controls" facts="strong commands need both locks here too">
                <div class="form-buttons">{controls.collect_view()}</div>
            </Panel>
        </div>
    }
    .into_any()
}
