//! What an entry of the Windows event log says, read from the XML that the system renders.

/// One entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// Its number in its log; grows by one with each.
    pub record: u64,
    /// Log, such as `System`.
    pub channel: String,
    /// Who wrote it.
    pub provider: String,
    /// Number of its kind, as its provider counts.
    pub event_id: u32,
    /// 1 critical, 2 error, 3 warning, 4 information, 5 verbose, 0 always.
    pub level: u8,
    /// When, as RFC 3339 text in UTC.
    pub at: String,
    /// Its values, in order, with their names where they have one.
    pub data: Vec<(Option<String>, String)>,
    /// The provider's sentence, when its texts are installed on the machine.
    pub message: Option<String>,
}

impl Event {
    /// One line for people: the provider's sentence, or else the values.
    #[must_use]
    pub fn line(&self) -> String {
        let text = self.message.clone().filter(|text| !text.trim().is_empty()).unwrap_or_else(|| {
            let values: Vec<String> = self
                .data
                .iter()
                .map(|(name, value)| match name {
                    Some(name) => format!("{name}={value}"),
                    None => value.clone(),
                })
                .collect();
            values.join(" ")
        });
        let words: Vec<&str> = text.split_whitespace().collect();
        format!("{} {}: {}", self.provider, self.event_id, words.join(" "))
    }
}

/// Reads the XML of one event; `None` when it is not one.
#[must_use]
pub fn read(xml: &str) -> Option<Event> {
    let mut event = Event::default();
    let mut found = false;
    let mut rest = xml;
    while let Some(start) = rest.find('<') {
        let tag = rest.get(start + 1..)?;
        let end = tag_end(tag)?;
        let (inside, after) = (tag.get(..end)?, tag.get(end + 1..)?);
        let text = || unescape(after.split('<').next().unwrap_or_default().trim());
        let name = inside.split([' ', '/', '\r', '\n', '\t']).next().unwrap_or_default();
        let closed = inside.ends_with('/');
        match name {
            "Event" => found = true,
            "Provider" => event.provider = attribute(inside, "Name").unwrap_or_default(),
            "TimeCreated" => event.at = attribute(inside, "SystemTime").unwrap_or_default(),
            "EventID" => event.event_id = text().parse().ok()?,
            "Level" => event.level = text().parse().ok()?,
            "EventRecordID" => event.record = text().parse().ok()?,
            "Channel" => event.channel = text(),
            "Data" if !closed => event.data.push((attribute(inside, "Name"), text())),
            "Message" if !closed => event.message = Some(text()),
            _ => {}
        }
        rest = after;
    }
    found.then_some(event)
}

/// Where a tag ends: at the first `>` outside of quotes.
fn tag_end(tag: &str) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in tag.bytes().enumerate() {
        match (byte, quote) {
            (b'>', None) => return Some(at),
            (b'"' | b'\'', None) => quote = Some(byte),
            (byte, Some(open)) if byte == open => quote = None,
            _ => {}
        }
    }
    None
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let mut rest = tag;
    while let Some(at) = rest.find(name) {
        let (before, from) = rest.split_at_checked(at)?;
        let after = from.get(name.len()..)?;
        if before.ends_with([' ', '\t', '\r', '\n']) {
            let value = after.trim_start().strip_prefix('=').map(str::trim_start);
            if let Some(value) = value {
                let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
                return Some(unescape(value.get(1..)?.split(quote).next()?));
            }
        }
        rest = after;
    }
    None
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let entity = from.find(';').filter(|end| *end <= 10).and_then(|end| from.get(1..end));
        let character = entity.and_then(|entity| match entity {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            _ => {
                let number = entity.strip_prefix('#')?;
                let code = match number.strip_prefix(['x', 'X']) {
                    Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                    None => number.parse().ok()?,
                };
                char::from_u32(code)
            }
        });
        let skip = match (character, entity) {
            (Some(character), Some(entity)) => {
                out.push(character);
                entity.len() + 2
            }
            _ => {
                out.push('&');
                1
            }
        };
        rest = from.get(skip..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const CRASH: &str = r#"<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Service Control Manager' Guid='{555908d1-a6d7-4695-8e1e-26931d2012f4}' EventSourceName='Service Control Manager'/><EventID Qualifiers='49152'>7031</EventID><Version>0</Version><Level>2</Level><TimeCreated SystemTime='2026-11-20T08:15:42.1234567Z'/><EventRecordID>48211</EventRecordID><Channel>System</Channel><Computer>PC-7</Computer><Security/></System><EventData><Data Name='param1'>Print &amp; Spool &#x2013; &lt;x&gt;</Data><Data Name='param2'>1</Data><Data/><Data>bare</Data></EventData></Event>"#;

    #[test]
    fn an_event_is_read() {
        let event = read(CRASH).unwrap();
        assert_eq!((event.record, event.event_id, event.level), (48_211, 7031, 2));
        assert_eq!((event.channel.as_str(), event.provider.as_str()), ("System", "Service Control Manager"));
        assert_eq!(event.at, "2026-11-20T08:15:42.1234567Z");
        assert_eq!(event.data.len(), 3);
        assert_eq!(
            event.line(),
            "Service Control Manager 7031: param1=Print & Spool – <x> param2=1 bare",
            "values, when the provider's texts are not there"
        );
        let told = Event { message: Some("It ended\r\n unexpectedly.".to_owned()), ..event };
        assert_eq!(told.line(), "Service Control Manager 7031: It ended unexpectedly.");
    }

    #[test]
    fn nonsense_is_no_event_and_no_panic() {
        for nonsense in
            ["", "<", "<Event", "<Foo/>", "<Event><EventID>x</EventID></Event>", "<Level>999</Level>"]
        {
            assert_eq!(read(nonsense), None, "{nonsense}");
        }
        for end in 0..CRASH.len() {
            if let Some(cut) = CRASH.get(..end) {
                let _ = read(cut);
            }
        }
        assert_eq!(unescape("&&amp;&#xD800;&unknown;&"), "&&&#xD800;&unknown;&");
        assert_eq!(
            read("<Event><Data Name='a>b'>x</Data></Event>").unwrap().data[0].0.as_deref(),
            Some("a>b")
        );
    }
}
