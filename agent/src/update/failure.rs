//! What went wrong about an update, as an error report.

use crate::error_report;
use entity::{
    error_report::ErrorKind,
    release::Reason,
    update::{UpdateState, UpdateStatus},
};
use serde_json::json;

/// Most characters of the failed build's lines that go with a report.
const SNIPPET_MAX: usize = 4 * 1024;

/// How the supervisor begins what is about its own next version.
const ITS_OWN: &str = "supervisor: ";

/// Writes it into the log and, where it is worth a report, reports it. `last` is what the supervisor said of this update
/// before: the lines of a build that was rolled back are in it.
pub fn note(reason: Reason, detail: &str, version: &str, last: Option<&UpdateStatus>) {
    let what = reason.label();
    tracing::warn!(reason = reason.word(), version, detail, "an update came to nothing: {what}");
    let Some(kind) = kind_of(reason, detail) else { return };
    let details = json!({ "reason": reason.word(), "detail": detail });
    let lines = last
        .filter(|status| status.state == UpdateState::RolledBack)
        .map(|status| status.log_lines.join("\n"))
        .filter(|lines| !lines.is_empty());
    let version = Some(version.to_owned()).filter(|version| !version.is_empty());
    error_report::note_update(
        kind,
        format!("{what}: {detail}"),
        details,
        version,
        lines.map(|lines| end(&lines)),
    );
}

/// What it is called in a report; none for what is no trouble of this device. A supervisor that did not start, or was not
/// put in place, took no agent with it.
fn kind_of(reason: Reason, detail: &str) -> Option<ErrorKind> {
    match kind(reason) {
        Some(ErrorKind::UpdateRolledBack | ErrorKind::Other) if detail.starts_with(ITS_OWN) => {
            Some(ErrorKind::UpdaterLaunchFailed)
        }
        other => other,
    }
}

/// What it is called in a report; none for what is no trouble of this device.
const fn kind(reason: Reason) -> Option<ErrorKind> {
    Some(match reason {
        Reason::HashMismatch | Reason::SizeMismatch | Reason::WrongFormat | Reason::SlotDamaged => {
            ErrorKind::UpdateChecksumMismatch
        }
        Reason::Malformed
        | Reason::TooLarge
        | Reason::WrongProduct
        | Reason::ThresholdUnmet
        | Reason::RootNotNext
        | Reason::RootNotPinned
        | Reason::NoRoot
        | Reason::RootExpired
        | Reason::ManifestExpired
        | Reason::TimestampExpired
        | Reason::NonceMismatch
        | Reason::ManifestMismatch
        | Reason::Downgrade => ErrorKind::UpdateSignatureInvalid,
        Reason::DiskFull => ErrorKind::UpdateDiskFull,
        Reason::DownloadFailed => ErrorKind::UpdateDownloadFailed,
        Reason::UnsafeDirectory => ErrorKind::DataDirectoryUnsafe,
        Reason::HelloMismatch
        | Reason::HelloMissing
        | Reason::Crashed
        | Reason::Hung
        | Reason::CannotReachServer
        | Reason::CollectsNothing
        | Reason::TooMuchMemory
        | Reason::TrialOverdue => ErrorKind::UpdateRolledBack,
        Reason::ProbeFailed | Reason::FsFault | Reason::NoArtifact | Reason::TooManySteps => ErrorKind::Other,
        Reason::MinFrom | Reason::Denied | Reason::NoGo | Reason::Superseded => return None,
    })
}

fn end(text: &str) -> String {
    let skipped = text.chars().count().saturating_sub(SNIPPET_MAX);
    text.chars().skip(skipped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_kind() {
        let none: Vec<_> = Reason::ALL.iter().filter(|reason| kind(**reason).is_none()).collect();
        assert_eq!(none.len(), 4, "{none:?}");
        assert_eq!(kind(Reason::HashMismatch), Some(ErrorKind::UpdateChecksumMismatch));
        assert_eq!(kind(Reason::Crashed), Some(ErrorKind::UpdateRolledBack));
        assert_eq!(kind_of(Reason::Crashed, "it ended"), Some(ErrorKind::UpdateRolledBack));
        let own = "supervisor: it could not be asked";
        assert_eq!(kind_of(Reason::ProbeFailed, own), Some(ErrorKind::UpdaterLaunchFailed));
        assert_eq!(kind_of(Reason::HashMismatch, own), Some(ErrorKind::UpdateChecksumMismatch));
        assert_eq!(kind_of(Reason::Denied, own), None);
        assert_eq!(end(&"é".repeat(SNIPPET_MAX + 3)).chars().count(), SNIPPET_MAX);
    }
}
