//! What a console says: that somebody pressed Ctrl-C, closed the window, signed out or shuts the machine down.

use crate::handle::done;
use std::{
    io,
    sync::{
        Mutex, OnceLock,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::Duration,
};
use windows_sys::{
    Win32::System::Console::{CTRL_BREAK_EVENT, CTRL_C_EVENT, SetConsoleCtrlHandler},
    core::BOOL,
};

/// Windows ends a process whose window was closed as soon as it was told, and in any case after five seconds.
const PATIENCE: Duration = Duration::from_secs(5);

static ASKED: OnceLock<Mutex<Sender<()>>> = OnceLock::new();

/// Listens, for as long as the process lives: a message each time this process is to stop. Once in its life.
///
/// # Errors
/// When somebody listens already, or the system refuses.
pub fn stops() -> io::Result<Receiver<()>> {
    let (sender, receiver) = channel();
    ASKED.set(Mutex::new(sender)).map_err(|_| io::Error::other("somebody listens already"))?;
    // SAFETY: the function is one for this, and stays where it is.
    done(unsafe { SetConsoleCtrlHandler(Some(on_event), 1) })?;
    Ok(receiver)
}

/// Called by the system, on a thread of its own.
unsafe extern "system" fn on_event(kind: u32) -> BOOL {
    if let Some(sender) = ASKED.get().and_then(|sender| sender.lock().ok()) {
        let _ = sender.send(());
    }
    if kind != CTRL_C_EVENT && kind != CTRL_BREAK_EVENT {
        thread::sleep(PATIENCE);
    }
    // It was taken care of.
    1
}
