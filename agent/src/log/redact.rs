//! Takes secrets out of what is about to be written down: nobody should, but libraries and errors quote what they were
//! given.

use std::borrow::Cow;

/// What stands in the place of a secret.
const GONE: &str = "[redacted]";
/// Shorter runs of letters are words, not secrets.
const SECRET_MIN: usize = 6;

/// Texts that secrets begin with.
const PREFIXES: [&str; 4] = ["agt-", "reeve_key_", "bearer ", "eyj"];
/// Names whose values are secrets.
const NAMES: [&str; 9] = [
    "token",
    "secret",
    "password",
    "passwd",
    "authorization",
    "api_key",
    "apikey",
    "private_key",
    "signature",
];

/// True when the value of a field of this name is a secret.
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    NAMES.iter().any(|secret| name == *secret || name.ends_with(&format!("_{secret}")))
}

/// The text without secrets.
#[must_use]
pub fn redact(text: &str) -> Cow<'_, str> {
    let lower = text.to_ascii_lowercase();
    if !PREFIXES.iter().chain(&NAMES).any(|mark| lower.contains(mark)) && !lower.contains("://") {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(next) = text[at..].chars().next() {
        match secret_at(&lower, at) {
            Some((keep, end)) => {
                clean.push_str(&text[at..keep]);
                clean.push_str(GONE);
                at = end;
            }
            None => {
                clean.push(next);
                at += next.len_utf8();
            }
        }
    }
    Cow::Owned(clean)
}

/// Where a secret begins and ends whose mark begins here.
fn secret_at(lower: &str, at: usize) -> Option<(usize, usize)> {
    let is_inside = lower[..at].chars().next_back().is_some_and(|c| c.is_ascii_alphanumeric());
    if !is_inside {
        for prefix in PREFIXES.iter().filter(|prefix| lower[at..].starts_with(**prefix)) {
            let begin = at + prefix.len();
            let end = begin + run(&lower[begin..], |c| c.is_ascii_alphanumeric() || "-_.+/=~".contains(c));
            if end - begin >= SECRET_MIN {
                return Some((begin, end));
            }
        }
    }
    if lower[at..].starts_with("://") {
        let begin = at + 3;
        let end = begin + run(&lower[begin..], |c| !c.is_whitespace() && !"/@\"'".contains(c));
        return lower[end..].starts_with('@').then_some((begin, end));
    }
    let name = NAMES.iter().find(|name| lower[at..].starts_with(**name))?;
    let rest = &lower[at + name.len()..];
    let separator = run(rest, |c| matches!(c, '"' | '\'' | '=' | ':' | ' ' | '\\'));
    // A word that is followed by another one is a sentence.
    if !rest[..separator].contains(['=', ':']) {
        return None;
    }
    let begin = at + name.len() + separator;
    let value = |from: usize| from + run(&lower[from..], |c| !c.is_whitespace() && !",;\"'}&)".contains(c));
    let mut end = value(begin);
    // `Authorization: Basic …` has its secret in the second word.
    if matches!(&lower[begin..end], "bearer" | "basic") && lower[end..].starts_with(' ') {
        end = value(end + 1);
    }
    (end > begin).then_some((begin, end))
}

/// Bytes of the characters from the start that are like this.
fn run(text: &str, is_part: impl Fn(char) -> bool) -> usize {
    text.find(|c: char| !is_part(c)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_and_the_sentence_stays() {
        for (text, clean) in [
            ("used AGT-0123456789abcdef twice", "used AGT-[redacted] twice"),
            ("Authorization: Bearer abc.def-123\r\n", "Authorization: [redacted]\r\n"),
            ("authorization: Basic dXNlcjpwYXNz", "authorization: [redacted]"),
            ("sent Bearer abc.def-123, refused", "sent Bearer [redacted], refused"),
            ("jwt eyJhbGciOiJFZERTQSJ9.x.y here", "jwt eyJ[redacted] here"),
            ("key reeve_key_abcdef123", "key reeve_key_[redacted]"),
            (r#"{"password":"hunter2","a":1}"#, r#"{"password":"[redacted]","a":1}"#),
            ("agent_token=abc&x=1", "agent_token=[redacted]&x=1"),
            ("http://user:pass@host/path", "http://[redacted]@host/path"),
        ] {
            assert_eq!(redact(text), clean);
        }
    }

    #[test]
    fn what_is_no_secret_is_left_alone() {
        for text in [
            "the registration token was refused",
            "https://reeve.example/api/v1/agents",
            "größer als 5 · ärger",
            "basic checks passed",
            "AGT-1",
            "",
        ] {
            assert_eq!(redact(text), text);
        }
        assert!(
            is_secret_name("agent_token") && is_secret_name("Password") && !is_secret_name("tokens_left")
        );
    }
}
