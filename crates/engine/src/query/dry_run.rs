//! What a rule book would have changed of what is recorded (试算): trades and their payments are asked about again, each as of
//! its own moment, by the shelf as it was and by the same shelf with the text in place of its book.
//!
//! What a book refused was never recorded, and the order in which a client named its tools is not; so a dry run tells what a
//! text would refuse, not what it would let through.

use std::sync::Arc;

use kernel::message::rules::PaymentTerms;
use kernel::{PaymentId, Problem};
use payment::Payment;
use rules::{RuleBook, Shelf, compare};
use trade::Trade;

use super::lists::Recorded;
use super::{Filter, Part, Queries};
use crate::planning::{self, facts};
use crate::wire::rules::DryRun;

/// The books as they are, and with a text in place of its book.
struct Trial<'a> {
    was: &'a Shelf,
    would: Shelf,
    draft: Arc<RuleBook>,
    run: DryRun,
}

impl Queries {
    /// What a text would have changed of the newest trades, or of those opened before a cursor; with the next cursor.
    ///
    /// # Errors
    /// When the store cannot be read, or the projections are behind and may not be.
    pub async fn dry_run(&self, draft: Arc<RuleBook>, part: Part) -> Result<(DryRun, Option<String>), Problem> {
        let Recorded { trees, next, .. } = self.recorded(&Filter::default(), &part).await?;
        let control = self.control.snapshot();
        let would = control.rules.had_it_been(Arc::clone(&draft));
        let mut trial = Trial { was: &control.rules, would, draft, run: DryRun::default() };
        for (trade, payments) in &trees {
            trial.trade(trade);
            // A share was planned with its parent's payment.
            let own = payments.iter().flat_map(|state| &state.payments).filter(|payment| payment.parent.is_none());
            own.for_each(|payment| trial.payment(trade, payment));
        }
        Ok((trial.run, next))
    }
}

impl Trial<'_> {
    fn trade(&mut self, trade: &Trade) {
        let (at, asked) = (trade.created_at, facts(trade, trade.created_at, None));
        let terms = |shelf: &Shelf| {
            shelf.holding(&trade.context, at).map(|version| version.book.trade_terms(&asked)).unwrap_or_default()
        };
        let changes = compare::of_trade(&terms(self.was), &terms(&self.would), trade.expiry_given, trade.has_dues());
        self.run.trades += 1;
        self.run.concerned += usize::from(self.concerns(trade, at));
        self.run.note(trade.id, None, changes);
    }

    fn payment(&mut self, trade: &Trade, payment: &Payment) {
        let (at, tools) = (payment.created_at, payment.tools());
        let asked = facts(trade, at, Some(planning::asked(payment, &tools)));
        let held = self.was.version(payment.rule_version);
        let was = held.and_then(|book| book.payment_terms(payment.rule_version, &asked).ok()).unwrap_or_default();
        let would = match self.would.holding(&trade.context, at) {
            Some(version) => version.book.payment_terms(version.number, &asked),
            None => Ok(PaymentTerms::default()),
        };
        let changes = compare::of_payment(&was, &would, &tools);
        self.run.payments += 1;
        self.run.concerned += usize::from(self.concerns(trade, at));
        self.run.note(trade.id, Some(PaymentId::new(trade.id, payment.no)), changes);
    }

    /// Whether the text would have held.
    fn concerns(&self, trade: &Trade, at: kernel::Time) -> bool {
        self.would.holding(&trade.context, at).is_some_and(|version| Arc::ptr_eq(&version.book, &self.draft))
    }
}
