//! What the agent answers: the secret first, then its state, then what was asked.

use super::{Answer, Ask, Request, secret::Secret};
use crate::{
    error_report::{self, ErrorKind},
    force::NewArguments,
    phase::Phase,
};
use entity::{agent_state::AgentEvent, input::clip};
use serde_json::Value;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Longest message of an error, in characters.
const MESSAGE_MAX: usize = 300;

/// What a caller is told, and what follows from it.
#[derive(Debug, PartialEq)]
pub(super) enum Reply {
    /// This, and nothing more.
    Say(Answer),
    /// Acknowledged; then the agent makes room.
    MakeRoom(NewArguments),
    /// So many of the last lines of the log, and what is added.
    Logs { lines: u32, follow: bool },
}

/// What is told on request.
pub type Tell = Arc<dyn Fn(Ask) -> Value + Send + Sync>;

/// Answers requests.
#[derive(Clone)]
pub struct Desk {
    /// Whom to believe.
    pub secret: Secret,
    /// Asked before anything is begun.
    pub phase: Phase,
    /// Told when the agent is to make room.
    pub make_room: mpsc::Sender<NewArguments>,
    /// How the agent is.
    pub tell: Tell,
}

impl Desk {
    pub(super) fn reply(&self, request: Value) -> Reply {
        let request: Request = match serde_json::from_value(request) {
            Ok(request) => request,
            Err(error) => {
                tracing::warn!("IPC: a request that cannot be read");
                let said = clip(&error.to_string(), MESSAGE_MAX);
                return Reply::Say(Answer::error(format!("the request cannot be read: {said}")));
            }
        };
        if !self.secret.is(&request.secret) {
            tracing::warn!("IPC: authentication failed");
            let message = "somebody called on the agent's channel with a wrong secret";
            error_report::note(ErrorKind::IpcSecretMismatch, message, Value::Null);
            return Reply::Say(Answer::InvalidSecret);
        }
        tracing::debug!(?request, "IPC: authentication succeeded");
        match (request.new_args, request.ask) {
            (Some(arguments), None) => self.force(&arguments),
            (None, Some(Ask::Logs { lines, follow })) => Reply::Logs { lines, follow },
            (None, Some(ask)) => Reply::Say(Answer::Ok { report: (self.tell)(ask) }),
            (None, None) | (Some(_), Some(_)) => {
                Reply::Say(Answer::error("a request has either new_args or ask"))
            }
        }
    }

    fn force(&self, arguments: &[String]) -> Reply {
        let arguments = match NewArguments::read(arguments) {
            Ok(arguments) => arguments,
            Err(refused) => {
                tracing::warn!("IPC: --force was refused: {refused}");
                return Reply::Say(Answer::error(clip(&refused, MESSAGE_MAX)));
            }
        };
        match self.phase.on(AgentEvent::Force) {
            Ok(_) => {
                tracing::info!("IPC: --force command received");
                Reply::MakeRoom(arguments)
            }
            Err(ignored) if ignored.now.state.is_updating() => {
                let target_version = ignored.now.target_version.unwrap_or_else(|| "unknown".to_owned());
                tracing::warn!("IPC: --force was ignored: updating to version {target_version}");
                Reply::Say(Answer::BusyUpdating { target_version })
            }
            Err(ignored) => {
                tracing::warn!("IPC: --force was ignored: the agent is {}", ignored.now.state.word());
                Reply::Say(Answer::error(format!("the agent is {} already", ignored.now.state.word())))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths::Paths;
    use entity::agent_state::AgentState;
    use serde_json::json;

    fn desk() -> (Desk, mpsc::Receiver<NewArguments>, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let (make_room, asked) = mpsc::channel(1);
        let secret = Secret::load_or_make(&Paths::under(folder.path())).unwrap();
        let tell: Tell = Arc::new(|ask| json!(ask));
        (Desk { secret, phase: Phase::default(), make_room, tell }, asked, folder)
    }

    fn said(reply: &Reply) -> String {
        match reply {
            Reply::Say(Answer::Error { message }) => message.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn without_the_secret_nothing_is_told_or_done() {
        let (desk, _asked, _folder) = desk();
        desk.phase.on(AgentEvent::Ready).unwrap();
        for request in [json!({"secret": "", "new_args": []}), json!({"secret": "x", "ask": "status"})] {
            assert_eq!(desk.reply(request), Reply::Say(Answer::InvalidSecret));
        }
        for request in [json!({}), json!([]), json!("x"), json!({"secret": 5}), json!({"secret": "", "x": 1})]
        {
            assert!(said(&desk.reply(request)).contains("cannot be read"));
        }
        assert_eq!(desk.phase.now().state, AgentState::Idle);
    }

    #[test]
    fn force_is_taken_once_and_never_during_an_update() {
        let (desk, _asked, _folder) = desk();
        let secret = desk.secret.text();
        let force = |arguments: Value| desk.reply(json!({"secret": secret, "new_args": arguments}));
        desk.phase.on(AgentEvent::Ready).unwrap();
        assert!(said(&force(json!(["--server", "http://evil"]))).contains("--server"));
        assert_eq!(desk.phase.now().state, AgentState::Idle, "a refusal changes nothing");
        desk.phase.update("9.9.9").unwrap();
        for event in [AgentEvent::Download, AgentEvent::Verify, AgentEvent::PrepareShutdown] {
            let busy = Answer::BusyUpdating { target_version: "9.9.9".to_owned() };
            assert_eq!(force(json!([])), Reply::Say(busy));
            desk.phase.on(event).unwrap();
        }
        desk.phase.on(AgentEvent::UpdateFailed).unwrap();
        let Reply::MakeRoom(arguments) = force(json!(["--loglevel", "debug"])) else { panic!("refused") };
        assert_eq!(arguments.loglevel.as_deref(), Some("debug"));
        assert_eq!(desk.phase.now().state, AgentState::ForceRestarting);
        assert!(said(&force(json!([]))).contains("FORCE_RESTARTING"));
    }

    #[test]
    fn what_is_asked_is_told() {
        let (desk, _asked, _folder) = desk();
        let secret = desk.secret.text();
        let ask = |ask: Value| desk.reply(json!({"secret": secret, "ask": ask}));
        assert_eq!(ask(json!("status")), Reply::Say(Answer::Ok { report: json!("status") }));
        assert_eq!(
            ask(json!({"logs": {"lines": 2, "follow": true}})),
            Reply::Logs { lines: 2, follow: true }
        );
        assert!(said(&desk.reply(json!({"secret": secret}))).contains("either"));
    }
}
