//! Reads the Windows event log.

use crate::{
    event_text::{self, Event},
    handle::done,
    wide::{narrow, wide},
};
use std::{collections::HashMap, io, ptr::null};
use windows_sys::{
    Win32::{
        Foundation::{ERROR_INSUFFICIENT_BUFFER, ERROR_NO_MORE_ITEMS},
        System::EventLog::{
            EVT_HANDLE, EvtClose, EvtFormatMessage, EvtFormatMessageEvent, EvtNext, EvtOpenPublisherMetadata,
            EvtQuery, EvtQueryChannelPath, EvtQueryForwardDirection, EvtQueryReverseDirection, EvtRender,
            EvtRenderEventXml,
        },
    },
    core::BOOL,
};

/// Most bytes of one event that are read.
const EVENT_BYTES_MAX: usize = 256 * 1024;
/// Longest wait for the log's service, in milliseconds.
const PATIENCE: u32 = 5_000;

/// A handle of the event log's own kind.
#[derive(Debug)]
struct Handle(EVT_HANDLE);

impl Handle {
    fn of(handle: EVT_HANDLE) -> io::Result<Self> {
        if handle == 0 { Err(io::Error::last_os_error()) } else { Ok(Self(handle)) }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the handle is open and only this value has it.
        unsafe { EvtClose(self.0) };
    }
}

/// Events of one log (such as `System`) after this record, of these levels (1 critical, 2 error, 3 warning, 4
/// information), oldest first, at most `most`.
///
/// # Errors
/// Whatever the system refuses, such as a log that is not there.
pub fn after(channel: &str, record: u64, levels: &[u8], most: usize) -> io::Result<Vec<Event>> {
    let levels: Vec<String> = levels.iter().map(|level| format!("Level={level}")).collect();
    let levels = if levels.is_empty() { String::new() } else { format!("({}) and ", levels.join(" or ")) };
    let filter = format!("*[System[{levels}EventRecordID>{record}]]");
    query(channel, &filter, EvtQueryForwardDirection, most)
}

/// Number of the newest record of a log; 0 for an empty one.
///
/// # Errors
/// Whatever the system refuses, such as a log that is not there.
pub fn newest(channel: &str) -> io::Result<u64> {
    let events = query(channel, "*", EvtQueryReverseDirection, 1)?;
    Ok(events.first().map_or(0, |event| event.record))
}

fn query(channel: &str, filter: &str, direction: u32, most: usize) -> io::Result<Vec<Event>> {
    let (channel, filter) = (wide(channel)?, wide(filter)?);
    let flags = EvtQueryChannelPath | direction;
    // SAFETY: both texts end with a zero; 0 is the session of this machine.
    let results = Handle::of(unsafe { EvtQuery(0, channel.as_ptr(), filter.as_ptr(), flags) })?;
    let mut events = Vec::new();
    let mut publishers = HashMap::new();
    while events.len() < most {
        let mut next: EVT_HANDLE = 0;
        let mut count = 0;
        // SAFETY: the results are open; there is room for the one event that is asked for.
        let answer = done(unsafe { EvtNext(results.0, 1, &raw mut next, PATIENCE, 0, &raw mut count) });
        match answer {
            Err(error) if error.raw_os_error() == Some(ERROR_NO_MORE_ITEMS.cast_signed()) => break,
            other => other?,
        }
        let event = Handle::of(next)?;
        // One that cannot be read must not hide those after it.
        if let Some(event) = render(&event).ok().and_then(|xml| told(&event, &xml, &mut publishers)) {
            events.push(event);
        }
    }
    Ok(events)
}

fn told(event: &Handle, xml: &str, publishers: &mut HashMap<String, Option<Handle>>) -> Option<Event> {
    let mut read = event_text::read(xml)?;
    let publisher = publishers.entry(read.provider.clone()).or_insert_with(|| publisher(&read.provider).ok());
    if let Some(publisher) = publisher {
        read.message = message(publisher, event).ok();
    }
    Some(read)
}

fn publisher(name: &str) -> io::Result<Handle> {
    let name = wide(name)?;
    // SAFETY: the name ends with a zero; 0 is this machine's session and its language.
    Handle::of(unsafe { EvtOpenPublisherMetadata(0, name.as_ptr(), null(), 0, 0) })
}

fn message(publisher: &Handle, event: &Handle) -> io::Result<String> {
    grow(|room, used| {
        let size = u32::try_from(room.len()).unwrap_or(u32::MAX);
        let (publisher, event, place) = (publisher.0, event.0, room.as_mut_ptr());
        // SAFETY: both handles are open; the place has the size that is told; no values are given.
        unsafe { EvtFormatMessage(publisher, event, 0, 0, null(), EvtFormatMessageEvent, size, place, used) }
    })
}

fn render(event: &Handle) -> io::Result<String> {
    grow(|room, used| {
        let mut properties = 0;
        // This call counts bytes where the other counts units.
        let size = u32::try_from(room.len()).unwrap_or(u32::MAX).saturating_mul(2);
        let place = room.as_mut_ptr().cast();
        // SAFETY: the event is open; the place has the size that is told.
        let answer =
            unsafe { EvtRender(0, event.0, EvtRenderEventXml, size, place, used, &raw mut properties) };
        *used = used.div_ceil(2);
        answer
    })
}

/// Calls with more room until the text fits.
fn grow(mut call: impl FnMut(&mut [u16], &mut u32) -> BOOL) -> io::Result<String> {
    let mut room = vec![0_u16; 2048];
    loop {
        let mut used = 0;
        match done(call(&mut room, &mut used)) {
            Ok(()) => return Ok(narrow(&room)),
            Err(error) => {
                let wanted = usize::try_from(used).unwrap_or(usize::MAX);
                let too_small = error.raw_os_error() == Some(ERROR_INSUFFICIENT_BUFFER.cast_signed());
                if !too_small || wanted <= room.len() || wanted > EVENT_BYTES_MAX / 2 {
                    return Err(error);
                }
                room = vec![0_u16; wanted];
            }
        }
    }
}
