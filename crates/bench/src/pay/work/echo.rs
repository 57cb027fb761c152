//! The yardstick, with the body of a payment by balance.

use super::{Mix, Target};
use crate::echo;
use crate::load::wire::Answer;
use crate::load::{Judged, Next, Workload};

pub(in crate::pay) struct Echo {
    pub(in crate::pay) target: Target,
    pub(in crate::pay) mix: Mix,
}

impl Workload for Echo {
    fn write(&self, number: u64, request: &mut Vec<u8>) -> bool {
        let draw = self.mix.draw(number);
        self.target.post(format_args!("{}", echo::PATH), &draw.key, &draw.paid_by_balance(), request);
        true
    }

    /// There is no further step.
    fn write_next(&self, _: u64, _: &Next, _: &mut Vec<u8>) {}

    fn judge(&self, _: u64, _: Option<&Next>, answer: &Answer<'_>) -> Judged {
        match answer.status {
            201 => Judged::Done,
            status => Judged::Refused(format!("http_{status}")),
        }
    }
}
