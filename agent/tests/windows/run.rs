//! Runs the tests one after the other: they share one Windows, which has one service of that name and one installer.

use crate::{command, force, machine::Windows, package, resident, service};
use std::{env, io::Write as _, pin::Pin, process::ExitCode, time::Duration};
use tokio::time::{Instant, timeout};

/// A test that takes longer hangs.
const MOST: Duration = Duration::from_secs(90);

type Running<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;
type Test = (&'static str, for<'a> fn(&'a Windows) -> Running<'a>);

/// Names a test and boxes it.
macro_rules! tests {
    ($($module:ident::$name:ident),+ $(,)?) => {
        &[$((concat!(stringify!($module), "::", stringify!($name)), |windows| Box::pin($module::$name(windows)))),+]
    };
}

const TESTS: &[Test] = tests![
    resident::a_machine_becomes_a_device_and_reports,
    resident::what_it_tells_is_windows,
    resident::a_second_agent_is_refused_and_a_death_frees_the_lock,
    resident::the_folder_is_nobody_elses,
    resident::it_ends_with_its_supervisor,
    force::an_agent_makes_room,
    force::the_secret_is_in_the_credential_manager,
    force::a_wrong_secret_is_refused,
    command::modes_limits_and_notes_are_kept_and_shown,
    command::a_script_passes_both_locks_and_the_journal,
    command::a_process_is_ended_by_its_name,
    service::autostart_is_a_run_key,
    service::a_service_is_installed_started_stopped_and_taken_away,
    service::the_supervisor_starts_an_agent_that_failed_again,
    package::an_msi_installs_registers_upgrades_and_uninstalls,
];

/// Runs those whose names contain a word of the command line, or all.
pub fn run_all() -> ExitCode {
    let say = |line: &str| {
        let _ = writeln!(std::io::stderr(), "{line}");
    };
    let Some(windows) = Windows::here() else {
        say("the agent under Wine: left out, `cargo xtask test` runs it");
        return ExitCode::SUCCESS;
    };
    let words: Vec<String> = env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let chosen =
        TESTS.iter().filter(|(name, _)| words.is_empty() || words.iter().any(|word| name.contains(word)));
    let mut failed = 0;
    for (name, test) in chosen {
        let start = Instant::now();
        // A panic ends this test and not the others.
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async { timeout(MOST, test(&windows)).await })
        }));
        let word = match outcome {
            Ok(Ok(())) => "ok",
            Ok(Err(_)) => "FAILED: it hangs",
            Err(_) => "FAILED",
        };
        failed += usize::from(word != "ok");
        say(&format!("test {name} ... {word} ({:.1} s)", start.elapsed().as_secs_f32()));
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
