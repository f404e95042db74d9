//! Which tests try which scenario of update safety. A name stands for every test whose path ends with it; a unit test
//! looks whether it exists.

/// One scenario.
pub struct Scenario {
    /// As the design numbers it.
    pub id: &'static str,
    /// What goes wrong, in a few words.
    pub what: &'static str,
    /// The tests that make it go wrong.
    pub tests: &'static [&'static str],
}

/// Declares the table.
macro_rules! scenarios {
    ($($id:literal $what:literal: $($test:literal),+;)*) => {
        /// Every scenario that is tried.
        pub const SCENARIOS: &[Scenario] = &[$(Scenario { id: $id, what: $what, tests: &[$($test),+] }),*];
    };
}

scenarios! {
    "R01" "stable, even, monotone buckets": "r01_devices_fall_evenly", "r01_golden_vectors", "r01_more_percent_take_nobody_out";
    "R02" "other canaries for each rollout": "r02_rollouts_have_other_canaries";
    "R03" "who a wave means, and devices that move meanwhile": "r03_waves_take_who_they_mean";
    "R04" "a bad build halts by itself": "r04_a_bad_build_reaches_few_of_ten_thousand", "r04_a_fleet_outlives_a_bad_build_on_sqlite", "r04_a_fleet_outlives_a_bad_build_on_postgres", "r04_too_much_halts", "r04_bad_builds_stop_and_r07_somebody_else_lets_it_go_on";
    "R05" "silence is failure": "r05_silence_counts_and_r06_absence_does_not";
    "R06" "who was away before is no failure": "r05_silence_counts_and_r06_absence_does_not";
    "R07" "pause, resume, cancel, supersede": "r07_pause_cancel_and_supersede_hold_everybody", "r04_bad_builds_stop_and_r07_somebody_else_lets_it_go_on";
    "R08" "the cap under parallel questions": "r08_the_cap_holds_under_parallel_questions", "r08_two_servers_grant_at_once";
    "R09" "a lost grant": "r09_a_lost_grant_returns_its_place";
    "R10" "a fleet goes back": "r10_a_rollout_is_undone_by_a_newer_one";
    "R11" "devices that lie about what runs": "r11_a_lie_counts_as_what_runs", "r11_going_back_after_success_is_bad";
    "R12" "two rollouts, one device": "r12_one_update_at_a_time_and_the_newest_first";
    "R13" "odd versions": "r13_odd_versions_get_nothing";
    "R14" "stepping stones": "r14_stepping_stones_are_taken_first";
    "R15" "a scheduler that dies, and two of them": "r15_the_scheduler_may_die_at_every_point", "r15_two_servers_look_at_once";
    "R16" "everybody fetches at once": "r16_downloads_are_spread_and_bounded";
}
