//! What each word makes the simulated institution do: whether the request arrives, how it is answered, what happens when.

use kernel::Currency;

use super::bank::{Step, Truth};
use super::word::{
    BUYER_US, COPIES, COPY_US, DECIDED_US, DISPUTED_US, LATE_US, LATER_US, LOST_US, PayWord, PayoutWord, RESPOND_US,
    RefundWord, TWICE_US,
};

/// How the request is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// With a report.
    Report,
    /// Not at all.
    Silence,
    /// With an error that says nothing about the order.
    Breakdown,
    /// With bytes that mean nothing.
    Rubbish,
}

/// What will happen to an order that arrived.
pub(super) struct Plan {
    pub(super) manner: Manner,
    pub(super) steps: Vec<Step>,
    /// Notifications: which step they tell of, and when.
    pub(super) letters: Vec<(usize, i64)>,
}

/// The order to pay as it was asked for.
pub(super) struct Asked<'a> {
    pub(super) number: &'a str,
    pub(super) method: &'a str,
    pub(super) amount: i64,
    pub(super) currency: Currency,
    pub(super) expires_at: i64,
    pub(super) now: i64,
}

/// Whether this method shows the buyer something first.
pub(super) fn needs_buyer(method: &str) -> bool {
    method.contains('.') || method == "boleto"
}

/// The plan of an order to pay; `Err` where the institution never takes it, with the manner of its answer.
pub(super) fn pay(word: PayWord, asked: &Asked) -> Result<Plan, Manner> {
    let now = asked.now;
    let buyer = needs_buyer(asked.method);
    let soon = if buyer { now + BUYER_US } else { now };
    let paid = |at, receipt: u16, amount, currency| Step {
        at,
        truth: Truth::Paid { amount, currency, channel_no: format!("SBX{}{receipt:02}", asked.number) },
    };
    let receipt = |at| paid(at, 1, asked.amount, asked.currency);
    let told = |at: i64| if at > now { vec![(0, at)] } else { Vec::new() };
    let plan = |steps, letters| Ok(Plan { manner: Manner::Report, steps, letters });
    match word {
        PayWord::Succeed => plan(vec![receipt(soon)], told(soon)),
        PayWord::SucceedLater => plan(vec![receipt(now + LATER_US)], told(now + LATER_US)),
        PayWord::Decline => {
            plan(vec![Step { at: now, truth: Truth::Failed { code: "card_declined".to_owned() } }], Vec::new())
        }
        PayWord::TimeoutPaid => {
            Ok(Plan { manner: Manner::Silence, steps: vec![receipt(now)], letters: vec![(0, now + LOST_US)] })
        }
        PayWord::TimeoutUnpaid => Err(Manner::Silence),
        PayWord::DuplicateNotify => {
            let copies = (0..COPIES).map(|copy| (0, soon + i64::from(copy) * COPY_US)).collect();
            plan(vec![receipt(soon)], copies)
        }
        PayWord::PayTwice => {
            let again = paid(soon + TWICE_US, 2, asked.amount, asked.currency);
            // Both are notified: after the second, a query would not bring out a first one whose answer was lost.
            let letters = vec![(0, soon), (1, again.at)];
            plan(vec![receipt(soon), again], letters)
        }
        PayWord::LateSuccess => {
            let late = asked.expires_at.saturating_add(LATE_US);
            let closed = Step { at: asked.expires_at, truth: Truth::Closed };
            plan(vec![closed, receipt(late)], vec![(1, late)])
        }
        PayWord::WrongAmount => {
            let amount = if asked.amount > 1 { asked.amount - 1 } else { 2 };
            plan(vec![paid(soon, 1, amount, asked.currency)], told(soon))
        }
        PayWord::WrongCurrency => plan(vec![paid(soon, 1, asked.amount, other(asked.currency))], told(soon)),
        PayWord::Error500 => Err(Manner::Breakdown),
        PayWord::Garbage => Ok(Plan { manner: Manner::Rubbish, steps: vec![receipt(now)], letters: Vec::new() }),
        PayWord::Never => plan(Vec::new(), Vec::new()),
        PayWord::DisputeWon => disputed(asked, receipt(soon), None),
        PayWord::DisputeLost => disputed(asked, receipt(soon), Some(asked.amount)),
        PayWord::DisputePart => disputed(asked, receipt(soon), Some((asked.amount / 2).max(1))),
    }
}

/// The plan of an order that is paid, then disputed, and decided: of all of it, so much is lost.
fn disputed(asked: &Asked, receipt: Step, lost: Option<i64>) -> Result<Plan, Manner> {
    let (at, currency) = (receipt.at + DISPUTED_US, asked.currency);
    let dispute = format!("SBX{}D", asked.number);
    let end = match lost {
        None => Truth::DisputeWon { dispute: dispute.clone() },
        Some(amount) => Truth::DisputeLost { dispute: dispute.clone(), amount, currency },
    };
    let (reason, respond_by) = ("fraudulent".to_owned(), at + RESPOND_US);
    let opened = Truth::Disputed { dispute, amount: asked.amount, currency, reason, respond_by };
    let mut letters = vec![(1, at), (2, at + DECIDED_US)];
    if receipt.at > asked.now {
        letters.insert(0, (0, receipt.at));
    }
    let steps = vec![receipt, Step { at, truth: opened }, Step { at: at + DECIDED_US, truth: end }];
    Ok(Plan { manner: Manner::Report, steps, letters })
}

/// The plan of a refund that the order can bear.
pub(super) fn refund(word: RefundWord, number: &str, amount: i64, currency: Currency, now: i64) -> Plan {
    let refunded = |at| Step { at, truth: Truth::Refunded { amount, currency, channel_no: format!("SBX{number}") } };
    let plan = |manner, steps, letters| Plan { manner, steps, letters };
    match word {
        RefundWord::Succeed => plan(Manner::Report, vec![refunded(now)], Vec::new()),
        RefundWord::RefundLater => plan(Manner::Report, vec![refunded(now + LATER_US)], vec![(0, now + LATER_US)]),
        RefundWord::RefundFail | RefundWord::RefundRefused => {
            let other_way = word == RefundWord::RefundFail;
            let refused = Truth::RefundFailed { code: "buyer_account_closed".to_owned(), other_way };
            plan(Manner::Report, vec![Step { at: now, truth: refused }], Vec::new())
        }
        RefundWord::RefundUnknown => plan(Manner::Silence, vec![refunded(now)], Vec::new()),
        RefundWord::RefundReturned => {
            let returned = Step { at: now + LATER_US, truth: Truth::Returned { code: "account_closed".to_owned() } };
            plan(Manner::Report, vec![refunded(now), returned], vec![(1, now + LATER_US)])
        }
    }
}

/// The plan of a payout.
pub(super) fn payout(word: PayoutWord, number: &str, amount: i64, currency: Currency, now: i64) -> Plan {
    let paid = || Step { at: now, truth: Truth::PaidOut { amount, currency, channel_no: format!("SBX{number}") } };
    let plan = |manner, steps, letters| Plan { manner, steps, letters };
    match word {
        PayoutWord::Succeed => plan(Manner::Report, vec![paid()], Vec::new()),
        PayoutWord::PayoutFail => {
            let refused = Truth::PayoutFailed { code: "no_such_account".to_owned() };
            plan(Manner::Report, vec![Step { at: now, truth: refused }], Vec::new())
        }
        PayoutWord::PayoutReturned => {
            let at = now + LATER_US;
            let code = "account_closed".to_owned();
            let returned = Step { at, truth: Truth::PayoutReturned { amount, currency, code } };
            plan(Manner::Report, vec![paid(), returned], vec![(1, at)])
        }
        PayoutWord::PayoutUnknown => plan(Manner::Silence, vec![paid()], Vec::new()),
    }
}

fn other(currency: Currency) -> Currency {
    let wanted = if currency.code() == "CNY" { "USD" } else { "CNY" };
    Currency::parse(wanted).unwrap_or(currency)
}
