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
    "U01" "a tampered package": "a_file_that_is_not_what_was_signed_never_runs", "every_bit_of_a_manifest", "a_build_that_cannot_work_never_takes_the_place_of_one_that_does", "a_file_with_another_byte_comes_to_nothing_before_the_change";
    "U02" "a digest or size that only the server names": "artifact_substitution", "what_was_cut_off_is_gone_on_with", "a_server_with_every_key_that_it_has_makes_nothing_run_that_people_did_not_sign";
    "U03" "links and names that were put in the way": "what_others_put_there_is_not_written_into", "links_pipes_and_second_names_are_refused", "a_file_is_named_by_what_it_is_whatever_it_was_called";
    "U04" "a program for another machine": "a_build_that_cannot_work_never_takes_the_place_of_one_that_does", "what_fails_its_own_check_is_never_switched_to";
    "U05" "a page instead of a program": "what_stands_in_the_way_is_told_apart", "an_update_outlives_answers_that_are_not_the_servers";
    "U06" "an old release again": "manifest_rollback", "an_old_release_is_refused", "a_server_with_every_key_that_it_has_makes_nothing_run_that_people_did_not_sign";
    "U07" "answers that stand still": "updates_that_freeze_are_noticed_once";
    "U08" "documents of two releases": "mix_and_match", "a_server_that_lies_is_not_believed", "a_server_with_every_key_that_it_has_makes_nothing_run_that_people_did_not_sign";
    "U09" "a number from the far future": "timestamp_fast_forward", "timestamp_fast_forward_recovery", "root_fast_forward", "a_server_with_every_key_that_it_has_makes_nothing_run_that_people_did_not_sign";
    "U10" "data without an end": "endless_root", "endless_manifest", "endless_timestamp", "a_server_that_drips_is_given_up", "what_stands_in_the_way_is_told_apart", "an_update_outlives_a_network_that_is_slow_and_breaks_off", "a_server_with_every_key_that_it_has_makes_nothing_run_that_people_did_not_sign";
    "U11" "games with thresholds": "root_threshold_of_one", "threshold_of_nought", "too_few_keys_for_the_threshold", "initial_root_signed_by_keys_of_other_roles", "manifest_signed_by_the_wrong_role";
    "U12" "a stolen freshness key": "timestamp_fast_forward", "a_server_whose_clock_is_years_ahead_moves_no_floor", "a_server_with_every_key_that_it_has_makes_nothing_run_that_people_did_not_sign";
    "U13" "one stolen root key": "one_root_key_alone_rotates_nothing", "new_root_nonversioned_gap";
    "U14" "a stolen release key": "non_root_rotations", "what_the_manifest_itself_revokes_is_not_taken", "a_revoked_build_is_not_gone_back_to";
    "U15" "a server that lies with every key it has": "a_server_that_lies_is_not_believed", "a_file_that_is_not_what_was_signed_never_runs", "a_server_with_every_key_that_it_has_makes_nothing_run_that_people_did_not_sign";
    "U16" "a server or a user in somebody else's place": "a_server_with_a_trusted_certificate_and_none_of_the_keys_makes_nothing_run", "a_server_whose_certificate_nobody_vouches_for_hears_nothing", "a_user_without_rights_cannot_point_the_agent_elsewhere", "another_user_is_turned_away_even_where_the_directory_is_open", "hostile_words_are_answered_or_cut_off_and_change_nothing", "what_the_server_sets_never_reaches_the_configuration", "the_socket_is_never_less_protected_than_the_server", "an_administrator_can_give_a_root_and_nothing_else_does";
    "U17" "a file that changes after it was looked at": "a_damaged_slot_is_not_started";
    "U18" "folders that others can write": "folders_that_others_can_write_are_refused", "an_open_folder_is_found";
    "U19" "a full disk at every step": "a_fault_at_any_call_of_an_update_leaves_one_whole_agent", "whatever_goes_wrong_a_whole_program_runs", "a_full_disk_is_said_and_nothing_is_noted";
    "U20" "a disk that refuses": "a_fault_at_any_call_of_an_update_leaves_one_whole_agent", "whatever_goes_wrong_a_whole_program_runs";
    "U21" "a power cut at every step": "whatever_goes_wrong_a_whole_program_runs";
    "U22" "a supervisor that is killed": "a_fault_at_any_call_of_an_update_leaves_one_whole_agent", "a_supervisor_that_is_killed_again_and_again_gets_there", "a_trial_goes_on_under_the_next_supervisor_and_begins_anew_after_a_restart_of_the_machine", "an_update_that_was_cut_off_is_mended_first";
    "U23" "a build that ends": "a_build_that_crashes_at_once_is_taken_back", "a_build_that_ends_in_order_is_taken_back", "a_build_that_crashes_is_taken_back_and_halts_its_rollout";
    "U24" "a build that hangs": "a_build_that_hangs_is_taken_back", "a_build_that_never_says_hello_is_taken_back";
    "U25" "a build that reaches no server": "a_build_that_reaches_no_server_is_taken_back", "a_build_that_the_server_hears_no_more_is_taken_back";
    "U26" "a network that is away": "a_network_that_is_down_is_not_held_against_a_build", "a_network_that_is_down_is_nobodys_fault", "a_busy_server_and_sleep_are_nobodys_fault", "an_update_outlives_a_network_that_is_slow_and_breaks_off", "an_update_outlives_answers_that_are_not_the_servers", "a_network_or_a_server_that_goes_away_on_trial_takes_nothing_back";
    "U27" "a build that collects nothing": "a_build_that_collects_nothing_is_taken_back";
    "U28" "a build that dies after its trial, or grows": "a_build_that_crashes_after_its_trial_is_taken_back", "a_late_crash_brings_the_kept_build_back", "memory_is_judged_when_it_stays_high";
    "U29" "the number of the agent that now is another program's": "a_program_that_got_the_number_of_the_agent_gets_no_signal", "a_program_that_got_the_number_of_the_old_one_is_neither_waited_for_nor_ended", "one_that_has_ended_gets_no_signal_and_one_that_runs_gets_it";
    "U30" "files that other programs hold": "a_file_that_others_hold_is_waited_for_a_minute_and_no_longer", "what_was_waited_for_in_vain_costs_its_time_once", "files_that_others_hold_for_a_moment_change_nothing_of_an_update", "a_file_that_is_held_for_hours_leaves_a_whole_program_and_an_update_that_ends", "a_supervisor_that_somebody_holds_is_replaced_when_it_is_let_go";
    "U31" "two supervisors": "two_supervisors_do_not_share_a_data_directory";
    "U32" "clocks that are wrong": "time_goes_forward_by_what_was_signed", "an_expired_manifest_does_not_come_back_with_the_clock", "sleep_does_not_count";
    "U33" "forms of files that change, and back": "an_agent_that_is_put_back_goes_on_with_what_it_had", "a_migration_of_ours_leaves_the_version_before_its_file", "what_a_later_version_added_is_read_by_the_one_that_comes_back", "a_change_of_a_later_version_may_be_cut_off_anywhere", "entries_of_a_later_version_keep_their_numbers", "what_a_later_supervisor_added_is_passed_over", "a_program_from_before_a_migration_says_whether_it_could_work", "an_agent_that_is_killed_while_it_migrates_loses_nothing", "an_agent_that_comes_back_reads_everything_that_a_later_one_left", "a_build_that_migrates_and_is_taken_back_leaves_the_one_before_able_to_work";
    "U34" "damaged files": "every_flipped_bit_and_every_cut_is_found", "damaged_state_is_no_reason_not_to_start", "one_good_copy_is_enough_and_the_newer_one_counts";
    "U35" "the same bad build for ever": "three_tries_then_a_time_that_doubles", "every_bad_build_is_taken_back_and_denied";
    "U36" "a start-up bug that shows long after the trial": "a_program_that_no_longer_comes_up_gives_way_and_a_fixed_release_mends_the_machine", "an_upgraded_package_that_does_not_come_up_gives_way_to_what_ran_before_it", "what_is_counted_outlives_the_supervisor", "nothing_below_what_is_secure_and_nothing_that_was_revoked_stands_in", "when_nothing_comes_up_they_take_turns_ever_more_seldom", "what_gave_way_is_tried_again_with_a_start_after_a_day", "an_agent_that_never_says_what_it_is_is_ended_and_counted", "a_package_that_ends_at_its_start_is_mended_by_the_next_release", "a_release_that_ends_at_its_start_long_after_its_trial_is_mended_by_the_next_one";
    "U37" "updating the supervisor": "a_supervisor_makes_room_for_the_next_one", "a_supervisor_that_is_never_confirmed_puts_the_one_before_back", "a_supervisor_that_fails_its_own_check_is_not_taken", "the_power_may_go_while_the_supervisor_is_replaced", "a_supervisor_that_dies_before_it_counts_is_taken_back_by_the_one_before", "a_supervisor_that_counts_is_not_counted_twice_and_stays", "the_power_may_go_while_the_one_before_takes_its_place_back", "a_supervisor_that_dies_in_its_first_moment_is_taken_back_by_the_one_before", "the_unit_lets_the_supervisor_before_look_and_its_folder_be_written";
    "U38" "an uninstallation in the middle of an update, and an installation over it": "an_uninstallation_in_the_middle_of_an_update_leaves_nothing_that_runs", "after_an_uninstallation_at_any_step_the_installed_program_begins_anew", "a_newer_package_over_an_update_at_any_step_is_what_runs", "nothing_is_removed_while_a_supervisor_looks_after_the_data", "uninstalling_keeps_the_data_and_purging_removes_it_but_no_other_folder", "a_package_takes_what_updates_brought_with_it_and_nothing_else";
    "U39" "a service manager that gives up": "nothing_in_the_unit_lets_systemd_give_up", "systemd_reads_the_unit_without_a_word_and_finds_it_hardened", "the_unit_names_its_places_and_the_files_that_it_waits_for";
    "R01" "stable, even, monotone buckets": "r01_devices_fall_evenly", "r01_golden_vectors", "r01_more_percent_take_nobody_out";
    "R02" "other canaries for each rollout": "r02_rollouts_have_other_canaries";
    "R03" "who a wave means, and devices that move meanwhile": "r03_waves_take_who_they_mean";
    "R04" "a bad build halts by itself": "r04_a_bad_build_reaches_few_of_ten_thousand", "r04_a_fleet_outlives_a_bad_build_on_sqlite", "r04_a_fleet_outlives_a_bad_build_on_postgres", "r04_too_much_halts", "r04_bad_builds_stop_and_r07_somebody_else_lets_it_go_on", "a_build_that_crashes_is_taken_back_and_halts_its_rollout";
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

/// What `cargo xtask windows` tries besides, under Wine: the scenario and its tests. None of it is a verdict on Windows.
pub const UNDER_WINE: &[(&str, &[&str])] = &[
    ("U17", &["a_program_that_is_held_is_sealed_and_read_when_it_is_let_go"]),
    ("U22", &["a_supervisor_that_is_killed_in_an_update_goes_on_with_it_under_wine"]),
    ("U23", &["a_build_that_crashes_is_taken_back_under_wine"]),
    ("U24", &["a_build_that_hangs_is_taken_back_under_wine"]),
    (
        "U30",
        &[
            "a_file_that_is_held_is_renamed_when_it_is_let_go",
            "a_file_that_is_held_is_replaced_when_it_is_let_go",
            "a_file_that_is_held_is_written_anew_when_it_is_let_go",
            "a_file_that_is_held_is_removed_when_it_is_let_go",
            "a_program_that_is_held_is_set_aside_when_it_is_let_go",
            "a_record_that_others_look_at_is_never_half_written",
            "an_update_outlives_a_program_that_holds_its_files",
        ],
    ),
    (
        "U37",
        &[
            "a_program_that_runs_can_be_set_aside_and_neither_removed_nor_written",
            "a_slot_whose_program_runs_stays_until_it_has_ended",
            "a_supervisor_makes_room_for_the_next_one",
            "a_supervisor_that_is_never_confirmed_puts_the_one_before_back",
        ],
    ),
    (
        "U38",
        &[
            "an_msi_installs_registers_upgrades_and_uninstalls",
            "a_service_is_installed_started_stopped_and_taken_away",
        ],
    ),
];
