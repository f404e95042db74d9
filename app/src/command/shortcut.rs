//! The short way from a row of a device's page to the composer, with the name filled in. Nothing is asked yet: the composer
//! shows both locks first.

use crate::ui::listing::link;
use entity::{command::CommandKind, id::DeviceId};
use leptos::prelude::*;

/// Leads to the composer for one service or process of a device.
#[component]
pub(crate) fn Shortcut(
    /// Which device.
    device: DeviceId,
    /// What is to be done.
    kind: CommandKind,
    /// With which service or process.
    name: String,
) -> impl IntoView {
    let label = match kind {
        CommandKind::StopProcess => "Stop",
        _ => "Restart",
    };
    let href = composer(device, kind, &name);
    view! {
        <a class="button button-quiet" href=href>{label} " " <span class="visually-hidden">{name}</span></a>
    }
}

fn composer(device: DeviceId, kind: CommandKind, name: &str) -> String {
    let field = if kind == CommandKind::RestartService { "service_name" } else { "process_name" };
    let device = device.to_string();
    link(
        super::compose::PATH,
        [("devices", Some(device.as_str())), ("kind", Some(kind.word())), (field, Some(name))],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_filled_in_whatever_stands_in_it() {
        let id = DeviceId("01890000-0000-7000-8000-000000000001".parse().expect("a UUID"));
        assert_eq!(
            composer(id, CommandKind::RestartService, "a&b.service"),
            format!("/commands/new?devices={id}&kind=restart_service&service_name=a%26b.service")
        );
        assert!(composer(id, CommandKind::RestartProcess, "worker").ends_with("&process_name=worker"));
    }
}
