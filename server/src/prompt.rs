//! A question at the terminal whose answer is not shown.

use anyhow::{Context, Result, ensure};
use std::io::{self, Write};

/// Asks, and reads a line that does not appear on the screen.
///
/// # Errors
/// When there is no terminal, or nothing was typed.
pub(crate) fn hidden(question: &str) -> Result<String> {
    let mut err = io::stderr();
    write!(err, "{question}")?;
    err.flush()?;
    let mut line = String::new();
    let read = {
        let _quiet = Quiet::begin()?;
        io::stdin().read_line(&mut line)
    };
    writeln!(err)?;
    read.context("nothing was typed")?;
    let line = line.trim_end_matches(['\r', '\n']);
    ensure!(!line.is_empty(), "nothing was typed");
    Ok(line.to_owned())
}

/// The terminal without echo, until this is dropped.
#[cfg(unix)]
struct Quiet(rustix::termios::Termios);

#[cfg(unix)]
impl Quiet {
    fn begin() -> Result<Self> {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
        let before = tcgetattr(io::stdin()).context("standard input is no terminal")?;
        let mut quiet = before.clone();
        quiet.local_modes -= LocalModes::ECHO;
        tcsetattr(io::stdin(), OptionalActions::Flush, &quiet).context("the terminal shows what is typed")?;
        Ok(Self(before))
    }
}

#[cfg(unix)]
impl Drop for Quiet {
    fn drop(&mut self) {
        // A terminal that is gone needs no echo.
        let _ = rustix::termios::tcsetattr(io::stdin(), rustix::termios::OptionalActions::Flush, &self.0);
    }
}

/// Elsewhere the password comes from standard input.
#[cfg(not(unix))]
struct Quiet;

#[cfg(not(unix))]
impl Quiet {
    fn begin() -> Result<Self> {
        anyhow::bail!("give the password on standard input")
    }
}
