//! Terminal: what programs write for terminals, as text for a page. Nothing is obeyed, and nothing is hidden without
//! being counted. Pure.

/// Longest sequence that is taken for one, in characters; what is longer is text.
const SEQUENCE_MAX: usize = 1_000;

/// Text that can be shown, and how much was not shown of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// The text.
    pub text: String,
    /// How many control sequences and characters are left out, or stand in the text as words.
    pub controls: usize,
}

/// The text as people read it: colours, movements and titles are left out. A carriage return begins a new line, so that
/// no line can be written over another.
#[must_use]
pub fn plain(text: &str) -> Shown {
    read(text, false)
}

/// The text with every control character as a word, so that nobody is shown something else than what is there.
#[must_use]
pub fn exact(text: &str) -> Shown {
    read(text, true)
}

fn read(text: &str, is_exact: bool) -> Shown {
    let mut shown = Shown { text: String::with_capacity(text.len()), controls: 0 };
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = first.len_utf8();
        if matches!(first, '\n' | '\t') {
            shown.text.push(first);
            rest = &rest[length..];
        } else if let Some(ended) = rest.strip_prefix("\r\n") {
            shown.text.push('\n');
            rest = ended;
        } else if is_exact && (first.is_control() || is_unseen(first)) {
            shown.controls += 1;
            shown.text.push_str(&word(first));
            rest = &rest[length..];
        } else if first == '\r' {
            shown.text.push('\n');
            rest = &rest[length..];
        } else if let Some(sequence) = sequence(rest) {
            shown.controls += 1;
            rest = &rest[sequence..];
        } else if first.is_control() {
            shown.controls += 1;
            rest = &rest[length..];
        } else if is_unseen(first) {
            shown.controls += 1;
            shown.text.push_str(&word(first));
            rest = &rest[length..];
        } else {
            shown.text.push(first);
            rest = &rest[length..];
        }
    }
    shown
}

/// How many bytes of what terminals obey stand at the beginning.
fn sequence(text: &str) -> Option<usize> {
    let mut chars = text.char_indices();
    let (_, first) = chars.next()?;
    let introducer = match first {
        '\u{1b}' => chars.next()?.1,
        '\u{9b}' => '[',
        '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => ']',
        _ => return None,
    };
    match introducer {
        '[' => {
            for (at, c) in chars.take(SEQUENCE_MAX) {
                match c {
                    '\u{20}'..='\u{3f}' => {}
                    '\u{40}'..='\u{7e}' => return Some(at + c.len_utf8()),
                    _ => return None,
                }
            }
            None
        }
        // A title, a link and the like: until its end, and never beyond its line.
        ']' | 'P' | 'X' | '^' | '_' => {
            let mut was_escape = false;
            for (at, c) in chars.take(SEQUENCE_MAX) {
                match c {
                    '\u{7}' | '\u{9c}' => return Some(at + c.len_utf8()),
                    '\\' if was_escape => return Some(at + 1),
                    '\n' => return None,
                    _ => was_escape = c == '\u{1b}',
                }
            }
            None
        }
        '\u{20}'..='\u{2f}' => chars.next().map(|(at, c)| at + c.len_utf8()),
        '\u{30}'..='\u{7e}' => Some(first.len_utf8() + introducer.len_utf8()),
        _ => None,
    }
}

/// Characters that turn the order of others around, or take no room.
const fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

/// A character as a word.
fn word(c: char) -> String {
    match c {
        '\u{1b}' => "⟨ESC⟩".to_owned(),
        '\r' => "⟨CR⟩".to_owned(),
        '\u{7}' => "⟨BEL⟩".to_owned(),
        '\u{8}' => "⟨BS⟩".to_owned(),
        '\0' => "⟨NUL⟩".to_owned(),
        c => format!("⟨U+{:04X}⟩", u32::from(c)),
    }
}

#[cfg(test)]
mod tests {
    use super::{exact, plain};

    #[test]
    fn colours_titles_and_movements_are_left_out() {
        for (raw, text) in [
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{1b}]0;title\u{7}after", "after"),
            ("\u{1b}]8;;https://evil.example\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link"),
            ("\u{9b}2Jclear", "clear"),
            ("\u{1b}(Bset", "set"),
            ("\u{1b}creset", "reset"),
            ("a\u{8}b\u{0}c", "abc"),
            ("one\r\ntwo\tthree", "one\ntwo\tthree"),
        ] {
            assert_eq!(plain(raw).text, text, "{raw:?}");
        }
    }

    #[test]
    fn nothing_can_hide_what_comes_after_it() {
        assert_eq!(plain("bad\rgood").text, "bad\ngood");
        assert_eq!(plain("\u{1b}]0;never ends\nrm -rf /").text, "]0;never ends\nrm -rf /");
        assert_eq!(plain(&format!("\u{1b}[{}end", "1;".repeat(2_000))).text.len(), 4_004);
        assert_eq!(plain("\u{1b}").text, "");
        assert_eq!(plain("a\u{202e}b").text, "a⟨U+202E⟩b");
    }

    #[test]
    fn markup_is_text() {
        assert_eq!(plain("<script>alert(1)</script>").text, "<script>alert(1)</script>");
        assert_eq!(plain("<script>").controls, 0);
    }

    #[test]
    fn everything_shows_in_the_exact_form() {
        let shown = exact("\u{1b}[31mred\r\u{7}\u{200b}\r\n");
        assert_eq!(shown.text, "⟨ESC⟩[31mred⟨CR⟩⟨BEL⟩⟨U+200B⟩\n");
        assert_eq!(shown.controls, 4);
    }
}
