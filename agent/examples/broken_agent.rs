//! An agent for tests of whole updates: it proves itself when it is asked beforehand, as the real one does, and crashes
//! whenever it is started.

use agent::{paths::Paths, update::selfcheck};
use std::{
    io::{self, Write as _},
    process::{self, ExitCode},
};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<ExitCode, Failure> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let word_after = |name: &str| {
        let at = words.iter().position(|word| word == name)?;
        words.get(at + 1).cloned()
    };
    if words.first().is_none_or(|verb| verb != "selfcheck") {
        process::abort();
    }
    let (data, nonce) =
        (word_after("--data-dir").ok_or("no --data-dir")?, word_after("--nonce").ok_or("no --nonce")?);
    let (answer, code) = selfcheck::carry_out(&Paths::under(data), &nonce);
    writeln!(io::stdout(), "{}", serde_json::to_string(&answer)?)?;
    Ok(ExitCode::from(code))
}
