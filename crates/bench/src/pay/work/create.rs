//! Create without paying, as a merchant does who sends many orders at once.

use super::answer::read;
use super::{Mix, Target};
use crate::api::Trade;
use crate::load::wire::Answer;
use crate::load::{Judged, Next, Workload};

pub(in crate::pay) struct Create {
    pub(in crate::pay) target: Target,
    pub(in crate::pay) mix: Mix,
}

impl Workload for Create {
    fn write(&self, number: u64, request: &mut Vec<u8>) -> bool {
        let draw = self.mix.draw(number);
        self.target.post(format_args!("/v1/trades"), &draw.key, &draw.trade("escrow", format_args!("")), request);
        true
    }

    /// There is no further step.
    fn write_next(&self, _: u64, _: &Next, _: &mut Vec<u8>) {}

    fn judge(&self, _: u64, _: Option<&Next>, answer: &Answer<'_>) -> Judged {
        match read::<Trade>(answer) {
            Ok(trade) if answer.status == 201 && trade.status == "created" => Judged::Done,
            Ok(trade) => Judged::Refused(format!("trade_{}", trade.status)),
            Err(judged) => judged,
        }
    }
}
