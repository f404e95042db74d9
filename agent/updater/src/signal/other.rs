//! Systems without signals: looks twice a second, and ends the agent without asking.

use super::Wake;
use std::{io, process::Child, sync::mpsc::Sender, thread, time::Duration};

pub fn listen(wakes: Sender<Wake>) -> io::Result<()> {
    thread::Builder::new().name("look".to_owned()).spawn(move || {
        while wakes.send(Wake::Look).is_ok() {
            thread::sleep(Duration::from_millis(500));
        }
    })?;
    Ok(())
}

pub fn ask_to_stop(agent: &mut Child) -> io::Result<()> {
    agent.kill()
}
