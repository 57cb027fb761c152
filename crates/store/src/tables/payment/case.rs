//! Cases: work that people must decide, and what was done about them. The table is called `work_case`, because `case` is a
//! word of SQL.

use kernel::message::payment::Attachment;
use kernel::{KeyId, RootId, Time};
use payment::case::{CaseStatus, parse_resolution, resolution_as_str};
use payment::{Case, CaseKind, CaseStep, Subject, TrailEntry};

use super::Children;
use super::fits::Fits;
use crate::door::{Cell, Inconsistent};
use crate::unit::read_all;
use crate::{Row, Text, row};

row! {
    /// One piece of work.
    pub struct CaseRow in Main "work_case" key 3 {
        /// The shard.
        pub shard: i64,
        /// The trade.
        pub trade: [u8; 16],
        /// Its number in the tree, from 1.
        pub no: i64,
        /// What is wrong.
        pub kind: Text,
        /// The number of the instruction it is about.
        pub instruction: Option<i64>,
        /// The number of the refund part it is about.
        pub part: Option<i64>,
        /// The number of the dispute it is about.
        pub dispute: Option<i64>,
        /// Minor units.
        pub amount: i64,
        /// ISO 4217.
        pub currency: Text,
        /// open, proposed or closed.
        pub status: Text,
        /// Microseconds.
        pub opened_at: i64,
        /// What people decided.
        pub resolution: Option<Text>,
        /// Why, in words.
        pub note: Option<Text>,
        /// How many public events it had.
        pub sequence: i64,
    }
    check "amount > 0";
    check "CASE WHEN instruction IS NULL THEN (part IS NULL) <> (dispute IS NULL) ELSE part IS NULL AND dispute IS NULL END";
    check "status = 'closed' OR (status IN ('open', 'proposed') AND resolution IS NULL)";
}

row! {
    /// A step of a case. Never changed.
    pub struct CaseStepRow in Main "case_step" key 4 {
        /// The shard.
        pub shard: i64,
        /// The trade.
        pub trade: [u8; 16],
        /// The number of the case.
        pub work_case: i64,
        /// Its number within the case, from 1.
        pub no: i64,
        /// Microseconds.
        pub at: i64,
        /// The key of who took it; null where what happened elsewhere did.
        pub by_key: Option<[u8; 16]>,
        /// What was done.
        pub step: Text,
        /// What was proposed, approved or resolved.
        pub resolution: Option<Text>,
        /// The person, the comment or the note.
        pub words: Option<Text>,
        /// The attachment's name.
        pub name: Option<Text>,
        /// The attachment's media type.
        pub media_type: Option<Text>,
        /// The SHA-256 of the attachment.
        pub sha256: Option<[u8; 32]>,
        /// Where the attachment is.
        pub url: Option<Text>,
    }
    check "(by_key IS NULL) = (step = 'overtaken')";
    check "(resolution IS NOT NULL) = (step IN ('proposed', 'approved', 'resolved'))";
    check "(words IS NULL) = (step = 'overtaken')";
    check "url IS NULL OR step = 'commented'";
    check "(url IS NULL) = (name IS NULL) AND (url IS NULL) = (media_type IS NULL) AND (url IS NULL) = (sha256 IS NULL)";
}

/// The rows of cases and of their steps.
pub(super) fn rows(shard: i64, trade: [u8; 16], cases: &[Case]) -> [Vec<Vec<Cell>>; 2] {
    let steps = cases.iter().flat_map(|case| {
        let numbered = (1..).zip(&case.trail);
        numbered.map(move |(no, entry)| step_row(shard, trade, case.no, no, entry).cells())
    });
    [cases.iter().map(|case| case_row(shard, trade, case).cells()).collect(), steps.collect()]
}

/// The cases that these rows are.
pub(super) fn assemble(
    cases: Option<Vec<Vec<Cell>>>,
    steps: Option<Vec<Vec<Cell>>>,
) -> Result<Vec<Case>, Inconsistent> {
    let mut steps = Children::read(steps, |row: CaseStepRow| Ok((row.work_case, (row.no, step(row)?))))?;
    let cases = read_all::<CaseRow>(cases)?.into_iter().map(|row| case(row, &mut steps)).collect::<Result<_, _>>()?;
    steps.all_taken(Inconsistent { table: "case_step", column: "work_case", why: "names no case" })?;
    Ok(cases)
}

fn step_row(shard: i64, trade: [u8; 16], case: u16, no: i64, entry: &TrailEntry) -> CaseStepRow {
    let bare = CaseStepRow {
        shard,
        trade,
        work_case: i64::from(case),
        no,
        at: entry.at.micros(),
        by_key: entry.by.map(|key| key.0.bytes()),
        step: entry.step.as_str().into(),
        resolution: None,
        words: None,
        name: None,
        media_type: None,
        sha256: None,
        url: None,
    };
    match &entry.step {
        CaseStep::Assigned { to: words } | CaseStep::Rejected { note: words } => {
            CaseStepRow { words: Some(words.as_str().into()), ..bare }
        }
        CaseStep::Commented { text, attachment } => CaseStepRow {
            words: Some(text.as_str().into()),
            name: attachment.as_ref().map(|it| it.name.as_str().into()),
            media_type: attachment.as_ref().map(|it| it.media_type.as_str().into()),
            sha256: attachment.as_ref().map(|it| it.sha256),
            url: attachment.as_ref().map(|it| it.url.as_str().into()),
            ..bare
        },
        CaseStep::Proposed { resolution, note }
        | CaseStep::Approved { resolution, note }
        | CaseStep::Resolved { resolution, note } => CaseStepRow {
            resolution: Some(resolution_as_str(*resolution).into()),
            words: Some(note.as_str().into()),
            ..bare
        },
        CaseStep::Overtaken => bare,
    }
}

fn step(row: CaseStepRow) -> Result<TrailEntry, Inconsistent> {
    let fits = Fits("case_step");
    let attachment = match (row.name, row.media_type, row.sha256, row.url) {
        (None, None, None, None) => None,
        (Some(name), Some(media_type), Some(sha256), Some(url)) => {
            Some(Attachment { name: name.into(), media_type: media_type.into(), sha256, url: url.into() })
        }
        _ => return Err(fits.wrong("url", "is no attachment together with the others")),
    };
    let resolution =
        row.resolution.as_deref().map(|word| fits.word("resolution", parse_resolution(word))).transpose()?;
    let by = row.by_key.map(|key| KeyId(RootId::from_bytes(key)));
    let step = match (row.step.as_str(), by, resolution, row.words.map(String::from), attachment) {
        ("assigned", Some(_), None, Some(to), None) => CaseStep::Assigned { to },
        ("commented", Some(_), None, Some(text), attachment) => CaseStep::Commented { text, attachment },
        ("proposed", Some(_), Some(resolution), Some(note), None) => CaseStep::Proposed { resolution, note },
        ("rejected", Some(_), None, Some(note), None) => CaseStep::Rejected { note },
        ("approved", Some(_), Some(resolution), Some(note), None) => CaseStep::Approved { resolution, note },
        ("resolved", Some(_), Some(resolution), Some(note), None) => CaseStep::Resolved { resolution, note },
        ("overtaken", None, None, None, None) => CaseStep::Overtaken,
        _ => return Err(fits.wrong("step", "is no step of a case together with the others")),
    };
    Ok(TrailEntry { at: Time::from_micros(row.at), by, step })
}

fn case_row(shard: i64, trade: [u8; 16], case: &Case) -> CaseRow {
    let (instruction, part, dispute) = match case.subject {
        Subject::Instruction(no) => (Some(i64::from(no)), None, None),
        Subject::Part(no) => (None, Some(i64::from(no)), None),
        Subject::Dispute(no) => (None, None, Some(i64::from(no))),
    };
    CaseRow {
        shard,
        trade,
        no: i64::from(case.no),
        kind: case.kind.as_str().into(),
        instruction,
        part,
        dispute,
        amount: case.money.amount.minor(),
        currency: case.money.currency.code().into(),
        status: case.status.as_str().into(),
        opened_at: case.opened_at.micros(),
        resolution: case.resolution.map(|resolution| resolution_as_str(resolution).into()),
        note: case.note.as_deref().map(Into::into),
        sequence: case.sequence,
    }
}

/// The steps of a case, numbered without gaps.
fn trail(steps: Vec<(i64, TrailEntry)>) -> Result<Vec<TrailEntry>, Inconsistent> {
    if steps.iter().zip(1..).any(|((no, _), place)| *no != place) {
        return Err(Fits("case_step").wrong("no", "leaves a gap"));
    }
    Ok(steps.into_iter().map(|(_, entry)| entry).collect())
}

fn case(row: CaseRow, steps: &mut Children<(i64, TrailEntry)>) -> Result<Case, Inconsistent> {
    let fits = Fits("work_case");
    let subject = match (row.instruction, row.part, row.dispute) {
        (Some(no), None, None) => Subject::Instruction(fits.number("instruction", no)?),
        (None, Some(no), None) => Subject::Part(fits.number("part", no)?),
        (None, None, Some(no)) => Subject::Dispute(fits.number("dispute", no)?),
        _ => return Err(fits.wrong("instruction", "is no subject together with part and dispute")),
    };
    let resolution =
        row.resolution.as_deref().map(|word| fits.word("resolution", parse_resolution(word))).transpose()?;
    Ok(Case {
        no: fits.number("no", row.no)?,
        kind: fits.word("kind", CaseKind::parse(&row.kind))?,
        subject,
        money: fits.money(row.amount, &row.currency)?,
        status: fits.word("status", CaseStatus::parse(&row.status))?,
        opened_at: Time::from_micros(row.opened_at),
        resolution,
        note: row.note.map(Into::into),
        sequence: row.sequence,
        trail: trail(steps.take(row.no))?,
    })
}
