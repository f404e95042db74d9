//! Whether a password is good enough for a new one: long, not stolen elsewhere, and not made of what is tried first.

use super::breached;
use crate::{Error, Result, Store};
use entity::{input, problem::Problem, table::user};
use std::{collections::HashSet, sync::Arc};

/// Characters that have to be left when all that anybody would guess is taken away.
const LEFT_MIN: usize = 8;
/// What a common word counts for, in characters.
const COMMON_WORD: usize = 3;
/// Rows of keyboards, the alphabet and the digits; runs of at least four along them, in either direction, count for
/// nothing.
const ROWS: [&str; 15] = [
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "1234567890-=",
    "qwertyuiop[]",
    "asdfghjkl;'",
    "zxcvbnm,./",
    "qwertzuiop",
    "yxcvbnm",
    "azertyuiop",
    "qsdfghjklm",
    "!@#$%^&*()",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
    "qazwsxedcrfvtgbyhnujm",
    "1q2w3e4r5t6y7u8i9o0p",
    "1a2b3c4d5e6f7g8h9i",
];
const RUN_MIN: usize = 4;
/// Shortest part of a name or an address that counts as theirs, in characters.
const OWN_MIN: usize = 3;

/// Who chooses a password.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chooser<'a> {
    /// Signs in with this.
    pub(crate) email: &'a str,
    /// The person's name.
    pub(crate) full_name: &'a str,
}

impl<'a> From<&'a user::Model> for Chooser<'a> {
    fn from(user: &'a user::Model) -> Self {
        Self { email: &user.email, full_name: &user.full_name }
    }
}

impl Chooser<'_> {
    /// The words that anybody would try who knows them, in lower case: longest first.
    fn own_words(&self) -> Vec<Vec<char>> {
        let text = format!("{} {} reeve", self.email, self.full_name).to_lowercase();
        let parts = text.split(|c: char| !c.is_alphanumeric());
        let mut words: Vec<Vec<char>> =
            parts.map(|part| part.chars().collect::<Vec<_>>()).filter(|word| word.len() >= OWN_MIN).collect();
        words.sort_by_key(|word| std::cmp::Reverse(word.len()));
        words
    }
}

/// Is this good enough for a new password of theirs?
///
/// # Errors
/// Invalid names the field and says why.
pub(crate) async fn check(store: &Store, field: &str, password: &str, chooser: Chooser<'_>) -> Result<()> {
    input::password(field, password)?;
    if breached::is_common(&password.to_lowercase()) {
        return Err(stolen(field));
    }
    if is_guessable(password, chooser) {
        let detail = "This is easy to guess: it is made of common passwords, rows of the keyboard, repetition, or \
                      your own name and address. A sentence is good.";
        return Err(Problem::invalid(field, detail).into());
    }
    if let Some(list) = store.breached_list() {
        let (list, password) = (Arc::clone(list), password.to_owned());
        let found = tokio::task::spawn_blocking(move || list.contains(&password)).await;
        if found.map_err(|error| Error::Internal(error.to_string()))?? {
            return Err(stolen(field));
        }
    }
    Ok(())
}

fn stolen(field: &str) -> Error {
    let detail = "This password is in lists of stolen passwords, which are tried first. A sentence of your own is good.";
    Problem::invalid(field, detail).into()
}

/// Is too little left of it once what anybody would try is taken away?
fn is_guessable(password: &str, chooser: Chooser<'_>) -> bool {
    let lower: Vec<char> = password.to_lowercase().chars().collect();
    let core = core_of(&lower);
    if is_common_word(&core) || is_common_word(&plain(&core)) {
        return true;
    }
    let mut left = unit_of(&lower).to_vec();
    for word in chooser.own_words() {
        take_away(&mut left, &word);
    }
    take_runs_away(&mut left);
    let text: String = left.into_iter().collect();
    let words: HashSet<&str> =
        text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let worth = |word: &str| {
        let letters: Vec<char> = word.chars().collect();
        let core = core_of(&letters);
        if is_common_word(&letters) || is_common_word(&core) { COMMON_WORD } else { unit_of(&letters).len() }
    };
    words.into_iter().map(worth).sum::<usize>() < LEFT_MIN
}

fn is_common_word(letters: &[char]) -> bool {
    letters.len() >= RUN_MIN && breached::is_common(&unit_of(letters).iter().collect::<String>())
}

/// Without the digits and signs around it: `!monkey1987` is `monkey`.
fn core_of(letters: &[char]) -> Vec<char> {
    let first = letters.iter().position(|c| c.is_alphabetic());
    let last = letters.iter().rposition(|c| c.is_alphabetic());
    first.zip(last).map(|(first, last)| letters[first..=last].to_vec()).unwrap_or_default()
}

/// With letters in the place of the signs that are written for them.
fn plain(letters: &[char]) -> Vec<char> {
    let letter = |c: &char| match c {
        '@' | '4' => 'a',
        '$' | '5' => 's',
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '7' => 't',
        other => *other,
    };
    letters.iter().map(letter).collect()
}

/// What a text repeats, or all of it.
fn unit_of(letters: &[char]) -> &[char] {
    let repeats = |length: &usize| letters.iter().zip(&letters[*length..]).all(|(one, other)| one == other);
    let length = (1..=letters.len() / 2).find(repeats).unwrap_or(letters.len());
    &letters[..length]
}

/// Puts a space in the place of every occurrence.
fn take_away(letters: &mut Vec<char>, word: &[char]) {
    while let Some(at) = letters.windows(word.len()).position(|part| part == word) {
        letters.splice(at..at + word.len(), [' ']);
    }
}

/// Puts a space in the place of every run along a row, and of every letter said more than twice in a row.
fn take_runs_away(letters: &mut Vec<char>) {
    let rows: Vec<Vec<char>> =
        ROWS.iter().flat_map(|row| [row.chars().collect(), row.chars().rev().collect()]).collect();
    let mut at = 0;
    while at < letters.len() {
        let length = run_at(&letters[at..], &rows);
        if length > 0 {
            letters.splice(at..at + length, [' ']);
        }
        at += 1;
    }
}

/// How many letters of a run begin here; 0 when it is too short for one.
fn run_at(letters: &[char], rows: &[Vec<char>]) -> usize {
    let same = letters.iter().take_while(|letter| **letter == letters[0]).count();
    let along = rows
        .iter()
        .flat_map(|row| (0..row.len()).map(move |from| &row[from..]))
        .map(|row| letters.iter().zip(row).take_while(|(letter, next)| letter == next).count());
    let along = along.max().unwrap_or(0);
    if along >= RUN_MIN {
        along
    } else if same > 2 {
        same
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Chooser<'_> = Chooser { email: "g.hopper@harbour.example", full_name: "Grace Hopper" };

    #[test]
    fn what_is_tried_first_is_easy_to_guess() {
        for bad in [
            "aaaaaaaaaaaaaaaa",
            "abababababab",
            "abcabcabcabcabc",
            "abcdefghijkl",
            "987654321098",
            "qwertyuiop123456",
            "1qaz2wsx3edc4rfv",
            "asdfghjklzxcvbnm",
            "Password1234",
            "P@ssw0rd2026!",
            "passwordpassword",
            "password password",
            "!!!Monkey198374",
            "letmein-letmein-2026",
            "Summer12345678",
            "reeve-reeve-reeve",
            "Reeve2026Reeve!",
            "reeve-password-1",
            "grace.hopper.1906",
            "GraceHopper123!",
            "g.hopper@harbour.example",
            "harbour-hopper-12",
            "            ",
        ] {
            assert!(is_guessable(bad, GRACE), "{bad}");
        }
    }

    #[test]
    fn sentences_and_random_ones_are_not() {
        for good in [
            "correct horse battery staple",
            "compilers are for people",
            "the tide is coming in",
            "yet another sentence",
            "a sentence for the admin",
            "another long password",
            "I met Grace in the harbour at noon",
            "kd83jf92xm4q",
            "T7#qLz!9vB2&",
            "qwerty and three purple giraffes",
            "ein Satz mit Umlauten: äöü",
            "五月の雨を集めて早し最上川",
        ] {
            assert!(!is_guessable(good, GRACE), "{good}");
        }
    }
}
