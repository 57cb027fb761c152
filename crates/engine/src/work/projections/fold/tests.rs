//! The fold on stretches of a log: what one event or transfer makes of the rows, and what does not fit.

use accounting::{AccountKey, Subject};
use kernel::message::accounting::HoldNo;
use kernel::{Currency, Owner, UserId};
use proptest::prelude::*;

use super::super::read::listed;
use super::*;

const SALT: [u8; 32] = [7; 32];
const MERCHANT: Bytes = [1; 16];

/// One voucher of a made-up batch.
#[derive(Clone, Debug)]
struct Fact {
    trade: Option<u8>,
    /// Debit account, credit account, amount; what it does is chosen by `Writer::transfer`.
    legs: Vec<(usize, usize, i64)>,
    kind: &'static str,
}

/// Writes a log as the line would: versions and balances by accounting's own rule.
struct Writer {
    stretch: Stretch,
    accounts: Vec<Account>,
    opened: BTreeMap<AccountId, Account>,
    holds: Vec<(HoldKey, usize, usize, i64)>,
    next_hold: u16,
    counts: [i64; 3],
}

fn account(no: usize) -> Account {
    let (owner, subject) = match no {
        0 => (Owner::Platform, Subject::MARKETING),
        1 => (Owner::Channel("sandbox".into()), Subject::channel_in("sandbox")),
        _ => (Owner::User(UserId::parse(&no.to_string()).unwrap()), Subject::USER_BALANCE),
    };
    let key = AccountKey { owner, subject, currency: Currency::parse("CNY").unwrap() };
    // When it was opened is no column of the list.
    Account::open(key.id(&SALT), &key, 0)
}

impl Writer {
    fn new() -> Self {
        let accounts: Vec<Account> = (0..5).map(account).collect();
        let opened = accounts.iter().map(|account| (account.id, account.clone())).collect();
        let stretch = Stretch { shard: 0, ..Stretch::default() };
        Self { stretch, accounts, opened, holds: Vec::new(), next_hold: 1, counts: [0; 3] }
    }

    fn batch(&mut self, seq: i64, facts: &[Fact]) {
        self.counts = [0; 3];
        for fact in facts {
            self.fact(seq, fact);
        }
        self.stretch.batches.push(Batch {
            shard: 0,
            seq,
            writer: 1,
            at: seq * 1_000,
            acct_date: 20_261_120 + seq / 2,
            rows: 0,
            prev_hash: [0; 32],
            root: [0; 32],
            digest: Vec::new(),
            hash: [0; 32],
            dsum: 0,
            csum: 0,
        });
    }

    fn fact(&mut self, seq: i64, fact: &Fact) {
        let trade = fact.trade.map(|no| [no; 16]);
        let [voucher, _, event] = self.counts;
        self.counts[0] += 1;
        self.counts[2] += 1;
        self.stretch.vouchers.push(VoucherRow {
            shard: 0,
            seq,
            n: voucher,
            template: "pay".into(),
            template_version: 1,
            merchant: Some(MERCHANT),
            order_type: None,
            sub_type: None,
            trade,
            object: String::new().into(),
        });
        self.stretch.told.push(Told {
            seq,
            n: event,
            kind: fact.kind.into(),
            merchant: Some(MERCHANT),
            tree: trade,
            no: 1,
            number: None,
        });
        for leg in &fact.legs {
            self.transfer(seq, voucher, *leg);
        }
    }

    fn transfer(&mut self, seq: i64, voucher: i64, (debit, credit, amount): (usize, usize, i64)) {
        let (op, debit, credit, amount) = match amount % 3 {
            0 => {
                let key = HoldKey { no: HoldNo::Instruction(self.next_hold), leg: 0 };
                self.next_hold += 1;
                self.holds.push((key, debit, credit, amount));
                (Op::Hold(key), debit, credit, amount)
            }
            1 if !self.holds.is_empty() => {
                let (key, debit, credit, held) = self.holds.remove(0);
                (if held % 2 == 0 { Op::Capture(key) } else { Op::Release(key) }, debit, credit, held)
            }
            _ => (Op::Post, debit, credit, amount),
        };
        let mut shift = |no: usize, side| {
            let account = &mut self.accounts[no];
            account.shift(op, side, Amount::new(amount).unwrap()).unwrap();
            (account.id.0.bytes(), account.version, account.posted())
        };
        let (debit, d_ver, d_bal) = shift(debit, Side::Debit);
        let (credit, c_ver, c_bal) = shift(credit, Side::Credit);
        let n = self.counts[1];
        self.counts[1] += 1;
        self.stretch.transfers.push(TransferRow {
            shard: 0,
            seq,
            n,
            voucher,
            op: op.as_str().into(),
            hold: op.hold().map(HoldKey::number),
            debit,
            credit,
            amount,
            pay_org: "internal".into(),
            code: "tool".into(),
            d_ver,
            d_bal,
            c_ver,
            c_bal,
        });
    }
}

fn facts() -> impl Strategy<Value = Vec<Vec<Fact>>> {
    let leg = (0usize..5, 1usize..5, 1i64..1_000).prop_map(|(debit, on, amount)| (debit, (debit + on) % 5, amount));
    let kinds = prop::sample::select(vec![
        "trade.created",
        "trade.paid",
        "payment.succeeded",
        "case.opened",
        "refund.succeeded",
    ]);
    let fact = (prop::option::of(1u8..4), prop::collection::vec(leg, 0..3), kinds);
    let fact = fact.prop_map(|(trade, legs, kind)| Fact { trade, legs, kind });
    prop::collection::vec(prop::collection::vec(fact, 0..4), 1..8)
}

fn written(batches: &[Vec<Fact>]) -> Writer {
    let mut writer = Writer::new();
    for (seq, facts) in (1..).zip(batches) {
        writer.batch(seq, facts);
    }
    writer
}

/// The batches `from..to` of a stretch, by their numbers.
fn part(stretch: &Stretch, from: i64, to: i64) -> Stretch {
    let within = |seq: i64| from <= seq && seq < to;
    Stretch {
        shard: stretch.shard,
        batches: stretch.batches.iter().filter(|row| within(row.seq)).cloned().collect(),
        vouchers: stretch.vouchers.iter().filter(|row| within(row.seq)).cloned().collect(),
        transfers: stretch.transfers.iter().filter(|row| within(row.seq)).cloned().collect(),
        told: stretch.told.iter().filter(|row| within(row.seq)).cloned().collect(),
    }
}

/// Lays later rows over earlier ones, as replacing them in the tables does.
fn lay(rows: &mut Folded, newer: Folded) {
    rows.entries.extend(newer.entries);
    rows.entries.sort_by_key(|entry| (entry.account, entry.ver));
    rows.accounts.extend(newer.accounts);
    rows.days.extend(newer.days);
    rows.trades.extend(newer.trades);
    rows.opened.extend(newer.opened);
    rows.cases.extend(newer.cases);
    rows.disputes.extend(newer.disputes);
    rows.trade_batches.extend(newer.trade_batches);
    rows.merchant_batches.extend(newer.merchant_batches);
    rows.coupons.extend(newer.coupons);
    rows.numbers.extend(newer.numbers);
    rows.numbers.sort_by_key(|row| (row.h, row.trade, row.no));
}

fn known(rows: &Folded, opened: &BTreeMap<AccountId, Account>) -> Known {
    let mut accounts = opened.clone();
    let through_rows = rows.accounts.values().map(|account| listed(list_row(0, account)).unwrap());
    accounts.extend(through_rows.map(|account| (account.id, account)));
    Known { accounts, cases: rows.cases.clone(), disputes: rows.disputes.clone(), days: rows.days.clone() }
}

/// Folds a log cut before every one of these batches.
fn in_parts(writer: &Writer, cuts: &[i64]) -> Folded {
    let mut rows = Folded::default();
    let ends: Vec<i64> = std::iter::once(0).chain(cuts.iter().copied()).chain([i64::MAX]).collect();
    for pair in ends.windows(2) {
        let known = known(&rows, &writer.opened);
        lay(&mut rows, fold(&part(&writer.stretch, pair[0], pair[1]), known).unwrap());
    }
    rows
}

proptest! {
    #[test]
    fn however_the_log_is_cut_the_rows_are_the_same(batches in facts(), cuts in prop::collection::btree_set(1i64..8, 0..4)) {
        let writer = written(&batches);
        let cuts: Vec<i64> = cuts.into_iter().collect();
        prop_assert_eq!(in_parts(&writer, &cuts), in_parts(&writer, &[]));
    }

    #[test]
    fn counters_and_day_sums_come_out_at_the_accounts(batches in facts()) {
        let writer = written(&batches);
        let rows = in_parts(&writer, &[]);
        for account in writer.accounts.iter().filter(|account| account.version > 0) {
            let row = &rows.accounts[&account.id];
            prop_assert_eq!([row.version, row.dp, row.cp, row.dh, row.ch], [account.version, account.dp, account.cp, account.dh, account.ch]);
        }
        let sum = |pick: fn(&SubjectDay) -> i64| rows.days.values().map(pick).sum::<i64>();
        prop_assert_eq!(sum(|day| day.dp), sum(|day| day.cp));
        prop_assert_eq!(sum(|day| day.dh), sum(|day| day.ch));
        prop_assert_eq!(sum(|day| day.dp), writer.accounts.iter().map(|account| account.dp).sum::<i64>());
    }

    #[test]
    fn a_trades_batches_hold_all_that_was_written_about_it(batches in facts()) {
        let writer = written(&batches);
        let rows = in_parts(&writer, &[]);
        for row in writer.stretch.vouchers.iter().filter(|row| row.trade.is_some()) {
            let batch = &rows.trade_batches[&(row.trade.unwrap(), row.seq)];
            prop_assert!((batch.vouchers_from..batch.vouchers_to).contains(&row.n));
            for transfer in writer.stretch.transfers.iter().filter(|it| it.seq == row.seq && it.voucher == row.n) {
                prop_assert!((batch.transfers_from..batch.transfers_to).contains(&transfer.n));
            }
        }
        for told in writer.stretch.told.iter() {
            let batch = &rows.merchant_batches[&(MERCHANT, told.seq)];
            prop_assert!((batch.events_from..batch.events_to).contains(&told.n));
        }
    }

    #[test]
    fn a_transfer_that_does_not_fit_is_named(batches in facts(), which: prop::sample::Index, by in 1i64..5) {
        let mut writer = written(&batches);
        prop_assume!(!writer.stretch.transfers.is_empty());
        let place = which.index(writer.stretch.transfers.len());
        let row = &mut writer.stretch.transfers[place];
        row.c_bal += by;
        let misfit = Misfit { what: "transfer", seq: row.seq, n: row.n, why: "the account's balance is not what it says" };
        let known = known(&Folded::default(), &writer.opened);
        prop_assert_eq!(fold(&writer.stretch, known), Err(misfit));
    }
}

fn told(seq: i64, n: i64, kind: &str) -> Told {
    Told { seq, n, kind: kind.into(), merchant: Some(MERCHANT), tree: Some([2; 16]), no: 1, number: None }
}

#[test]
fn lists_follow_the_events() {
    let told_of = |told: Vec<Told>| Stretch { told, ..Stretch::default() };
    let opened = told_of(vec![told(3, 0, "trade.created"), told(3, 4, "case.opened"), told(3, 5, "trade.paid")]);
    let mut rows = fold(&opened, Known::default()).unwrap();
    assert_eq!(rows.trades[&[2; 16]].status, "paid");
    let case = &rows.cases[&([2; 16], 1)];
    assert_eq!((case.status.as_str(), case.opened_seq, case.opened_n), ("open", 3, 4));
    let batch = &rows.merchant_batches[&(MERCHANT, 3)];
    assert_eq!((batch.events_from, batch.events_to), (0, 6));

    let closed = told_of(vec![told(9, 2, "case.closed"), told(9, 3, "trade.completed")]);
    assert_eq!(fold(&closed, Known::default()).unwrap_err().why, "its case was never opened");
    let known = known(&rows, &BTreeMap::new());
    lay(&mut rows, fold(&closed, known).unwrap());
    let case = &rows.cases[&([2; 16], 1)];
    assert_eq!(
        (case.status.as_str(), case.opened_seq, case.opened_n),
        ("closed", 3, 4),
        "it stays where it was opened"
    );
    assert_eq!(rows.trades[&[2; 16]].status, "completed");
}

#[test]
fn numbers_are_placed_by_their_hash() {
    let numbered = |kind, number: &str| Told { number: Some(number.into()), ..told(3, 0, kind) };
    let told = vec![numbered("trade.created", "A1"), told(3, 1, "trade.paid"), numbered("refund.created", "R1")];
    let rows = fold(&Stretch { told, ..Stretch::default() }, Known::default()).unwrap();
    let mut places: Vec<_> = rows.numbers.iter().map(|row| (row.h, row.object.as_str(), row.no)).collect();
    places.sort_by_key(|place| place.1);
    assert_eq!(places, [(number_place("R1"), "refund", 1), (number_place("A1"), "trade", 1)]);
}
