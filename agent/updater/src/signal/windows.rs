//! Windows: the console or the service control manager asks to stop, a look twice a second finds that the agent has
//! ended, and the agent is asked to stop by the end of its standard input.

use super::Wake;
use crate::patience;
use std::{
    io,
    process::Child,
    sync::mpsc::{Receiver, SyncSender},
    thread,
    time::Duration,
};

pub fn listen(wakes: SyncSender<Wake>) -> io::Result<()> {
    pass_on(windows_api::console::stops()?, wakes)
}

/// Turns what asks to stop into wakes, and looks now and then.
pub fn pass_on(stops: Receiver<()>, wakes: SyncSender<Wake>) -> io::Result<()> {
    let looks = wakes.clone();
    thread::Builder::new().name("stops".to_owned()).spawn(move || {
        while stops.recv().is_ok() {
            // Who would take this off the queue may be waiting for a file.
            patience::end();
            if wakes.send(Wake::Stop).is_err() {
                return;
            }
        }
    })?;
    thread::Builder::new().name("look".to_owned()).spawn(move || {
        while looks.send(Wake::Look).is_ok() {
            thread::sleep(Duration::from_millis(500));
        }
    })?;
    Ok(())
}

/// The end of its standard input; the death of the supervisor brings it about too.
pub fn ask_to_stop(agent: &mut Child) -> io::Result<()> {
    drop(agent.stdin.take());
    Ok(())
}
