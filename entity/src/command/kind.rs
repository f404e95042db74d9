//! What can be asked of a device, with what it takes, and how strong it is.

use super::{NAME_MAX, PARAMETER_MAX, PARAMETERS_MAX, REASON_MAX, SCRIPT_BYTES_MAX};
use crate::{device_lock::StrongKind, id::ScriptVersionId, platform::words, problem::Problem};
use serde::{Deserialize, Serialize};

words! {
    /// What is asked of a device.
    CommandKind {
        /// Puts the agent into safe or normal mode.
        SetMode = "set_mode",
        /// Writes a message into the logs of the device and the server.
        NotifyOps = "notify_ops",
        /// Looks for patches.
        PatchScan = "patch_scan",
        /// Looks at services, software and facts now.
        CollectInventory = "collect_inventory",
        /// Limits how much an endpoint of the device takes.
        SetRateLimit = "set_rate_limit",
        /// Restarts a system service.
        RestartService = "restart_service",
        /// Restarts a process.
        RestartProcess = "restart_process",
        /// Ends a process.
        StopProcess = "stop_process",
        /// Runs a script.
        RunScript = "run_script",
        /// Installs patches.
        InstallPatches = "install_patches",
        /// Takes patches back.
        RollbackPatches = "rollback_patches",
        /// Goes back to the version before of a program.
        Rollback = "rollback",
        /// Puts another version of the agent in place.
        UpdateAgent = "update_agent",
        /// Restarts the machine.
        Reboot = "reboot",
    }
}

words! {
    /// How much a command can do harm.
    Strength {
        /// Cannot.
        Safe = "safe",
        /// Can, but what it changes is undone by another command.
        Moderate = "moderate",
        /// Needs both locks.
        Strong = "strong",
    }
}

words! {
    /// How an agent behaves.
    Mode {
        /// As usual.
        Normal = "normal",
        /// It refuses every strong command, whatever its locks say.
        Safe = "safe",
    }
}

words! {
    /// What reads a script from its standard input.
    Shell {
        /// GNU Bash.
        Bash = "bash",
        /// The system's own shell.
        Sh = "sh",
        /// Python 3.
        Python = "python",
        /// Windows PowerShell.
        Powershell = "powershell",
    }
}

impl CommandKind {
    /// How strong it is, by design; a request for many devices is strong whatever its kind.
    #[must_use]
    pub const fn strength(self) -> Strength {
        match self {
            Self::SetMode | Self::NotifyOps | Self::PatchScan | Self::CollectInventory => Strength::Safe,
            Self::SetRateLimit => Strength::Moderate,
            Self::RestartService
            | Self::RestartProcess
            | Self::StopProcess
            | Self::RunScript
            | Self::InstallPatches
            | Self::RollbackPatches
            | Self::Rollback
            | Self::UpdateAgent
            | Self::Reboot => Strength::Strong,
        }
    }

    /// What the device's lock calls it; `None`: the lock does not keep it.
    #[must_use]
    pub const fn strong_kind(self) -> Option<StrongKind> {
        match self {
            Self::RestartService => Some(StrongKind::RestartService),
            Self::RestartProcess => Some(StrongKind::RestartProcess),
            Self::StopProcess => Some(StrongKind::StopProcess),
            Self::RunScript => Some(StrongKind::RunScript),
            Self::InstallPatches => Some(StrongKind::InstallPatches),
            Self::RollbackPatches => Some(StrongKind::RollbackPatches),
            Self::Rollback => Some(StrongKind::Rollback),
            Self::UpdateAgent => Some(StrongKind::UpdateAgent),
            Self::Reboot => Some(StrongKind::Reboot),
            Self::SetMode
            | Self::NotifyOps
            | Self::PatchScan
            | Self::CollectInventory
            | Self::SetRateLimit => None,
        }
    }

    /// True when doing it twice is as good as doing it once, so that it may be begun anew after a crash.
    #[must_use]
    pub const fn is_idempotent(self) -> bool {
        matches!(self, Self::SetMode | Self::SetRateLimit | Self::PatchScan | Self::CollectInventory)
    }

    /// The words people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::SetMode => "Set mode",
            Self::NotifyOps => "Send a note",
            Self::PatchScan => "Look for patches",
            Self::CollectInventory => "Collect inventory",
            Self::SetRateLimit => "Set rate limit",
            Self::RestartService => "Restart a service",
            Self::RestartProcess => "Restart a process",
            Self::StopProcess => "Stop a process",
            Self::RunScript => "Run a script",
            Self::InstallPatches => "Install patches",
            Self::RollbackPatches => "Take patches back",
            Self::Rollback => "Roll a program back",
            Self::UpdateAgent => "Update the agent",
            Self::Reboot => "Restart the machine",
        }
    }
}

impl Strength {
    /// The word people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Safe => "Safe",
            Self::Moderate => "Moderate",
            Self::Strong => "Strong",
        }
    }
}

/// A kind with what it takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(example = &Payload::PatchScan {}))]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Payload {
    /// See [`CommandKind::SetMode`].
    SetMode {
        /// Which.
        mode: Mode,
    },
    /// See [`CommandKind::NotifyOps`].
    NotifyOps {
        /// What is said.
        message: String,
    },
    /// See [`CommandKind::PatchScan`].
    PatchScan {},
    /// See [`CommandKind::CollectInventory`].
    CollectInventory {},
    /// See [`CommandKind::SetRateLimit`].
    SetRateLimit {
        /// Path of the endpoint, such as `/api`.
        endpoint: String,
        /// Requests a second; 0 takes the limit away.
        limit_rps: u32,
    },
    /// See [`CommandKind::RestartService`].
    RestartService {
        /// Name of the service.
        service_name: String,
    },
    /// See [`CommandKind::RestartProcess`].
    RestartProcess {
        /// Name of the process.
        process_name: String,
    },
    /// See [`CommandKind::StopProcess`].
    StopProcess {
        /// Name of the process.
        process_name: String,
    },
    /// See [`CommandKind::RunScript`].
    RunScript {
        /// What reads it.
        shell: Shell,
        /// The script itself: what is approved and signed is what runs. Taken from the library when it is empty and
        /// a version is named.
        #[serde(default)]
        script: String,
        /// SHA-256 of the script, hex; filled in when it is empty.
        #[serde(default)]
        script_sha256: String,
        /// Arguments, in order.
        #[serde(default)]
        parameters: Vec<String>,
        /// Where it comes from, when it is one of the library.
        #[serde(default)]
        script_version_id: Option<ScriptVersionId>,
    },
    /// See [`CommandKind::InstallPatches`].
    InstallPatches {
        /// Which, as `provider:native_id`.
        patches: Vec<String>,
    },
    /// See [`CommandKind::RollbackPatches`].
    RollbackPatches {
        /// Which, as `provider:native_id`.
        patches: Vec<String>,
    },
    /// See [`CommandKind::Rollback`].
    Rollback {
        /// Name of the program.
        program: String,
    },
    /// See [`CommandKind::UpdateAgent`].
    UpdateAgent {
        /// The version to put in place.
        version: String,
    },
    /// See [`CommandKind::Reboot`].
    Reboot {
        /// Seconds that people at the machine have.
        delay_seconds: u32,
    },
}

impl Payload {
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> CommandKind {
        match self {
            Self::SetMode { .. } => CommandKind::SetMode,
            Self::NotifyOps { .. } => CommandKind::NotifyOps,
            Self::PatchScan {} => CommandKind::PatchScan,
            Self::CollectInventory {} => CommandKind::CollectInventory,
            Self::SetRateLimit { .. } => CommandKind::SetRateLimit,
            Self::RestartService { .. } => CommandKind::RestartService,
            Self::RestartProcess { .. } => CommandKind::RestartProcess,
            Self::StopProcess { .. } => CommandKind::StopProcess,
            Self::RunScript { .. } => CommandKind::RunScript,
            Self::InstallPatches { .. } => CommandKind::InstallPatches,
            Self::RollbackPatches { .. } => CommandKind::RollbackPatches,
            Self::Rollback { .. } => CommandKind::Rollback,
            Self::UpdateAgent { .. } => CommandKind::UpdateAgent,
            Self::Reboot { .. } => CommandKind::Reboot,
        }
    }

    /// Everything that the device's lock has to allow for it: kind and argument; empty for what the lock does not keep.
    #[must_use]
    pub fn lock_arguments(&self) -> Vec<(StrongKind, String)> {
        let Some(kind) = self.kind().strong_kind() else { return Vec::new() };
        match self {
            Self::RestartService { service_name } => vec![(kind, service_name.clone())],
            Self::RestartProcess { process_name } | Self::StopProcess { process_name } => {
                vec![(kind, process_name.clone())]
            }
            Self::RunScript { script_sha256, .. } => vec![(kind, script_sha256.clone())],
            Self::InstallPatches { patches } | Self::RollbackPatches { patches } => {
                patches.iter().map(|patch| (kind, patch.clone())).collect()
            }
            Self::Rollback { program } => vec![(kind, program.clone())],
            Self::UpdateAgent { version } => vec![(kind, version.clone())],
            _ => vec![(kind, String::new())],
        }
    }

    /// A sentence without a full stop that says what will happen, such as `Restart the service nginx`.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::SetMode { mode: Mode::Safe } => "Put the agent into safe mode".to_owned(),
            Self::SetMode { mode: Mode::Normal } => "Put the agent into normal mode".to_owned(),
            Self::NotifyOps { message } => format!("Note “{message}”"),
            Self::PatchScan {} => "Look for patches".to_owned(),
            Self::CollectInventory {} => "Collect the inventory".to_owned(),
            Self::SetRateLimit { endpoint, limit_rps: 0 } => format!("Take the limit of {endpoint} away"),
            Self::SetRateLimit { endpoint, limit_rps } => {
                format!("Limit {endpoint} to {limit_rps} requests a second")
            }
            Self::RestartService { service_name } => format!("Restart the service {service_name}"),
            Self::RestartProcess { process_name } => format!("Restart the process {process_name}"),
            Self::StopProcess { process_name } => format!("Stop the process {process_name}"),
            Self::RunScript { shell, script_sha256, .. } => {
                let digest = script_sha256.get(..12).unwrap_or(script_sha256);
                format!("Run a {} script, SHA-256 {digest}…", shell.word())
            }
            Self::InstallPatches { patches } => format!("Install {} patches", patches.len()),
            Self::RollbackPatches { patches } => format!("Take {} patches back", patches.len()),
            Self::Rollback { program } => format!("Roll {program} back"),
            Self::UpdateAgent { version } => format!("Update the agent to {version}"),
            Self::Reboot { .. } => "Restart the machine".to_owned(),
        }
    }

    /// Refuses what is out of bounds.
    ///
    /// # Errors
    /// Names the field.
    pub fn check(&self) -> Result<(), Problem> {
        let named = |field: &'static str, text: &str, most: usize| {
            let length = text.chars().count();
            let is_good =
                length > 0 && length <= most && text.trim() == text && !text.chars().any(is_unreadable);
            if is_good {
                Ok(())
            } else {
                Err(Problem::invalid(
                    field,
                    format!(
                        "Write 1 to {most} characters, without control characters and without spaces around them."
                    ),
                ))
            }
        };
        match self {
            Self::NotifyOps { message } => {
                if message.trim().is_empty() || message.chars().count() > REASON_MAX {
                    return Err(Problem::invalid("message", format!("Write 1 to {REASON_MAX} characters.")));
                }
                // It goes into logs that people read in terminals.
                if message.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
                    return Err(Problem::invalid(
                        "message",
                        "Write it without control characters.".to_owned(),
                    ));
                }
                Ok(())
            }
            Self::SetRateLimit { endpoint, limit_rps } => {
                named("endpoint", endpoint, NAME_MAX)?;
                if !endpoint.starts_with('/') {
                    return Err(Problem::invalid("endpoint", "It has to begin with /.".to_owned()));
                }
                if *limit_rps > 1_000_000 {
                    return Err(Problem::invalid("limit_rps", "Write at most 1,000,000.".to_owned()));
                }
                Ok(())
            }
            Self::RestartService { service_name } => named("service_name", service_name, NAME_MAX),
            Self::RestartProcess { process_name } | Self::StopProcess { process_name } => {
                named("process_name", process_name, NAME_MAX)
            }
            Self::RunScript { script, parameters, .. } => {
                if script.trim().is_empty() || script.len() > SCRIPT_BYTES_MAX {
                    return Err(Problem::invalid("script", format!("Write 1 to {SCRIPT_BYTES_MAX} bytes.")));
                }
                let too_long =
                    parameters.iter().any(|one| one.chars().count() > PARAMETER_MAX || one.contains('\0'));
                if parameters.len() > PARAMETERS_MAX || too_long {
                    return Err(Problem::invalid(
                        "parameters",
                        format!(
                            "Write at most {PARAMETERS_MAX} parameters, each of at most {PARAMETER_MAX} characters."
                        ),
                    ));
                }
                Ok(())
            }
            Self::InstallPatches { patches } | Self::RollbackPatches { patches } => {
                if patches.is_empty() || patches.len() > 500 {
                    return Err(Problem::invalid("patches", "Name 1 to 500 patches.".to_owned()));
                }
                patches.iter().try_for_each(|patch| named("patches", patch, NAME_MAX))
            }
            Self::Rollback { program } => named("program", program, NAME_MAX),
            Self::UpdateAgent { version } => named("version", version, 64),
            Self::Reboot { delay_seconds } => {
                if *delay_seconds > 86_400 {
                    return Err(Problem::invalid(
                        "delay_seconds",
                        "It can wait for a day at most.".to_owned(),
                    ));
                }
                Ok(())
            }
            Self::SetMode { .. } | Self::PatchScan {} | Self::CollectInventory {} => Ok(()),
        }
    }
}

/// What names do not hold: controls, and what turns the order of other characters around or takes no room, so that a name
/// is what it seems to whoever approves it.
fn is_unreadable(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        )
}
