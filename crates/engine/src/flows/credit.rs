//! Credit lines: opening, changing, repaying.

use accounting::{AccountKey, Subject};
use kernel::message::accounting::{Post, Refused, Verb};
use kernel::{AccountId, Amount, Code, CreditLineId, Currency, Money, Owner, Problem, UserId};
use payment::CreditLine;

use crate::flows::accounting::book;
use crate::flows::{Outcome, not_found};
use crate::request::CreditChange;
use crate::stop::Stop;
use crate::view::View;

/// The account on which a user owes us.
pub fn account_of(user: &UserId, currency: Currency, salt: &[u8; 32]) -> AccountId {
    AccountKey { owner: Owner::User(user.clone()), subject: Subject::CREDIT, currency }.id(salt)
}

/// The credit line of a user in a currency, whether or not there is one: it has the id of its account, so that there is
/// never a second one.
pub fn line_of(user: &UserId, currency: Currency, salt: &[u8; 32]) -> CreditLineId {
    CreditLineId(account_of(user, currency, salt).0)
}

/// Lets a user pay on credit.
pub(super) fn open(view: &mut View<'_>, user: &UserId, limit: Money) -> Result<Outcome, Stop> {
    let id = line_of(user, limit.currency, &view.control.salt);
    if view.get::<CreditLine>(id)?.is_some() {
        let problem = Problem::new(Code::credit_line_exists, "the user has a credit line in this currency").about(id);
        return Err(Stop::Refused(problem));
    }
    let (user, currency, created_at) = (user.clone(), limit.currency, view.now());
    view.put(id, CreditLine { id, user, currency, limit: limit.amount.minor(), frozen: false, created_at });
    Ok(Outcome::CreditOpened(id))
}

/// Changes a line. What is owed stays, also where it is more than a new limit.
pub(super) fn change(view: &mut View<'_>, id: CreditLineId, change: CreditChange) -> Result<Outcome, Stop> {
    let mut line = line(view, id)?;
    match change {
        CreditChange::Limit(limit) => line.limit = limit.minor(),
        CreditChange::Freeze => line.frozen = true,
        CreditChange::Unfreeze => line.frozen = false,
    }
    view.put(id, line);
    Ok(Outcome::CreditLine(id))
}

/// Takes what is owed from the user's balance; a frozen line is repaid all the same.
pub(super) fn repay(view: &mut View<'_>, id: CreditLineId, amount: Amount) -> Result<Outcome, Stop> {
    let CreditLine { user, currency, .. } = line(view, id)?;
    let verb = Verb::RepayCredit { user, money: Money { amount, currency } };
    let post = Post { context: None, merchant: None, currency, object: id.to_string(), verb };
    book(view, None, &post)?.map_err(|refused| {
        let code = match &refused {
            Refused::Insufficient { account, .. } if account.0 == id.0 => Code::repayment_exceeds_owed,
            Refused::Insufficient { .. } | Refused::Frozen { .. } | Refused::OutOfRange { .. } => {
                Code::insufficient_funds
            }
        };
        Stop::Refused(Problem::at(code, "amount", refused.to_string()))
    })?;
    Ok(Outcome::CreditLine(id))
}

fn line(view: &mut View<'_>, id: CreditLineId) -> Result<CreditLine, Stop> {
    view.get::<CreditLine>(id)?.map(|line| CreditLine::clone(&line)).ok_or_else(not_found)
}
