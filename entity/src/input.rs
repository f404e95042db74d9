//! Text that people and agents send, parsed once and bounded.

use crate::problem::Problem;

/// Longest name of a person, place or machine, in characters.
pub const NAME_MAX: usize = 120;
/// Longest search text, in characters.
pub const SEARCH_MAX: usize = 100;
/// Shortest password, in characters.
pub const PASSWORD_MIN: usize = 12;
/// Longest password, in bytes; bounds the work of hashing.
pub const PASSWORD_MAX: usize = 256;

/// Trims and bounds a required single-line text.
///
/// # Errors
/// Names the field when it is empty, too long or holds control characters.
pub fn line(field: &str, text: &str) -> Result<String, Problem> {
    match optional_line(field, text)? {
        Some(text) => Ok(text),
        None => Err(Problem::invalid(field, "This is required.")),
    }
}

/// Trims and bounds an optional single-line text; empty is absent.
///
/// # Errors
/// Names the field when it is too long or holds control characters.
pub fn optional_line(field: &str, text: &str) -> Result<Option<String>, Problem> {
    let text = text.trim();
    if text.chars().count() > NAME_MAX {
        return Err(Problem::invalid(field, format!("At most {NAME_MAX} characters.")));
    }
    if text.chars().any(char::is_control) {
        return Err(Problem::invalid(field, "Control characters are not accepted."));
    }
    Ok(if text.is_empty() { None } else { Some(text.to_owned()) })
}

/// Trims and bounds what a person writes on one line or several; empty is absent.
///
/// # Errors
/// Names the field when it is too long or holds control characters.
pub fn paragraph(field: &str, text: &str, most: usize) -> Result<Option<String>, Problem> {
    let text = text.trim();
    if text.chars().count() > most {
        return Err(Problem::invalid(field, format!("At most {most} characters.")));
    }
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err(Problem::invalid(field, "Control characters are not accepted."));
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

/// Text as lists are sorted and searched by: without upper case, whatever the alphabet. Kept beside the text, because
/// the embedded database folds ASCII alone.
#[must_use]
pub fn fold(text: &str) -> String {
    text.to_lowercase()
}

/// An email address, lower case; checked for shape only.
///
/// # Errors
/// Names the field when it cannot be an address.
pub fn email(field: &str, text: &str) -> Result<String, Problem> {
    let text = line(field, text)?.to_lowercase();
    let good = text.split_once('@').is_some_and(|(local, host)| {
        !local.is_empty()
            && host.contains('.')
            && !host.starts_with('.')
            && !host.ends_with('.')
            && !host.contains('@')
            && !text.contains(char::is_whitespace)
    });
    if good { Ok(text) } else { Err(Problem::invalid(field, "Write an address like name@example.com.")) }
}

/// A new password, judged by length alone.
///
/// # Errors
/// Names the field when it is too short or too long.
pub fn password(field: &str, text: &str) -> Result<(), Problem> {
    if text.chars().count() < PASSWORD_MIN {
        return Err(Problem::invalid(field, format!("At least {PASSWORD_MIN} characters.")));
    }
    if text.len() > PASSWORD_MAX {
        return Err(Problem::invalid(field, format!("At most {PASSWORD_MAX} bytes.")));
    }
    Ok(())
}

/// Cuts text that an agent sent down to `max` characters and drops control characters: what agents report is
/// kept as far as it can be, never refused for its looks.
#[must_use]
pub fn clip(text: &str, max: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(max).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_input_names_its_field() {
        assert_eq!(line("name", "  ").map_err(|p| p.field), Err(Some("name".to_owned())));
        assert_eq!(line("name", "a\u{7}").map_err(|p| p.field), Err(Some("name".to_owned())));
        assert!(line("name", &"x".repeat(NAME_MAX + 1)).is_err());
        assert_eq!(line("name", "  Ada  "), Ok("Ada".to_owned()));
    }

    #[test]
    fn addresses_are_checked_for_shape() {
        for bad in ["", "a", "a@b", "@b.c", "a@.c", "a@b.", "a b@c.d", "a@b@c.d"] {
            assert!(email("email", bad).is_err(), "{bad}");
        }
        assert_eq!(email("email", " Ada@Example.COM "), Ok("ada@example.com".to_owned()));
    }

    #[test]
    fn clip_keeps_what_it_can() {
        assert_eq!(clip("ab\u{0}cd", 3), "abc");
    }
}
