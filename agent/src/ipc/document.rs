//! Reads one JSON document from a stream: bounded in bytes, done with the document, a line's end or the stream's.

use serde_json::Value;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Reads one document of at most so many bytes. What follows its line is left alone.
///
/// # Errors
/// When it is too long, is no JSON, or the stream ends or fails before it does.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin), bytes_max: usize) -> io::Result<Value> {
    let invalid = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
    let mut bytes: Vec<u8> = Vec::new();
    loop {
        let mut some = [0; 1024];
        let room = (bytes_max + 1 - bytes.len()).min(some.len());
        let count = stream.read(&mut some[..room]).await?;
        bytes.extend_from_slice(&some[..count]);
        if bytes.len() > bytes_max {
            return Err(invalid(format!("it is longer than {bytes_max} bytes")));
        }
        let line_ends = some[..count].contains(&b'\n');
        // Only what ends like a document can be one: a slow sender does not make it be read from the start each time.
        let may_end = bytes.trim_ascii_end().ends_with(b"}");
        if count == 0 || line_ends || may_end {
            match serde_json::from_slice(first_line(&bytes)) {
                Ok(value) => return Ok(value),
                Err(error) if error.is_eof() && count > 0 && !line_ends => {}
                Err(error) if error.is_eof() && bytes.is_empty() => {
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "nothing was said"));
                }
                Err(error) => return Err(invalid(format!("it is no JSON: {error}"))),
            }
        }
    }
}

fn first_line(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    &bytes[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    async fn of(parts: &[&[u8]], closes: bool) -> io::Result<Value> {
        let (mut ours, mut theirs) = tokio::io::duplex(64);
        let parts: Vec<Vec<u8>> = parts.iter().map(|part| part.to_vec()).collect();
        let sender = tokio::spawn(async move {
            use tokio::io::AsyncWriteExt as _;
            for part in parts {
                if theirs.write_all(&part).await.is_err() {
                    return;
                }
            }
            if !closes {
                std::future::pending::<()>().await;
            }
        });
        let read = read(&mut ours, 256).await;
        sender.abort();
        read
    }

    #[tokio::test]
    async fn a_document_ends_with_itself_its_line_or_the_stream() {
        let document = json!({"a": {"b": 1}});
        for parts in [
            vec![&br#"{"a":{"b":1}}"#[..]],
            vec![br#"{"a":{"b":1}"#, b"}"],
            vec![b"{\"a\":{\"b\":1}}\nand more"],
            vec![br#"{"#, br#""a""#, br#":{"b":1}"#, b"}\n"],
        ] {
            assert_eq!(of(&parts, false).await.unwrap(), document);
        }
        assert_eq!(of(&[br#"{"a":{"b":1}}"#], true).await.unwrap(), document);
    }

    #[tokio::test]
    async fn nonsense_is_refused_and_never_waited_for() {
        let long = vec![b' '; 1000];
        let deep = [b'['; 200];
        for parts in [
            vec![&long[..]],
            vec![&deep[..], b"\n"],
            vec![b"\x00\xff\xfe\n"],
            vec![b"GET / HTTP/1.1\r\n"],
            vec![b"\n"],
            vec![br#"{"a":"#, b"\n"],
        ] {
            assert_eq!(of(&parts, false).await.unwrap_err().kind(), io::ErrorKind::InvalidData);
        }
        assert_eq!(of(&[], true).await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(of(&[br#"{"a":"#], true).await.unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
