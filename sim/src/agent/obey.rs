//! Commands: done once, whatever comes how often, and told until the server has them; over a socket and by polling.

use super::{Agent, End, serve::lost};
use crate::{Asked, Socket, Trouble, command::Came, tally::Kind};
use entity::{
    command::Envelope,
    id::CommandId,
    wire::{CommandsAnswer, ToServer},
};
use std::time::Duration;

impl Agent {
    /// Does what an envelope asks for, or finds that it was done before.
    fn take(&mut self, envelope: &Envelope) -> Option<(Asked, Came)> {
        let Some(asked) = Asked::read(envelope) else {
            self.tally.unexpected("a command without an order");
            return None;
        };
        if asked.order.device_id != self.identity.device {
            self.tally.unexpected("a command for another device");
            return None;
        }
        let came = self.journal.take(&asked);
        match came {
            Came::Fresh => self.tally.executed(asked.order.command_id),
            Came::Again => self.tally.note("a command came again"),
            Came::AfterAll => self.tally.unexpected("a command came again whose result was acknowledged"),
        }
        Some((asked, came))
    }

    /// Does what came over a socket, and says so.
    pub(super) async fn carry_out(
        &mut self,
        socket: &mut Socket,
        envelope: Box<Envelope>,
    ) -> Result<(), End> {
        let Some((asked, came)) = self.take(&envelope) else { return Ok(()) };
        if came == Came::Fresh {
            for is_started in [false, true] {
                self.tell(socket, &ToServer::CommandReceipt(asked.receipt(is_started))).await?;
            }
        }
        match self.journal.result(asked.order.command_id) {
            Some(result) => self.tell(socket, &ToServer::CommandResult(result)).await,
            None => Ok(()),
        }
    }

    /// Says again what the server may not have: what was told so long ago and not acknowledged.
    pub(super) async fn tell_results(&mut self, socket: &mut Socket, patience: Duration) -> Result<(), End> {
        for result in self.journal.told_before(patience) {
            self.tell(socket, &ToServer::CommandResult(result)).await?;
        }
        Ok(())
    }

    async fn tell(&self, socket: &mut Socket, message: &ToServer) -> Result<(), End> {
        self.tally.sent(message.word());
        socket.send(message).await.map_err(|_| lost())
    }

    /// The server has a result.
    pub(super) fn result_acknowledged(&mut self, id: CommandId) {
        if let Some(since) = self.journal.acknowledge(id) {
            self.tally.took(Kind::Result, self.identity.number, since.elapsed());
            self.tally.acknowledged(id, self.identity.number);
        }
    }

    /// Asks over HTTP for commands, does them, and tells their results.
    pub(super) async fn poll_commands(&mut self) -> Result<(), Trouble> {
        let answer: CommandsAnswer = self.get("commands").await?;
        for envelope in &answer.commands {
            self.take(envelope);
        }
        for result in self.journal.told_before(Duration::ZERO) {
            let id = result.command_id;
            let reply = self.reply_to(&format!("commands/{id}/result"), "command_result", &result).await?;
            reply.good()?;
            self.result_acknowledged(id);
        }
        Ok(())
    }
}
