//! The event logs of Windows, as `wevtutil` renders them: one XML element an event. What it writes is read here, whatever
//! system this runs on; who calls it is in `windows.rs`.

use super::level;
use chrono::{DateTime, Utc};
use entity::log_entry::LogEntry;

/// The logs that are read.
pub const CHANNELS: [&str; 2] = ["System", "Application"];

/// The question for what is bad and newer than a number.
#[must_use]
pub fn query(after: u64) -> String {
    format!("*[System[(Level=1 or Level=2 or Level=3) and (EventRecordID>{after})]]")
}

/// Text as `wevtutil /uni:true` writes it: UTF-16 with or without a mark, or else UTF-8.
#[must_use]
pub fn decoded(bytes: &[u8]) -> String {
    let is_wide = bytes.starts_with(&[0xff, 0xfe]) || (bytes.len() > 3 && bytes[1] == 0 && bytes[3] == 0);
    if !is_wide {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    String::from_utf16_lossy(&units).trim_start_matches('\u{feff}').to_owned()
}

/// The events of an answer, each with its number; what is not understood is left out.
#[must_use]
pub fn parse(channel: &str, xml: &str) -> Vec<(u64, LogEntry)> {
    xml.split("<Event ").skip(1).filter_map(|event| one(channel, event)).collect()
}

fn one(channel: &str, event: &str) -> Option<(u64, LogEntry)> {
    let number = element(event, "EventRecordID")?.parse().ok()?;
    let level = level::of_windows(element(event, "Level")?.parse().ok()?)?;
    let at: DateTime<Utc> = attribute(event, "TimeCreated", "SystemTime")?.parse().ok()?;
    let provider = attribute(event, "Provider", "Name").unwrap_or_default();
    let id = element(event, "EventID").unwrap_or_default();
    let message = element(event, "Message").filter(|message| !message.trim().is_empty());
    let message = message.unwrap_or_else(|| {
        // A provider that left no texts behind: what it said stands in the data.
        event
            .split("<Data")
            .skip(1)
            .filter_map(|data| data.split_once('>')?.1.split_once("</Data>").map(|(text, _)| unescaped(text)))
            .collect::<Vec<_>>()
            .join(" ")
    });
    let message = format!("{} (event {id})", message.split_whitespace().collect::<Vec<_>>().join(" "));
    Some((number, LogEntry { at, level, source: format!("{channel}: {provider}"), message }))
}

/// The text of the first element of a name.
fn element(event: &str, name: &str) -> Option<String> {
    let begun = event.match_indices(&format!("<{name}")).find_map(|(at, opening)| {
        let rest = &event[at + opening.len()..];
        rest.starts_with(['>', ' ']).then_some(rest)
    })?;
    let (text, _) = begun.split_once('>')?.1.split_once(&format!("</{name}>"))?;
    Some(unescaped(text))
}

/// An attribute of the first element of a name.
fn attribute(event: &str, name: &str, attribute: &str) -> Option<String> {
    let tag = event.split_once(&format!("<{name} "))?.1.split_once('>')?.0;
    let rest = tag.split_once(&format!("{attribute}="))?.1;
    let quote = rest.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    Some(unescaped(rest[1..].split_once(quote)?.0))
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&#13;", "")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;
    use entity::log_entry::LogLevel;

    const EVENTS: &str = r"<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Service Control Manager' Guid='{555908d1}' EventSourceName='Service Control Manager'/><EventID Qualifiers='49152'>7031</EventID><Version>0</Version><Level>2</Level><TimeCreated SystemTime='2026-11-21T12:27:39.1234567Z'/><EventRecordID>4711</EventRecordID><Channel>System</Channel></System><EventData><Data Name='param1'>Print Spooler</Data></EventData><RenderingInfo Culture='en-US'><Message>The Print Spooler service terminated &lt;unexpectedly&gt;.
It has done this 1 time(s).</Message><Level>Error</Level></RenderingInfo></Event>
<Event xmlns='x'><System><Provider Name='app'/><EventID>1</EventID><Level>3</Level><TimeCreated SystemTime='2026-11-21T12:27:40Z'/><EventRecordID>4712</EventRecordID></System><EventData><Data>disk</Data><Data Name='x'>is &amp; stays full</Data></EventData></Event>
<Event xmlns='x'><System><Provider Name='app'/><EventID>1</EventID><Level>4</Level><TimeCreated SystemTime='2026-11-21T12:27:40Z'/><EventRecordID>4713</EventRecordID></System></Event>
<Event broken";

    #[test]
    fn events_are_read_as_they_are_rendered() {
        let found = parse("System", EVENTS);
        let numbers: Vec<_> = found.iter().map(|(number, entry)| (*number, entry.level)).collect();
        assert_eq!(numbers, [(4711, LogLevel::Error), (4712, LogLevel::Warn)]);
        assert_eq!(found[0].1.source, "System: Service Control Manager");
        let expected =
            "The Print Spooler service terminated <unexpectedly>. It has done this 1 time(s). (event 7031)";
        assert_eq!(found[0].1.message, expected);
        assert_eq!(found[1].1.message, "disk is & stays full (event 1)");
        assert_eq!(found[0].1.at.timestamp(), 1_795_264_059);
    }

    #[test]
    fn both_encodings_are_read() {
        let mut wide = vec![0xff, 0xfe];
        wide.extend("<Event ä".encode_utf16().flat_map(u16::to_le_bytes));
        assert_eq!(decoded(&wide), "<Event ä");
        assert_eq!(decoded(&wide[2..]), "<Event ä");
        assert_eq!(decoded("<Event ä".as_bytes()), "<Event ä");
        assert!(query(7).contains("EventRecordID>7"));
    }
}
