//! Good data leaves the verifier silent; each mutation makes its invariant speak.

use std::collections::BTreeSet;

use engine::verify::{Finding, Options};
use futures::executor::block_on;
use kernel::{RootId, Time};
use rusqlite::Connection;
use store::invariants::{self, Invariant};
use store::tables::payment::{DisputeRow, PaymentRow};
use store::tables::shard::Batch;
use store::{Applied, Place, Row as _, Statement, Step, Table};

use crate::raw::after;
use crate::stories::{Cast, play};
use crate::world::{Engine, World};

/// Before anything of the stories was to be done.
const EARLY: Options = Options { quiesced_at: Some(Time::from_micros(1_000_000)) };

/// Mutations for every named statement.
const OF_STATEMENTS: &[(&str, &str)] = &[
    ("trial_balance", "UPDATE account SET dp = dp + 1 WHERE subject = '2001' AND owner = 'user:u1'"),
    ("transit_pairs", "UPDATE account SET subject = '2011.0.1' WHERE subject = '5002'"),
    ("batch_place", "copy batch seq 9999 WHERE seq = 3"),
    ("voucher_place", "UPDATE voucher SET seq = 9999 WHERE seq = (SELECT MIN(seq) FROM voucher)"),
    ("transfer_place", "UPDATE transfer SET seq = 9999 WHERE seq = (SELECT MIN(seq) FROM transfer)"),
    ("voucher_transfers", "UPDATE transfer SET voucher = 99 WHERE seq = (SELECT MAX(seq) FROM transfer)"),
    ("transfer_voucher", "DELETE FROM voucher WHERE seq = (SELECT MAX(seq) FROM voucher)"),
    ("voucher_context", "UPDATE voucher SET merchant = NULL WHERE trade = {instant}"),
    ("transfer_pay_org", "UPDATE transfer SET pay_org = 'elsewhere' WHERE seq = (SELECT MAX(seq) FROM transfer)"),
    ("hold_tree", "UPDATE hold SET trade = {nobody} WHERE trade = {open}"),
    ("event_place", "UPDATE event SET seq = 9999 WHERE seq = (SELECT MAX(seq) FROM event)"),
    ("answer_place", "UPDATE answer SET seq = 9999 WHERE seq = (SELECT MAX(seq) FROM answer)"),
    ("event_numbers", "UPDATE event SET n = n + 40 WHERE seq = (SELECT MAX(seq) FROM event)"),
    ("event_body", "UPDATE event SET body_at = 77, body = NULL WHERE tree = {instant}"),
    ("event_context", "UPDATE event SET sub_type = 'x' WHERE tree = {instant}"),
    (
        "answer_status",
        "UPDATE answer SET body_hash = NULL WHERE kind = 'key' AND seq = (SELECT MAX(seq) FROM answer WHERE kind = 'key')",
    ),
    ("due_tree", "UPDATE due SET trade = {nobody} WHERE trade = {instant}"),
    ("split_tree", "UPDATE split SET trade = {nobody} WHERE trade = {instant}"),
    ("trade_dues", "UPDATE due SET amount = amount + 1 WHERE trade = {instant}"),
    ("trade_splits", "UPDATE split SET amount = amount - 1 WHERE trade = {escrow} AND no = 1"),
    ("split_bounds", "UPDATE split SET returned_before = 999 WHERE trade = {escrow} AND no = 1"),
    ("closed_unpaid", "UPDATE trade SET status = 'closed', reason = 'canceled' WHERE trade = {instant}"),
    ("due_payment", "UPDATE due SET payment = 9 WHERE trade = {deposit} AND no = 1"),
    ("unpaid_due", "UPDATE trade SET unpaid_due = 'return' WHERE trade = {instant}"),
    ("paid_dues", "UPDATE trade SET status = 'paid', reason = NULL WHERE trade = {expired}"),
    ("status_moved", "UPDATE trade SET status = 'paid' WHERE trade = {instant}"),
    ("trade_range", "UPDATE trade SET currency = 'cny' WHERE trade = {instant}"),
    ("trade_deadline", "UPDATE due SET opens_at = 0, expires_at = 1 WHERE trade = {deposit} AND no = 2"),
    ("payment_tree", "UPDATE payment SET due = 9 WHERE trade = {instant}"),
    ("instruction_tree", "UPDATE instruction SET payment = 9 WHERE trade = {instant}"),
    ("case_tree", "UPDATE work_case SET instruction = 99 WHERE trade = {mismatch}"),
    ("case_step_tree", "UPDATE case_step SET work_case = 9 WHERE step = 'approved'"),
    ("case_steps", "DELETE FROM case_step WHERE step = 'commented'"),
    ("case_end", "UPDATE case_step SET resolution = 'retry' WHERE step = 'approved'"),
    ("two_people", "UPDATE case_step SET by_key = {nobody} WHERE step IN ('proposed', 'approved')"),
    ("payment_sum", "UPDATE instruction SET amount = amount - 1 WHERE trade = {mixed} AND no = 2"),
    ("payment_due", "UPDATE payment SET payer = 'u9' WHERE trade = {instant}"),
    ("success_legs", "UPDATE instruction SET status = 'pending' WHERE trade = {mixed} AND no = 1"),
    ("ended_returns", "UPDATE instruction SET \"returning\" = 0, returned = 0 WHERE trade = {late}"),
    ("one_success", "copy payment no 9 WHERE trade = {instant}"),
    ("surplus_returns", "UPDATE instruction SET \"returning\" = 0 WHERE trade = {mixed} AND no = 2"),
    ("leg_bounds", "UPDATE instruction SET returned = received + 1 WHERE trade = {instant}"),
    ("leg_parts", "UPDATE instruction SET returned = returned - 1 WHERE trade = {instant}"),
    ("internal_received", "UPDATE instruction SET received = received - 1 WHERE trade = {escrow}"),
    ("payment_context", "UPDATE payment SET sub_type = 'x' WHERE trade = {instant}"),
    ("leg_pay_org", "UPDATE instruction SET pay_org = 'bank' WHERE trade = {instant}"),
    ("payment_range", "UPDATE payment SET amount = -5 WHERE trade = {instant}"),
    ("leg_range", "UPDATE instruction SET amount = -5 WHERE trade = {instant}"),
    ("payment_deadline", "UPDATE payment SET expires_at = 1 WHERE trade = {open}"),
    ("refund_tree", "UPDATE refund SET payment = 9 WHERE trade = {instant}"),
    ("part_tree", "UPDATE refund_part SET refund = 9 WHERE trade = {instant}"),
    ("line_tree", "UPDATE refund_line SET receiver = 'platform' WHERE trade = {instant}"),
    ("refund_sum", "UPDATE refund_part SET amount = amount - 1 WHERE trade = {instant}"),
    ("part_sum", "UPDATE refund_line SET amount = amount - 1 WHERE trade = {instant}"),
    ("trade_refunds", "UPDATE trade SET returned_after = returned_after - 1 WHERE trade = {instant}"),
    ("refund_status", "UPDATE refund SET status = 'pending' WHERE trade = {instant}"),
    ("refund_range", "UPDATE refund SET amount = -5 WHERE trade = {instant}"),
    ("part_case", "DELETE FROM work_case WHERE kind = 'refund_failed' AND status = 'open'"),
    ("dispute_tree", "UPDATE dispute SET instruction = 99 WHERE trade = {disputed}"),
    ("dispute_line_tree", "UPDATE dispute_line SET receiver = 'platform' WHERE trade = {disputed}"),
    ("dispute_sum", "UPDATE dispute_line SET lost = lost - 1 WHERE trade = {disputed} AND no = 1"),
    ("dispute_evidence", "DELETE FROM evidence WHERE trade = {disputed} AND outcome = 'dispute_lost'"),
    ("dispute_kept", "DELETE FROM dispute WHERE trade = {contested}"),
    ("one_dispute", "copy dispute no 9 WHERE trade = {contested}"),
    ("dispute_hold", "UPDATE hold SET released = 0 WHERE trade = {disputed}"),
    ("dispute_case", "DELETE FROM work_case WHERE kind = 'disputed' AND status = 'open'"),
    ("dispute_rest", "DELETE FROM work_case WHERE kind = 'dispute_uncovered'"),
    ("dispute_range", "UPDATE dispute SET currency = 'cny' WHERE trade = {contested}"),
    ("order_tree", "UPDATE channel_order SET instruction = 99 WHERE trade = {half} AND no = 1"),
    ("evidence_tree", "UPDATE evidence SET channel_order = 99 WHERE trade = {half}"),
    ("one_number", "UPDATE channel_order SET channel_no = 'H2' WHERE trade = {half}"),
    ("leg_order", "UPDATE instruction SET channel_order = 2 WHERE trade = {half} AND no = 1"),
    ("leg_no", "DELETE FROM evidence WHERE trade = {declined}"),
    ("part_no", "DELETE FROM evidence WHERE outcome = 'failed'"),
    ("leg_evidence", "UPDATE evidence SET amount = 6 WHERE trade = {mixed} AND outcome = 'paid'"),
    ("payout_evidence", "UPDATE evidence SET amount = 299 WHERE trade = {payout} AND outcome = 'paid_out'"),
    ("payout_no", "DELETE FROM evidence WHERE trade = {refused} AND outcome = 'failed'"),
    ("payout_hold", "UPDATE hold SET released = 0 WHERE trade = {refused}"),
    ("payout_kept", "UPDATE refund SET reason_code = 'late' WHERE trade = {bounced}"),
    ("part_evidence", "DELETE FROM evidence WHERE outcome = 'refunded'"),
    ("evidence_kept", "UPDATE instruction SET status = 'pending' WHERE trade = {half} AND no = 1"),
    ("suspect_kept", "DELETE FROM work_case WHERE kind = 'contradiction'"),
    ("order_receipts", "UPDATE channel_order SET receipts = 0 WHERE trade = {half} AND no = 1"),
    ("order_context", "UPDATE channel_order SET sub_type = 'x' WHERE trade = {half}"),
    ("order_range", "UPDATE channel_order SET amount = -5 WHERE trade = {half}"),
    ("order_deadline", "UPDATE channel_order SET lifetime_until = 1 WHERE trade = {open}"),
    ("child_parent", "UPDATE trade SET payer = 'u9' WHERE trade = {child}"),
    ("share_of", "UPDATE payment SET parent_no = 9 WHERE trade = {child}"),
    ("parent_children", "UPDATE trade SET amount = amount + 1 WHERE trade = {child}"),
    ("leg_shares", "UPDATE instruction SET amount = amount + 1 WHERE trade = {child} AND no = 1"),
    ("leg_shares", "UPDATE instruction SET points = points + 1 WHERE trade = {exchanged} AND tool = 'points'"),
    ("share_dispute", "UPDATE dispute SET channel_no = 'Z7' WHERE trade = {sued}"),
    ("dispute_shares", "UPDATE dispute SET amount = amount + 1 WHERE trade = {sued}"),
    ("combined_books", "UPDATE account SET cp = cp + 1 WHERE subject = '2012'"),
    ("coupon_holder", "UPDATE coupon SET held_no = 9 WHERE held_trade = {open}"),
    ("leg_coupon", "UPDATE instruction SET coupon_rest = coupon_rest + 1 WHERE trade = {open} AND no = 1"),
    ("coupon_owner", "UPDATE coupon SET buyer = 'u9' WHERE held_trade = {open}"),
    ("coupon_range", "UPDATE coupon SET currency = 'cny' WHERE id = {usable}"),
    ("coupon_books", "UPDATE coupon SET status = 'expired' WHERE id = {usable}"),
    ("gift_shares", "UPDATE gift_claim SET amount = amount + 1 WHERE gift = {packet} AND no = 2"),
    ("gift_range", "UPDATE gift SET currency = 'cny' WHERE id = {packet}"),
    ("gift_books", "DELETE FROM gift_claim WHERE gift = {packet} AND no = 2"),
    ("credit_range", "UPDATE credit_line SET currency = 'cny' WHERE holder = 'u1'"),
    ("credit_leg", "UPDATE instruction SET credit_limit = 1 WHERE trade = {credit} AND tool = 'credit'"),
    ("credit_lines", "UPDATE credit_line SET holder = 'u9' WHERE holder = 'u1'"),
    ("bill_line", "UPDATE bill SET no = 9 WHERE no = 4"),
    ("bill_stretch", "UPDATE bill SET begins = begins + 1 WHERE no = 2"),
    ("bill_paid", "UPDATE bill SET paid_at = NULL WHERE no = 1"),
    ("line_billed", "UPDATE credit_line SET billed = billed + 1 WHERE bills = 4"),
    ("line_oldest", "UPDATE credit_line SET oldest_due_at = oldest_due_at + 1 WHERE bills = 4"),
    ("points_back", "UPDATE refund_part SET points = points + 200 WHERE trade = {points} AND way = 'points'"),
    ("grant_range", "UPDATE points_grant SET points = 1000000000000001 WHERE id = {grant}"),
    ("points_issued", "UPDATE points_grant SET reversed = reversed + 1 WHERE id = {grant}"),
    ("points_hands", "UPDATE points_grant SET holder = 'u9' WHERE id = {grant}"),
];

/// One for every check that no statement makes: its code, its table, words of what is found, and the mutation.
const OF_CHECKS: &[(&str, &str, &str, &str)] = &[
    (
        "I03",
        "account",
        "not what its transfers make it",
        "UPDATE account SET version = version + 1 WHERE subject = '2004'",
    ),
    ("I03", "account", "was moved by no transfer", "UPDATE account SET id = {nobody} WHERE subject = '2004'"),
    ("I03", "account", "nothing on record set it", "UPDATE account SET debit_frozen = 1 WHERE subject = '2004'"),
    ("I03", "account", "its id is not that of", "UPDATE account SET owner = 'user:u9' WHERE owner = 'user:u2'"),
    (
        "I03b",
        "transfer",
        "do not follow",
        "UPDATE transfer SET d_bal = d_bal + 1 WHERE seq = (SELECT MAX(seq) FROM transfer)",
    ),
    ("I04", "account", "left its limits", "UPDATE account SET floor = 1 WHERE subject = '2004'"),
    ("I04", "hold", "is not what", "UPDATE hold SET released = released + 1 WHERE trade = {open}"),
    ("I04", "hold", "is missing", "DELETE FROM hold WHERE trade = {open}"),
    (
        "I09",
        "payment",
        "without a voucher",
        "UPDATE voucher SET template = 'confirm' WHERE trade = {instant} AND template = 'pay'",
    ),
    ("I09", "payment", "took no effect", "UPDATE payment SET status = 'canceled' WHERE trade = {instant}"),
    (
        "I09",
        "refund",
        "disagree",
        "UPDATE voucher SET template = 'confirm' WHERE trade = {instant} AND template = 'refund'",
    ),
    ("I09", "trade", "2004", "UPDATE trade SET released = released + 1 WHERE trade = {escrow}"),
    ("I09", "trade", "2003 of seller", "UPDATE split SET released = released + 1 WHERE trade = {escrow} AND no = 1"),
    (
        "I09",
        "trade",
        "2022 of sandbox",
        "UPDATE instruction SET received = received - 1 WHERE trade = {half} AND no = 1",
    ),
    ("I09", "trade", "2021 of sandbox", "UPDATE work_case SET amount = amount + 1 WHERE trade = {mismatch}"),
    ("I09", "trade", "refund of sandbox", "UPDATE refund_part SET way = 'balance' WHERE trade = {mixed} AND no = 1"),
    (
        "I09",
        "hold",
        "not what its tree waits for",
        "UPDATE instruction SET status = 'created' WHERE trade = {open} AND no = 1",
    ),
    (
        "I09",
        "trade",
        "1061",
        "UPDATE instruction SET tool = 'balance', credit_limit = NULL WHERE trade = {credit} AND tool = 'credit'",
    ),
    (
        "I09",
        "trade",
        "2034.redeemed",
        "UPDATE instruction SET points = points + 1 WHERE trade = {points} AND tool = 'points'",
    ),
    (
        "I09",
        "hold",
        "not what its tree waits for",
        "UPDATE instruction SET points = points + 1 WHERE tool = 'points' AND status = 'held'",
    ),
    ("I09", "channel_order", "receipt by receipt", "DELETE FROM evidence WHERE trade = {half}"),
    ("I09", "trade", "out of sandbox", "UPDATE instruction SET returned = returned - 1 WHERE trade = {bounced}"),
    ("I09", "hold", "not what its tree waits for", "UPDATE instruction SET status = 'unknown' WHERE trade = {refused}"),
    (
        "I09",
        "trade",
        "dispute of sandbox",
        "UPDATE dispute_line SET lost = lost + 1 WHERE trade = {disputed} AND no = 1",
    ),
    (
        "I09",
        "hold",
        "not what its tree waits for",
        "UPDATE dispute SET status = 'won', closed_at = 1 WHERE trade = {contested}",
    ),
    (
        "I11b",
        "dispute",
        "stands elsewhere",
        "UPDATE dispute SET status = 'won', closed_at = 1 WHERE trade = {contested}",
    ),
    ("I11", "event", "cannot happen", "UPDATE event SET type = 'dispute.won' WHERE type = 'dispute.opened'"),
    ("I12", "event", "does not exist", "DELETE FROM dispute WHERE trade = {contested}"),
    (
        "I15",
        "channel_order",
        "not claimed",
        "UPDATE evidence SET channel_no = 'Z8' WHERE trade = {contested} AND outcome = 'disputed'",
    ),
    ("I11", "event", "cannot happen", "UPDATE event SET type = 'payout.returned' WHERE type = 'payout.processing'"),
    ("row", "trade", "destination", "UPDATE trade SET destination = '[]' WHERE trade = {payout}"),
    // What dues brought and where it went.
    ("I07b", "trade", "back or on its way", "UPDATE trade SET unpaid_due = 'forfeit' WHERE trade = {given_back}"),
    ("I07b", "trade", "back or on its way", "UPDATE trade SET returned_before = 299 WHERE trade = {given_back}"),
    ("I07c", "trade", "fits what left", "UPDATE trade SET released = released - 1 WHERE trade = {forfeited}"),
    ("I07", "due", "took effect", "UPDATE due SET payment = NULL, paid_at = NULL WHERE trade = {forfeited}"),
    ("I08", "trade", "take from receivers", "UPDATE refund SET reason_code = 'late' WHERE trade = {given_back}"),
    ("I09", "trade", "2004", "UPDATE trade SET paid = paid - 1 WHERE trade = {deposit}"),
    (
        "I11",
        "event",
        "cannot happen",
        "UPDATE event SET type = 'trade.due_paid' WHERE tree = {instant} AND type = 'trade.completed'",
    ),
    ("I32", "task", "is missing", "DELETE FROM task WHERE tree = {deposit}"),
    ("row", "trade", "unpaid_due", "UPDATE trade SET unpaid_due = '' WHERE trade = {deposit}"),
    ("I10", "payment", "other money", "UPDATE payment SET currency = 'USD' WHERE trade = {instant}"),
    (
        "I11",
        "event",
        "cannot happen",
        "UPDATE event SET type = 'trade.completed' WHERE tree = {instant} AND type = 'trade.paid'",
    ),
    ("I11b", "payment", "stands elsewhere", "UPDATE payment SET status = 'succeeded' WHERE trade = {open}"),
    ("I11b", "trade", "stands elsewhere", "UPDATE trade SET status = 'created', reason = NULL WHERE trade = {expired}"),
    ("I12", "event", "does not follow", "DELETE FROM event WHERE tree = {instant} AND type = 'trade.paid'"),
    ("I12", "trade", "as many events", "UPDATE trade SET sequence = sequence + 1 WHERE trade = {instant}"),
    ("I12", "event", "does not exist", "DELETE FROM refund WHERE trade = {instant}"),
    ("I11", "event", "cannot happen", "UPDATE event SET type = 'bill.issued' WHERE type = 'bill.overdue'"),
    ("I11b", "bill", "stands elsewhere", "UPDATE bill SET paid_at = NULL WHERE no = 2"),
    ("I12", "bill", "as many events", "UPDATE bill SET overdue_at = NULL WHERE no = 1"),
    ("I12", "event", "there are events of it", "DELETE FROM bill WHERE no = 4"),
    ("I19", "event", "a bill's has none", "UPDATE event SET sub_type = 'x' WHERE object = 'bil'"),
    ("I32", "task", "is missing", "DELETE FROM task WHERE kind = 'credit.bill'"),
    ("I32", "task", "is missing", "DELETE FROM task WHERE kind = 'bill.due'"),
    ("I44", "bill", "had been drawn", "UPDATE bill SET up_to = up_to + 1 WHERE no = 4"),
    ("I44", "bill", "brought the last", "UPDATE bill SET up_to = up_to - 1 WHERE no = 1"),
    ("row", "bill", "column `no`", "UPDATE bill SET no = 70000 WHERE no = 4"),
    ("I14", "claim", "leads to no answer", "UPDATE claim SET n = n + 7 WHERE h = (SELECT MIN(h) FROM claim)"),
    ("I14", "claim", "another key", "UPDATE answer SET key = 'other' WHERE seq = (SELECT MAX(seq) FROM answer)"),
    ("I14", "answer", "cannot be found", "DELETE FROM claim WHERE h = (SELECT MIN(h) FROM claim)"),
    (
        "I14",
        "answer",
        "another answer stands",
        "copy answer n 50 WHERE kind = 'order' AND seq = (SELECT MAX(seq) FROM answer WHERE kind = 'order')",
    ),
    (
        "I15",
        "channel_order",
        "not claimed",
        "UPDATE channel_order SET channel_no = 'B1' WHERE trade = {half} AND no = 1",
    ),
    ("I15", "channel_order", "not claimed", "UPDATE evidence SET channel_no = 'Z9' WHERE trade = {half}"),
    ("I32", "task", "is missing", "DELETE FROM task WHERE tree = {escrow}"),
    ("I32", "task", "is missing", "DELETE FROM task WHERE tree = {usable}"),
    ("I32", "task", "is missing", "DELETE FROM task WHERE kind = 'counter.clean'"),
    ("I41", "counter", "does not say", "UPDATE counter SET payments = payments + 1 WHERE payments = 3"),
    ("I41", "counter", "does not say", "UPDATE counter SET minor = minor - 1 WHERE minor > 900"),
    ("I41", "counter", "does not say", "UPDATE counter SET until = until + 1 WHERE payments = 3"),
    ("I41", "counter", "is missing", "DELETE FROM counter WHERE payments = 3"),
    ("I41", "counter", "is missing", "UPDATE counter SET id = {nobody} WHERE payments = 3"),
    ("I41", "payment", "rules that do not exist", "UPDATE payment SET rule_version = 9 WHERE trade = {counted}"),
    ("row", "payment", "column `signals`", "UPDATE payment SET signals = '{}' WHERE trade = {counted}"),
    ("row", "payment", "column `switches`", "UPDATE payment SET switches = '[]' WHERE trade = {counted}"),
    ("row", "payment", "column `assessment`", "UPDATE payment SET assessment = '{}' WHERE trade = {counted}"),
    ("I32", "task", "no state waits", "UPDATE task SET due = due + 1 WHERE tree = {open}"),
    ("I33", "batch", "hash", "UPDATE batch SET prev_hash = zeroblob(32) WHERE seq = 5"),
    ("I33", "batch", "is missing", "DELETE FROM batch WHERE seq = 5"),
    ("I33", "shard", "is not the last batch", "UPDATE shard SET hash = zeroblob(32)"),
    ("I33", "shard", "is missing", "DELETE FROM shard"),
    ("I33", "control", "is missing", "DELETE FROM control WHERE kind = 'birth'"),
    ("row", "trade", "fits no state", "UPDATE trade SET late_success = 'never' WHERE trade = {open}"),
];

fn literal(id: RootId) -> String {
    let hex: String = id.bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("X'{hex}'")
}

fn sql(text: &str, cast: &Cast) -> String {
    let names = [
        ("{instant}", cast.instant.0),
        ("{escrow}", cast.escrow.0),
        ("{mixed}", cast.mixed.0),
        ("{open}", cast.open.0),
        ("{mismatch}", cast.mismatch.0),
        ("{half}", cast.half.0),
        ("{expired}", cast.expired.0),
        ("{declined}", cast.declined.0),
        ("{late}", cast.late.0),
        ("{payout}", cast.payout.0),
        ("{bounced}", cast.bounced.0),
        ("{refused}", cast.refused.0),
        ("{disputed}", cast.disputed.0),
        ("{contested}", cast.contested.0),
        ("{deposit}", cast.deposit.0),
        ("{given_back}", cast.given_back.0),
        ("{forfeited}", cast.forfeited.0),
        ("{usable}", cast.usable.0),
        ("{packet}", cast.packet.0),
        ("{points}", cast.points.0),
        ("{grant}", cast.grant.0),
        ("{credit}", cast.credit.0),
        ("{counted}", cast.counted.0),
        ("{cart}", cast.cart.0),
        ("{child}", cast.child.0),
        ("{sued}", cast.sued.0),
        ("{exchanged}", cast.exchanged.0),
        ("{nobody}", RootId::from_bytes([1; 16])),
    ];
    let text = names.iter().fold(text.to_owned(), |text, (name, id)| text.replace(name, &literal(*id)));
    text.strip_prefix("copy ").map_or_else(|| text.clone(), copied)
}

/// `TABLE COLUMN VALUE WHERE …`: the same rows again with another value in a column.
fn copied(text: &str) -> String {
    let mut words = text.splitn(4, ' ');
    let (name, column, value) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
    let table: &Table = match name {
        "batch" => Batch::TABLE,
        "payment" => PaymentRow::TABLE,
        "dispute" => DisputeRow::TABLE,
        "answer" => store::tables::log::Answer::TABLE,
        other => panic!("{other}"),
    };
    let columns = table.columns.iter().map(|known| if known.name == column { value } else { known.name });
    format!(
        "INSERT INTO {name} SELECT {} FROM {name} {}",
        columns.collect::<Vec<_>>().join(", "),
        words.next().unwrap()
    )
}

fn mutate(connection: &Connection, text: &str) {
    let touched = connection.execute(text, []).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert!(touched > 0, "touches nothing: {text}");
}

fn is_of(finding: &Finding, invariant: &Invariant) -> bool {
    finding.invariant == invariant.code
        && finding.table == invariant.table.name
        && finding.what.ends_with(invariant.holds)
}

#[test]
fn every_statement_speaks_up() {
    let mut world = World::new(Engine::Files).unwrap();
    let cast = play(&mut world);
    let directory = world.leave();
    assert!(after(directory.path(), EARLY, |_| {}).is_clean());
    let mut deaf = Vec::new();
    for invariant in invariants::all() {
        let name = invariant.statement.name.strip_prefix("invariant.").unwrap();
        let mutations: Vec<_> = OF_STATEMENTS.iter().filter(|(known, _)| *known == name).collect();
        assert!(!mutations.is_empty(), "{name} has no mutation");
        for (_, text) in mutations {
            let report = after(directory.path(), EARLY, |connection| mutate(connection, &sql(text, &cast)));
            if !report.findings.iter().any(|finding| is_of(finding, invariant)) {
                deaf.push(format!("{name}: {text}: {:?}", report.findings.first().map(ToString::to_string)));
            }
        }
    }
    assert!(deaf.is_empty(), "{deaf:#?}");
    let known: BTreeSet<&str> = OF_STATEMENTS.iter().map(|(name, _)| *name).collect();
    assert_eq!(known.len(), invariants::all().count(), "a mutation is of no statement");
}

#[test]
fn every_other_check_speaks_up() {
    let mut world = World::new(Engine::Files).unwrap();
    let cast = play(&mut world);
    let directory = world.leave();
    let mut deaf = Vec::new();
    for (code, table, words, text) in OF_CHECKS {
        let report = after(directory.path(), Options::default(), |connection| mutate(connection, &sql(text, &cast)));
        let heard =
            |finding: &&Finding| (finding.invariant, finding.table) == (*code, *table) && finding.what.contains(words);
        if !report.findings.iter().any(|finding| heard(&finding)) {
            let all: Vec<String> = report.findings.iter().map(ToString::to_string).take(4).collect();
            deaf.push(format!("{code} {table} {words}: {text}: {all:#?}"));
        }
    }
    assert!(deaf.is_empty(), "{}", deaf.join("\n"));
}

fn silent(engine: Engine) {
    let Some(mut world) = World::new(engine) else { return };
    play(&mut world);
    let report = world.verify();
    let findings: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    assert!(findings.is_empty(), "{findings:#?}");
    assert!(
        report.checked.trades > 25 && report.checked.tasks > 3 && report.checked.claims > 100,
        "{:?}",
        report.checked
    );
}

#[test]
fn good_data_is_silent_in_memory() {
    silent(Engine::Memory);
}

#[test]
fn good_data_is_silent_on_files() {
    silent(Engine::Files);
}

#[test]
fn good_data_is_silent_on_postgres_and_a_mutation_is_not() {
    let Some(mut world) = World::new(Engine::Postgres) else { return };
    play(&mut world);
    let findings: Vec<String> = world.verify().findings.iter().map(ToString::to_string).collect();
    assert!(findings.is_empty(), "{findings:#?}");
    static LESS: Statement = Statement {
        name: "test.less",
        text: "UPDATE instruction SET amount = amount - 1 WHERE no = 2",
        params: &[],
        sqlite: None,
    };
    let context = world.enter();
    let mut side = world.store.side(Place::Main).unwrap();
    let step = Step::Run { statement: &LESS, params: Vec::new(), expect: None };
    assert!(matches!(block_on(side.transaction(vec![step], true)).unwrap(), Applied::Done(_)));
    drop(context);
    let report = world.verify();
    assert!(
        report.findings.iter().any(|finding| finding.invariant == "I05" && finding.table == "payment"),
        "{report:?}"
    );
    assert!(report.findings.iter().all(|finding| finding.invariant != "I33"), "{report:?}");
}
