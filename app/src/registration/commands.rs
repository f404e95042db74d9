//! The line to run on the machine, one for each operating system, and one for each kind of package.

use crate::ui::CopyField;
use entity::{
    package::{PackageCommand, PackageFormat},
    platform::Os,
    registration::IssuedRegistrationToken,
};
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
    let packages = issued.packages;
    let lines = commands.map(|(os, command, place)| {
        let packages =
            packages.iter().filter(|package| package.format.os() == os).cloned().collect::<Vec<_>>();
        view! {
            <div class=format!("install-command install-command-{}", os.word())>
                <h3 class="without-js">{os.label()}</h3>
                <p>{place}</p>
                <CopyField label=format!("Command for {}", os.label()) value=command/>
                <Packages packages/>
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

/// Another way to the same agent: by what the system itself installs, upgrades and removes programs with.
#[component]
fn Packages(packages: Vec<PackageCommand>) -> impl IntoView {
    let kinds: Vec<_> = packages.iter().map(|package| format!(".{}", package.format.word())).collect();
    (!packages.is_empty()).then(|| {
        view! {
            <details class="install-packages">
                <summary>{format!("Or as a package: {}", kinds.join(", "))}</summary>
                {packages.into_iter().map(|package| view! { <ByPackage package/> }).collect_view()}
            </details>
        }
    })
}

#[component]
fn ByPackage(package: PackageCommand) -> impl IntoView {
    let PackageCommand { format, architectures, command } = package;
    let word = format.word();
    let Some(command) = command else {
        return view! {
            <p class="quiet">
                <strong>{format.label()}</strong>
                {format!(": this server has no .{word} of the agent. Whoever runs it makes one with ")}
                <code>"cargo xtask package"</code>
                {if format == PackageFormat::Pkg { " and a Mac, " } else { " " }}
                "and puts it into the folder of "
                <code>"--agents-dir"</code>
                "."
            </p>
        }
        .into_any();
    };
    let built: Vec<_> = architectures.iter().map(|arch| arch.word()).collect();
    let label = format!("{} ({})", format.label(), built.join(", "));
    view! {
        <CopyField label value=command/>
        {(format == PackageFormat::Msi).then(|| view! {
            <p class="quiet">
                "While it runs, programs on the machine can see this line and the token in it, which works once. The \
                 installer's log does not hold it. The line for PowerShell above shows it to nobody."
            </p>
        })}
    }
    .into_any()
}
