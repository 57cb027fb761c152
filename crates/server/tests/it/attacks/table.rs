//! Every case of the list, with the tests that show it, or with the feature that it waits for.
//!
//! A case that waits names something that this platform does not have. As soon as it does, the table fails and asks for
//! the case; so a new route cannot come without its attacks.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::routes::Document;
use super::stage::{Stage, attack};

/// Something that a case needs.
#[derive(Clone, Copy)]
enum Feature {
    /// A path that begins so.
    Path(&'static str),
    /// A type of trade.
    TradeType(&'static str),
    /// A tool of payments.
    Tool(&'static str),
    /// A channel account whose id begins so.
    Channel(&'static str),
    /// Something that a channel account can do.
    Operation(&'static str),
    /// Another way to prove who asks than an API key.
    AnotherCredential,
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "a route under {path}"),
            Self::TradeType(word) => write!(f, "trades of type {word}"),
            Self::Tool(word) => write!(f, "the tool {word}"),
            Self::Channel(name) => write!(f, "the channel {name}"),
            Self::Operation(word) => write!(f, "a channel that can {word}"),
            Self::AnotherCredential => f.write_str("another credential than an API key"),
        }
    }
}

/// A case: its number, what is tried, the tests, and what all or a part of it waits for.
type Case = (u8, &'static str, &'static [&'static str], Option<Feature>);

use Feature::{AnotherCredential, Channel, Operation, Path as Route, Tool, TradeType};

#[rustfmt::skip]
const CASES: [Case; 122] = [
    (1, "invalid JSON", &["a01_invalid_json"], None),
    (2, "duplicate key", &["a02_duplicate_fields"], None),
    (3, "nesting", &["a03_deep_bodies"], None),
    (4, "large body, also chunked", &["a04_large_bodies"], None),
    (5, "unknown field", &["a05_unknown_fields_on_every_route"], None),
    (6, "wrong type", &["a06_wrong_types"], None),
    (7, "other media type", &["a07_media_types"], None),
    (8, "invalid text", &["a08_invalid_text"], None),
    (9, "undeclared method", &["a09_undeclared_methods_on_every_path"], None),
    (10, "parameter twice", &["a10_parameters_given_twice"], None),
    (11, "two lengths, folded headers, bad chunks", &["a11_requests_that_can_be_read_two_ways"], None),
    (12, "large header section", &["a12_large_headers"], None),
    (13, "path tricks", &["a13_path_tricks"], None),
    (14, "compressed request", &["a14_compressed_bodies"], None),
    (15, "forged forwarding headers", &["a15_headers_that_name_somebody_else"], None),
    (16, "amount 0", &["b16_b17_b18_b19_b20_amounts_on_every_route_that_takes_one", "b16_b19_b26_amounts_inside"], None),
    (17, "amount below 0", &["b16_b17_b18_b19_b20_amounts_on_every_route_that_takes_one"], None),
    (18, "fraction", &["b16_b17_b18_b19_b20_amounts_on_every_route_that_takes_one"], None),
    (19, "other spellings of integers", &["b16_b17_b18_b19_b20_amounts_on_every_route_that_takes_one", "b16_b19_b26_amounts_inside"], None),
    (20, "out of range", &["b16_b17_b18_b19_b20_amounts_on_every_route_that_takes_one"], None),
    (21, "sum that overflows", &["b21_sums_that_overflow", "b21_b25_carts_whose_sums_do_not_hold"], None),
    (22, "scale of another currency", &["b22_the_scale_of_another_currency"], None),
    (23, "unknown currency", &["b23_unknown_currencies_on_every_route_that_takes_one"], None),
    (24, "another currency than the trade's", &["b24_another_currency_than_the_trades"], None),
    (25, "parts are not the whole", &["b25_b28_parts_that_are_not_the_whole", "b21_b25_carts_whose_sums_do_not_hold"], None),
    (26, "negative part", &["b16_b19_b26_amounts_inside"], None),
    (27, "discount larger than the order", &["b27_a_discount_larger_than_the_order"], None),
    (28, "the client's own total", &["b25_b28_parts_that_are_not_the_whole"], None),
    (29, "thirds", &["b29_thirds_sum_to_the_whole"], None),
    (30, "rounding farmed", &["b30_rounding_cannot_be_farmed"], None),
    (31, "the client's own rate", &["b31_rates_are_not_the_clients"], None),
    (32, "no idempotency key", &["c32_every_post_needs_a_key"], None),
    (33, "malformed or doubled key", &["c33_keys_that_are_none"], None),
    (34, "same key, same body", &["c34_c42_the_same_again"], None),
    (35, "same key, other body", &["c35_c36_the_key_of_another_request"], None),
    (36, "same key, other route", &["c35_c36_the_key_of_another_request"], None),
    (37, "one key at once", &["c37_one_key_a_hundred_at_once"], None),
    (38, "key of another merchant", &["c38_keys_are_their_owners"], None),
    (39, "killed between commit and answer", &["c39_killed_between_commit_and_answer"], None),
    (40, "key whose bytes were dropped", &["c40_a_key_whose_bytes_are_gone"], None),
    (41, "one order number at once", &["c41_one_order_number_at_once", "c41_one_refund_number_at_once"], None),
    (42, "reordered fields", &["c34_c42_the_same_again"], None),
    (43, "state written", &["d43_states_are_not_written"], None),
    (44, "steps out of order", &["d44_steps_out_of_order"], None),
    (45, "paying what cannot be paid", &["d45_what_cannot_be_paid", "d45_dues_that_cannot_be_paid", "d45_no_child_goes_its_own_way"], None),
    (46, "closing while paying", &["d46_closing_while_a_payment_is_under_way"], None),
    (47, "changing an ordered amount", &["d47_an_amount_once_ordered_stays"], None),
    (48, "confirmed twice at once", &["d48_confirmed_twice_at_once"], None),
    (49, "release and refund of the same money", &["d49_releases_and_refunds_of_the_same_money"], None),
    (50, "return page opened by hand", &[], Some(Route("/pay"))),
    (51, "two devices pay one trade", &["d51_two_devices_pay_one_trade"], None),
    (52, "cashier token expired or of another trade", &[], Some(Route("/pay"))),
    (53, "two refunds at once", &["e53_e54_refunds_at_once"], None),
    (54, "a hundred full refunds at once", &["e53_e54_refunds_at_once"], None),
    (55, "refund of a wrong amount", &["e55_refunds_of_the_wrong_amount"], None),
    (56, "refund of what was not paid", &["e56_refunds_of_what_was_not_paid"], None),
    (57, "refund beside an unknown one", &["e57_an_unknown_refund_counts"], None),
    (58, "coupon regained twice", &["e58_a_coupon_is_not_regained_twice"], None),
    (59, "chargeback beside a refund", &["e59_a_dispute_beside_a_refund"], None),
    (60, "balance spent at once", &["e60_a_balance_never_falls_below_nothing", "e60_payments_and_payouts_at_once"], None),
    (61, "one coupon on many trades", &["e61_one_coupon_on_twenty_trades"], None),
    (62, "coupon of others", &["e62_coupons_of_others", "e62_coupons_that_rules_do_not_stack"], None),
    (63, "opposite directions at once", &["e63_two_budgets_and_two_buyers_at_once", "e63_opposite_transfers_at_once"], None),
    (64, "payout canceled while it runs", &["e64_a_payout_is_not_called_back"], None),
    (65, "red packet claimed by more than its shares", &["e65_a_red_packet_is_claimed_by_a_crowd"], None),
    (66, "another's objects", &["f66_what_is_anothers_is_as_if_it_were_not_there", "f66_f68_lists_hold_ones_own", "f66_a_cart_shows_each_merchant_its_own"], None),
    (67, "another merchant in the body", &["f67_a_key_speaks_for_its_own_merchant", "f67_no_key_opens_a_cart_for_others"], None),
    (68, "forged filters and cursors", &["f66_f68_lists_hold_ones_own"], None),
    (69, "reading key that writes", &["f69_f70_scopes_on_every_route"], None),
    (70, "merchant's key on the platform's routes", &["f69_f70_scopes_on_every_route"], None),
    (71, "enumeration", &["f71_ids_open_nothing_and_cannot_be_counted", "f71_guessing_ends"], None),
    (72, "adjustment by one person", &[], Some(Route("/v1/ledger/adjustments"))),
    (73, "sandbox where money is real", &["f73_the_sandbox_does_not_exist_where_money_is_real"], None),
    (74, "shadow header", &["f74_no_header_leads_into_the_shadow"], None),
    (75, "notification without signature", &["g75_g76_g77_g79_what_is_not_signed_as_it_must_be"], None),
    (76, "notification changed", &["g75_g76_g77_g79_what_is_not_signed_as_it_must_be", "every_changed_byte_is_refused"], None),
    (77, "notification signed by another", &["g75_g76_g77_g79_what_is_not_signed_as_it_must_be"], None),
    (78, "notification replayed", &["g78_g84_a_notification_a_hundred_times_and_a_worse_one_after"], None),
    (79, "stale notification", &["g75_g76_g77_g79_what_is_not_signed_as_it_must_be"], None),
    (80, "another amount", &["g80_g81_verified_but_of_another_amount_or_currency"], None),
    (81, "another currency", &["g80_g81_verified_but_of_another_amount_or_currency"], None),
    (82, "another account", &["g82_g83_g86_about_what_is_not_ours_or_of_another_kind"], None),
    (83, "unknown order", &["g82_g83_g86_about_what_is_not_ours_or_of_another_kind"], None),
    (84, "downgrade after success", &["g78_g84_a_notification_a_hundred_times_and_a_worse_one_after"], None),
    (85, "success after closing", &["g85_g90_a_success_out_of_order"], None),
    (86, "refund's notification for a payment", &["g82_g83_g86_about_what_is_not_ours_or_of_another_kind"], None),
    (87, "XML entities", &["g87_g91_bodies_that_are_no_notification"], Some(Channel("wechat"))),
    (88, "sealed resource that was tampered with", &[], Some(Channel("wechat"))),
    (89, "form pollution and other charsets", &[], Some(Channel("alipay"))),
    (90, "notification before our answer", &["g85_g90_a_success_out_of_order"], None),
    (91, "large or slow notification", &["g87_g91_bodies_that_are_no_notification", "g91_slow_bodies_are_given_up"], None),
    (92, "comparison in constant time", &["compile_fail: assert!(mac == mac);"], None),
    (93, "keys that rotate", &["both_keys_are_valid_while_they_rotate"], None),
    (94, "addresses of our own network", &["h94_h95_h98_addresses_that_are_not_sent_to", "h94_h95_addresses_of_our_own_network_are_refused_in_every_spelling"], None),
    (95, "other spellings of addresses", &["h94_h95_h98_addresses_that_are_not_sent_to", "h94_h95_addresses_of_our_own_network_are_refused_in_every_spelling"], None),
    (96, "names that rebind", &["a_name_that_points_to_ourselves_is_refused_when_connecting"], None),
    (97, "redirected", &["h97_h99_h100_hooks_that_answer_badly"], None),
    (98, "other schemes, ports, userinfo", &["h94_h95_h98_addresses_that_are_not_sent_to", "h98_schemes_ports_and_parts_without_a_place_are_refused"], None),
    (99, "endless answer", &["h97_h99_h100_hooks_that_answer_badly"], None),
    (100, "the target's answer shown", &["h97_h99_h100_hooks_that_answer_badly"], None),
    (101, "test button", &[], Some(Route("/v1/webhook_endpoints/{id}/test"))),
    (102, "truncated statement", &["statements_that_do_not_add_up_are_rejected_whole"], Some(Route("/v1/reconciliations"))),
    (103, "statement twice", &[], Some(Route("/v1/reconciliations"))),
    (104, "amounts in other formats", &[], Some(Route("/v1/reconciliations"))),
    (105, "other encodings", &[], Some(Route("/v1/reconciliations"))),
    (106, "archive that bursts", &[], Some(Route("/v1/reconciliations"))),
    (107, "formula in an export", &[], Some(Route("/v1/settlements"))),
    (108, "statement of another scope", &[], Some(Route("/v1/reconciliations"))),
    (109, "rule that cannot be evaluated", &["j109_rules_that_cannot_be_evaluated"], None),
    (110, "rule that routes to nowhere", &[], Some(Route("/v1/routings"))),
    (111, "rule changed by one person", &["j111_rules_are_not_changed_by_one_person"], None),
    (112, "limits of nothing or everything", &["a_wrong_value_is_named_with_its_key_and_what_is_allowed", "j112_limits_that_count_nothing_are_no_limits", "j112_what_is_said_of_the_payer_is_bounded", "j112_blocks_of_nothing_and_by_nobody", "j112_switches_of_nothing_and_by_nobody"], None),
    (113, "line ends for the log", &["j113_line_ends_do_not_reach_the_log"], None),
    (114, "markup in a page", &[], Some(Route("/pay"))),
    (115, "card numbers", &["j115_card_numbers_are_not_taken"], None),
    (116, "metacharacters", &["j116_texts_are_stored_as_they_are"], None),
    (117, "no credential", &["k117_credentials_that_are_none"], None),
    (118, "stale signed request", &[], Some(AnotherCredential)),
    (119, "signature over something else", &[], Some(AnotherCredential)),
    (120, "bad keys in masses", &["k120_bad_keys_hold_up_nobody_else"], None),
    (121, "revoked key", &["k121_a_revoked_key_is_over"], None),
    (122, "secrets in addresses, answers that tell", &["k122_secrets_are_not_in_urls_and_answers_tell_nothing"], None),
];

/// The section of a case.
fn section(number: u8) -> char {
    match number {
        ..=15 => 'a',
        16..=31 => 'b',
        32..=42 => 'c',
        43..=52 => 'd',
        53..=65 => 'e',
        66..=74 => 'f',
        75..=93 => 'g',
        94..=101 => 'h',
        102..=108 => 'i',
        109..=116 => 'j',
        117.. => 'k',
    }
}

/// The text of every Rust file of the workspace but this one.
fn sources() -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("..")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("attacks/table.rs") {
                found.insert(path.clone(), std::fs::read_to_string(path).unwrap());
            }
        }
    }
    found
}

#[test]
fn every_case_is_in_the_table_once_and_its_tests_exist() {
    let sources = sources();
    for (place, (number, what, tests, waits)) in (1..).zip(CASES) {
        assert_eq!(number, place, "{what}");
        assert!(!tests.is_empty() || waits.is_some(), "case {number} is neither shown nor waited for");
        for test in tests {
            let needle = match test.strip_prefix("compile_fail: ") {
                Some(line) => line.to_owned(),
                None => format!("fn {test}("),
            };
            assert!(sources.values().any(|text| text.contains(&needle)), "case {number}: there is no {test}");
        }
    }
}

#[test]
fn every_numbered_test_of_these_files_is_in_the_table() {
    let own =
        sources().into_iter().filter(|(path, _)| path.parent().is_some_and(|folder| folder.ends_with("it/attacks")));
    let mut counted = 0;
    for (path, text) in own {
        let names = text.split("#[test]\nfn ").skip(1).filter_map(|rest| rest.split('(').next());
        for name in names {
            for number in numbers(name) {
                let (_, what, tests, _) = CASES[usize::from(number.1) - 1];
                assert_eq!(number.0, section(number.1), "{name} is in another section");
                assert!(
                    tests.contains(&name),
                    "{}: {name} is not listed for case {} ({what})",
                    path.display(),
                    number.1
                );
                counted += 1;
            }
        }
    }
    assert!(counted > 80, "{counted}");
}

/// `a10_b20_words` is about the cases A10 and B20.
fn numbers(name: &str) -> Vec<(char, u8)> {
    let parts = name.split('_').map_while(|part| Some((part.chars().next()?, part.get(1..)?.parse().ok()?)));
    parts.collect()
}

#[test]
fn no_case_waits_for_what_is_there() {
    attack(async |stage| {
        let there = There::look(stage);
        assert!(there.has(Route("/v1/trades")) && there.has(TradeType("escrow")) && there.has(Tool("coupon")));
        assert!(there.has(Channel("sandbox")) && there.has(Operation("refund")));
        for (number, what, _, waits) in CASES {
            if let Some(feature) = waits {
                assert!(!there.has(feature), "there is {feature} now: write the test of case {number} ({what})");
            }
        }
    });
}

/// What the server says that it has.
struct There {
    document: Value,
    channels: Value,
}

impl There {
    fn look(stage: &Stage<'_>) -> Self {
        let channels = super::wire::Call::get(&stage.platform.key, "/v1/channels").send(&stage.platform.address);
        Self { document: Document::read(stage).0, channels: channels.ok(200)["data"].clone() }
    }

    fn has(&self, feature: Feature) -> bool {
        let schemas = &self.document["components"]["schemas"];
        let words = |list: &Value, word: &str| list.as_array().unwrap().iter().any(|known| known == word);
        let mut channels = self.channels.as_array().unwrap().iter();
        match feature {
            Route(start) => self.document["paths"].as_object().unwrap().keys().any(|path| path.starts_with(start)),
            TradeType(word) => words(&schemas["Trade"]["properties"]["type"]["enum"], word),
            Tool(word) => {
                let mut tools = schemas["Tool"]["oneOf"].as_array().unwrap().iter();
                tools.any(|tool| tool["properties"]["tool"]["const"] == word)
            }
            Channel(start) => channels.any(|channel| channel["id"].as_str().unwrap().starts_with(start)),
            Operation(word) => channels.any(|channel| words(&channel["operations"], word)),
            AnotherCredential => self.document["components"]["securitySchemes"].as_object().unwrap().len() > 1,
        }
    }
}
