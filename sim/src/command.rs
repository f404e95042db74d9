//! What a simulated agent does when it is asked for something: it says that it has it, that it began, and that it is done,
//! and says so again until the server has it. It checks no signature and no lock; those are the real agent's, and tried there.

use chrono::Utc;
use entity::{
    command::{CommandReceipt, CommandResult, Envelope, Order, ResultStatus},
    id::CommandId,
    seal,
    wire::ToServer,
};
use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};
use tokio::time::Instant;

/// Commands that an agent remembers after the server has their results.
const REMEMBERED_MAX: usize = 64;

/// An order as it came, with the digest of what was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// What is inside of the envelope.
    pub order: Order,
    /// SHA-256 of its bytes, hex.
    pub order_sha256: String,
}

impl Asked {
    /// Reads an envelope, whoever signed it; none when there is no order in it.
    #[must_use]
    pub fn read(envelope: &Envelope) -> Option<Self> {
        let bytes = seal::payload(envelope).ok()?;
        let order = serde_json::from_slice(&bytes).ok()?;
        Some(Self { order, order_sha256: seal::sha256(&bytes) })
    }

    /// That it is on the disk, or has begun.
    #[must_use]
    pub fn receipt(&self, is_started: bool) -> CommandReceipt {
        CommandReceipt {
            command_id: self.order.command_id,
            order_sha256: self.order_sha256.clone(),
            at: Utc::now(),
            is_started,
        }
    }

    /// How it ended.
    #[must_use]
    pub fn result(&self, status: ResultStatus, output: &str) -> CommandResult {
        let now = Utc::now();
        CommandResult {
            command_id: self.order.command_id,
            order_sha256: self.order_sha256.clone(),
            status,
            refusal: None,
            detail: String::new(),
            exit_code: (status == ResultStatus::Completed).then_some(0),
            output: output.to_owned(),
            output_bytes: u64::try_from(output.len()).unwrap_or(u64::MAX),
            started_at: Some(now),
            ended_at: now,
        }
    }

    /// All that an agent says of a command that it did at once.
    #[must_use]
    pub fn obeyed(&self) -> [ToServer; 3] {
        [
            ToServer::CommandReceipt(self.receipt(false)),
            ToServer::CommandReceipt(self.receipt(true)),
            ToServer::CommandResult(self.result(ResultStatus::Completed, "simulated\n")),
        ]
    }
}

/// What became of an order that came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Came {
    /// It is done now, for the first time.
    Fresh,
    /// It was done before, and the server does not have the result yet.
    Again,
    /// It was done before, and the server has said that it has the result.
    AfterAll,
}

/// What a simulated agent keeps of its commands: what it did is never done again, and a result is kept until the server
/// has it. As on a real device it outlives every link.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    waiting: BTreeMap<CommandId, Kept>,
    over: VecDeque<CommandId>,
}

#[derive(Debug)]
struct Kept {
    result: CommandResult,
    since: Instant,
    told: Instant,
}

impl Journal {
    /// Does what was asked, unless it was done before.
    pub(crate) fn take(&mut self, asked: &Asked) -> Came {
        let id = asked.order.command_id;
        if self.waiting.contains_key(&id) {
            return Came::Again;
        }
        if self.over.contains(&id) {
            return Came::AfterAll;
        }
        let result = asked.result(ResultStatus::Completed, "simulated\n");
        let now = Instant::now();
        self.waiting.insert(id, Kept { result, since: now, told: now });
        Came::Fresh
    }

    /// Are there results that the server does not have, as far as is known?
    pub(crate) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Those of them that were told so long ago; they are told again now.
    pub(crate) fn told_before(&mut self, patience: Duration) -> Vec<CommandResult> {
        let now = Instant::now();
        let mut late = Vec::new();
        for kept in self.waiting.values_mut().filter(|kept| now >= kept.told + patience) {
            kept.told = now;
            late.push(kept.result.clone());
        }
        late
    }

    /// One of them.
    pub(crate) fn result(&self, id: CommandId) -> Option<CommandResult> {
        self.waiting.get(&id).map(|kept| kept.result.clone())
    }

    /// The server has this result; since when it had waited for that.
    pub(crate) fn acknowledge(&mut self, id: CommandId) -> Option<Instant> {
        let kept = self.waiting.remove(&id)?;
        self.over.push_back(id);
        if self.over.len() > REMEMBERED_MAX {
            self.over.pop_front();
        }
        Some(kept.since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use entity::command::{OnOffline, Payload, Request};
    use std::{fmt::Debug, str::FromStr};

    fn id<I: FromStr<Err: Debug>>() -> I {
        "01980000-0000-7000-8000-000000000001".parse().expect("an id")
    }

    fn asked() -> Asked {
        let request = Request {
            request_id: id(),
            business_id: id(),
            payload: Payload::PatchScan {},
            targets_count: 1,
            targets_sha256: String::new(),
            timeout_seconds: 1,
            deliver_by: DateTime::UNIX_EPOCH,
            on_offline: OnOffline::Queue,
            reason: None,
            requested_by: id(),
        };
        let order = Order {
            command_id: id(),
            device_id: id(),
            request,
            request_sha256: String::new(),
            issued_at: DateTime::UNIX_EPOCH,
            expires_at: DateTime::UNIX_EPOCH,
            approvals: vec![],
            approvals_needed: 0,
            break_glass: None,
        };
        Asked { order, order_sha256: String::new() }
    }

    #[test]
    fn what_was_done_is_not_done_again_and_its_result_waits_for_the_server() {
        let (mut journal, asked) = (Journal::default(), asked());
        let id = asked.order.command_id;
        assert_eq!(journal.take(&asked), Came::Fresh);
        assert_eq!(journal.take(&asked), Came::Again);
        assert_eq!(journal.told_before(Duration::ZERO).len(), 1);
        assert!(journal.told_before(Duration::from_secs(60)).is_empty(), "a moment ago");
        assert!(journal.acknowledge(id).is_some() && journal.acknowledge(id).is_none());
        assert_eq!(journal.take(&asked), Came::AfterAll);
        assert!(!journal.has_waiting());
    }
}
