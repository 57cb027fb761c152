//! Bills against the log: that each ends at what had been drawn when it was made, was paid by the batch that brought the last
//! of it, and that its events are those of its states. What their rows say of each other, statements prove.

use std::collections::{BTreeMap, BTreeSet};

use accounting::chart::Entry;
use kernel::{AccountId, BillId, CreditLineId, RootId};
use payment::Bill;
use store::invariants::LINES_AFTER;
use store::tables::log::Event;
use store::tables::payment::BillRow;
use store::unit::Aggregate as _;
use store::{Ask, Cell, Row as _, StoreError};

use super::books::Books;
use super::events::{Last, Thing};
use super::{Report, Scene, bytes, id, statements, tasks};
use crate::line::Task;

/// Lines read at once.
const CHUNK: i64 = 500;

/// A counter of an account after each batch that raised it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Course(Vec<(i64, i64)>);

impl Course {
    fn go_on(&mut self, seq: i64, counter: i64) {
        match self.0.last_mut().filter(|(last, _)| *last == seq) {
            Some(last) => last.1 = counter,
            None => self.0.push((seq, counter)),
        }
    }

    /// Before a batch and after it.
    fn around(&self, seq: i64) -> (i64, i64) {
        let after =
            |end: usize| end.checked_sub(1).and_then(|place| self.0.get(place)).map_or(0, |(_, counter)| *counter);
        let [before, with] = [seq, seq.saturating_add(1)].map(|seq| self.0.partition_point(|(of, _)| *of < seq));
        (after(before), after(with))
    }
}

/// What the log says of one credit line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Owing {
    /// What was ever drawn.
    drawn: Course,
    /// What ever came back.
    repaid: Course,
    /// The last event of each bill.
    last: BTreeMap<u16, Last>,
    /// The batch that made each bill.
    issued: BTreeMap<u16, i64>,
    /// The batch in which it was paid.
    paid: BTreeMap<u16, i64>,
}

impl Owing {
    /// An account of what is owed stands like this after a batch's transfer; of other accounts nothing is kept.
    pub(super) fn note(
        of: &mut BTreeMap<CreditLineId, Self>,
        seq: i64,
        account: AccountId,
        derived: &super::book::Derived,
    ) {
        let owing = derived.account.as_ref().is_some_and(|account| account.subject.entry() == Entry::Credit);
        if let (true, Ok(drawn), Ok(repaid)) = (owing, i64::try_from(derived.dp), i64::try_from(derived.cp)) {
            let line = of.entry(CreditLineId(account.0)).or_default();
            line.drawn.go_on(seq, drawn);
            line.repaid.go_on(seq, repaid);
        }
    }

    /// The last event of a bill, before the one of this batch.
    pub(super) fn event(&mut self, no: u16, seq: i64, kind: &str) -> &mut Last {
        match kind {
            "bill.issued" => drop(self.issued.insert(no, seq)),
            "bill.paid" => drop(self.paid.insert(no, seq)),
            _ => {}
        }
        self.last.entry(no).or_insert(Thing::Bill.born())
    }

    fn compare(&self, bill: &Bill, report: &mut Report) {
        let mut note = |code, what: &str| report.note(code, BillRow::TABLE, bill.id.to_string(), what);
        let last = self.last.get(&bill.id.no).copied().unwrap_or(Thing::Bill.born());
        if last.sequence != bill.sequence() {
            note("I12", "has not had as many events as it counts");
        }
        if last.state != bill.status().as_str() {
            note("I11b", "stands elsewhere than its last event left it");
        }
        let Some(issued) = self.issued.get(&bill.id.no) else { return };
        let (before, with) = self.drawn.around(*issued);
        if !(before..=with).contains(&bill.up_to) {
            note("I44", "does not end at what had been drawn when it was made");
        }
        if let Some(paid) = self.paid.get(&bill.id.no) {
            let (before, with) = self.repaid.around(*paid);
            if with < bill.up_to || before >= bill.up_to && paid != issued {
                note("I44", "was not paid in the batch that brought the last of it");
            }
        }
    }
}

/// Checks the bills of every line, range by range.
pub(super) async fn check(scene: &Scene<'_>, books: &mut Books, report: &mut Report) -> Result<(), StoreError> {
    let mut after: Vec<u8> = Vec::new();
    loop {
        let params = vec![Cell::Int(scene.shard), bytes(&after), Cell::Int(CHUNK)];
        let rows = scene.query(&LINES_AFTER, params).await?;
        let lines: BTreeSet<CreditLineId> =
            rows.iter().filter_map(|row| id(row)).map(|bytes| CreditLineId(RootId::from_bytes(bytes))).collect();
        chunk(scene, books, &lines, report).await?;
        let upto = statements::end_of(&rows, CHUNK);
        if upto == statements::LAST {
            break;
        }
        after = upto;
    }
    Ok(())
}

async fn chunk(
    scene: &Scene<'_>,
    books: &mut Books,
    lines: &BTreeSet<CreditLineId>,
    report: &mut Report,
) -> Result<(), StoreError> {
    let keys = lines.iter().map(|line| vec![bytes(&line.0.bytes())]).collect();
    let snapshot = scene.reader.load(scene.shard, vec![Ask { table: BillRow::TABLE, keys }]).await?;
    books.follow(scene, snapshot.head.seq, report).await?;
    let mut there = BTreeSet::new();
    let mut timers = BTreeSet::new();
    for cells in snapshot.rows.into_iter().flatten() {
        report.checked.bills += 1;
        let Some(row) = report.read::<BillRow>(cells) else { continue };
        let (line, no) = (CreditLineId(RootId::from_bytes(row.line)), u16::try_from(row.no).unwrap_or_default());
        let id = BillId::new(line, no);
        match Bill::assemble(id, vec![vec![row.cells()]]) {
            Ok(Some(bill)) => {
                books.lines.get(&line).unwrap_or(&Owing::default()).compare(&bill, report);
                timers.extend(bill.timer().map(|due| Task { due, tree: line.0, no, kind: crate::tasks::BILL_DUE }));
            }
            Ok(None) => {}
            Err(error) => report.note_unfit(BillRow::TABLE, id.to_string(), &error),
        }
        there.insert(id);
    }
    for line in lines {
        let told = books.lines.get(line).into_iter().flat_map(|owing| owing.last.keys());
        for id in told.map(|no| BillId::new(*line, *no)).filter(|id| !there.contains(id)) {
            report.note("I12", Event::TABLE, id.to_string(), "there are events of it, and it does not exist");
        }
    }
    tasks::check_timers(scene, &timers, report).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_course_knows_what_was_before_a_batch_and_after_it() {
        let mut course = Course::default();
        [(3, 10), (3, 15), (7, 40)].into_iter().for_each(|(seq, counter)| course.go_on(seq, counter));
        let around = [2, 3, 4, 7, 8].map(|seq| course.around(seq));
        assert_eq!(around, [(0, 0), (0, 15), (15, 15), (15, 40), (40, 40)]);
    }
}
