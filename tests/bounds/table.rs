//! Which test reaches which bound. A bound of `src/base/limits/` that is in neither list fails here, as
//! does a test that is named and gone.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// A test by its file and name, and the bounds it reaches.
type Reached = (&'static str, &'static str, &'static [&'static str]);

const SEARCH: &[Reached] = &[
    (
        "src/search/query.rs",
        "a_query_is_cut_at_so_many_characters_and_words",
        &["search::QUERY_CHARS", "search::TERMS"],
    ),
    ("src/search/matcher.rs", "a_text_has_so_many_marks_at_most", &["search::MARKS"]),
    (
        "src/search/keys.rs",
        "the_keys_of_a_message_are_bounded",
        &["search::KEY_CHARS", "search::KEY_BYTES"],
    ),
    (
        "src/service/turns.rs",
        "one_person_has_so_many_turns_and_leaves_some_to_the_others",
        &["search::AT_ONCE", "search::OF_ONE", "search::WAIT"],
    ),
    (
        "src/service/turns.rs",
        "so_many_of_one_person_wait_and_one_more_is_refused",
        &[
            "search::WAITING",
            "files::ANNOUNCING",
            "files::ANNOUNCEMENT_WAIT",
            "files::READING",
            "files::READING_WAITING",
        ],
    ),
    (
        "src/service/search/filing.rs",
        "so_many_blocks_are_filed_at_a_time_and_of_one_room",
        &["search::FILED_AT_ONCE", "search::FILED_OF_ROOM"],
    ),
    (
        "src/service/search/filing.rs",
        "full_blocks_are_filed_at_once_and_the_last_one_when_the_room_is_quiet",
        &["search::QUIET"],
    ),
    (
        "tests/search/bounds.rs",
        "a_search_ends_in_time_says_so_and_goes_on_where_it_was",
        &["search::LOOKED_AT", "search::WALKED", "search::BLOCKS"],
    ),
    (
        "tests/search/bounds.rs",
        "long_messages_take_no_longer_than_short_ones_and_time_is_charged",
        &["search::TIME", "search::PAID", "search::TIME_OF_READ"],
    ),
    (
        "tests/search/queries.rs",
        "a_result_is_the_message_with_its_room_and_marks",
        &["search::PAGE", "search::PAGE_DEFAULT"],
    ),
    (
        "tests/search/queries.rs",
        "operators_choose_people_rooms_days_and_what_a_message_has",
        &["search::NAMESAKES"],
    ),
    (
        "tests/search/index.rs",
        "what_is_deleted_edited_or_removed_is_out_of_the_index_with_the_answer",
        &["search::LOCK"],
    ),
];

const HTTP: &[Reached] = &[
    (
        "src/http/socket.rs",
        "the_kernel_buffers_no_more_than_may_be_unsent_for_a_client_that_does_not_read",
        &["http::UNSENT"],
    ),
    (
        "src/base/net.rs",
        "addresses_of_one_ipv6_network_count_together_at_64_56_and_48_bits",
        &["net::SHARE_OF_56", "net::SHARE_OF_48"],
    ),
    (
        "tests/bounds/http.rs",
        "a_request_may_be_as_large_as_the_bounds_say_and_not_a_byte_larger",
        &[
            "http::REQUEST_LINE",
            "http::HEAD",
            "http::HEADERS",
            "http::CHUNK_EXTENSION",
            "http::CHUNK_EXTENSIONS",
            "http::TRAILERS",
            "http::BODY",
            "api::SMALL_BODY",
            "api::AVATAR_BODY",
        ],
    ),
    (
        "tests/http/transfers.rs",
        "forty_uploads_of_one_client_are_served_in_turns_and_take_no_slot_of_its_requests",
        &["http::UPLOADS_PER_ADDRESS", "http::UPLOAD_HELD"],
    ),
    (
        "src/http/request_limiter.rs",
        "transfers_have_slots_of_their_own_of_a_client_and_of_all",
        &["http::UPLOADS", "http::DOWNLOADS_PER_ADDRESS", "http::DOWNLOADS"],
    ),
    (
        "src/http/transfers.rs",
        "the_slowest_that_has_lasted_for_a_while_gives_way_to_whoever_waits",
        &["http::TRANSFER_PATIENCE", "http::TRANSFER_SLOW", "http::TRANSFER_LOOK"],
    ),
    (
        "tests/http/transfers.rs",
        "a_body_is_read_piece_by_piece_and_the_next_request_follows_it",
        &["http::PIECE"],
    ),
    (
        "tests/http/transfers.rs",
        "an_upload_ends_that_brings_no_piece_in_time_and_a_slow_one_does_not",
        &["http::PIECE_DEADLINE"],
    ),
    (
        "tests/http/transfers.rs",
        "a_stop_ends_uploads_at_once_and_answers_after_a_moment",
        &["http::DOWNLOAD_STOP"],
    ),
    (
        "src/http/source.rs",
        "a_part_of_a_file_comes_in_pieces_and_ends_exactly",
        &["http::DOWNLOAD_PIECE"],
    ),
    (
        "src/http/source.rs",
        "so_many_pieces_are_read_at_the_same_time_and_the_next_one_waits",
        &["http::FILE_READS"],
    ),
    ("src/http/json.rs", "an_error_names_the_field_that_is_wrong", &["http::JSON_DEPTH"]),
    ("src/http/site/mod.rs", "nothing_outside_the_site_is_served", &["http::SITE_PATH"]),
    (
        "src/http/site/archive.rs",
        "the_builds_that_were_in_use_longest_ago_are_removed",
        &["http::BUILDS_KEPT", "http::BUILD_ABANDONED"],
    ),
    (
        "src/http/coding.rs",
        "long_answers_are_compressed_and_come_back_as_they_were",
        &["http::PACKED_FROM", "http::PACKED_HERE"],
    ),
    (
        "src/http/coding.rs",
        "beyond_the_permits_a_long_answer_goes_out_as_it_is",
        &["http::PACKED_AT_ONCE"],
    ),
    ("src/http/coding.rs", "the_length_of_a_compressed_answer_varies", &["http::PACKED_PADDING"]),
    (
        "tests/http/http1.rs",
        "deadlines_cover_the_whole_head_and_the_whole_body_not_one_read",
        &["http::BODY_DEADLINE"],
    ),
    (
        "tests/floods.rs",
        "a_connection_that_sends_nothing_ends_with_the_deadline_of_its_head",
        &["http::HEAD_DEADLINE"],
    ),
    (
        "tests/floods.rs",
        "the_connection_that_is_idle_for_the_longest_time_gives_way_to_a_new_one",
        &["http::GIVES_WAY"],
    ),
    (
        "tests/floods.rs",
        "so_many_connections_wait_for_so_long_and_the_next_is_refused_at_once",
        &["http::WAITING_PER_ADDRESS"],
    ),
    (
        "src/http/request_limiter.rs",
        "a_burst_passes_then_the_rate_holds_and_the_wait_is_named",
        &[
            "http::BURST",
            "http::RATE",
            "http::COST_LIGHT",
            "http::COST_LOOKUP",
            "http::COST_CALL",
            "http::COST_HEAVY",
        ],
    ),
    (
        "tests/floods.rs",
        "a_client_beyond_its_rate_gets_retry_after_and_others_are_served",
        &["http::RATE_PAUSE"],
    ),
    (
        "src/http/request_limiter.rs",
        "so_many_requests_of_a_client_are_served_at_once_and_the_next_waits_for_a_while",
        &["http::AT_ONCE", "http::AT_ONCE_WAIT"],
    ),
    (
        "src/http/request_limiter.rs",
        "the_table_is_bounded_and_forgets_only_who_has_nothing_spent",
        &["http::CLIENTS"],
    ),
    (
        "tests/floods.rs",
        "a_refused_origin_and_a_proxy_that_is_not_trusted_are_logged_once_with_what_to_set",
        &["http::REFUSALS_LOGGED", "http::IGNORED_PROXY_LOGGED"],
    ),
    ("src/base/text.rs", "a_value_cannot_forge_a_line_or_fill_the_log", &["http::LOGGED_VALUE"]),
    (
        "tests/http/http1.rs",
        "a_connection_without_a_request_is_closed_without_an_answer",
        &["http::IDLE"],
    ),
    (
        "tests/bounds/http.rs",
        "a_client_that_reads_no_answer_is_disconnected_and_one_that_sends_on_is_read_only_for_a_while",
        &["http::WRITE_DEADLINE", "http::LINGER"],
    ),
    (
        "tests/bounds/http.rs",
        "a_storm_that_nobody_accepts_yet_waits_and_is_served_then",
        &["http::BACKLOG"],
    ),
    (
        "tests/http/http1.rs",
        "too_many_connections_are_refused_with_their_status",
        &["http::CONNECTIONS"],
    ),
    (
        "tests/bounds/http.rs",
        "one_address_may_have_so_many_connections_and_the_next_one_is_refused",
        &["http::CONNECTIONS_PER_ADDRESS", "http::PERMIT_WAIT"],
    ),
    (
        "tests/bounds/http.rs",
        "so_many_refusals_linger_and_the_next_connection_is_closed_as_soon_as_it_is_refused",
        &["http::REFUSALS"],
    ),
];

const TLS: &[Reached] = &[
    ("src/tls/pem.rs", "a_file_is_named_if_it_is_missing_or_far_too_long", &["tls::FILE"]),
    (
        "src/tls/files.rs",
        "the_end_of_a_certificate_is_warned_of_once_a_day_from_two_weeks_before",
        &["tls::END_WARNED", "tls::END_WARNED_AGAIN"],
    ),
    (
        "tests/tls/server.rs",
        "a_certificate_in_files_is_exchanged_while_the_server_runs_and_a_wrong_one_is_not_used",
        &["tls::FILES_READ_AGAIN"],
    ),
    (
        "tests/tls/handshake.rs",
        "a_handshake_byte_by_byte_ends_with_the_deadline_that_counts_from_the_accept",
        &["http::HANDSHAKE_DEADLINE"],
    ),
    (
        "tests/tls/handshake.rs",
        "a_client_makes_so_many_handshakes_at_once_while_another_one_is_not_affected",
        &["http::HANDSHAKES_PER_ADDRESS"],
    ),
    (
        "src/http/request_limiter.rs",
        "all_clients_together_make_so_many_handshakes_at_once_and_the_next_one_waits",
        &["http::HANDSHAKES"],
    ),
    (
        "src/tls/names.rs",
        "of_very_many_addresses_those_of_containers_are_left_out_first",
        &["tls::ADDRESSES"],
    ),
    (
        "tests/tls/own_authority.rs",
        "a_certificate_is_for_so_many_names_and_no_more_and_those_of_now_come_first",
        &["tls::LEAF_NAMES"],
    ),
    (
        "tests/tls/own_authority.rs",
        "a_new_address_or_a_certificate_that_ends_soon_brings_a_new_one_and_nothing_else_does",
        &["tls::LEAF_LIFE", "tls::LEAF_RENEWAL", "tls::CLOCK_BEHIND"],
    ),
    (
        "tests/tls/own_authority.rs",
        "certificates_end_with_their_authority_and_are_not_made_again_and_again_then",
        &["tls::AUTHORITY_LIFE", "tls::AUTHORITY_END_SAID"],
    ),
    (
        "tests/tls/own_authority.rs",
        "a_folder_that_cannot_be_written_and_a_clock_that_is_not_set_are_named",
        &["tls::CLOCK_LEAST"],
    ),
];

const HTTP_CLIENT: &[Reached] = &[
    ("src/http/client/mod.rs", "a_reply_may_be_so_long_and_no_longer", &["http::CLIENT_REPLY"]),
    (
        "src/http/client/mod.rs",
        "a_server_that_does_not_answer_is_given_up",
        &["http::CLIENT_TIMEOUT"],
    ),
];

const HTTP2: &[Reached] = &[
    (
        "tests/http/http2/requests.rs",
        "so_many_requests_of_a_connection_are_served_at_once_and_the_next_is_refused",
        &["http2::STREAMS"],
    ),
    (
        "tests/http/http2/deadlines.rs",
        "requests_whose_answers_are_not_taken_are_accounted_for",
        &["http2::STREAM"],
    ),
    (
        "tests/http/http2/deadlines.rs",
        "bodies_of_one_connection_are_accounted_for_together",
        &["http2::UNACCOUNTED"],
    ),
    (
        "tests/http/http2/floods.rs",
        "a_client_that_sends_more_than_its_window_is_stopped_and_others_are_served_meanwhile",
        &["http2::STREAM_WINDOW", "http2::CONNECTION_WINDOW"],
    ),
    (
        "tests/http/http2/transfers.rs",
        "forty_uploads_of_one_connection_that_nobody_reads_stop_none_of_its_other_requests",
        &["http2::UPLOAD_HELD"],
    ),
    (
        "tests/http/http2/deadlines.rs",
        "answers_that_nobody_takes_hold_no_more_than_an_address_may",
        &["http2::SMALL_ANSWER"],
    ),
    (
        "tests/http/http2/deadlines.rs",
        "a_window_that_is_opened_a_little_at_a_time_gives_no_answer_for_ever",
        &["http2::WRITE_STRETCHES"],
    ),
    (
        "tests/http/http2/floods.rs",
        "frames_that_ask_for_nothing_are_taken_up_to_a_rate_and_then_the_connection_ends",
        &["http2::FRAMES"],
    ),
    (
        "tests/http/http2/floods.rs",
        "a_client_that_is_sent_much_may_open_its_windows_as_often",
        &["http2::FRAME_EARNED"],
    ),
    (
        "tests/http/http2/floods.rs",
        "small_and_empty_parts_of_a_body_are_bounded",
        &["http2::SMALL_DATA"],
    ),
    (
        "tests/http/http2/floods.rs",
        "requests_that_are_taken_back_at_once_end_the_connection_and_begin_few_handlers",
        &["http2::RESETS", "http2::UNREAD_RESETS"],
    ),
    (
        "tests/http/http2/floods.rs",
        "faults_are_counted_over_the_life_of_a_connection",
        &["http2::FAULTS"],
    ),
    (
        "tests/http/http2/floods.rs",
        "what_is_on_its_way_for_a_request_that_was_refused_is_no_fault",
        &["http2::REMEMBERED_RESETS", "http2::RESETS_REMEMBERED"],
    ),
    (
        "tests/http/http2/floods.rs",
        "one_connection_that_asks_without_a_pause_leaves_time_to_the_others",
        &["http2::TURN"],
    ),
];

const ADMIN: &[Reached] = &[(
    "tests/program/admin_cli.rs",
    "a_database_that_another_server_uses_is_left_alone",
    &["admin::DATABASE_PAUSES"],
)];

const ACME: &[Reached] = &[
    (
        "src/tls/challenges.rs",
        "a_token_is_plain_and_bounded_and_so_is_their_number",
        &["acme::CHALLENGES", "acme::TOKEN"],
    ),
    (
        "src/tls/acme/mod.rs",
        "a_name_that_no_public_authority_knows_is_refused_before_one_is_asked",
        &["acme::NAMES"],
    ),
    (
        "src/tls/acme/transport.rs",
        "an_authority_that_does_not_answer_is_given_up",
        &["acme::REQUEST"],
    ),
    (
        "tests/tls/acme/mod.rs",
        "whatever_answers_in_place_of_an_authority_the_attempt_ends_with_a_sentence",
        &["acme::ANSWER"],
    ),
    (
        "src/tls/acme/transport.rs",
        "when_to_ask_again_is_read_as_seconds_or_as_a_date_and_is_bounded",
        &["acme::RETRY_AFTER_MAX"],
    ),
    (
        "src/tls/acme/failure.rs",
        "what_the_authority_says_is_short_and_on_one_line",
        &["acme::DETAIL"],
    ),
    (
        "src/tls/acme/failure.rs",
        "every_refusal_says_who_said_what_about_which_name_and_what_to_do",
        &["acme::LIMITED_WAIT"],
    ),
    (
        "src/tls/acme/attempts.rs",
        "so_many_orders_in_an_hour_and_in_a_day_and_not_one_more_however_often_the_server_starts",
        &["acme::ORDERS_PER_HOUR", "acme::ORDERS_PER_DAY"],
    ),
    (
        "src/tls/acme/attempts.rs",
        "waits_grow_to_a_bound_and_begin_again_after_a_success",
        &["acme::AWAY_WAIT", "acme::AWAY_WAIT_MAX", "acme::REFUSED_WAIT", "acme::REFUSED_WAIT_MAX"],
    ),
    ("src/tls/acme/folder.rs", "without_room_on_the_disk_nothing_is_ordered", &["acme::ROOM"]),
    (
        "src/tls/acme/renewal.rs",
        "advice_is_asked_for_again_neither_too_soon_nor_too_late",
        &["acme::RENEWAL_INFO"],
    ),
];

const DOCTOR: &[Reached] = &[
    (
        "src/admin/doctor/disk.rs",
        "a_disk_without_room_and_a_slow_one_are_something_to_do",
        &["doctor::FREE", "doctor::SLOW_FLUSH"],
    ),
    (
        "src/admin/doctor/memory.rs",
        "a_budget_that_does_not_fit_is_something_to_do",
        &["doctor::MEMORY_BESIDE"],
    ),
    (
        "src/admin/doctor/backup.rs",
        "a_backup_that_is_missing_old_or_of_no_folder_is_something_to_do",
        &["doctor::BACKUP_AGE"],
    ),
    (
        "tests/tls/doctor.rs",
        "whatever_answers_at_the_url_the_checks_end_in_time_and_repeat_little_of_it",
        &["doctor::REQUEST", "doctor::DETAIL", "doctor::HEAD"],
    ),
    (
        "tests/tls/doctor.rs",
        "a_certificate_that_ends_soon_or_is_not_trusted_is_something_to_do",
        &["doctor::CERTIFICATE_LEFT"],
    ),
    (
        "tests/tls/doctor.rs",
        "a_clock_that_is_wrong_at_the_url_is_something_to_do",
        &["doctor::SKEW"],
    ),
];

const API: &[Reached] = &[
    (
        "tests/chat/hooks.rs",
        "a_room_has_so_many_hooks_and_each_of_them_so_many_messages_a_minute",
        &[
            "auth::HOOKS_PER_ROOM",
            "auth::HOOKS",
            "auth::HOOK_MESSAGES",
            "auth::HOOK_MESSAGES_IN",
            "auth::HOOK_MESSAGES_PER_ROOM",
        ],
    ),
    (
        "tests/encryption/envelopes.rs",
        "a_message_of_an_encrypted_room_takes_so_many_reactions_and_no_more",
        &["chat::SEALED_REACTIONS"],
    ),
    (
        "tests/encryption/envelopes.rs",
        "a_page_of_an_encrypted_room_has_up_to_five_hundred_messages",
        &["chat::SEALED_PAGE"],
    ),
    (
        "tests/encryption/taken_away.rs",
        "administrators_take_messages_away_for_good_and_leave_their_places",
        &["api::GONE_AT_ONCE"],
    ),
    (
        "tests/chat/scripts.rs",
        "a_key_makes_a_repetition_the_same_message_also_after_a_restart",
        &["api::IDEMPOTENCY_KEY"],
    ),
    (
        "tests/chat/scripts.rs",
        "changes_at_once_that_name_no_revision_all_count_or_are_refused",
        &["service::CHANGE_ATTEMPTS"],
    ),
    (
        "src/rooms/requests.rs",
        "a_script_is_answered_in_time_by_a_room_that_has_too_much_to_do",
        &["rooms::SUBMIT"],
    ),
    (
        "tests/bounds/api.rs",
        "texts_are_as_long_as_they_may_be_and_not_a_character_longer",
        &[
            "api::DISPLAY_NAME",
            "api::BIO",
            "api::LOCALE",
            "api::LABEL",
            "api::SERVER_NAME",
            "chat::STATUS",
            "chat::ROOM_NAME",
            "chat::ROOM_TOPIC",
        ],
    ),
    (
        "tests/bounds/api.rs",
        "numbers_are_as_large_and_as_small_as_they_may_be",
        &[
            "auth::ITERATIONS_RANGE",
            "auth::INVITE_USES",
            "auth::INVITE_LIFE_MAX",
            "auth::INVITE_LIFE_MIN",
            "auth::USERS_MAX",
        ],
    ),
    (
        "tests/bounds/api.rs",
        "as_many_people_rooms_and_entries_as_the_bounds_say_and_not_one_more",
        &[
            "api::DIRECTORY",
            "api::FIRST_MEMBERS",
            "api::GROUP_DIRECT",
            "api::PAGE",
            "api::PAGE_MAX",
            "auth::INVITE_ROOMS",
        ],
    ),
    (
        "tests/bounds/api.rs",
        "of_very_many_members_so_many_are_listed_with_the_number_of_all",
        &["api::MEMBERS"],
    ),
    (
        "tests/bounds/api.rs",
        "a_lifetime_that_is_not_chosen_is_as_the_bounds_say",
        &["api::COOKIE_AGE", "api::DEVICE_COOKIE_AGE", "auth::INVITE_LIFE"],
    ),
    (
        "tests/accounts/audit.rs",
        "a_time_that_no_browser_shows_is_refused_wherever_it_is_said",
        &["api::LATEST_MS"],
    ),
    (
        "tests/accounts/audit.rs",
        "the_log_grows_no_faster_than_one_person_may_act_and_fifty_are_muted_at_once",
        &["service::AUDITED", "service::AUDITED_IN"],
    ),
    (
        "src/service/stats.rs",
        "only_an_hour_of_samples_is_kept_and_rates_are_per_second",
        &["service::STATS_SAMPLES", "service::STATS_SAMPLED"],
    ),
    (
        "src/demo/bot.rs",
        "it_speaks_at_its_pauses_while_somebody_is_there_and_falls_silent_when_nobody_says_a_word",
        &["demo::UNHEARD"],
    ),
    ("src/demo/bot.rs", "a_pause_is_as_long_as_its_bounds_say", &["demo::PAUSE_SECONDS"]),
    (
        "src/demo/bot.rs",
        "it_answers_one_question_at_a_time_a_moment_later",
        &["demo::ANSWER_AFTER"],
    ),
    (
        "src/service/audit.rs",
        "so_much_is_written_for_all_together_and_admins_need_not_wait_for_it",
        &["service::AUDITED_TOTAL"],
    ),
    (
        "tests/bounds/api.rs",
        "so_many_links_may_be_live_and_so_many_made_in_an_hour",
        &["auth::INVITES", "auth::INVITES_PER_HOUR"],
    ),
    (
        "tests/accounts/getting_in.rs",
        "a_prepared_password_waits_ten_minutes_and_only_the_last_one",
        &["auth::PENDING"],
    ),
    (
        "tests/accounts/getting_in.rs",
        "a_ticket_is_replaced_by_the_next_one_and_ends_after_a_day",
        &["auth::TICKET"],
    ),
    (
        "src/avatars.rs",
        "a_picture_with_too_many_pixels_is_refused_before_it_is_decoded",
        &["avatars::EDGE", "avatars::PIXELS"],
    ),
    (
        "tests/bounds/api.rs",
        "so_many_pictures_may_be_on_their_way_and_the_next_is_refused_with_a_time_to_wait",
        &["avatars::UPLOADS", "avatars::RETRY_MS"],
    ),
];

const START: &[Reached] = &[
    (
        "src/config.rs",
        "switches_scales_and_shards_refuse_nonsense",
        &["config::SHARDS_MAX", "config::RATE_LIMIT_SCALE_MAX"],
    ),
    (
        "src/base/names.rs",
        "a_name_has_as_many_letters_and_marks_as_the_bounds_say",
        &["names::LENGTH", "names::MARKS"],
    ),
];

const MEMORY: &[Reached] = &[
    (
        "src/config.rs",
        "a_size_has_a_unit_or_none_and_is_not_too_small_for_a_server",
        &["memory::BUDGET", "memory::BUDGET_MIN", "memory::BUDGET_MAX"],
    ),
    (
        "src/base/memory.rs",
        "one_user_has_a_part_and_the_others_the_rest_until_the_share_is_used_up",
        &["memory::USERS", "memory::ADDRESSES", "memory::PARTS", "memory::HELLOS"],
    ),
    (
        "tests/memory.rs",
        "a_page_ends_where_its_bytes_do_and_the_next_one_goes_on_there",
        &["chat::PAGE_BYTES"],
    ),
    (
        "tests/memory.rs",
        "a_client_that_requests_pages_and_reads_none_is_refused_the_next_and_others_get_theirs",
        &["memory::ANSWERS", "memory::RETRY_MS", "api::SMALL_ANSWER"],
    ),
    (
        "tests/memory.rs",
        "replays_that_nobody_reads_hold_no_more_than_one_user_may_and_others_get_theirs",
        &[
            "memory::REPLAYS",
            "rooms::SLICE_BYTES",
            "rooms::REPLAYS_PER_USER",
            "rooms::RESERVE_RETRY",
        ],
    ),
    ("src/rooms/replay.rs", "a_replay_ends_at_its_bounds_and_says_so", &["rooms::SLICE_ROWS"]),
    (
        "src/rooms/replay.rs",
        "a_slice_asks_for_more_after_a_full_one_and_for_less_after_one_that_was_cut",
        &["rooms::SLICE_ROWS_FIRST", "rooms::SLICE_ROWS_MIN"],
    ),
    (
        "tests/memory.rs",
        "very_many_rooms_are_named_in_parts_and_as_the_reader_takes_them",
        &["chat::HELLO_BYTES", "chat::ROOMS_BYTES", "api::ROOMS_BYTES"],
    ),
    (
        "tests/memory.rs",
        "a_user_with_as_many_rooms_as_allowed_is_refused_the_next_and_an_admin_is_not",
        &["rooms::OWNED", "rooms::JOINED"],
    ),
    (
        "tests/memory.rs",
        "requests_that_are_not_finished_hold_no_more_than_their_part_and_others_are_answered",
        &["memory::REQUESTS", "http::UNACCOUNTED"],
    ),
    (
        "tests/memory.rs",
        "so_many_rooms_are_made_in_an_hour_and_opening_one_again_counts_for_nothing",
        &["rooms::MADE_PER_HOUR", "rooms::DIRECT_PER_HOUR"],
    ),
    (
        "tests/memory.rs",
        "when_the_logs_of_rooms_use_up_their_share_those_who_hold_most_are_cut_and_who_reads_is_not",
        &["memory::ROOM_LOGS", "delivery::SHEDDING_INTERVAL"],
    ),
    (
        "tests/memory.rs",
        "one_users_send_queues_hold_no_more_than_one_may_however_many_connections_there_are",
        &["memory::SEND_QUEUES", "delivery::USER_QUEUES"],
    ),
    (
        "src/delivery/frame_log.rs",
        "a_burst_that_is_over_leaves_no_memory_behind",
        &["delivery::LOG_SPARE", "delivery::LOG_LARGE"],
    ),
    (
        "src/delivery/room_feed.rs",
        "changes_are_known_since_any_moment_until_they_are_too_many",
        &["delivery::CHANGED"],
    ),
];

const KEYS: &[Reached] = &[
    (
        "src/auth/account_keys.rs",
        "blobs_of_their_sizes_are_taken_and_others_are_refused_by_name",
        &["keys::AK_PASSWORD", "keys::AK_RECOVERY", "keys::BOX", "keys::BUNDLE", "keys::TRUST"],
    ),
    (
        "tests/encryption/keys.rs",
        "trust_stores_follow_each_other_without_a_gap",
        &["keys::TRUST_BODY"],
    ),
    (
        "tests/encryption/keys.rs",
        "keys_are_wrapped_anew_by_a_proof_that_is_good_once",
        &["keys::CHALLENGE", "keys::CHALLENGES"],
    ),
    (
        "tests/encryption/keys.rs",
        "nobody_learns_from_a_recovery_who_is_here_or_has_a_code",
        &["keys::RECOVERIES"],
    ),
];

const AUTH: &[Reached] = &[
    (
        "tests/accounts/api.rs",
        "prelogin_answers_unknown_names_with_a_salt_that_stays",
        &["auth::ITERATIONS"],
    ),
    (
        "tests/accounts/sign_in_limits.rs",
        "strangers_who_guess_keep_nobody_out_who_knows_the_password",
        &["auth::FAILURES"],
    ),
    (
        "src/auth/rate_limit.rs",
        "a_burst_passes_and_then_the_wait_is_named",
        &[
            "auth::FAILURES_PERIOD",
            "auth::LATE",
            "auth::REGISTRATIONS_PERIOD",
            "auth::BAD_LINKS_PERIOD",
        ],
    ),
    (
        "src/auth/rate_limit.rs",
        "a_flood_of_keys_neither_grows_the_table_nor_frees_a_key_that_is_held_back",
        &["auth::KEYS"],
    ),
    (
        "tests/accounts/sign_in_limits.rs",
        "guesses_of_one_network_count_together_however_wide_it_is",
        &["auth::FAILURES_OF_SITE"],
    ),
    (
        "src/auth/login_throttle.rs",
        "the_addresses_of_one_block_have_a_bound_together_and_other_blocks_do_not",
        &["auth::FAILURES_OF_BLOCK"],
    ),
    (
        "tests/accounts/sign_in_limits.rs",
        "a_browser_that_has_signed_in_before_passes_whatever_is_guessed_beside_it",
        &["auth::FAILURES_OF_DEVICE"],
    ),
    (
        "tests/accounts/sign_in_limits.rs",
        "when_many_networks_guess_one_account_they_take_turns_and_its_owner_gets_in",
        &["auth::FAILURES_OF_STRANGERS", "auth::TURN"],
    ),
    (
        "tests/accounts/sign_in_limits.rs",
        "a_network_that_guesses_everybody_s_password_takes_turns_and_other_networks_do_not",
        &["auth::FAILURES_OF_NETWORK"],
    ),
    (
        "src/auth/attempt_queue.rs",
        "so_many_wait_for_a_turn_each_network_once_and_so_many_queues_there_are",
        &["auth::TURNS", "auth::TURNS_WAITING"],
    ),
    (
        "src/auth/attempt_queue.rs",
        "an_attempt_that_gave_up_holds_nobody_up_and_none_waits_for_ever",
        &["auth::TURN_WAIT"],
    ),
    (
        "src/auth/login_throttle.rs",
        "wrong_passwords_are_remembered_for_a_day_up_to_a_bound",
        &["auth::FAILURES_OF_LATE"],
    ),
    (
        "src/auth/login_throttle.rs",
        "no_more_networks_are_remembered_than_may_be",
        &["auth::KNOWN_NETWORKS"],
    ),
    (
        "src/auth/device_cookie.rs",
        "a_browser_of_several_people_keeps_an_entry_for_each_up_to_the_bound",
        &["auth::DEVICE_ACCOUNTS"],
    ),
    (
        "tests/accounts/sign_in_limits.rs",
        "so_many_accounts_are_registered_from_one_network_in_an_hour_and_then_it_waits",
        &["auth::REGISTRATIONS"],
    ),
    (
        "tests/accounts/sign_in_limits.rs",
        "whoever_guesses_links_holds_nobody_up_who_has_a_good_one",
        &["auth::BAD_LINKS"],
    ),
    (
        "src/auth/fair_queue.rs",
        "as_many_sign_ins_and_lookups_wait_as_the_bounds_say",
        &[
            "auth::HASHES_WAITING",
            "auth::HASHES_WAITING_PER_NETWORK",
            "auth::QUEUE_RETRY_MS",
            "auth::LOOKUPS",
            "auth::LOOKUPS_WAITING",
            "auth::LOOKUPS_WAITING_PER_NETWORK",
        ],
    ),
    (
        "tests/accounts/scopes.rs",
        "expired_sessions_and_tokens_open_nothing_and_their_sockets_close",
        &["auth::SESSION_LIFE", "auth::SESSION_IDLE", "auth::SESSIONS_SWEEP"],
    ),
    (
        "tests/accounts/store.rs",
        "expired_sessions_are_ended_in_portions",
        &["auth::SESSIONS_SWEPT"],
    ),
    (
        "src/auth/session_cache.rs",
        "no_more_sessions_are_remembered_than_may_be_and_none_beyond_its_end",
        &["auth::SESSIONS_REMEMBERED"],
    ),
    (
        "tests/bounds/api.rs",
        "so_many_browsers_are_signed_in_and_the_oldest_gives_way",
        &["auth::SESSIONS"],
    ),
    (
        "tests/accounts/scopes.rs",
        "of_tokens_asked_for_at_once_no_more_are_made_than_may_be",
        &["auth::TOKENS"],
    ),
    (
        "tests/accounts/scopes.rs",
        "a_token_lasts_ninety_days_unless_chosen_otherwise_and_at_most_a_year_or_for_ever",
        &["auth::TOKEN_LIFE", "auth::TOKEN_LIFE_MAX", "auth::TOKEN_LIFE_MIN"],
    ),
    (
        "tests/accounts/invites.rs",
        "a_person_who_uses_a_link_again_much_later_is_counted_again_if_it_has_a_use_left",
        &["auth::INVITE_REPEAT"],
    ),
];

const CHAT: &[Reached] = &[
    (
        "tests/bounds/chat.rs",
        "a_command_larger_than_it_may_be_closes_its_connection_and_no_other",
        &["chat::COMMAND", "delivery::FRAGMENTS"],
    ),
    (
        "tests/bounds/chat.rs",
        "a_message_may_hold_as_much_as_the_bounds_say_and_no_more",
        &[
            "chat::TEXT",
            "chat::MENTIONS",
            "chat::FILES",
            "chat::ALT",
            "chat::EMOJI",
            "chat::REV",
            "chat::REACTIONS_PER_AUTHOR",
        ],
    ),
    (
        "tests/bounds/chat.rs",
        "a_message_takes_so_many_reactions_of_all_together_and_one_more_when_one_is_taken_back",
        &["chat::REACTIONS"],
    ),
    (
        "tests/bounds/chat.rs",
        "ids_and_words_are_as_long_as_they_may_be",
        &["chat::COMMAND_ID", "chat::STATUS"],
    ),
    (
        "tests/bounds/chat.rs",
        "a_client_that_missed_more_than_a_replay_holds_goes_on_where_it_ended_and_so_does_everybody",
        &["chat::PAGE", "chat::PAGE_DEFAULT", "rooms::REPLAYS", "rooms::REPLAY_BYTES"],
    ),
    (
        "tests/program/order.rs",
        "a_client_that_missed_more_than_a_replay_gets_truncated_and_reads_the_history",
        &["chat::REPLAY"],
    ),
    ("src/rooms/recent.rs", "no_more_is_counted_than_the_bound", &["chat::UNREAD"]),
    (
        "src/rooms/state.rs",
        "a_room_is_small_up_to_so_many_members",
        &["rooms::MENTION_ALL_MEMBERS"],
    ),
    (
        "src/rooms/read_states.rs",
        "so_many_users_are_few_however_many_connections_they_have",
        &["rooms::COUNTED_SINGLY"],
    ),
    ("src/rooms/recent.rs", "so_many_deletions_need_no_store_and_one_more_does", &["chat::RECENT"]),
    ("src/protocol/command.rs", "a_number_may_be_as_large_as_javascript_counts", &["chat::NUMBER"]),
    (
        "tests/bounds/chat.rs",
        "a_user_has_so_many_connections_and_is_refused_the_next",
        &["delivery::CONNECTIONS_PER_USER"],
    ),
    (
        "tests/bounds/chat.rs",
        "a_connection_follows_so_many_rooms_and_is_refused_the_next",
        &["delivery::SUBSCRIPTIONS"],
    ),
    (
        "tests/program/order.rs",
        "a_client_that_floods_is_slowed_down_and_then_closed",
        &["delivery::BURST", "delivery::FLOOD", "delivery::FLOOD_RETRY_MS"],
    ),
    (
        "src/delivery/command_rate.rs",
        "a_burst_passes_then_the_rate_holds_and_a_flood_ends_it",
        &["delivery::RATE"],
    ),
];

const ROOMS: &[Reached] = &[
    (
        "tests/bounds/rooms.rs",
        "whatever_waits_for_a_commit_is_kept_bounded_and_answered_once_in_order",
        &[
            "rooms::INBOX",
            "rooms::BATCH",
            "rooms::JOURNAL",
            "rooms::COMMIT_ROWS",
            "delivery::COMMAND_BATCH",
        ],
    ),
    (
        "tests/bounds/rooms.rs",
        "a_commit_that_hangs_is_given_up_and_can_be_repeated",
        &["store::STATEMENT", "rooms::RECONNECT", "rooms::RETRY_MS"],
    ),
    (
        "tests/bounds/rooms.rs",
        "a_request_that_finds_every_connection_to_the_database_busy_is_refused_in_time",
        &["store::POOL", "store::POOL_WAIT", "store::PING"],
    ),
    (
        "tests/delivery/outage.rs",
        "a_commit_that_hangs_is_given_up_and_a_message_sent_again_is_stored_once",
        &["store::CONNECT", "rooms::COMMIT"],
    ),
    ("tests/delivery/outage.rs", "a_database_that_hangs_stops_no_room", &["rooms::LOOKUP"]),
    (
        "tests/delivery/outage.rs",
        "however_many_clients_ask_for_ready_the_stores_are_queried_once",
        &["store::PROBE"],
    ),
    (
        "tests/delivery/outage.rs",
        "a_full_disk_makes_the_server_not_ready_for_that_reason",
        &["store::PROBE_ROWS"],
    ),
    (
        "tests/accounts/administration.rs",
        "after_thirty_days_nothing_personal_is_left",
        &["store::RESTORABLE"],
    ),
    (
        "tests/bounds/rooms.rs",
        "messages_of_a_removed_user_beyond_one_statement_are_hidden_and_shown_again_whole",
        &["store::PURGE_ROWS"],
    ),
    (
        "src/rooms/actor/replay_buffer.rs",
        "what_is_missing_comes_in_order_and_nothing_at_all_if_some_of_it_was_dropped",
        &["rooms::REPLAY_BUFFER_EVENTS"],
    ),
    (
        "src/rooms/actor/replay_buffer.rs",
        "the_bytes_are_bounded",
        &["rooms::REPLAY_BUFFER_BYTES", "rooms::SEALED_REPLAY_BUFFER_BYTES"],
    ),
    (
        "tests/chat/batches.rs",
        "changes_sent_at_once_get_the_answers_and_make_the_events_of_those_sent_one_by_one",
        &["store::STATEMENTS"],
    ),
    (
        "src/rooms/actor/facts.rs",
        "what_is_pending_is_committed_before_it_is_larger_than_the_bound",
        &["rooms::STATES_BYTES"],
    ),
    (
        "src/store/chat/unreadable.rs",
        "a_row_is_reported_once_and_no_more_rows_than_the_bound",
        &["store::UNREADABLE"],
    ),
    (
        "tests/chat/store.rs",
        "up_to_a_bound_messages_are_counted_and_beyond_it_there_is_an_estimate",
        &["store::COUNTED"],
    ),
    (
        "tests/chat/blocking.rs",
        "so_many_people_may_be_blocked_and_so_often_in_an_hour",
        &["rooms::BLOCKS", "rooms::BLOCK_CHANGES_PER_HOUR"],
    ),
    (
        "src/rooms/blocks.rs",
        "of_all_users_together_only_so_many_are_kept",
        &["rooms::BLOCKS_IN_ALL"],
    ),
    (
        "src/rooms/actor/replay_buffer.rs",
        "a_room_that_finds_the_share_used_up_drops_its_buffer",
        &["memory::REPLAY_BUFFERS", "rooms::REPLAY_BUFFER_IDLE"],
    ),
    (
        "tests/accounts/people.rs",
        "three_hundred_who_come_online_at_once_storm_nobody",
        &["rooms::PRESENCE_MEMBERS", "rooms::PRESENCE_TICK"],
    ),
    (
        "tests/bounds/rooms.rs",
        "the_words_of_more_people_than_one_statement_takes_are_all_written_down",
        &["rooms::STATUSES_AT_ONCE"],
    ),
    (
        "tests/program/crash.rs",
        "sigterm_under_load_answers_or_refuses_every_send_says_bye_and_leaves_within_ten_seconds",
        &["rooms::STOP", "embedded::STOP"],
    ),
    ("tests/program/embedded.rs", "two_servers_cannot_share_a_data_directory", &["embedded::LOCK"]),
    (
        "tests/program/embedded.rs",
        "a_killed_database_comes_back_by_itself",
        &["embedded::WATCH", "embedded::RESTART"],
    ),
];

const DELIVERY: &[Reached] = &[
    (
        "tests/chat/tail.rs",
        "tails_count_as_connections_make_nobody_look_online_and_read_nothing",
        &["delivery::TAIL_INPUT"],
    ),
    (
        "tests/program/descriptors.rs",
        "beyond_the_descriptors_an_upgrade_is_refused_and_open_sockets_are_served",
        &["descriptors::FILES", "descriptors::HTTP", "descriptors::FEW"],
    ),
    (
        "tests/program/descriptors.rs",
        "without_a_descriptor_left_new_connections_are_refused_and_the_listener_neither_spins_nor_dies",
        &["descriptors::PAUSE", "descriptors::FAILURES_LOGGED"],
    ),
    (
        "tests/bounds/delivery.rs",
        "a_full_queue_to_a_shard_makes_rooms_wait_and_loses_nothing",
        &["delivery::QUEUE"],
    ),
    (
        "src/delivery/shards.rs",
        "a_connection_that_finds_the_queue_to_its_shard_full_is_closed_and_does_not_hang",
        &["delivery::ADOPTIONS"],
    ),
    (
        "tests/bounds/delivery.rs",
        "as_much_as_may_wait_is_kept_and_delivered_and_one_frame_more_is_too_much",
        &["delivery::WAITING_FRAMES", "delivery::WAITING_BYTES", "delivery::LAGGING_MS"],
    ),
    (
        "tests/bounds/delivery.rs",
        "a_replay_is_awaited_as_long_as_the_log_of_the_room_may_hold_what_is_published",
        &["delivery::REPLAY_BACKLOG_BYTES"],
    ),
    (
        "tests/bounds/delivery.rs",
        "replays_wait_for_a_client_that_reads_late_up_to_their_bound",
        &["delivery::REPLAYS_WAITING"],
    ),
    (
        "tests/bounds/delivery.rs",
        "activity_of_a_room_is_sent_once_a_second_and_adds_up",
        &["delivery::ACTIVITY"],
    ),
    (
        "tests/bounds/delivery.rs",
        "a_silent_client_is_pinged_and_then_cut_and_one_that_answers_stays",
        &["delivery::PING_AFTER_S", "delivery::SILENT_S"],
    ),
    (
        "tests/bounds/delivery.rs",
        "a_message_that_is_begun_and_not_finished_ends_the_connection",
        &["delivery::UNFINISHED_S"],
    ),
    (
        "tests/bounds/delivery.rs",
        "a_client_that_reads_nothing_for_long_is_cut_even_if_little_waits",
        &["delivery::STALLED_S"],
    ),
    (
        "tests/bounds/delivery.rs",
        "after_the_close_frames_tcp_ends_whatever_the_other_side_does",
        &["delivery::CLOSE_S"],
    ),
    (
        "tests/bounds/delivery.rs",
        "a_lagging_client_that_does_not_even_read_the_bye_is_cut",
        &["delivery::LAGGING_S"],
    ),
    (
        "tests/bounds/delivery.rs",
        "a_stop_says_when_to_come_back_and_does_not_wait_for_a_client_that_does_not_read",
        &["delivery::RESTART_MS", "delivery::STOP"],
    ),
    // Shares of work: more than one turn's is there, and all of it is done.
    (
        "tests/chat/store.rs",
        "a_batch_takes_the_next_numbers_of_its_rooms_and_refuses_what_was_there_or_has_no_room",
        &["store::CHECK_DUPLICATES"],
    ),
    (
        "tests/delivery/shard.rs",
        "a_burst_of_commands_is_answered_however_many_they_are",
        &["delivery::SCRATCH", "delivery::READS"],
    ),
    (
        "tests/tls/shard.rs",
        "what_is_sealed_for_a_reader_that_takes_nothing_is_one_record_and_counted",
        &["delivery::SEALED"],
    ),
    (
        "tests/tls/shard.rs",
        "readers_that_hold_one_record_each_are_cut_when_these_use_up_the_share",
        &["delivery::SHED_FROM"],
    ),
    (
        "tests/delivery/shard.rs",
        "a_publication_of_any_size_reaches_every_client_that_reads",
        &["delivery::SWEEP_STEP"],
    ),
    (
        "tests/delivery/shard.rs",
        "the_events_of_more_rooms_than_one_write_takes_are_all_delivered",
        &["delivery::FEEDS_PER_WRITE"],
    ),
    (
        "src/delivery/sweep.rs",
        "a_pass_of_many_steps_waits_for_what_is_being_committed_and_not_for_ever",
        &["delivery::COALESCE"],
    ),
    (
        "tests/bounds/delivery.rs",
        "replays_wait_for_a_client_that_reads_late_up_to_their_bound",
        &["delivery::REPLAY_CHUNK"],
    ),
];

const BACKUP: &[Reached] = &[
    (
        "tests/program/backup.rs",
        "a_restore_and_a_backup_of_much_take_little_memory_and_every_section_is_small",
        &["backup::CHUNK"],
    ),
    (
        "src/store/backup/writer.rs",
        "a_section_that_no_reader_would_take_is_not_written",
        &["backup::SECTION"],
    ),
    (
        "tests/program/backup.rs",
        "a_file_that_names_more_tables_or_files_than_any_backup_has_is_refused",
        &["backup::TABLES", "backup::FILES"],
    ),
    (
        "tests/program/backup.rs",
        "a_second_server_on_a_database_is_refused_and_the_first_keeps_it_over_a_lost_connection",
        &["backup::HANDOVER", "backup::OWNERSHIP"],
    ),
    (
        "tests/program/backup.rs",
        "numbers_are_never_given_twice_however_often_one_backup_is_restored",
        &["backup::NUMBERS"],
    ),
];

const DIRECTORY: &[Reached] = &[
    (
        "tests/encryption/directory.rs",
        "a_long_chain_is_read_page_by_page_and_brought_back_within_one_body",
        &[
            "directory::ROWS",
            "directory::MISSING",
            "directory::READ_AT_ONCE",
            "directory::AGAIN_BODY",
        ],
    ),
    (
        "tests/encryption/directory.rs",
        "entries_are_asked_for_by_person_as_far_as_an_answer_goes",
        &["directory::PEOPLE", "directory::ENTRIES"],
    ),
    (
        "tests/encryption/directory.rs",
        "one_person_appends_ten_entries_a_day",
        &["directory::APPENDED", "directory::APPENDED_IN"],
    ),
    (
        "tests/encryption/restored.rs",
        "what_was_lost_is_taken_back_exactly_or_not_at_all",
        &["directory::AGAIN", "directory::AGAIN_IN"],
    ),
    (
        "tests/encryption/restored.rs",
        "a_closed_directory_opens_by_itself_when_nothing_came_back_for_a_while",
        &["directory::QUIET"],
    ),
];

const USERS: &[Reached] = &[
    (
        "tests/bounds/rates.rs",
        "forty_connections_of_one_user_get_no_more_than_one_user_may_and_another_is_always_answered",
        &["users::BYTES_A_MINUTE", "users::CHANGE_BYTES"],
    ),
    (
        "tests/bounds/rates.rs",
        "reactions_to_a_large_message_count_the_bytes_that_are_sent_again",
        &["users::BYTES_A_MINUTE"],
    ),
    (
        "tests/bounds/rates.rs",
        "commands_of_all_connections_of_a_user_count_together",
        &["users::COMMANDS"],
    ),
    (
        "tests/bounds/rates.rs",
        "reactions_of_one_user_over_many_connections_are_bounded_by_what_they_cost",
        &["delivery::LOOKUP_COST"],
    ),
    (
        "tests/bounds/rates.rs",
        "what_many_people_send_into_one_room_is_bounded_and_other_rooms_go_on",
        &["users::ROOM_BYTES_A_MINUTE"],
    ),
    (
        "src/base/allowance.rs",
        "bytes_end_within_a_minute_and_within_a_day_and_the_wait_is_named",
        &["users::BYTES_A_DAY"],
    ),
    (
        "src/base/allowance.rs",
        "a_room_takes_what_many_users_send_up_to_its_own_bound_and_the_server_up_to_its_own",
        &["users::TOTAL_BYTES_A_MINUTE"],
    ),
    (
        "src/base/allowance.rs",
        "people_changes_calls_and_profiles_have_their_own_bounds_and_admins_wider_ones",
        &["users::ADMINS"],
    ),
    (
        "src/base/allowance.rs",
        "the_table_is_bounded_and_forgets_first_whom_it_makes_no_difference_to",
        &["users::REMEMBERED"],
    ),
    (
        "tests/bounds/rates.rs",
        "changes_of_presence_and_profile_are_bounded_and_what_changes_nothing_is_free",
        &["users::PROFILE_CHANGES"],
    ),
    (
        "tests/bounds/rates.rs",
        "so_many_people_may_be_put_into_rooms_within_an_hour_and_nobody_is_kept_from_joining",
        &["users::MEMBERS_ADDED"],
    ),
    (
        "tests/bounds/rates.rs",
        "calls_of_one_user_are_bounded_whatever_they_are_and_ending_a_session_is_not",
        &["users::CHANGES", "users::READS"],
    ),
    (
        "tests/bounds/rates.rs",
        "a_change_that_is_sent_to_many_costs_more",
        &["users::FAN_OUT_PER_COST"],
    ),
    (
        "tests/bounds/rates.rs",
        "a_search_among_many_members_costs_more",
        &["users::SEARCHED_PER_COST"],
    ),
    (
        "src/api/routes.rs",
        "a_browser_that_starts_stays_far_below_what_may_be_read_at_once",
        &["users::UPGRADE_COST"],
    ),
    (
        "tests/bounds/rates.rs",
        "frames_that_are_no_commands_are_slowed_down_and_then_closed_and_harm_nobody",
        &["delivery::PAUSES"],
    ),
    (
        "tests/bounds/rates.rs",
        "more_frames_than_the_turn_of_one_connection_takes_wait_for_the_next_and_none_is_lost",
        &["delivery::FRAMES"],
    ),
    (
        "tests/bounds/rates.rs",
        "a_replay_of_much_costs_more_than_one_of_nothing",
        &["delivery::REPLAY_COST"],
    ),
    (
        "src/delivery/command_rate.rs",
        "what_makes_more_work_costs_more_and_the_wait_grows_with_it",
        &["delivery::COST_BYTES"],
    ),
    (
        "tests/bounds/rates.rs",
        "typing_is_published_once_a_second_and_of_a_few_people",
        &["rooms::TYPING", "rooms::TYPING_TICK"],
    ),
];

const ENCRYPTION: &[Reached] = &[
    (
        "tests/e2ee_vectors/room_log.rs",
        "the_time_of_an_entry_is_judged_as_published",
        &["encryption::CLOCK_MS"],
    ),
    (
        "tests/e2ee_vectors/server_rules.rs",
        "a_batch_has_so_many_entries_and_so_many_bytes",
        &["encryption::BATCH", "encryption::BATCH_BYTES"],
    ),
    ("tests/e2ee_vectors/server_rules.rs", "a_room_has_so_many_members", &["encryption::MEMBERS"]),
    (
        "tests/e2ee_vectors/server_rules.rs",
        "the_last_entries_of_a_log_are_for_removals_new_keys_and_re_admissions",
        &["encryption::LOG", "encryption::LOG_RESERVE"],
    ),
    (
        "tests/e2ee_vectors/server_rules.rs",
        "so_many_people_found_a_room",
        &["encryption::FOUNDING_MEMBERS", "encryption::FOUNDING_DIRECT"],
    ),
    (
        "tests/e2ee_vectors/rules.rs",
        "a_room_is_created_by_who_has_keys_with_a_founding_batch_of_its_bounds",
        &["encryption::FOUNDING"],
    ),
    (
        "tests/e2ee_vectors/rules.rs",
        "the_bytes_of_an_entry_have_one_form",
        &["encryption::KEY_LINKS", "encryption::PROFILE"],
    ),
    (
        "tests/e2ee_vectors/rules.rs",
        "a_link_is_new_bounded_and_one_of_a_hundred",
        &["encryption::LINK_MS", "encryption::LINK_USES", "encryption::LINKS"],
    ),
    (
        "tests/e2ee_vectors/envelope.rs",
        "a_content_may_be_as_long_as_the_longest_plaintext_padded",
        &["encryption::CONTENT"],
    ),
    (
        "tests/e2ee_vectors/envelope.rs",
        "an_envelope_of_another_form_is_refused",
        &["encryption::BLOBS"],
    ),
    (
        "tests/encryption/abuse.rs",
        "a_reaction_is_no_place_for_more_than_an_emoji",
        &["encryption::REACTION_CONTENT"],
    ),
    (
        "src/rooms/published.rs",
        "a_batch_that_is_too_large_for_an_event_is_fetched",
        &["encryption::LOG_EVENT"],
    ),
    (
        "src/rooms/encryption.rs",
        "a_key_that_has_encrypted_so_many_messages_is_full",
        &["encryption::EPOCH_MESSAGES"],
    ),
    (
        "tests/encryption/long_log.rs",
        "a_long_log_is_read_in_parts_by_rooms_and_members",
        &["encryption::LOG_PAGE_BYTES", "encryption::LOG_SLICE", "encryption::AUDIT_SLICE"],
    ),
    (
        "tests/encryption/log.rs",
        "a_member_makes_only_so_many_keys_without_need",
        &["encryption::ROTATIONS"],
    ),
    (
        "src/rooms/rotations.rs",
        "keys_that_were_made_an_hour_ago_do_not_count",
        &["encryption::ROTATIONS_WITHIN"],
    ),
    (
        "tests/encryption/wraps.rs",
        "of_the_keys_of_who_never_writes_so_many_are_kept_and_of_others_what_they_may_lack",
        &["encryption::WRAPS_KEPT", "encryption::WRAPS_NEWEST", "encryption::WRAPS_BEFORE"],
    ),
    (
        "tests/encryption/wraps.rs",
        "a_bad_key_is_reported_by_whom_it_is_for_and_its_giver_gives_no_other",
        &["encryption::WRAPS_AT_ONCE", "api::LOG_BODY"],
    ),
    (
        "tests/encryption/log.rs",
        "what_a_restored_backup_has_lost_of_a_log_is_brought_back_by_whoever_has_it",
        &["encryption::RESTORED_MS"],
    ),
    (
        "tests/encryption/log.rs",
        "entries_with_an_old_time_after_a_restore_are_so_many_and_take_nobody_s_keys_away",
        &["encryption::LOG_AGAIN"],
    ),
    (
        "tests/encryption/abuse.rs",
        "a_session_reports_only_so_many_keys_of_its_owner_as_bad_within_an_hour",
        &["users::BAD_WRAPS"],
    ),
    (
        "tests/encryption/wraps.rs",
        "a_key_that_has_been_missing_for_long_counts_while_another_member_is_there_who_could_give_it",
        &["encryption::WRAP_MISSING"],
    ),
];

/// Constants that no client can exceed, and what they are instead.
const NO_BOUND: &[(&str, &str)] = &[
    ("search::PREFIX_CHARS", "which of two ways is taken"),
    ("search::STEP", "how much is read at a time; LOOKED_AT and TIME are the bounds"),
    ("search::UNFILED_STEP", "how much is read at a time; LOOKED_AT and TIME are the bounds"),
    ("search::IN_A_ROW", "how often a search gives way; TIME is the bound"),
    ("search::ROOMS", "how much is read at a time; LOOKED_AT and TIME are the bounds"),
    ("search::ROOM_KEYS", "which of two ways is taken"),
    (
        "search::STATEMENT",
        "a last resort: a search that takes so long walks through the newest blocks",
    ),
    ("search::UNFILED", "which of two ways is taken"),
    ("search::TICK", "how often it is seen whether there is something to do"),
    ("search::CHANGED", "how often it is seen whether there is something to do"),
    ("search::REFRESH", "how often it is seen what others have changed"),
    ("search::REST", "a pause between two steps"),
    ("search::RETRY", "a pause after a failure"),
    ("search::RETRY_MAX", "a pause after a failure"),
    ("admin::SEARCH_POLLED", "how often the command line asks"),
    ("store::REACTION_BYTES", "an estimate; PAGE_BYTES and SLICE_BYTES are the bounds"),
    (
        "http::PERMIT_POLL",
        "how often a connection looks for a free permit while PERMIT_WAIT bounds it",
    ),
    ("auth::TOKEN_TEXT", "how long a token of ours is"),
    ("doctor::NAMES_SHOWN", "the others are counted"),
    ("doctor::FILES", "there are a dozen"),
    ("doctor::CHECK", "a last resort above REQUEST, for a disk that hangs"),
    ("doctor::NAMED_AFTER", "when a slow check is named"),
    ("doctor::FLUSHES", "how many are measured"),
    ("acme::POLL", "how often a state is asked for; VALIDATION ends it"),
    ("acme::AFTER_DUE", "a pause after a second that is over"),
    ("acme::PLACEHOLDER_LIFE", "of a certificate that nobody trusts"),
    ("acme::PLACEHOLDER_AGE", "of a certificate that nobody trusts"),
    ("acme::VALIDATION", "how long one waits for a check; ATTEMPT ends everything"),
    ("acme::ATTEMPT", "a last resort above REQUEST and VALIDATION"),
    ("acme::LOOK", "how often the clock is compared with what is due"),
    ("acme::RENEWAL_INFO_RETRY", "how often a question is asked that had no answer"),
    ("http2::SEND_BUFFER", "of an answer whose memory is reserved as a whole"),
    ("tls::ADDRESSES_POLL", "how often addresses and clock are compared with the certificate"),
    ("http::DOWNLOAD_HELD", "what is accounted for; DOWNLOAD_PIECE and UNSENT are the bounds"),
    (
        "http::STREAMED_UNSENT",
        "how finely the kernel says what a slow reader takes; UNSENT is the bound",
    ),
    ("http::READ", "how much one read of many takes"),
    ("http::FIRST_READ", "how much the first read of many takes"),
    ("http::LINGER_READ", "how much one read of many takes; LINGER bounds them"),
    ("http::REFUSED_READ", "of a connection that is closed at once, whatever more it has sent"),
    ("auth::HASH_MEMORY_KIB", "what a computation costs; the cores bound how many run"),
    ("auth::HASH_PASSES", "what a computation costs"),
    ("auth::HASH_LANES", "what a computation costs"),
    ("store::KEEPALIVE", "when a silent connection is probed; STATEMENT bounds the wait"),
    ("store::AUDIT_ROWS", "a portion of the work, of which all is done"),
    ("store::NAMES_AT_ONCE", "a portion of the work, of which all is done"),
    ("users::PARTS", "locks of a table that REMEMBERED bounds"),
    ("auth::KNOWN_NETWORK", "how long a network is no stranger; KNOWN_NETWORKS bounds how many"),
    ("auth::SESSION_TOUCH", "how exactly the last use is known"),
    ("auth::SESSION_BELIEVED", "what another process ends, ends by then; this one's ends at once"),
    ("auth::SESSION_ENDED", "longer than a lookup can take"),
    ("avatars::MEMORY", "handed to the decoder, which EDGE and PIXELS keep far below it"),
    ("avatars::AT_ONCE", "pictures drawn side by side; who waits has one of UPLOADS"),
    ("avatars::QUALITY", "of what is kept"),
    ("chat::FRAME", "what is allocated at first; a larger frame grows"),
    ("chat::ROOM_LOG", "the same"),
    ("encryption::LOG_PAGE", "so many entries are larger than LOG_PAGE_BYTES"),
    ("encryption::AUDIT", "how often a room is looked at"),
    ("encryption::LOG_IDLE", "when memory is given back that the store has, too"),
    ("chat::ROOM_VIEW", "an estimate; HELLO_BYTES and ROOMS_BYTES are counted with it"),
    ("delivery::EVENTS", "the sockets of one turn; the others are reported with the next"),
    ("delivery::RETRY", "between two tries; INBOX bounds what waits"),
    ("delivery::IDLE_POLL", "how long a shard sleeps if nothing happens"),
    (
        "delivery::TAIL_UNACKNOWLEDGED",
        "the kernel keeps to it, for a client that has gone silently",
    ),
    ("delivery::POLL_FAILED", "a pause, so that a broken epoll does not take a core"),
    ("delivery::STOP_POLL", "between two checks while STOP passes"),
    (
        "rooms::COUNTED_AT_ONCE",
        "how long a room is locked at a time; every reader gets the numbers",
    ),
    ("delivery::ACTIVITY_TICK", "how often activity is sent; ACTIVITY bounds it for each room"),
    ("memory::HOLDERS_KEPT", "the size of an empty table"),
    ("api::SOCKET_RETRY_MS", "advice to a client"),
    ("api::ENCRYPTED_PLAIN", "told to clients; what it comes to is bounded"),
    ("directory::CLOSED_RETRY_MS", "advice to a client"),
    ("directory::QUIET_CHECK", "how often the time since the last one is looked at"),
    ("directory::NAMED", "the first ones, beside how many there are"),
    (
        "service::RECORD_PAUSES",
        "so many attempts; then the entry is in the log of the server alone",
    ),
    ("service::RECORD_WAIT", "the entry is written all the same"),
    ("demo::HEARD", "a queue between two tasks; rooms wait for a place in it"),
    ("service::STATS_DAYS", "how many days the figures show"),
    ("service::STATS_DAYS_CACHED", "how old the figures of the days may be"),
    ("service::PURGE", "how often, whatever there is to purge"),
    ("service::PURGED_USERS", "the rest follows with the next purge"),
    ("service::RETRY", "a pause between attempts that go on until one succeeds"),
    ("server::REQUESTS_STOP", "what still runs then is dropped by the stop"),
    ("server::THREADS_STOP", "what still runs then is dropped by the stop"),
    ("embedded::START", "a recovery after a crash may take long, a broken cluster says so at once"),
    ("embedded::POLL", "between two checks"),
    ("backup::QUEUE", "chunks on their way; a full queue makes the database wait"),
    ("backup::REST", "how gentle a nightly backup is"),
    ("backup::TICK", "how often the clock is compared with what is due"),
    ("backup::RETRY", "a pause between attempts that go on until one succeeds"),
    ("admin::PROGRESS", "how often a line is written"),
    ("admin::PROGRESS_LINES", "how often a line is written"),
    ("files::WRITERS", "how many threads write; the others wait"),
    (
        "files::DRAWING",
        "how many pictures are drawn at once; the others wait, and what is no picture does not",
    ),
    ("files::COMPLETING", "how many files are read at once; the others wait"),
    ("files::BUCKET_PUTS", "how many files go into a bucket at once; the others wait"),
    ("files::BUCKET_CONNECT", "a part of the time for an answer"),
    ("files::BUCKET_RETRIES", "the time for an answer has all attempts"),
    ("files::BUCKET_PART_TIME", "as the time for an answer, for eight megabytes"),
    ("files::BUCKET_PARTS", "a number of the protocol; more is refused as too large"),
    ("pictures::QUALITY", "how fine a JPEG is"),
    ("pictures::EXIF", "what follows in a block of metadata is not looked at"),
    ("pictures::PROFILE", "a larger profile is left out of smaller forms"),
    ("files::LISTED", "how many lines an administrator reads"),
    ("files::READING_WAIT", "as ANNOUNCEMENT_WAIT, of the same turns"),
    ("embedded::STOP_MARGIN", "beyond STOP, which ends the wait"),
];

/// The load test's constants say what it does unless an option says otherwise; `tests/program/loadtest.rs` runs it.
const NO_SERVER: &str = "loadtest::";

const FILES: &[Reached] = &[
    (
        "tests/files/uploads.rs",
        "what_may_not_be_uploaded_is_refused_and_uploads_are_their_owners_alone",
        &["files::SIZE_MAX", "files::TYPE"],
    ),
    (
        "tests/files/quotas.rs",
        "nobody_and_nothing_keeps_more_than_it_may_and_admins_see_what_takes_how_much",
        &["files::SIZE", "files::PERSON"],
    ),
    (
        "tests/files/quotas.rs",
        "so_many_files_of_one_person_wait_for_their_messages_and_no_more",
        &["files::UNSENT"],
    ),
    (
        "tests/files/downloads.rs",
        "what_is_under_way_ends_when_whoever_sends_or_reads_it_may_not_any_more",
        &["files::LOOK"],
    ),
    (
        "tests/files/quotas.rs",
        "uploads_leave_a_part_of_the_disk_free_however_many_there_are",
        &["files::FREE", "files::AT_ONCE"],
    ),
    (
        "tests/files/bucket.rs",
        "whole_files_are_in_the_bucket_and_come_from_there",
        &["files::BUCKET_PART"],
    ),
    (
        "tests/files/bucket.rs",
        "a_bucket_that_is_away_or_answers_nonsense_loses_nothing_and_slows_nobody",
        &["files::BUCKET_ANSWER", "files::BUCKET_PAUSE", "files::BUCKET_PIECE"],
    ),
    (
        "tests/files/uploads.rs",
        "whoever_announces_much_at_once_keeps_no_connection_to_the_database_from_others",
        &["files::ANNOUNCED_AT_ONCE"],
    ),
    (
        "tests/bounds/rooms.rs",
        "changes_that_wait_for_a_lock_leave_connections_to_those_who_read",
        &["store::CHANGES"],
    ),
    (
        "tests/files/uploads.rs",
        "forty_at_once_by_one_person_are_bounded_and_others_go_on",
        &["files::ARRIVING", "files::RETRY_MS"],
    ),
    (
        "src/files/name.rs",
        "a_long_name_is_cut_before_its_extension_between_two_characters",
        &["files::NAME"],
    ),
    (
        "src/files/mod.rs",
        "a_file_has_its_name_when_all_of_it_is_there_and_goes_in_all_its_forms",
        &["files::HEAD"],
    ),
    (
        "tests/files/crashes.rs",
        "a_disk_that_is_full_takes_no_more_and_loses_nothing",
        &["files::CHECKPOINT"],
    ),
    (
        "tests/files/life.rs",
        "a_file_goes_with_its_message_and_what_nobody_sent_goes_after_a_day",
        &["files::ERASE", "files::EXPIRE", "files::UNUSED", "files::ERASED_AT_ONCE"],
    ),
    (
        "src/service/files/pause.rs",
        "what_cannot_be_erased_is_tried_again_less_and_less_often_but_within_a_minute",
        &["files::ERASE_PAUSE"],
    ),
    (
        "tests/files/life.rs",
        "what_differs_between_the_folder_and_its_rows_is_found_and_put_right_where_it_can_be",
        &["files::SWEEP", "files::SWEPT_AT_ONCE"],
    ),
    (
        "src/files/sweep.rs",
        "a_walk_finds_everything_and_what_was_put_away_can_come_back_or_goes",
        &["files::STRAY"],
    ),
    (
        "tests/files/messages.rs",
        "scripts_and_hooks_send_files_and_a_room_lists_them_newest_first",
        &["files::PAGE", "files::PAGE_MAX"],
    ),
    (
        "tests/files/pictures.rs",
        "a_picture_that_cannot_be_shown_is_kept_as_a_file_and_takes_no_memory",
        &["pictures::EDGE", "pictures::PIXELS", "pictures::MEMORY"],
    ),
    ("src/files/drawing.rs", "a_picture_of_too_many_bytes_is_not_drawn", &["pictures::BYTES"]),
    (
        "tests/files/pictures.rs",
        "small_ones_come_as_they_are_animations_move_if_they_are_small_and_glass_stays_clear",
        &["pictures::ANIMATION"],
    ),
    (
        "src/pictures/tests.rs",
        "a_file_with_more_pieces_than_are_counted_keeps_the_rest_of_them",
        &["pictures::PARTS"],
    ),
];

fn all() -> impl Iterator<Item = &'static Reached> {
    [
        SEARCH,
        HTTP,
        HTTP2,
        TLS,
        HTTP_CLIENT,
        ACME,
        DOCTOR,
        ADMIN,
        API,
        AUTH,
        KEYS,
        START,
        MEMORY,
        CHAT,
        ROOMS,
        DELIVERY,
        USERS,
        BACKUP,
        DIRECTORY,
        ENCRYPTION,
        FILES,
    ]
    .into_iter()
    .flatten()
}

/// `module::NAME` of every constant below `src/base/limits/`.
fn bounds() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/base/limits");
    let mut bounds = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let module = path.file_stem().unwrap().to_string_lossy().into_owned();
        for line in fs::read_to_string(&path).unwrap().lines() {
            let constant = line.strip_prefix("pub const ").and_then(|rest| rest.split_once(':'));
            if let Some((name, _)) = constant.filter(|(name, _)| !name.starts_with("fn ")) {
                bounds.insert(format!("{module}::{name}"));
            }
        }
    }
    bounds
}

#[test]
fn every_bound_has_a_test_that_reaches_it() {
    let bounds = bounds();
    assert!(bounds.len() > 100, "the file is read wrongly: {bounds:?}");
    let reached = all().flat_map(|(_, _, bounds)| bounds.iter().copied());
    let known: BTreeSet<_> = reached.chain(NO_BOUND.iter().map(|(name, _)| *name)).collect();
    let missing: Vec<_> = bounds
        .iter()
        .filter(|bound| !bound.starts_with(NO_SERVER) && !known.contains(bound.as_str()))
        .collect();
    assert!(missing.is_empty(), "give these a test and a row in this table: {missing:?}");
    let gone: Vec<_> = known.iter().filter(|bound| !bounds.contains(**bound)).collect();
    assert!(gone.is_empty(), "these are no bounds any more: {gone:?}");
}

#[test]
fn every_test_that_is_named_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let missing: Vec<_> = all()
        .filter(|(file, test, _)| {
            let text = fs::read_to_string(root.join(file)).unwrap_or_default();
            !text.contains(&format!("fn {test}("))
        })
        .map(|(file, test, _)| format!("{file}: {test}"))
        .collect();
    assert!(missing.is_empty(), "{missing:#?}");
}
