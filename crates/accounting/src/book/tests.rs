//! Holds, limits, freezes, all or nothing, and that money is conserved whatever is asked.

use kernel::message::accounting::HoldNo;
use kernel::{Bucket, Currency, Owner, UserId};
use proptest::prelude::*;

use super::*;
use crate::chart::Subject;

const SALT: [u8; 32] = [7; 32];

fn key(owner: &str, subject: Subject, code: &str) -> AccountKey {
    let owner = match owner.strip_prefix("ca:") {
        Some(name) => Owner::Channel(name.to_owned()),
        None => Owner::User(UserId::parse(owner).unwrap()),
    };
    AccountKey { owner, subject, currency: Currency::parse(code).unwrap() }
}

fn user(name: &str) -> AccountKey {
    key(name, Subject::USER_BALANCE, "CNY")
}

fn bank() -> AccountKey {
    key("ca:sandbox", Subject::channel_in("sandbox"), "CNY")
}

fn hold_key(no: u16) -> HoldKey {
    HoldKey { no: HoldNo::Instruction(no), leg: 0 }
}

fn leg(op: Op, debit: AccountKey, credit: AccountKey, minor: i64) -> Leg {
    Leg {
        op,
        debit,
        credit,
        amount: Amount::new(minor).unwrap(),
        pay_org: PayOrg::internal(),
        code: "test",
        most: None,
    }
}

fn books_with(funded: &[(&str, i64)]) -> Books {
    let mut books = Books { salt: SALT, ..Books::default() };
    for (name, minor) in funded {
        books.book(&[leg(Op::Post, bank(), user(name), *minor)], 1).unwrap();
    }
    books
}

fn state(books: &Books, key: &AccountKey) -> (i64, i64, i64) {
    let account = &books.accounts[&key.id(&SALT)];
    (account.posted(), account.held(), account.available())
}

fn account<'a>(books: &'a mut Books, key: &AccountKey) -> &'a mut Account {
    books.accounts.get_mut(&key.id(&SALT)).unwrap()
}

#[test]
fn ids_are_derived_and_carry_the_owners_bucket() {
    let id = user("a").id(&SALT);
    assert_eq!(id.0.bucket(), Bucket::of("user:a"));
    assert_eq!(id, user("a").id(&SALT));
    let others = [
        user("a").id(&[8; 32]),
        user("b").id(&SALT),
        key("a", Subject::COUPONS, "CNY").id(&SALT),
        key("a", Subject::USER_BALANCE, "USD").id(&SALT),
    ];
    let distinct: BTreeSet<_> = others.into_iter().chain([id]).collect();
    assert_eq!(distinct.len(), 5);
}

#[test]
fn an_account_is_opened_on_first_use_and_counts_every_transfer() {
    let mut books = Books { salt: SALT, ..Books::default() };
    let legs = [leg(Op::Post, bank(), user("a"), 50), leg(Op::Post, user("a"), user("b"), 20)];
    let transfers = books.book(&legs, 9).unwrap();
    let seen: Vec<_> = transfers.iter().map(|t| (t.d_ver, t.d_bal, t.c_ver, t.c_bal)).collect();
    assert_eq!(seen, [(1, 50, 1, 50), (2, 30, 1, 20)]);
    let opened = account(&mut books, &user("a"));
    assert_eq!((opened.opened_seq, opened.version, opened.side, opened.floor), (9, 2, Side::Credit, Some(0)));
    assert_eq!((opened.dp, opened.cp), (20, 50));
}

#[test]
fn refusals_say_why_and_change_nothing() {
    let mut books = books_with(&[("a", 100)]);
    books.book(&[leg(Op::Hold(hold_key(1)), user("a"), user("b"), 30)], 2).unwrap();
    let before = books.clone();
    // The first leg would go through; the second would not, so the first is not written either.
    let legs = [leg(Op::Post, user("a"), user("c"), 10), leg(Op::Post, user("a"), user("b"), 61)];
    let refused = Refused::Insufficient {
        account: user("a").id(&SALT),
        subject: "2001".into(),
        needed: 61,
        available: 60,
        held: 30,
        floor: 0,
    };
    assert_eq!(books.book(&legs, 3), Err(refused));
    assert_eq!(books, before);
    // Money that is on its way to b is not b's yet.
    assert!(matches!(books.book(&[leg(Op::Post, user("b"), user("c"), 1)], 3), Err(Refused::Insufficient { .. })));
    // Nothing moves from an account to itself.
    assert!(matches!(books.book(&[leg(Op::Post, bank(), bank(), 1)], 3), Err(Refused::OutOfRange { .. })));
    assert_eq!(books, before);
}

#[test]
fn what_comes_in_can_go_out_in_the_same_booking_but_not_before() {
    let mut books = books_with(&[("a", 10)]);
    let (comes, goes) = (leg(Op::Post, user("a"), user("b"), 10), leg(Op::Post, user("b"), user("c"), 10));
    books.clone().book(&[goes.clone(), comes.clone()], 2).unwrap_err();
    books.book(&[comes, goes], 2).unwrap();
    assert_eq!(state(&books, &user("c")), (10, 0, 10));
}

/// Capture and release in every order and size against a hold of 10; the third column says whether the last step goes.
#[test]
fn holds_are_captured_and_released_in_parts_and_never_beyond() {
    let (capture, release) = (Op::Capture(hold_key(1)), Op::Release(hold_key(1)));
    let cases: [(&[(Op, i64)], bool); 10] = [
        (&[(capture, 10)], true),
        (&[(capture, 11)], false),
        (&[(release, 10)], true),
        (&[(release, 11)], false),
        (&[(capture, 3), (capture, 3), (release, 4)], true),
        (&[(capture, 3), (release, 8)], false),
        (&[(release, 3), (capture, 7)], true),
        (&[(release, 3), (capture, 8)], false),
        (&[(capture, 10), (release, 1)], false),
        (&[(release, 10), (Op::Hold(hold_key(1)), 5)], false),
    ];
    for (steps, goes) in cases {
        let mut books = books_with(&[("a", 15)]);
        books.book(&[leg(Op::Hold(hold_key(1)), user("a"), user("b"), 10)], 2).unwrap();
        assert_eq!(state(&books, &user("a")), (15, 10, 5));
        let (last, first) = steps.split_last().unwrap();
        let step = |(op, minor): &(Op, i64)| leg(*op, user("a"), user("b"), *minor);
        for part in first {
            books.book(&[step(part)], 3).unwrap();
        }
        let before = books.clone();
        let result = books.book(&[step(last)], 4);
        assert_eq!(result.is_ok(), goes, "{steps:?}: {result:?}");
        if !goes {
            assert_eq!(books, before);
        }
        let hold = &books.holds[&hold_key(1)];
        assert_eq!(state(&books, &user("a")).0, 15 - hold.captured);
        assert_eq!(state(&books, &user("a")).1, hold.left());
        assert_eq!(state(&books, &user("b")), (hold.captured, 0, hold.captured));
    }
}

#[test]
fn a_hold_that_does_not_exist_or_is_anothers_cannot_be_used() {
    let mut books = books_with(&[("a", 10), ("b", 10)]);
    books.book(&[leg(Op::Hold(hold_key(1)), user("a"), user("c"), 10)], 2).unwrap();
    books.book(&[leg(Op::Hold(hold_key(3)), user("b"), user("c"), 10)], 2).unwrap();
    for (op, debit) in
        [(Op::Capture(hold_key(2)), "a"), (Op::Capture(hold_key(1)), "b"), (Op::Release(hold_key(1)), "b")]
    {
        let result = books.book(&[leg(op, user(debit), user("c"), 5)], 3);
        assert!(matches!(result, Err(Refused::OutOfRange { .. })), "{op:?} {debit}: {result:?}");
    }
}

#[test]
fn a_freeze_stops_what_is_new_and_nothing_that_is_held() {
    let freezes: [fn(&mut Account); 3] =
        [|it| it.debit_frozen = true, |it| it.credit_frozen = true, |it| it.closed = true];
    for (number, freeze) in freezes.into_iter().enumerate() {
        let mut books = books_with(&[("a", 100), ("b", 100)]);
        books.book(&[leg(Op::Hold(hold_key(1)), user("a"), user("b"), 20)], 2).unwrap();
        books.book(&[leg(Op::Hold(hold_key(2)), user("b"), user("a"), 20)], 2).unwrap();
        freeze(account(&mut books, &user("a")));
        let frozen = |result: Result<_, Refused>| matches!(result, Err(Refused::Frozen { .. }));
        for op in [Op::Post, Op::Hold(hold_key(3))] {
            let debits = frozen(books.clone().book(&[leg(op, user("a"), user("b"), 1)], 3));
            let credits = frozen(books.clone().book(&[leg(op, user("b"), user("a"), 1)], 3));
            assert_eq!((debits, credits), [(true, false), (false, true), (true, true)][number], "{op:?}");
        }
        for op in [Op::Capture as fn(HoldKey) -> Op, Op::Release] {
            books.book(&[leg(op(hold_key(1)), user("a"), user("b"), 5)], 3).unwrap();
            books.book(&[leg(op(hold_key(2)), user("b"), user("a"), 5)], 3).unwrap();
            // Another way than it was held for, to an account that is frozen, from one that is.
            books.book(&[leg(Op::Capture(hold_key(1)), user("a"), user("d"), 5)], 3).unwrap();
            freeze(account(&mut books, &user("d")));
        }
    }
}

#[test]
fn another_way_is_two_transfers_with_the_versions_of_all_three() {
    let mut books = books_with(&[("a", 10)]);
    books.book(&[leg(Op::Hold(hold_key(1)), user("a"), user("b"), 10)], 2).unwrap();
    let capture = [leg(Op::Capture(hold_key(1)), user("a"), user("c"), 10)];
    let all: BTreeSet<_> = ["a", "b", "c"].map(|name| user(name).id(&SALT)).into();
    assert_eq!(touched(&capture, &books.holds, &SALT), all);
    let transfers = books.book(&capture, 3).unwrap();
    let seen: Vec<_> = transfers.iter().map(|t| (t.op.as_str(), t.d_ver, t.d_bal, t.c_ver, t.c_bal)).collect();
    assert_eq!(seen, [("release", 3, 10, 2, 0), ("post", 4, 0, 1, 10)]);
    assert_eq!(books.holds[&hold_key(1)].released, 10);
}

#[test]
fn limits_count_holds() {
    let mut books = books_with(&[("a", 100), ("b", 10)]);
    account(&mut books, &user("b")).ceil = Some(50);
    books.book(&[leg(Op::Hold(hold_key(1)), user("a"), user("b"), 30)], 2).unwrap();
    books.clone().book(&[leg(Op::Post, user("a"), user("b"), 10)], 2).unwrap();
    assert!(matches!(books.book(&[leg(Op::Post, user("a"), user("b"), 11)], 2), Err(Refused::OutOfRange { .. })));
    account(&mut books, &user("a")).floor = Some(60);
    books.clone().book(&[leg(Op::Post, user("a"), user("c"), 10)], 2).unwrap();
    assert!(books.book(&[leg(Op::Post, user("a"), user("c"), 11)], 2).is_err());
}

#[test]
fn counters_do_not_overflow() {
    let mut books = books_with(&[("a", 100)]);
    account(&mut books, &user("a")).cp = i64::MAX;
    let before = books.clone();
    assert!(matches!(books.book(&[leg(Op::Post, bank(), user("a"), 1)], 2), Err(Refused::OutOfRange { .. })));
    assert_eq!(books, before);
}

/// Any leg at all, over a few accounts of two currencies; what goes on with a hold mostly names the hold's own accounts.
fn any_leg() -> impl Strategy<Value = Leg> {
    let name = prop::sample::select(vec!["bank", "a", "b", "c"]);
    let code = prop::sample::select(vec!["CNY", "CNY", "USD"]);
    (0u8..8, 0u16..12, 0u8..5, (name.clone(), name, code), 1i64..60).prop_map(|(kind, no, stray, any, minor)| {
        let op = match kind {
            0..=2 => Op::Post,
            3 | 4 => Op::Hold(hold_key(no)),
            5 | 6 => Op::Capture(hold_key(no)),
            _ => Op::Release(hold_key(no)),
        };
        let own = [("a", "b"), ("b", "c"), ("c", "a"), ("bank", "a"), ("a", "bank")][usize::from(no) % 5];
        let (debit, credit, code) = if kind < 3 || stray == 0 { any } else { (own.0, own.1, "CNY") };
        let key = |name: &str| match name {
            "bank" => key("ca:sandbox", Subject::channel_in("sandbox"), code),
            name => key(name, Subject::USER_BALANCE, code),
        };
        leg(op, key(debit), key(credit), minor)
    })
}

fn check(books: &Books) -> Result<(), TestCaseError> {
    for code in ["CNY", "USD"].map(|code| Currency::parse(code).unwrap()) {
        let of = |counter: fn(&Account) -> i64| -> i64 {
            books.accounts.values().filter(|account| account.currency == code).map(counter).sum()
        };
        prop_assert_eq!(of(|it| it.dp), of(|it| it.cp));
        prop_assert_eq!(of(|it| it.dh), of(|it| it.ch));
    }
    for account in books.accounts.values() {
        prop_assert!(account.floor.is_none_or(|floor| account.available() >= floor), "{:?}", account);
        prop_assert!([account.dp, account.cp, account.dh, account.ch].iter().all(|counter| *counter >= 0));
        let held = |side: fn(&Hold) -> AccountId| -> i64 {
            books.holds.values().filter(|hold| side(hold) == account.id).map(Hold::left).sum()
        };
        prop_assert_eq!((account.dh, account.ch), (held(|it| it.debit), held(|it| it.credit)));
    }
    for hold in books.holds.values() {
        prop_assert!(hold.captured >= 0 && hold.released >= 0 && hold.left() >= 0, "{:?}", hold);
    }
    Ok(())
}

/// Counters, versions and balances, made from transfers alone.
fn replay(transfers: &[Transfer], books: &Books) -> Result<(), TestCaseError> {
    let mut counters: BTreeMap<AccountId, ([i64; 4], i64)> = BTreeMap::new();
    for transfer in transfers {
        let part = transfer.amount.minor();
        let (posted, held) = match transfer.op {
            Op::Post => (part, 0),
            Op::Hold(_) => (0, part),
            Op::Capture(_) => (part, -part),
            Op::Release(_) => (0, -part),
        };
        let sides =
            [(transfer.debit, 0, transfer.d_ver, transfer.d_bal), (transfer.credit, 1, transfer.c_ver, transfer.c_bal)];
        for (id, side, version, balance) in sides {
            let (sums, count) = counters.entry(id).or_default();
            sums[side] += posted;
            sums[side + 2] += held;
            *count += 1;
            prop_assert_eq!(version, *count, "versions have no gaps");
            let normal = if books.accounts[&id].side == Side::Debit { 1 } else { -1 };
            prop_assert_eq!(balance, normal * (sums[0] - sums[1]));
        }
    }
    for account in books.accounts.values() {
        let made = ([account.dp, account.cp, account.dh, account.ch], account.version);
        prop_assert_eq!(counters.get(&account.id), Some(&made));
    }
    Ok(())
}

proptest! {
    #[test]
    fn whatever_is_asked_money_is_conserved(vouchers in prop::collection::vec(prop::collection::vec(any_leg(), 1..5), 1..60)) {
        let mut books = Books { salt: SALT, ..Books::default() };
        let mut written = Vec::new();
        for (voucher, seq) in vouchers.iter().zip(1..) {
            let before = books.clone();
            match books.book(voucher, seq) {
                Ok(transfers) => written.extend(transfers),
                Err(_) => prop_assert_eq!(&books, &before),
            }
            check(&books)?;
        }
        replay(&written, &books)?;
    }

    /// The legs that go through one by one give the same accounts, holds and transfers however they are grouped.
    #[test]
    fn grouping_changes_nothing(asked in prop::collection::vec(any_leg(), 1..60), cuts in prop::collection::vec(1usize..7, 60)) {
        let mut one_by_one = Books { salt: SALT, ..Books::default() };
        let mut transfers = Vec::new();
        let mut went = Vec::new();
        for leg in asked {
            if let Ok(done) = one_by_one.book(std::slice::from_ref(&leg), 1) {
                transfers.extend(done);
                went.push(leg);
            }
        }
        let mut grouped = Books { salt: SALT, ..Books::default() };
        let mut again = Vec::new();
        let mut rest = went.as_slice();
        for cut in cuts {
            let (group, tail) = rest.split_at(cut.min(rest.len()));
            again.extend(grouped.book(group, 1).unwrap());
            rest = tail;
        }
        prop_assert_eq!(grouped, one_by_one);
        prop_assert_eq!(again, transfers);
    }
}
