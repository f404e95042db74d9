//! Commands on a socket: handing out what waits, and taking what the device says of it.

use super::{End, Session};
use domain::command::Occasion;
use entity::{
    command::{CommandProgress, CommandReceipt, CommandResult},
    wire::{Chain, Hello, ToAgent},
};
use std::{ops::ControlFlow, time::Duration};
use tokio::time::Instant;

/// How long receipts may wait to be written down together with what comes behind them.
const RECEIPTS_WITHIN: Duration = Duration::from_millis(10);
/// Receipts that may wait.
const RECEIPTS_MAX: usize = 16;
/// The first protocol that knows commands.
const SINCE: u16 = 3;

impl Session {
    /// A device has come: what it was told before and never answered for, and what waits, goes out.
    pub(super) async fn arrive(&mut self, hello: &Hello, protocol: u16) -> ControlFlow<End> {
        self.takes_commands = protocol >= SINCE;
        self.takes_updates = protocol >= super::updates::SINCE;
        if !self.takes_commands {
            return ControlFlow::Continue(());
        }
        if let Some(head) = &hello.chain_head {
            match Box::pin(domain::command::chain::hello(&self.agent, head)).await {
                Ok(seq) => self.send(&ToAgent::ChainAck { seq }).await?,
                Err(error) => tracing::warn!(%error, "a device's record was not compared"),
            }
        }
        self.hand_out(Occasion::Arrived).await?;
        self.hint(true).await
    }

    /// Hands out what is new for the device: what was asked of it first, then its settings. With each recheck too,
    /// because what wakes a session may be lost.
    pub(super) async fn renew(&mut self) -> ControlFlow<End> {
        Box::pin(self.hand_out(Occasion::Woken)).await?;
        self.hint(false).await?;
        Box::pin(self.renew_settings()).await
    }

    /// Hands out what waits. A database that does not answer is asked again: the device is woken until it has everything.
    pub(super) async fn hand_out(&mut self, occasion: Occasion) -> ControlFlow<End> {
        if !self.takes_commands {
            return ControlFlow::Continue(());
        }
        self.tell_stops().await?;
        let delivery = match Box::pin(domain::command::deliver(&self.agent, occasion)).await {
            Ok(delivery) => delivery,
            Err(error) => {
                tracing::warn!(%error, device.id = %self.agent.device_id(), "commands were not handed out");
                return ControlFlow::Continue(());
            }
        };
        for command_id in delivery.cancelled {
            self.send(&ToAgent::CommandCancel { command_id }).await?;
        }
        for order in delivery.orders {
            self.send(&ToAgent::Command(Box::new(order))).await?;
        }
        ControlFlow::Continue(())
    }

    /// Stops, and ends of stops, before anything that they are about.
    async fn tell_stops(&mut self) -> ControlFlow<End> {
        match Box::pin(domain::emergency_stop::of_device(&self.agent)).await {
            Ok((newest, stops)) if newest != self.stop_seq => {
                for stop in stops {
                    self.send(&ToAgent::Stop(Box::new(stop))).await?;
                }
                self.stop_seq = newest;
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "a device was not told of an emergency stop"),
        }
        ControlFlow::Continue(())
    }

    /// A receipt waits for a moment for what comes behind it: nobody is told that it is stored, and most commands are over
    /// at once.
    pub(super) async fn receipt(&mut self, receipt: CommandReceipt) -> ControlFlow<End> {
        if self.receipts.is_empty() {
            self.receipts_due = Instant::now() + RECEIPTS_WITHIN;
        }
        self.receipts.push(receipt);
        if self.receipts.len() < RECEIPTS_MAX {
            return ControlFlow::Continue(());
        }
        self.note_receipts().await
    }

    /// Writes down the receipts that wait.
    pub(super) async fn note_receipts(&mut self) -> ControlFlow<End> {
        for receipt in std::mem::take(&mut self.receipts) {
            if let Err(error) = Box::pin(domain::command::receipt(&self.agent, receipt)).await {
                self.refuse(error.problem()).await?;
            }
        }
        ControlFlow::Continue(())
    }

    /// What a command writes is shown after its beginning.
    pub(super) async fn progress(&mut self, progress: CommandProgress) -> ControlFlow<End> {
        self.note_receipts().await?;
        match domain::command::progress(&self.agent, progress).await {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => self.refuse(error.problem()).await,
        }
    }

    /// A result is acknowledged when it is committed; then what waited behind it goes out.
    pub(super) async fn result(&mut self, result: CommandResult) -> ControlFlow<End> {
        let command_id = result.command_id;
        let its = |receipt: &mut CommandReceipt| receipt.command_id == command_id;
        let receipts = self.receipts.extract_if(.., its).collect();
        match Box::pin(domain::command::result(&self.agent, receipts, result)).await {
            Ok(()) => {
                self.send(&ToAgent::ResultAck { command_id }).await?;
                self.hand_out(Occasion::Woken).await
            }
            Err(error) => self.refuse(error.problem()).await,
        }
    }

    /// Entries of the device's own record are acknowledged when they are committed.
    pub(super) async fn chain(&mut self, chain: Chain) -> ControlFlow<End> {
        match Box::pin(domain::command::chain::append(&self.agent, chain)).await {
            Ok(seq) => self.send(&ToAgent::ChainAck { seq }).await,
            Err(error) => self.refuse(error.problem()).await,
        }
    }
}
