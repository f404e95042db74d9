//! The end of the agent's log, and what is added to it: followed from one file to the next.

use crate::{log, paths::Paths};
use std::{
    collections::VecDeque,
    fs::File,
    io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom},
    path::PathBuf,
    time::Duration,
};

/// Most bytes that are read at once.
const SOME: u64 = 64 * 1024;
/// Most bytes of the end that are looked through for lines.
const END_BYTES_MAX: u64 = 1024 * 1024;

/// The end of the log.
#[derive(Debug)]
pub struct Tail {
    path: PathBuf,
    file: Option<File>,
    first: Vec<u8>,
}

impl Tail {
    /// How often somebody who follows looks for more.
    pub const LOOK_EVERY: Duration = Duration::from_millis(250);

    /// From so many lines before the end on.
    #[must_use]
    pub fn new(paths: &Paths, lines: u32) -> Self {
        let path = log::folder(paths).join(log::NAME);
        let mut tail = Self { path, file: None, first: Vec::new() };
        if let Ok(mut file) = File::open(&tail.path) {
            let lines = usize::try_from(lines).unwrap_or(usize::MAX);
            tail.first = last_lines(&mut file, lines).unwrap_or_default();
            if tail.first.iter().filter(|byte| **byte == b'\n').count() < lines {
                tail.prepend_former(lines);
            }
            tail.file = Some(file);
        }
        tail
    }

    /// The file before this one has the lines that are missing.
    fn prepend_former(&mut self, lines: usize) {
        let mut name = self.path.clone().into_os_string();
        name.push(".1");
        let present = self.first.iter().filter(|byte| **byte == b'\n').count();
        let former = File::open(name).and_then(|mut file| last_lines(&mut file, lines - present));
        if let Ok(mut former) = former {
            former.append(&mut self.first);
            self.first = former;
        }
    }

    /// What there is more of it; empty when there is nothing for now.
    pub fn read(&mut self) -> Vec<u8> {
        if !self.first.is_empty() {
            return std::mem::take(&mut self.first);
        }
        if self.file.is_none() {
            self.file = File::open(&self.path).ok();
        }
        let mut some = Vec::new();
        if let Some(file) = &mut self.file {
            let _ = file.take(SOME).read_to_end(&mut some);
        }
        // A file is left once all of it is read, so that no line of it is missed.
        if some.is_empty() && self.is_left().unwrap_or(true) {
            self.file = File::open(&self.path).ok();
            if let Some(file) = &mut self.file {
                let _ = file.take(SOME).read_to_end(&mut some);
            }
        }
        some
    }

    /// True when the file that is read has no name any more, or was cut off.
    fn is_left(&mut self) -> io::Result<bool> {
        let Some(file) = &mut self.file else { return Ok(true) };
        let position = file.stream_position()?;
        let (ours, named) = (file.metadata()?, std::fs::metadata(&self.path)?);
        if named.len() < position {
            return Ok(true);
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            Ok((ours.dev(), ours.ino()) != (named.dev(), named.ino()))
        }
        #[cfg(not(unix))]
        Ok(ours.created()? != named.created()?)
    }
}

/// The last lines, and leaves the file at its end.
fn last_lines(file: &mut File, lines: usize) -> io::Result<Vec<u8>> {
    let length = file.metadata()?.len();
    let from = length.saturating_sub(END_BYTES_MAX);
    file.seek(SeekFrom::Start(from))?;
    let mut last: VecDeque<Vec<u8>> = VecDeque::new();
    let mut reader = BufReader::new(file.take(length - from));
    let mut skip = from > 0;
    loop {
        let mut line = Vec::new();
        if reader.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        // The first may have lost its beginning.
        if std::mem::take(&mut skip) {
            continue;
        }
        last.push_back(line);
        if last.len() > lines {
            last.pop_front();
        }
    }
    Ok(last.into_iter().flatten().collect())
}

/// A line of the log for people; one that is not what the agent writes stays what it is.
#[must_use]
pub fn plain(line: &str) -> String {
    let Ok(serde_json::Value::Object(mut fields)) = serde_json::from_str(line) else {
        return line.escape_debug().to_string();
    };
    let mut take = |name: &str| {
        let value = fields.remove(name);
        value.and_then(|value| value.as_str().map(|text| text.escape_debug().to_string())).unwrap_or_default()
    };
    let (at, level, message) = (take("timestamp"), take("level"), take("message"));
    take("target");
    let rest: String = fields.iter().map(|(name, value)| format!(" {name}={value}")).collect();
    format!("{at} {level:>5} {message}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, io::Write as _};

    fn log() -> (tempfile::TempDir, Paths, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::under(folder.path());
        fs::create_dir(log::folder(&paths)).unwrap();
        let file = log::folder(&paths).join(log::NAME);
        (folder, paths, file)
    }

    fn append(file: &PathBuf, text: &str) {
        let mut file = fs::OpenOptions::new().create(true).append(true).open(file).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn read(tail: &mut Tail) -> String {
        String::from_utf8(tail.read()).unwrap()
    }

    #[test]
    fn it_begins_before_the_end_and_follows_through_rotation() {
        let (_folder, paths, file) = log();
        assert_eq!(read(&mut Tail::new(&paths, 5)), "", "no log, no lines");
        append(&file, "1\n2\n3\n");
        assert_eq!(read(&mut Tail::new(&paths, 0)), "");
        let mut tail = Tail::new(&paths, 2);
        assert_eq!(read(&mut tail), "2\n3\n");
        assert_eq!(read(&mut tail), "");
        append(&file, "4\n");
        assert_eq!(read(&mut tail), "4\n");
        append(&file, "5\n");
        fs::rename(&file, file.with_extension("log.1")).unwrap();
        append(&file, "6\n");
        assert_eq!(read(&mut tail), "5\n", "what was added before the change");
        assert_eq!(read(&mut tail), "6\n");
        assert_eq!(read(&mut Tail::new(&paths, 3)), "4\n5\n6\n", "the former file has the rest");
        fs::write(&file, "").unwrap();
        assert_eq!(read(&mut tail), "");
        append(&file, "7\n");
        assert_eq!(read(&mut tail), "7\n", "a file that was cut off is read from its beginning");
    }

    #[test]
    fn a_line_is_for_people_and_moves_no_cursor() {
        let line = r#"{"timestamp":"T","level":"WARN","target":"agent::x","message":"a \u001b[2J b","n":3}"#;
        assert_eq!(plain(line), "T  WARN a \\u{1b}[2J b n=3");
        assert_eq!(plain("\u{1b}[31m"), "\\u{1b}[31m");
    }
}
