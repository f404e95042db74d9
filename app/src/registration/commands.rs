//! The line to run on the machine, one for each operating system.

use crate::ui::CopyField;
use entity::{platform::Os, registration::IssuedRegistrationToken};
use leptos::prelude::*;

/// Three tabs. The choice is made by radio buttons and style alone, so nothing moves when the page comes alive;
/// without JavaScript all three stand one under the other.
#[component]
pub(super) fn InstallCommands(issued: IssuedRegistrationToken) -> impl IntoView {
    let commands = [
        (
            Os::Linux,
            issued.install_command_linux,
            "In a terminal on the machine, as a user who may use sudo:",
        ),
        (Os::Macos, issued.install_command_macos, "In Terminal on the machine, as an administrator:"),
        (
            Os::Windows,
            issued.install_command_windows,
            "In PowerShell on the machine, opened as administrator:",
        ),
    ];
    let choices = commands.each_ref().map(|(os, ..)| {
        let id = format!("install-{}", os.word());
        view! {
            <input r#type="radio" class="visually-hidden" name="install-os" id=id.clone() checked=*os == Os::Linux/>
            <label class="segment" r#for=id>{os.label()}</label>
        }
    });
    let lines = commands.map(|(os, command, place)| {
        view! {
            <div class=format!("install-command install-command-{}", os.word())>
                <h3 class="without-js">{os.label()}</h3>
                <p>{place}</p>
                <CopyField label=format!("Command for {}", os.label()) value=command/>
            </div>
        }
    });
    view! {
        <div class="install-commands">
            <fieldset class="install-os segmented needs-js">
                <legend class="visually-hidden">"Operating system of the machine"</legend>
                {choices.into_iter().collect_view()}
            </fieldset>
            {lines.into_iter().collect_view()}
        </div>
    }
}
