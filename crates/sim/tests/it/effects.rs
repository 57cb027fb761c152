//! Every effect of a small scenario fails once: the first, the second, the third … of its kind, until the scenario passes
//! untouched. After each the world heals and is judged as after any other run.

use channel::sandbox::word::{PayWord, PayoutWord, RefundWord};
use sim::{
    Act, Kind, Means, OfChild, Party, Plan, Planted, Portion, PostFault, Sale, Slice, StoreFault, What, WireFault, play,
};

/// More effects of one kind than the scenario has.
const MOST: u32 = 400;
/// As few would be no scenario.
const A_HANDFUL: u32 = 5;
/// What may become of a commit, and of the read before it.
const AT_A_COMMIT: [StoreFault; 6] = [
    StoreFault::LoadAway,
    StoreFault::WriteConflict,
    StoreFault::CommitLostBefore,
    StoreFault::CommitLostAfter,
    StoreFault::DiesAfterCommit,
    StoreFault::DiesInWrite(2),
];

/// A sale to user 0.
fn sale(escrow: bool, splits: &[(u8, i64)], pay: Vec<Slice>) -> Sale {
    Sale {
        kind: Kind::Goods,
        merchant: 0,
        buyer: 0,
        escrow,
        amount: pay.iter().map(|slice| slice.amount).sum(),
        splits: splits.to_vec(),
        pay: Some(pay),
        life_s: 600,
        confirm_s: None,
        reopen: false,
        dues: Vec::new(),
        forfeit: false,
    }
}

fn sell(escrow: bool, splits: &[(u8, i64)], pay: Vec<Slice>) -> What {
    What::Sell(sale(escrow, splits, pay))
}

fn balance(amount: i64) -> Slice {
    Slice { tool: Means::Balance, amount }
}

/// Money, a coupon; trades paid by coupon and card, by balance and card, by balance, by card; confirmed, and refunded in
/// part.
fn trades() -> Plan {
    let card = |amount, word| Slice { tool: Means::Channel { code: false, word }, amount };
    let coupon = Slice { tool: Means::Coupon(2), amount: 50 };
    let refund = |sale, amount, word| What::Refund { sale, amount, word: Some(word) };
    let acts = vec![
        (0, What::Fund { user: 0, amount: 1_000 }),
        (10, What::Issue { user: 0, merchant: None, amount: 50, budget: false, life_s: None }),
        (10, sell(true, &[(0, 200), (1, 100)], vec![coupon, card(250, PayWord::SucceedLater)])),
        (10, sell(false, &[], vec![balance(60), card(40, PayWord::DuplicateNotify)])),
        (4_000, What::Confirm { sale: 3, amount: Some(180) }),
        (10, refund(3, 120, RefundWord::RefundLater)),
        (10, refund(4, 50, RefundWord::RefundLater)),
        (3_000, sell(false, &[], vec![balance(100)])),
        (10, refund(8, 30, RefundWord::Succeed)),
        (10, sell(false, &[], vec![card(70, PayWord::Succeed)])),
        (3_000, refund(10, 70, RefundWord::Succeed)),
        (10, What::Confirm { sale: 3, amount: None }),
        // Time for everything to come to its end.
        (90_000, What::Read { act: 3 }),
    ];
    scenario(1, acts)
}

/// The same where somebody listens: it costs much, and only workers have more to do.
fn with_webhooks() -> Plan {
    Plan { listens: true, ..trades() }
}

/// Transfers between two shards; to somebody whose account is frozen for a while, too, and some of them asked for twice.
fn moves() -> Plan {
    let (here, there, saver) = (Party::User(0), Party::User(1), Party::User(9));
    let go = |from, to, amount| {
        What::Sell(Sale { kind: Kind::Transfer(from, to), amount, pay: None, ..sale(false, &[], Vec::new()) })
    };
    let acts = vec![
        (0, What::Fund { user: 0, amount: 1_000 }),
        (10, What::Fund { user: 1, amount: 500 }),
        (10, What::Fund { user: 9, amount: 10 }),
        (10, go(here, there, 100)),
        (10, go(here, saver, 50)),
        (10, go(there, here, 30)),
        (3_000, What::Freeze { user: 9, frozen: true }),
        (10, go(here, saver, 20)),
        (10, go(here, there, 40)),
        (10, What::Repeat { act: 9, other: false }),
        (3_000, What::Freeze { user: 9, frozen: false }),
        (10, sell(false, &[], vec![balance(60)])),
        (90_000, What::Read { act: 12 }),
    ];
    scenario(2, acts)
}

/// Money out of a balance, with every outcome; what comes back is paid out again.
fn payouts() -> Plan {
    use PayoutWord::{PayoutFail, PayoutReturned, PayoutUnknown, Succeed};
    let out = |amount, word| {
        What::Sell(Sale { kind: Kind::PayOut(Party::User(0), word), amount, pay: None, ..sale(false, &[], Vec::new()) })
    };
    let words = [PayoutFail, PayoutReturned, PayoutUnknown, Succeed, PayoutReturned, PayoutReturned];
    let mut acts = vec![(0, What::Fund { user: 0, amount: 1_000 })];
    acts.extend(words.map(|word| (10, out(100, word))));
    acts.extend([PayoutReturned, PayoutReturned, PayoutReturned].map(|word| (3_000, out(300, word))));
    acts.push((90_000, What::Read { act: 2 }));
    scenario(1, acts)
}

/// Paid by card, and disputed: won, lost, lost in part; beside refunds of a part and of all, in escrow and released.
fn disputes() -> Plan {
    use PayWord::{DisputeLost, DisputePart, DisputeWon};
    let card = |word| vec![Slice { tool: Means::Channel { code: false, word }, amount: 100 }];
    let refund = |sale, amount| What::Refund { sale, amount, word: Some(RefundWord::RefundLater) };
    let acts = vec![
        (0, sell(true, &[(0, 60), (1, 40)], card(DisputePart))),
        (10, sell(true, &[], card(DisputeWon))),
        (10, sell(false, &[], card(DisputeLost))),
        (10, sell(false, &[], card(DisputeLost))),
        (10, sell(true, &[], card(DisputeLost))),
        (1_000, What::Confirm { sale: 1, amount: Some(50) }),
        (10, refund(3, 70)),
        (10, refund(4, 100)),
        (2_500, refund(1, 30)),
        (10, What::Confirm { sale: 2, amount: None }),
        (90_000, What::Read { act: 1 }),
    ];
    scenario(1, acts)
}

/// Sales in two dues: both paid; the second not paid in time, and the first given back or forfeited.
fn dues() -> Plan {
    let card = |amount, word| Slice { tool: Means::Channel { code: false, word }, amount };
    let in_dues = |escrow, forfeit, pay: Vec<Slice>| {
        let sale = sell(escrow, &[(0, 200), (1, 100)], pay);
        let What::Sell(sale) = sale else { return sale };
        let due = |amount, opens_s| Portion { amount, opens_s, life_s: 150 };
        What::Sell(Sale { amount: 300, dues: vec![due(100, 0), due(200, 2)], forfeit, ..sale })
    };
    let second = |sale, tools| What::Pay { sale, tools, due: Some(2) };
    let mixed = || vec![balance(40), card(60, PayWord::SucceedLater)];
    let acts = vec![
        (0, What::Fund { user: 0, amount: 1_000 }),
        (10, in_dues(false, false, mixed())),
        (10, in_dues(true, false, mixed())),
        (10, in_dues(true, true, vec![balance(100)])),
        (10, in_dues(false, true, vec![card(100, PayWord::Succeed)])),
        (5_000, second(2, vec![balance(50), card(150, PayWord::Succeed)])),
        (10, second(3, vec![card(200, PayWord::LateSuccess)])),
        (10, second(4, vec![card(200, PayWord::Decline)])),
        (10, What::Close { sale: 5 }),
        (5_000, What::Refund { sale: 2, amount: 150, word: Some(RefundWord::RefundLater) }),
        (160_000, What::Refund { sale: 4, amount: 30, word: None }),
        (90_000, What::Read { act: 3 }),
    ];
    scenario(1, acts)
}

/// Carts of two trades: paid by balance and card, and refunded one by one; paid late; closed.
fn carts() -> Plan {
    let card = |amount, word| Slice { tool: Means::Channel { code: false, word }, amount };
    let sale = |escrow, amount| Sale { pay: None, ..sale(escrow, &[], vec![balance(amount)]) };
    let cart = |pay| What::Cart {
        cart: Sale { pay: Some(pay), ..sale(false, 300) },
        children: vec![sale(false, 120), sale(true, 180)],
    };
    let of = |cart, child, what| What::OfChild { cart, child, what };
    let acts = vec![
        (0, What::Fund { user: 0, amount: 1_000 }),
        (10, cart(vec![balance(100), card(200, PayWord::SucceedLater)])),
        (10, cart(vec![balance(300)])),
        (10, cart(vec![card(300, PayWord::LateSuccess)])),
        (10, of(3, 0, OfChild::Refund { amount: 50 })),
        (10, What::Close { sale: 4 }),
        (4_000, of(2, 0, OfChild::Refund { amount: 120 })),
        (10, of(2, 1, OfChild::Confirm { amount: Some(100) })),
        (10, of(2, 1, OfChild::Refund { amount: 150 })),
        (90_000, What::Read { act: 2 }),
    ];
    scenario(1, acts)
}

/// Acts with their waits, asked at either node in turn.
fn scenario(shards: i64, acts: Vec<(u32, What)>) -> Plan {
    let act = |(place, (wait_ms, what)): (usize, (u32, What))| {
        let no = u32::try_from(place).unwrap() + 1;
        Act { no, wait_ms, node: place % 2, after: 0, what }
    };
    Plan {
        seed: 0,
        leases: true,
        listens: false,
        shards,
        rules: None,
        blocked: None,
        switched: None,
        acts: acts.into_iter().enumerate().map(act).collect(),
    }
}

/// The scenario with faults, the last of which strikes after so many effects.
fn with(mut scenario: Plan, node: usize, faults: &[What], after: u32) -> Plan {
    let fault = |(place, what): (usize, &What)| {
        let after = if place + 1 == faults.len() { after } else { 0 };
        Act { no: 100 + u32::try_from(place).unwrap(), wait_ms: 0, node, after, what: what.clone() }
    };
    scenario.acts.splice(0..0, faults.iter().enumerate().map(fault));
    scenario
}

/// Lets the faults strike at the first, the second, the third … effect of a node that can meet the last of them. How many
/// there were.
fn at_every(scenario: &Plan, node: usize, faults: &[What]) -> u32 {
    let passes_untouched = |after: &u32| {
        let plan = with(scenario.clone(), node, faults, *after);
        let verdict = play(&plan, None).unwrap();
        let found = &verdict.findings;
        assert!(found.is_empty(), "cargo run -p sim -- plan FILE, with\n{}\n{found:#?}", written(&plan));
        assert!([0, faults.len()].contains(&verdict.unmet), "only some of {faults:?} struck");
        verdict.unmet == faults.len()
    };
    let met = (0..MOST).find(passes_untouched);
    assert!(met.is_some(), "{faults:?}: the scenario never passes untouched");
    met.unwrap()
}

fn written(plan: &Plan) -> String {
    serde_json::to_string(plan).unwrap()
}

/// At every effect of both nodes.
fn at_both(scenario: &Plan, faults: &[What]) {
    let met = at_every(scenario, 0, faults) + at_every(scenario, 1, faults);
    assert!(met > A_HANDFUL, "{faults:?} struck {met} times only");
}

fn store(fault: StoreFault) {
    at_both(&trades(), &[What::Store(fault)]);
}

#[test]
fn a_read_of_a_line() {
    store(StoreFault::LoadAway);
}

#[test]
fn a_write_of_a_line_that_does_not_take_place() {
    for fault in [StoreFault::WriteAway, StoreFault::WriteFull, StoreFault::WriteBusy, StoreFault::WriteConflict] {
        store(fault);
    }
}

#[test]
fn a_write_of_a_line_whose_answer_is_lost() {
    for lost in [StoreFault::CommitLostBefore, StoreFault::CommitLostAfter] {
        store(lost);
        at_both(&trades(), &[What::Store(StoreFault::ResolveAway), What::Store(lost)]);
    }
}

#[test]
fn a_write_of_a_line_that_takes_long() {
    store(StoreFault::WriteSlow(12_000));
}

#[test]
fn a_node_dies_between_a_commit_and_its_answer() {
    store(StoreFault::DiesAfterCommit);
}

#[test]
fn a_node_dies_and_its_write_goes_on() {
    for millis in [0, 2, 400] {
        store(StoreFault::DiesInWrite(millis));
    }
}

#[test]
fn a_read_of_a_worker() {
    at_both(&with_webhooks(), &[What::Store(StoreFault::ReadAway)]);
}

#[test]
fn a_transaction_of_a_worker() {
    for fault in [StoreFault::SideAway, StoreFault::SideLost] {
        at_both(&with_webhooks(), &[What::Store(fault)]);
    }
}

#[test]
fn a_call_to_the_institution() {
    for fault in [
        WireFault::CallLost,
        WireFault::CallLate(30_000),
        WireFault::CallTwice,
        WireFault::AnswerLost,
        WireFault::AnswerSlow(3_000),
        WireFault::AnswerGarbled,
        WireFault::Unreachable,
    ] {
        let met = at_every(&trades(), 0, &[What::Wire(fault)]);
        assert!(met > A_HANDFUL, "{fault:?} struck {met} times only");
    }
}

#[test]
fn a_notification() {
    for fault in [PostFault::Lost, PostFault::Unheard, PostFault::Copies(2), PostFault::Late(300), PostFault::Forged] {
        let met = at_every(&trades(), 0, &[What::Post(fault)]);
        assert!(met > A_HANDFUL, "{fault:?} struck {met} times only");
    }
}

#[test]
fn an_effect_of_money_between_shards() {
    for fault in [
        StoreFault::LoadAway,
        StoreFault::WriteBusy,
        StoreFault::WriteConflict,
        StoreFault::CommitLostBefore,
        StoreFault::CommitLostAfter,
        StoreFault::DiesAfterCommit,
        StoreFault::DiesInWrite(2),
        StoreFault::ReadAway,
    ] {
        at_both(&moves(), &[What::Store(fault)]);
    }
}

#[test]
fn an_effect_of_payouts() {
    let faults = AT_A_COMMIT.into_iter().chain([StoreFault::SideAway, StoreFault::SideLost]);
    faults.for_each(|fault| at_both(&payouts(), &[What::Store(fault)]));
    let outside = [
        What::Wire(WireFault::CallLost),
        What::Wire(WireFault::CallLate(30_000)),
        What::Wire(WireFault::CallTwice),
        What::Wire(WireFault::AnswerLost),
        What::Wire(WireFault::AnswerGarbled),
        What::Wire(WireFault::Unreachable),
        What::Post(PostFault::Lost),
        What::Post(PostFault::Copies(2)),
        What::Post(PostFault::Late(300)),
        What::Post(PostFault::Forged),
    ];
    for fault in outside {
        let met = at_every(&payouts(), 0, std::slice::from_ref(&fault));
        assert!(met > A_HANDFUL, "{fault:?} struck {met} times only");
    }
}

#[test]
fn an_effect_of_disputes() {
    AT_A_COMMIT.into_iter().for_each(|fault| at_both(&disputes(), &[What::Store(fault)]));
    let faults = [PostFault::Lost, PostFault::Unheard, PostFault::Copies(2), PostFault::Late(4), PostFault::Forged];
    for fault in faults.map(What::Post).into_iter().chain([What::Wire(WireFault::AnswerLost)]) {
        let met = at_every(&disputes(), 0, std::slice::from_ref(&fault));
        assert!(met >= A_HANDFUL, "{fault:?} struck {met} times only");
    }
}

#[test]
fn an_effect_of_dues() {
    let faults = AT_A_COMMIT.into_iter().chain([StoreFault::SideLost]);
    faults.for_each(|fault| at_both(&dues(), &[What::Store(fault)]));
    let outside = [
        What::Wire(WireFault::AnswerLost),
        What::Wire(WireFault::CallLate(30_000)),
        What::Post(PostFault::Lost),
        What::Post(PostFault::Late(300)),
    ];
    for fault in outside {
        at_both(&dues(), std::slice::from_ref(&fault));
    }
}

#[test]
fn an_effect_of_a_cart() {
    AT_A_COMMIT.into_iter().for_each(|fault| at_both(&carts(), &[What::Store(fault)]));
    at_both(&carts(), &[What::Wire(WireFault::AnswerLost)]);
}

/// Bugs that only one fault brings to light are found by letting it strike everywhere, and not by the scenario alone.
#[test]
fn bugs_are_met_where_an_effect_fails() {
    for (bug, fault) in [
        (Planted::LostCommitTakenAsDone, What::Store(StoreFault::CommitLostBefore)),
        (Planted::CallLostAtCrash, What::Store(StoreFault::DiesAfterCommit)),
        (Planted::CallLostAtCrash, What::Store(StoreFault::DiesInWrite(2))),
        (Planted::TimeoutIsFailure, What::Wire(WireFault::AnswerLost)),
        (Planted::GarbageIsFailure, What::Wire(WireFault::AnswerGarbled)),
        (Planted::NotificationUnverified, What::Post(PostFault::Forged)),
    ] {
        let faults = [fault];
        let clean = |plan: &Plan| play(plan, Some(bug)).unwrap().findings.is_empty();
        assert!(clean(&trades()), "{bug:?} is found without a fault");
        let found = (0..MOST).any(|after| (0..2).any(|node| !clean(&with(trades(), node, &faults, after))));
        assert!(found, "{bug:?} is not found by {faults:?}");
    }
}

/// The same of payouts: one whose answer is lost is not sent again under a new number.
#[test]
fn a_payout_is_not_sent_twice() {
    let bug = Some(Planted::PayoutUnderNewNumber);
    let lost = [What::Wire(WireFault::AnswerLost)];
    let found = (0..MOST).any(|after| !play(&with(payouts(), 0, &lost, after), bug).unwrap().findings.is_empty());
    assert!(found, "{bug:?} is not found by {lost:?}");
}
