//! What the composer sends and its address carries: the fields of every kind as text, read into what is asked. Pure.

use entity::{
    command::{
        CommandInput, CommandKind, CommandsInput, Mode, OnOffline, Payload, Priority, RequestRow, Shell,
        TargetFilter,
    },
    id::{DeviceId, ScriptVersionId},
    problem::Problem,
};
use leptos_router::params::ParamsMap;
use serde::{Deserialize, Serialize};

/// The words of an address that say on which devices.
const TARGET_KEYS: [&str; 6] = ["devices", "all", "business_id", "service_location_id", "os", "status"];

/// Makes the struct, and reads it from an address.
macro_rules! fields {
    ($($(#[$doc:meta])* $field:ident),* $(,)?) => {
        /// What stands in the fields of the composer. Those that a kind does not take stay empty.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct CommandForm {
            $($(#[$doc])* pub $field: String,)*
        }

        impl CommandForm {
            /// From an address, so that a link can fill the composer in.
            pub(super) fn from_url(params: &ParamsMap) -> Self {
                let all = |key: &str| params.get_all(key).unwrap_or_default().join(",");
                Self { $($field: all(stringify!($field)),)* }
            }

            /// From the fields as they are in the browser.
            pub(super) fn from_fields(value: impl Fn(&str) -> Option<String>) -> Self {
                Self { $($field: value(concat!("form[", stringify!($field), "]")).unwrap_or_default(),)* }
            }

            /// All that is filled in, by its word in the address.
            fn filled(&self) -> Vec<(&'static str, &str)> {
                let all = [$((stringify!($field), self.$field.as_str()),)*];
                all.into_iter().filter(|(_, text)| !text.is_empty()).collect()
            }
        }
    };
}

fields! {
    /// Ids of devices, with commas between them.
    devices,
    /// `true`: instead, all devices that are like what the next four say.
    all,
    /// Only of this business.
    business_id,
    /// Only at this service location.
    service_location_id,
    /// Only with this operating system.
    os,
    /// Only in this presence.
    status,
    /// A [`CommandKind`].
    kind,
    /// A [`Mode`].
    mode,
    /// Of a note.
    message,
    /// Whose rate is limited.
    endpoint,
    /// Requests a second.
    limit_rps,
    /// Name of a service.
    service_name,
    /// Name of a process.
    process_name,
    /// A [`Shell`].
    shell,
    /// The script itself.
    script,
    /// Arguments, one a line.
    parameters,
    /// The version of the library that the script is.
    script_version_id,
    /// Patches, one a line.
    patches,
    /// Name of a program.
    program,
    /// A version of the agent.
    version,
    /// Minutes before a restart.
    delay_minutes,
    /// Minutes that it may run.
    timeout_minutes,
    /// Minutes that it waits for its devices.
    wait_minutes,
    /// An [`OnOffline`].
    on_offline,
    /// A [`Priority`].
    priority,
    /// Why.
    reason,
}

impl CommandForm {
    /// True when it says on which devices.
    pub(super) fn has_targets(&self) -> bool {
        self.all == "true" || !self.devices.is_empty()
    }

    /// On which devices, as it stands in an address.
    pub(super) fn targets_query(&self) -> Vec<(&'static str, &str)> {
        self.filled().into_iter().filter(|(key, _)| TARGET_KEYS.contains(key)).collect()
    }

    /// What is chosen besides, as it stands in an address: a link that filled it in is not forgotten between the steps.
    pub(super) fn rest_query(&self) -> Vec<(&'static str, &str)> {
        self.filled().into_iter().filter(|(key, _)| !TARGET_KEYS.contains(key)).collect()
    }

    fn filter(&self) -> Result<Option<TargetFilter>, Problem> {
        if self.all != "true" {
            return Ok(None);
        }
        let sentence = "This is not understood. Choose the devices anew.";
        Ok(Some(TargetFilter {
            business_id: parsed("business_id", &self.business_id, sentence)?,
            service_location_id: parsed("service_location_id", &self.service_location_id, sentence)?,
            os: parsed("os", &self.os, sentence)?,
            status: parsed("status", &self.status, sentence)?,
        }))
    }

    /// The kind that is chosen.
    pub(super) fn chosen_kind(&self) -> Option<CommandKind> {
        self.kind.parse().ok()
    }

    /// The devices that are chosen, each once.
    ///
    /// # Errors
    /// Names the field when something else stands there, or nothing.
    pub fn device_ids(&self) -> Result<Vec<DeviceId>, Problem> {
        let mut ids = Vec::new();
        for text in self.devices.split([',', ' ', '\n']).filter(|text| !text.is_empty()) {
            let id = text.parse().map_err(|_| Problem::invalid("devices", "This is no id of a device."))?;
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        if ids.is_empty() {
            return Err(Problem::invalid("devices", "Choose at least one device."));
        }
        Ok(ids)
    }

    /// The version of the library that is chosen.
    ///
    /// # Errors
    /// Names the field when something else stands there.
    pub fn script_version(&self) -> Result<Option<ScriptVersionId>, Problem> {
        parsed("script_version_id", &self.script_version_id, "This is no version of a script.")
    }

    /// What is asked. The digest of a script is left to the server.
    ///
    /// # Errors
    /// Names the field that is not acceptable.
    pub fn payload(&self) -> Result<Payload, Problem> {
        let kind =
            self.chosen_kind().ok_or_else(|| Problem::invalid("kind", "Choose what is to be done."))?;
        let text = |text: &str| text.trim().to_owned();
        let payload = match kind {
            CommandKind::SetMode => Payload::SetMode {
                mode: parsed::<Mode>("mode", &self.mode, "Choose a mode.")?.unwrap_or(Mode::Safe),
            },
            CommandKind::NotifyOps => Payload::NotifyOps { message: text(&self.message) },
            CommandKind::PatchScan => Payload::PatchScan {},
            CommandKind::CollectInventory => Payload::CollectInventory {},
            CommandKind::SetRateLimit => Payload::SetRateLimit {
                endpoint: text(&self.endpoint),
                limit_rps: parsed("limit_rps", &self.limit_rps, "Write a number; 0 takes the limit away.")?
                    .ok_or_else(|| {
                    Problem::invalid("limit_rps", "Write a number; 0 takes the limit away.")
                })?,
            },
            CommandKind::RestartService => Payload::RestartService { service_name: text(&self.service_name) },
            CommandKind::RestartProcess => Payload::RestartProcess { process_name: text(&self.process_name) },
            CommandKind::StopProcess => Payload::StopProcess { process_name: text(&self.process_name) },
            CommandKind::RunScript => Payload::RunScript {
                shell: parsed("shell", &self.shell, "Choose what reads the script.")?.unwrap_or(Shell::Bash),
                // Forms send every line with a carriage return, which shells would take for a part of it.
                script: if self.script_version()?.is_some() {
                    String::new()
                } else {
                    self.script.replace("\r\n", "\n")
                },
                script_sha256: String::new(),
                parameters: lines(&self.parameters),
                script_version_id: self.script_version()?,
            },
            CommandKind::InstallPatches => Payload::InstallPatches { patches: trimmed_lines(&self.patches) },
            CommandKind::RollbackPatches => {
                Payload::RollbackPatches { patches: trimmed_lines(&self.patches) }
            }
            CommandKind::Rollback => Payload::Rollback { program: text(&self.program) },
            CommandKind::UpdateAgent => Payload::UpdateAgent { version: text(&self.version) },
            CommandKind::Reboot => Payload::Reboot {
                delay_seconds: minutes("delay_minutes", &self.delay_minutes, 24 * 60)?.unwrap_or(0) * 60,
            },
        };
        // A script of the library is filled in by the server.
        if !matches!(&payload, Payload::RunScript { script_version_id: Some(_), script, .. } if script.is_empty())
        {
            payload.check()?;
        }
        Ok(payload)
    }

    /// What a request is, as the fields that would ask for it.
    pub(super) fn of_request(request: &RequestRow) -> Self {
        let mut form = Self {
            kind: request.kind.word().to_owned(),
            timeout_minutes: request.timeout_seconds.div_ceil(60).to_string(),
            wait_minutes: (request.deliver_by - request.created_at).num_minutes().max(1).to_string(),
            on_offline: request.on_offline.word().to_owned(),
            priority: request.priority.word().to_owned(),
            reason: request.reason.clone().unwrap_or_default(),
            ..Self::default()
        };
        match request.payload.clone() {
            Payload::SetMode { mode } => mode.word().clone_into(&mut form.mode),
            Payload::NotifyOps { message } => form.message = message,
            Payload::SetRateLimit { endpoint, limit_rps } => {
                form.endpoint = endpoint;
                form.limit_rps = limit_rps.to_string();
            }
            Payload::RestartService { service_name } => form.service_name = service_name,
            Payload::RestartProcess { process_name } | Payload::StopProcess { process_name } => {
                form.process_name = process_name;
            }
            Payload::RunScript { shell, script, parameters, script_version_id, .. } => {
                shell.word().clone_into(&mut form.shell);
                form.parameters = parameters.join("\n");
                match script_version_id {
                    Some(id) => form.script_version_id = id.to_string(),
                    None => form.script = script,
                }
            }
            Payload::InstallPatches { patches } | Payload::RollbackPatches { patches } => {
                form.patches = patches.join("\n");
            }
            Payload::Rollback { program } => form.program = program,
            Payload::UpdateAgent { version } => form.version = version,
            Payload::Reboot { delay_seconds } => form.delay_minutes = (delay_seconds / 60).to_string(),
            Payload::PatchScan {} | Payload::CollectInventory {} => {}
        }
        form
    }

    /// All of it, as the server takes it.
    ///
    /// # Errors
    /// Names the field that is not acceptable.
    pub fn input(&self) -> Result<CommandsInput, Problem> {
        let command = self.command()?;
        let filter = self.filter()?;
        let targets = if filter.is_some() { Vec::new() } else { self.device_ids()? };
        Ok(CommandsInput { targets, filter, command })
    }

    /// What is asked, on whatever devices.
    ///
    /// # Errors
    /// Names the field that is not acceptable.
    pub fn command(&self) -> Result<CommandInput, Problem> {
        let seconds = |minutes: Option<u32>| minutes.map(|minutes| minutes * 60);
        Ok(CommandInput {
            payload: self.payload()?,
            timeout_seconds: seconds(minutes("timeout_minutes", &self.timeout_minutes, 24 * 60)?),
            deliver_within_seconds: seconds(minutes("wait_minutes", &self.wait_minutes, 24 * 60)?),
            on_offline: parsed::<OnOffline>("on_offline", &self.on_offline, "Choose one of both.")?,
            priority: parsed::<Priority>("priority", &self.priority, "Choose a priority.")?,
            reason: Some(self.reason.trim().to_owned()).filter(|reason| !reason.is_empty()),
        })
    }
}

/// What the text means; nothing when it is empty.
fn parsed<T: std::str::FromStr>(field: &str, text: &str, sentence: &str) -> Result<Option<T>, Problem> {
    match text.trim() {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| Problem::invalid(field, sentence)),
    }
}

fn minutes(field: &str, text: &str, most: u32) -> Result<Option<u32>, Problem> {
    let sentence = "Write a number of minutes, at most a day.";
    let minutes = parsed::<u32>(field, text, sentence)?;
    if minutes.is_some_and(|minutes| minutes > most) {
        return Err(Problem::invalid(field, sentence));
    }
    Ok(minutes)
}

/// Arguments, as they are: spaces may be a part of them.
fn lines(text: &str) -> Vec<String> {
    text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

fn trimmed_lines(text: &str) -> Vec<String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(kind: CommandKind) -> CommandForm {
        CommandForm { kind: kind.word().to_owned(), ..CommandForm::default() }
    }

    #[test]
    fn each_kind_reads_its_own_fields() {
        let filled = CommandForm {
            message: " look here ".to_owned(),
            endpoint: "/api".to_owned(),
            limit_rps: "50".to_owned(),
            service_name: "nginx".to_owned(),
            process_name: "worker".to_owned(),
            script: "echo a\r\necho b\r\n".to_owned(),
            parameters: "one\r\ntwo words\r\n\r\n".to_owned(),
            patches: " apt:openssl \n\n".to_owned(),
            program: "app".to_owned(),
            version: "1.2.3".to_owned(),
            delay_minutes: "5".to_owned(),
            ..CommandForm::default()
        };
        for kind in CommandKind::ALL {
            let payload = CommandForm { kind: kind.word().to_owned(), ..filled.clone() }.payload();
            assert_eq!(payload.as_ref().map(Payload::kind), Ok(*kind));
            match payload {
                Ok(Payload::RunScript { script, parameters, shell, .. }) => {
                    assert_eq!(script, "echo a\necho b\n");
                    assert_eq!(parameters, ["one", "two words"]);
                    assert_eq!(shell, Shell::Bash);
                }
                Ok(Payload::InstallPatches { patches }) => assert_eq!(patches, ["apt:openssl"]),
                Ok(Payload::Reboot { delay_seconds }) => assert_eq!(delay_seconds, 300),
                Ok(Payload::NotifyOps { message }) => assert_eq!(message, "look here"),
                _ => {}
            }
        }
    }

    #[test]
    fn what_is_wrong_names_its_field() {
        let field = |form: &CommandForm| form.payload().map_err(|problem| problem.field.unwrap_or_default());
        assert_eq!(field(&CommandForm::default()), Err("kind".to_owned()));
        assert_eq!(field(&form(CommandKind::RestartService)), Err("service_name".to_owned()));
        let limit = CommandForm {
            endpoint: "/".to_owned(),
            limit_rps: "many".to_owned(),
            ..form(CommandKind::SetRateLimit)
        };
        assert_eq!(field(&limit), Err("limit_rps".to_owned()));
        let reboot = CommandForm { delay_minutes: "1441".to_owned(), ..form(CommandKind::Reboot) };
        assert_eq!(field(&reboot), Err("delay_minutes".to_owned()));
        assert!(CommandForm::default().device_ids().is_err());
    }

    #[test]
    fn what_a_link_filled_in_is_kept_between_the_steps() {
        let form = CommandForm {
            devices: "a".to_owned(),
            os: "linux".to_owned(),
            kind: "run_script".to_owned(),
            script_version_id: "v".to_owned(),
            reason: "because".to_owned(),
            ..CommandForm::default()
        };
        assert_eq!(form.targets_query(), [("devices", "a"), ("os", "linux")]);
        let rest = [("kind", "run_script"), ("script_version_id", "v"), ("reason", "because")];
        assert_eq!(form.rest_query(), rest);
    }

    #[test]
    fn devices_count_once() {
        let id = "01890000-0000-7000-8000-000000000001";
        let form = CommandForm { devices: format!("{id},{id}, {id}"), ..CommandForm::default() };
        assert_eq!(form.device_ids().map(|ids| ids.len()), Ok(1));
    }
}
