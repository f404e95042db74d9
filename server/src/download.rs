//! Files of releases on their way out: whole or a part of them, read piece by piece.

use crate::{api::ApiProblem, state::AppState};
use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use domain::release::Served;
use futures::TryStreamExt as _;
use std::ops::Range;

/// What is named by its digest never changes.
pub(crate) const FOR_EVER: &str = "private, max-age=31536000, immutable";
/// What is named by a version goes when the release is withdrawn.
pub(crate) const FOR_AN_HOUR: &str = "public, max-age=3600";

/// What of a file is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wanted {
    Whole,
    Part(Range<u64>),
    /// A part that is not there.
    Nothing,
}

/// Answers with a file, or the part of it that is asked for.
pub(crate) async fn answer(
    state: &AppState,
    file: Served,
    method: &Method,
    asked: &HeaderMap,
    caching: &'static str,
) -> Result<Response, ApiProblem> {
    let tag = format!("\"{}\"", file.sha256);
    let size = file.size_bytes;
    if names(asked, &header::IF_NONE_MATCH, &tag) {
        let mut response = StatusCode::NOT_MODIFIED.into_response();
        say(response.headers_mut(), [(header::ETAG, tag), (header::CACHE_CONTROL, caching.to_owned())]);
        return Ok(response);
    }
    // A range is a part of what is sent, and nothing is sent in answer to this.
    let wanted = if method == Method::HEAD { Wanted::Whole } else { wanted(asked, &tag, size) };
    let (status, range) = match wanted {
        Wanted::Whole => (StatusCode::OK, 0..size),
        Wanted::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
        Wanted::Nothing => {
            let mut response = StatusCode::RANGE_NOT_SATISFIABLE.into_response();
            say(response.headers_mut(), [(header::CONTENT_RANGE, format!("bytes */{size}"))]);
            return Ok(response);
        }
    };
    let length = range.end - range.start;
    let part = (status == StatusCode::PARTIAL_CONTENT)
        .then(|| format!("bytes {}-{}/{size}", range.start, range.end.saturating_sub(1)));
    let body = if method == Method::HEAD {
        Body::empty()
    } else {
        let telemetry = state.store.telemetry().clone();
        let bytes = file.read(range).await?;
        Body::from_stream(bytes.inspect_ok(move |piece| telemetry.artifact_sent(piece.len() as u64)))
    };
    let mut response = (status, body).into_response();
    let digest = hex::decode(file.sha256.as_str()).unwrap_or_default();
    say(
        response.headers_mut(),
        [
            (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
            (header::CONTENT_LENGTH, length.to_string()),
            (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", file.file_name)),
            (header::ACCEPT_RANGES, "bytes".to_owned()),
            (header::ETAG, tag),
            (header::CACHE_CONTROL, caching.to_owned()),
            (HeaderName::from_static("repr-digest"), format!("sha-256=:{}:", BASE64_STANDARD.encode(digest))),
        ],
    );
    if let Some(part) = part {
        say(response.headers_mut(), [(header::CONTENT_RANGE, part)]);
    }
    Ok(response)
}

/// All of them are made of plain characters.
fn say<const N: usize>(headers: &mut HeaderMap, said: [(HeaderName, String); N]) {
    for (name, value) in said {
        headers.extend(HeaderValue::from_str(&value).ok().map(|value| (name, value)));
    }
}

/// Does this header name the tag, or whatever there is? A proxy that packs what it hands on marks the tag as a weak one;
/// it still names this file.
fn names(headers: &HeaderMap, name: &HeaderName, tag: &str) -> bool {
    let lines = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    let mut named = lines.flat_map(|line| line.split(',')).map(str::trim);
    named.any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
}

/// One range, as RFC 9110 has them. What is not understood, and several at once, are answered with all of it.
fn wanted(headers: &HeaderMap, tag: &str, size: u64) -> Wanted {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let Some(range) = text(header::RANGE) else { return Wanted::Whole };
    if text(header::IF_RANGE).is_some_and(|known| known != tag) {
        return Wanted::Whole;
    }
    let Some((first, last)) = range.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Wanted::Whole;
    };
    let number = |text: &str| -> Result<Option<u64>, ()> {
        match text.trim() {
            "" => Ok(None),
            digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                // More than fits is beyond every end.
                Ok(Some(digits.parse().unwrap_or(u64::MAX)))
            }
            _ => Err(()),
        }
    };
    match (number(first), number(last)) {
        (Ok(Some(first)), Ok(last)) if last.is_none_or(|last| last >= first) => {
            let end = last.map_or(size, |last| last.saturating_add(1).min(size));
            if first < end { Wanted::Part(first..end) } else { Wanted::Nothing }
        }
        (Ok(None), Ok(Some(0))) => Wanted::Nothing,
        (Ok(None), Ok(Some(last))) => Wanted::Part(size.saturating_sub(last)..size),
        _ => Wanted::Whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(range: &str, if_range: Option<&str>) -> Wanted {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, range.parse().expect("a header"));
        if let Some(tag) = if_range {
            headers.insert(header::IF_RANGE, tag.parse().expect("a header"));
        }
        wanted(&headers, "\"ab\"", 100)
    }

    #[test]
    fn a_range_is_one_part_of_the_file() {
        for (range, part) in [
            ("bytes=0-0", 0..1),
            ("bytes=10-19", 10..20),
            ("bytes=90-", 90..100),
            ("bytes=90-1000", 90..100),
            ("bytes=-10", 90..100),
            ("bytes=-1000", 0..100),
            ("bytes=0-99999999999999999999999", 0..100),
        ] {
            assert_eq!(asked(range, None), Wanted::Part(part), "{range}");
        }
        for range in ["bytes=100-", "bytes=200-300", "bytes=-0", "bytes=99999999999999999999999-"] {
            assert_eq!(asked(range, None), Wanted::Nothing, "{range}");
        }
        for range in ["bytes=a-b", "bytes=5-4", "bytes=0-1,5-6", "lines=0-1", "bytes=-", "bytes=+1-2"] {
            assert_eq!(asked(range, None), Wanted::Whole, "{range}");
        }
    }

    #[test]
    fn a_file_that_is_known_is_named_by_any_of_its_tags() {
        let known = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, text.parse().expect("a header"));
            names(&headers, &header::IF_NONE_MATCH, "\"ab\"")
        };
        for text in ["\"ab\"", "W/\"ab\"", "\"cd\", W/\"ab\"", "*"] {
            assert!(known(text), "{text}");
        }
        for text in ["\"cd\"", "W/\"cd\"", "ab", "w/\"ab\"", ""] {
            assert!(!known(text), "{text}");
        }
    }

    #[test]
    fn a_part_of_another_file_is_no_part_of_this_one() {
        assert_eq!(asked("bytes=0-1", Some("\"ab\"")), Wanted::Part(0..2));
        assert_eq!(asked("bytes=0-1", Some("\"cd\"")), Wanted::Whole);
        assert_eq!(asked("bytes=0-1", Some("Wed, 21 Oct 2026 07:28:00 GMT")), Wanted::Whole);
    }
}
