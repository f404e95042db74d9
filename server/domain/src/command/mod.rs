//! Commands: what people ask devices to do, from the question over two locks to the proof of what came of it.

mod approval;
mod cancel;
pub mod chain;
mod chain_row;
pub mod chain_verify;
mod create;
mod deliver;
mod edit;
pub mod evidence;
pub mod evidence_check;
mod evidence_file;
mod gate;
mod list;
mod once;
mod pace;
pub(crate) mod proof;
pub(crate) mod queue;
pub mod record;
mod script;
pub mod signer;
mod signer_file;
mod take;
mod target;
mod timed;
mod view;
mod waiting;
mod wave;

pub(crate) use approval::{hands_of, pending as pending_approvals};
pub(crate) use create::{MadeByServer, create_by_server, create_suggested};
pub(crate) use gate::{needed_of, payload_of};
pub(crate) use target::lock_of;
pub(crate) use view::{SERVER_NAME, approvals, requests_by_id};

pub use cancel::{cancel, cancel_request};
pub use create::{create_many, create_many_once, create_one, create_one_once, create_test};
pub use deliver::{Delivery, Occasion, deliver, poll};
pub use edit::edit;
pub use list::{get, get_request, list, list_requests, of_device};
pub use once::KEY_HEADER;
pub use take::{progress, receipt, result};
pub use target::preview;
pub(crate) use timed::pass;

use crate::Result;
use entity::{command::Strength, table::command_request as request};

/// How strong a request is: what goes out in waves is for many devices, and that is strong whatever it does.
pub(crate) fn strength_of(row: &request::Model) -> Result<Strength> {
    let own = gate::payload_of(row)?.kind().strength();
    Ok(if row.waves > 1 { Strength::Strong } else { own })
}
