//! The lines that people copy: how a machine gets the agent and registers. The token is in the environment, where the
//! system has one that others cannot read: everybody on a machine can list the arguments of programs.

use chrono::{DateTime, Utc};
use entity::{
    id::RegistrationTokenId,
    package::{PackageCommand, PackageFormat},
    platform::Arch,
    registration::IssuedRegistrationToken,
};

/// A package of the agent that this server hands out.
pub type OfferedPackage = (PackageFormat, Arch);

/// A token with every line that uses it.
pub(crate) fn with_commands(
    public_url: &str,
    offered: &[OfferedPackage],
    id: RegistrationTokenId,
    token: String,
    expires_at: DateTime<Utc>,
) -> IssuedRegistrationToken {
    let unix = format!(
        "curl -fsSL {public_url}/install.sh | REEVE_TOKEN={token} sudo --preserve-env=REEVE_TOKEN sh"
    );
    let windows = format!("$env:REEVE_TOKEN='{token}'; irm {public_url}/install.ps1 | iex");
    let packages = PackageFormat::ALL.iter().map(|format| by_package(*format, public_url, offered, &token));
    IssuedRegistrationToken {
        packages: packages.collect(),
        id,
        expires_at,
        install_command_linux: unix.clone(),
        install_command_macos: unix,
        install_command_windows: windows,
        token,
    }
}

fn by_package(
    format: PackageFormat,
    public_url: &str,
    offered: &[OfferedPackage],
    token: &str,
) -> PackageCommand {
    let architectures: Vec<_> =
        offered.iter().filter(|(of, _)| *of == format).map(|(_, arch)| *arch).collect();
    let downloads = format!("{public_url}/downloads");
    let then = format!(
        "REEVE_TOKEN={token} sudo --preserve-env=REEVE_TOKEN reeve-agent register --server {public_url} && sudo reeve-agent start"
    );
    let command = match format {
        PackageFormat::Deb => {
            let file = "reeve-agent_$(dpkg --print-architecture).deb";
            format!("curl -fsSLO {downloads}/{file} && sudo apt-get install -y ./{file} && {then}")
        }
        PackageFormat::Rpm => format!("sudo rpm -U {downloads}/reeve-agent.$(uname -m).rpm && {then}"),
        PackageFormat::Pkg => {
            let file = "reeve-agent-$(uname -m).pkg";
            format!("curl -fsSLO {downloads}/{file} && sudo installer -pkg {file} -target / && {then}")
        }
        // The service registers at its first start: whoever rolls it out has no hand on the machine afterwards.
        PackageFormat::Msi => format!(
            "msiexec /i {downloads}/{} SERVER={public_url} TOKEN={token} /quiet",
            format.file_name(architectures.first().copied().unwrap_or(Arch::X86_64))
        ),
    };
    PackageCommand { format, command: (!architectures.is_empty()).then_some(command), architectures }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_offered_has_a_line_and_the_file_of_the_line_is_the_one_that_is_offered() {
        let offered = [(PackageFormat::Deb, Arch::X86_64), (PackageFormat::Msi, Arch::X86_64)];
        let id = RegistrationTokenId::generate();
        let issued =
            with_commands("https://reeve.example", &offered, id, "AGT-1".to_owned(), DateTime::UNIX_EPOCH);
        let lines: Vec<_> =
            issued.packages.iter().map(|package| package.command.as_deref().unwrap_or("none")).collect();
        assert_eq!(
            lines,
            [
                "curl -fsSLO https://reeve.example/downloads/reeve-agent_$(dpkg --print-architecture).deb && sudo apt-get install -y ./reeve-agent_$(dpkg --print-architecture).deb && REEVE_TOKEN=AGT-1 sudo --preserve-env=REEVE_TOKEN reeve-agent register --server https://reeve.example && sudo reeve-agent start",
                "none",
                "none",
                "msiexec /i https://reeve.example/downloads/reeve-agent-x86_64.msi SERVER=https://reeve.example TOKEN=AGT-1 /quiet",
            ]
        );
        assert_eq!(issued.packages[0].architectures, [Arch::X86_64]);
        // What the shell makes of the lines is what files are called.
        assert_eq!(PackageFormat::Deb.file_name(Arch::Aarch64), "reeve-agent_arm64.deb");
        assert_eq!(PackageFormat::Rpm.file_name(Arch::X86_64), "reeve-agent.x86_64.rpm");
        assert_eq!(PackageFormat::Pkg.file_name(Arch::Aarch64), "reeve-agent-arm64.pkg");
    }
}
