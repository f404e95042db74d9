//! What the server is to be told of commands: receipts, progress, results until they are acknowledged, and the device's
//! own record from where the server has it.

use super::{
    chain::{self, Place},
    shared::Commands,
};
use crate::{identity::DeviceKey, paths::Paths};
use chrono::Utc;
use entity::{
    command::{ChainHead, CommandProgress, CommandReceipt, CommandResult},
    id::CommandId,
    wire::{Chain, ToServer, limits::CHAIN_ENTRIES_PER_MESSAGE_MAX},
};
use std::{
    collections::{BTreeMap, VecDeque},
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

/// Most things that wait to be said; beyond it progress is left out.
const SAYS_MAX: usize = 64;

/// One thing that waits.
#[derive(Debug)]
enum Say {
    Receipt(CommandReceipt),
    Progress(CommandProgress),
    Result(CommandId),
    Plain(Box<CommandResult>),
}

/// All that waits, and what was sent and not acknowledged.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    says: VecDeque<Say>,
    sent: BTreeMap<CommandId, Instant>,
    /// The server has the record up to here.
    acknowledged: u64,
    place: Place,
    chain_sent: Option<Instant>,
}

fn path(paths: &Paths) -> PathBuf {
    paths.folder().join("chain.acknowledged")
}

impl Outbox {
    /// With what the server had of the record; what is not known is sent again.
    pub(super) fn load(paths: &Paths) -> Self {
        let text = fs::read_to_string(path(paths)).unwrap_or_default();
        let acknowledged = text.trim().parse().unwrap_or_default();
        if let Err(error) = chain::shorten(paths, acknowledged) {
            tracing::warn!(%error, "the record of commands cannot be shortened");
        }
        Self { acknowledged, ..Self::default() }
    }

    /// Another link has begun: what was said before may not have arrived.
    pub(super) fn forget(&mut self) {
        self.says.retain(|say| matches!(say, Say::Plain(_)));
        self.sent.clear();
        self.chain_sent = None;
    }

    pub(super) fn say_receipt(&mut self, id: CommandId, order_sha256: &str, is_started: bool) {
        self.says.push_back(Say::Receipt(CommandReceipt {
            command_id: id,
            order_sha256: order_sha256.to_owned(),
            at: Utc::now(),
            is_started,
        }));
    }

    pub(super) fn say_progress(&mut self, progress: CommandProgress) {
        if self.says.len() < SAYS_MAX {
            self.says.push_back(Say::Progress(progress));
        }
    }

    pub(super) fn say_result(&mut self, id: CommandId) {
        if !self.says.iter().any(|say| matches!(say, Say::Result(other) if *other == id)) {
            self.says.push_back(Say::Result(id));
        }
    }

    pub(super) fn say_plain(&mut self, result: CommandResult) {
        if self.says.len() < SAYS_MAX {
            self.says.push_back(Say::Plain(Box::new(result)));
        }
    }
}

impl Commands {
    /// Done when there is something to tell.
    pub async fn told(&self) {
        self.0.told.notified().await;
    }

    /// How far the device's own record has come.
    #[must_use]
    pub fn chain_head(&self) -> ChainHead {
        self.signed(chain::head(self.paths()))
    }

    /// The same, signed with the device's key as it is now.
    fn signed(&self, head: ChainHead) -> ChainHead {
        if head.seq == 0 {
            return head;
        }
        let key = DeviceKey::load(&self.paths().key()).ok();
        let sign = |key: DeviceKey| key.sign_chain_head(self.0.setting.device_id, head.seq, &head.hash);
        ChainHead { signature: key.map(sign), ..head }
    }

    /// The next that is to be said. What was sent longer ago than `patience` and not acknowledged is sent again.
    #[must_use]
    pub fn next(&self, patience: Duration, chain_bytes_max: usize) -> Option<ToServer> {
        let mut state = self.state();
        while let Some(say) = state.outbox.says.pop_front() {
            match say {
                Say::Receipt(receipt) => return Some(ToServer::CommandReceipt(receipt)),
                Say::Progress(progress) => return Some(ToServer::CommandProgress(progress)),
                Say::Plain(result) => return Some(ToServer::CommandResult(*result)),
                Say::Result(id) => {
                    let kept = state.journal.as_ref().and_then(|journal| {
                        journal
                            .result(id)
                            .inspect_err(|error| tracing::error!(%error, %id, "a result cannot be read"))
                            .ok()?
                    });
                    if let Some(result) = state.loose.get(&id).cloned().or(kept) {
                        state.outbox.sent.insert(id, Instant::now());
                        return Some(ToServer::CommandResult(result));
                    }
                }
            }
        }
        let outbox = &mut state.outbox;
        if outbox.chain_sent.is_some_and(|sent| sent.elapsed() < patience) {
            return None;
        }
        let head = chain::head(self.paths());
        if head.seq <= outbox.acknowledged {
            return None;
        }
        let most = CHAIN_ENTRIES_PER_MESSAGE_MAX;
        let behind = outbox.acknowledged;
        let entries = chain::after(self.paths(), behind, &mut outbox.place, most, chain_bytes_max)
            .inspect_err(|error| tracing::warn!(%error, "the record of commands cannot be read"))
            .ok()
            .filter(|entries| !entries.is_empty())?;
        outbox.chain_sent = Some(Instant::now());
        Some(ToServer::Chain(Chain { entries, head: self.signed(head) }))
    }

    /// Looks for what was sent long ago and not acknowledged; it waits again then.
    pub fn look_for_overdue(&self, patience: Duration) {
        let mut state = self.state();
        let late: Vec<CommandId> = state
            .outbox
            .sent
            .iter()
            .filter(|(_, sent)| sent.elapsed() >= patience)
            .map(|(id, _)| *id)
            .collect();
        for id in late {
            state.outbox.sent.remove(&id);
            state.outbox.say_result(id);
        }
        drop(state);
        self.0.told.notify_one();
    }

    /// The server has a result.
    pub fn result_acknowledged(&self, id: CommandId) {
        let mut state = self.state();
        state.outbox.sent.remove(&id);
        state.outbox.says.retain(|say| !matches!(say, Say::Result(other) if *other == id));
        let state = &mut *state;
        if let Some(loose) = state.loose.remove(&id)
            && let Some(journal) = &mut state.journal
            && let Err(error) = journal.finish(&CommandResult { output: String::new(), ..loose })
        {
            tracing::error!(%error, %id, "it cannot be kept how a command ended: after a restart it counts as interrupted");
        }
        if let Some(journal) = &mut state.journal
            && let Err(error) = journal.acknowledge(id)
        {
            tracing::warn!(%error, %id, "it cannot be kept that the server has a result");
        }
    }

    /// The server has the record up to here. It may have less than it had: it was restored from a backup.
    pub fn chain_acknowledged(&self, seq: u64) {
        let mut state = self.state();
        let seq = seq.min(chain::head(self.paths()).seq);
        state.outbox.chain_sent = None;
        if state.outbox.acknowledged != seq {
            state.outbox.acknowledged = seq;
            // Without a sync: what is lost of it is sent again.
            if let Err(error) = fs::write(path(self.paths()), format!("{seq}\n")) {
                tracing::warn!(%error, "it cannot be kept how much of the record the server has");
            }
        }
        drop(state);
        self.0.told.notify_one();
    }
}
