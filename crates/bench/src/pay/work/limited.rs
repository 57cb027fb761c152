//! A workload that ends after so many things.

use std::sync::Arc;

use crate::load::wire::Answer;
use crate::load::{Judged, Next, Workload};

pub(in crate::pay) struct Limited {
    pub(in crate::pay) limit: u64,
    pub(in crate::pay) of: Arc<dyn Workload>,
}

impl Workload for Limited {
    fn write(&self, number: u64, request: &mut Vec<u8>) -> bool {
        number < self.limit && self.of.write(number, request)
    }

    fn write_next(&self, number: u64, next: &Next, request: &mut Vec<u8>) {
        self.of.write_next(number, next, request);
    }

    fn judge(&self, number: u64, asked: Option<&Next>, answer: &Answer<'_>) -> Judged {
        self.of.judge(number, asked, answer)
    }

    fn kind(&self, number: u64) -> Option<&'static str> {
        self.of.kind(number)
    }
}
