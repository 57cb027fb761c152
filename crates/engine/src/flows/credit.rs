//! Credit lines: opening, changing, billing. What is owed is repaid by a trade.

use accounting::{Account, AccountKey, Subject};
use kernel::{AccountId, BillId, Code, CreditLineId, Currency, Money, Owner, PayOrg, Problem, UserId};
use payment::{Bill, BillTerms, CreditLine};

use crate::flows::{Outcome, not_found};
use crate::news::{Object, Told};
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

/// Refuses a repayment by a user who owes nothing in this currency and never could.
pub(super) fn has_line(view: &mut View<'_>, user: &UserId, currency: Currency) -> Result<(), Stop> {
    let line = line_of(user, currency, &view.control.salt);
    match view.get::<CreditLine>(line)? {
        Some(_) => Ok(()),
        None => {
            let detail = "the payer has no credit line in this currency";
            Err(Stop::Refused(Problem::at(Code::payer_not_applicable, "payer", detail)))
        }
    }
}

/// Lets a user pay on credit.
pub(super) fn open(
    view: &mut View<'_>,
    user: &UserId,
    limit: Money,
    terms: Option<BillTerms>,
) -> Result<Outcome, Stop> {
    let id = line_of(user, limit.currency, &view.control.salt);
    if view.get::<CreditLine>(id)?.is_some() {
        let problem = Problem::new(Code::credit_line_exists, "the user has a credit line in this currency").about(id);
        return Err(Stop::Refused(problem));
    }
    let (user, currency, created_at) = (user.clone(), limit.currency, view.now());
    let limit = limit.amount.minor();
    let mut line = CreditLine { id, user, currency, limit, frozen: false, billing: None, created_at };
    if let Some(terms) = terms {
        line.bill_by(terms, created_at, &view.footing.zone);
    }
    view.put(id, line);
    Ok(Outcome::CreditOpened(id))
}

/// Changes a line. What is owed stays, also where it is more than a new limit.
pub(super) fn change(view: &mut View<'_>, id: CreditLineId, change: CreditChange) -> Result<Outcome, Stop> {
    let mut line = line(view, id)?;
    match change {
        CreditChange::Limit(limit) => line.limit = limit.minor(),
        CreditChange::Terms(terms) => line.bill_by(terms, view.now(), &view.footing.zone),
        CreditChange::Freeze => line.frozen = true,
        CreditChange::Unfreeze => line.frozen = false,
    }
    view.put(id, line);
    Ok(Outcome::CreditLine(id))
}

/// A period of a line is over: what was drawn in it is billed.
pub(super) fn bill(view: &mut View<'_>, id: CreditLineId) -> Result<Outcome, Stop> {
    let Some(line) = view.get::<CreditLine>(id)? else { return Ok(Outcome::Done) };
    let last = line.last_unpaid().map(|last| view.get::<Bill>(last)).transpose()?.flatten();
    let drawn = view.get::<Account>(AccountId(id.0))?.map_or(0, |account| account.dp);
    let (mut line, now) = (CreditLine::clone(&line), view.now());
    let made = line.bill(drawn, last.as_deref(), now, &view.footing.zone);
    view.put(id, line);
    if let Some(bill) = made {
        tell(view, &bill, "bill.issued");
        view.put(bill.id, bill);
        settle(view, id)?;
    }
    Ok(Outcome::Done)
}

/// A bill is due.
pub(super) fn expire(view: &mut View<'_>, id: BillId) -> Result<Outcome, Stop> {
    let Some(bill) = view.get::<Bill>(id)? else { return Ok(Outcome::Done) };
    let (mut bill, now) = (Bill::clone(&bill), view.now());
    if bill.expire(now) {
        tell(view, &bill, "bill.overdue");
        view.put(id, bill);
    }
    Ok(Outcome::Done)
}

/// Pays the bills of a line that all that ever came back covers, the oldest first.
pub(super) fn settle(view: &mut View<'_>, id: CreditLineId) -> Result<(), Stop> {
    let repaid = view.get::<Account>(AccountId(id.0))?.map_or(0, |account| account.cp);
    let Some(line) = view.get::<CreditLine>(id)? else { return Ok(()) };
    let mut line = CreditLine::clone(&line);
    while let Some((paid, next)) = line.covered(repaid) {
        let next = next.map(|next| the_bill(view, next)).transpose()?;
        let bill = Bill { paid_at: Some(view.now()), ..the_bill(view, paid)? };
        tell(view, &bill, "bill.paid");
        view.put(paid, bill);
        line.paid(next.as_ref());
        view.put(id, line.clone());
    }
    Ok(())
}

fn the_bill(view: &mut View<'_>, id: BillId) -> Result<Bill, Stop> {
    let bill = view.get::<Bill>(id)?.ok_or_else(|| Stop::Broken(format!("{id} of a credit line does not exist")))?;
    Ok(Bill::clone(&bill))
}

fn tell(view: &mut View<'_>, bill: &Bill, kind: &'static str) {
    let (object, sequence) = (Object::Bill(bill.id), bill.sequence());
    view.told.push(Told { kind, object, sequence, context: None, pay_org: PayOrg::internal() });
}

fn line(view: &mut View<'_>, id: CreditLineId) -> Result<CreditLine, Stop> {
    view.get::<CreditLine>(id)?.map(|line| CreditLine::clone(&line)).ok_or_else(not_found)
}
