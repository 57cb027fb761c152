//! Every column of every row, and of the batch itself, is proven: change any and it is named.

use kernel::message::accounting::HoldNo;
use kernel::{AccountId, Amount, Bucket, Currency, MerchantId, Owner, RootId, TradeId};

use super::*;
use crate::chart::{Side, Subject};
use crate::hold::{HoldKey, Op};

fn root_id(low: u128) -> RootId {
    RootId::new(Time::from_micros(0), Bucket::of("m"), low)
}

fn at(minute: i64) -> Time {
    Time::from_micros(minute * 60_000_000)
}

/// The rows of a batch, owned, as they would be read back.
#[derive(Clone)]
struct Rows {
    vouchers: Vec<VoucherLeaf<'static>>,
    transfers: Vec<TransferLeaf<'static>>,
    owners: Vec<(Owner, Subject)>,
    openings: Vec<(AccountId, Option<i64>, Option<i64>)>,
    side: Side,
    currency: &'static str,
    opened_seq: i64,
}

fn rows() -> Rows {
    let voucher = |n| VoucherLeaf {
        seq: 4,
        n,
        template: "pay",
        template_version: 1,
        merchant: Some(MerchantId(root_id(1))),
        order_type: Some("instant"),
        sub_type: Some("general"),
        trade: Some(TradeId(root_id(9))),
        object: "pay_1",
    };
    let transfer = |n, op| TransferLeaf {
        seq: 4,
        n,
        voucher: 0,
        op,
        debit: AccountId(root_id(2)),
        credit: AccountId(root_id(3)),
        amount: Amount::new(50).unwrap(),
        pay_org: "sandbox",
        code: "channel",
        d_ver: 1,
        d_bal: 50,
        c_ver: 7,
        c_bal: -50,
    };
    Rows {
        vouchers: vec![voucher(0), voucher(1)],
        transfers: vec![transfer(0, Op::Post), transfer(1, Op::Hold(hold(1))), transfer(2, Op::Post)],
        owners: vec![(Owner::Platform, Subject::MARKETING), (Owner::Channel("sandbox".into()), Subject::RECEIVED)],
        openings: vec![(AccountId(root_id(2)), None, None), (AccountId(root_id(3)), Some(0), None)],
        side: Side::Credit,
        currency: "CNY",
        opened_seq: 4,
    }
}

fn hold(no: u16) -> HoldKey {
    HoldKey { no: HoldNo::Instruction(no), leg: 0 }
}

impl Rows {
    fn batch(&self) -> Batch {
        let mut batch = Batch::default();
        for voucher in &self.vouchers {
            batch.voucher(voucher);
        }
        for transfer in &self.transfers {
            batch.transfer(transfer);
        }
        for ((owner, subject), (account, floor, ceil)) in self.owners.iter().zip(&self.openings) {
            batch.opening(&OpeningLeaf {
                seq: self.opened_seq,
                account: *account,
                owner,
                subject,
                currency: Currency::parse(self.currency).unwrap(),
                side: self.side,
                floor: *floor,
                ceil: *ceil,
            });
        }
        batch
    }

    /// Seals the rows with the sums of their transfers: three of 50 move 150 on either side.
    fn seal(&self, header: Header) -> Sealed {
        let mut batch = self.batch();
        (batch.dsum, batch.csum) = (150, 150);
        batch.seal(header)
    }
}

fn header(seq: i64, prev_hash: Hash) -> Header {
    Header { shard: 1, seq, writer: 7, at: at(seq), acct_date: 20_780, prev_hash }
}

#[test]
fn any_changed_column_of_any_row_is_named() {
    let before = rows().seal(header(3, GENESIS));
    let stored = rows().seal(header(4, before.hash));
    assert_eq!(verify(Some(&before), &stored, rows().batch()), Ok(()));

    type Change = fn(&mut Rows);
    let vouchers: [Change; 11] = [
        |it| it.vouchers[1].seq += 1,
        |it| it.vouchers[1].n += 1,
        |it| it.vouchers[1].template = "confirm",
        |it| it.vouchers[1].template_version += 1,
        |it| it.vouchers[1].merchant = None,
        |it| it.vouchers[1].trade = None,
        |it| it.vouchers[1].trade = Some(TradeId(root_id(8))),
        |it| it.vouchers[1].object = "pay_2",
        |it| it.vouchers[1].order_type = Some("escrow"),
        |it| it.vouchers[1].sub_type = Some("shop"),
        |it| it.vouchers.truncate(1),
    ];
    let transfers: [Change; 17] = [
        |it| it.transfers[1].seq += 1,
        |it| it.transfers[1].n += 1,
        |it| it.transfers[1].voucher += 1,
        |it| it.transfers[1].op = Op::Release(hold(1)),
        |it| it.transfers[1].op = Op::Hold(hold(2)),
        |it| it.transfers[1].op = Op::Hold(HoldKey { leg: 1, ..hold(1) }),
        |it| it.transfers[1].op = Op::Post,
        |it| it.transfers[1].debit = AccountId(root_id(4)),
        |it| it.transfers[1].credit = AccountId(root_id(4)),
        |it| it.transfers[1].amount = Amount::new(51).unwrap(),
        |it| it.transfers[1].pay_org = "internal",
        |it| it.transfers[1].code = "earlier",
        |it| it.transfers[1].d_ver += 1,
        |it| it.transfers[1].d_bal += 1,
        |it| it.transfers[1].c_ver += 1,
        |it| it.transfers[1].c_bal += 1,
        |it| it.transfers.truncate(1),
    ];
    let openings: [Change; 6] = [
        |it| it.openings[1].0 = AccountId(root_id(4)),
        |it| it.owners[1].0 = Owner::Channel("other".into()),
        |it| it.owners[1].1 = Subject::SUSPENSE,
        |it| it.openings[1].1 = None,
        |it| it.openings[1].2 = Some(0),
        |it| it.openings.push((AccountId(root_id(9)), None, None)),
    ];
    let everywhere: [(Change, LeafKind); 3] = [
        (|it| it.side = Side::Debit, LeafKind::Opening),
        (|it| it.currency = "USD", LeafKind::Opening),
        (|it| it.opened_seq += 1, LeafKind::Opening),
    ];
    let one = |kind| move |change| (change, kind, 1);
    let all = vouchers.map(one(LeafKind::Voucher)).into_iter();
    let all = all.chain(transfers.map(one(LeafKind::Transfer))).chain(openings.map(one(LeafKind::Opening)));
    for (number, (change, kind, place)) in all.chain(everywhere.map(|(change, kind)| (change, kind, 0))).enumerate() {
        let mut changed = rows();
        change(&mut changed);
        if changed.openings.len() > changed.owners.len() {
            changed.owners.push((Owner::Platform, Subject::ESCROW));
        }
        let place = if changed.openings.len() == 3 { 2 } else { place };
        assert_eq!(
            verify(Some(&before), &stored, changed.batch()),
            Err(Broken::Row { kind, place }),
            "{kind:?} {number}"
        );
    }
}

#[test]
fn any_changed_column_of_the_batch_is_seen() {
    let before = rows().seal(header(3, GENESIS));
    let stored = rows().seal(header(4, before.hash));
    type Change = fn(&mut Sealed);
    let changes: [(Change, Broken); 16] = [
        (|it| it.header.shard += 1, Broken::Hash),
        (|it| it.header.seq += 1, Broken::Hash),
        (|it| it.header.writer += 1, Broken::Hash),
        (|it| it.header.at = at(9), Broken::Hash),
        (|it| it.header.acct_date += 1, Broken::Hash),
        (|it| it.header.prev_hash[31] ^= 1, Broken::Hash),
        (|it| it.rows += 1, Broken::Hash),
        (|it| it.hash[0] ^= 1, Broken::Hash),
        (|it| it.root[0] ^= 1, Broken::Root),
        (|it| it.dsum += 1, Broken::Sums),
        (|it| it.csum += 1, Broken::Sums),
        (|it| (it.dsum, it.csum) = (151, 151), Broken::Sums),
        (|it| it.digest.truncate(20), Broken::Digest),
        (|it| it.digest.push(0), Broken::Digest),
        (|it| it.digest.clear(), Broken::Digest),
        (|it| it.digest[4] ^= 1, Broken::Row { kind: LeafKind::Voucher, place: 0 }),
    ];
    for (number, (change, broken)) in changes.into_iter().enumerate() {
        let mut changed = stored.clone();
        change(&mut changed);
        assert_eq!(verify(Some(&before), &changed, rows().batch()), Err(broken), "{number}");
    }
}

#[test]
fn a_batch_follows_the_one_before() {
    let before = rows().seal(header(3, GENESIS));
    let check = |header| verify(Some(&before), &rows().seal(header), rows().batch());
    let next = header(4, before.hash);
    assert_eq!(check(next), Ok(()));
    for wrong in [
        Header { prev_hash: GENESIS, ..next },
        Header { seq: 3, ..next },
        Header { shard: 2, ..next },
        Header { at: at(2), ..next },
        Header { acct_date: 20_779, ..next },
    ] {
        assert_eq!(check(wrong), Err(Broken::Link), "{wrong:?}");
    }
    assert_eq!(verify(None, &before, rows().batch()), Ok(()));
    assert_eq!(verify(None, &rows().seal(next), rows().batch()), Err(Broken::Link), "the first one follows nothing");
}

#[test]
fn what_is_applied_is_what_was_booked() {
    use crate::account::AccountKey;
    use crate::book::Books;
    use crate::template::Leg;

    let cny = Currency::parse("CNY").unwrap();
    let key = |subject| AccountKey { owner: Owner::Platform, subject, currency: cny };
    let leg = |op, debit, credit, minor| Leg {
        op,
        debit: key(debit),
        credit: key(credit),
        amount: Amount::new(minor).unwrap(),
        pay_org: kernel::PayOrg::internal(),
        code: "test",
        most: None,
    };
    let legs = [
        leg(Op::Post, Subject::MARKETING, Subject::BUDGET, 100),
        leg(Op::Hold(hold(1)), Subject::BUDGET, Subject::COUPONS, 60),
        leg(Op::Capture(hold(1)), Subject::BUDGET, Subject::COUPONS, 20),
        leg(Op::Release(hold(1)), Subject::BUDGET, Subject::COUPONS, 10),
    ];
    let mut books = Books::default();
    let mut before = books.clone();
    let mut prev: Option<Sealed> = None;
    for (seq, group) in (1..).zip([&legs[..2], &legs[2..]]) {
        let transfers = books.book(group, seq).unwrap();
        let voucher = VoucherLeaf { seq, n: 0, trade: None, ..rows().vouchers[0] };
        let mut batch = Batch::default();
        batch.voucher(&voucher);
        for (transfer, n) in transfers.iter().zip(0..) {
            batch.transfer(&TransferLeaf::new(transfer, n, &voucher));
        }
        for account in books.accounts.values().filter(|account| account.opened_seq == seq) {
            batch.opening(&OpeningLeaf::new(account));
        }
        let rows = batch.clone();
        for (id, after) in &books.accounts {
            batch.applied(before.accounts.get(id), after);
        }
        let sealed = batch.seal(header(seq, prev.as_ref().map_or(GENESIS, |prev| prev.hash)));
        assert_eq!(sealed.dsum, [160, -10][prev.is_some() as usize]);
        assert_eq!(verify(prev.as_ref(), &sealed, rows), Ok(()));
        (prev, before) = (Some(sealed), books.clone());
    }
}

/// The first batch of these rows for ever: a change of it is a new hash version.
#[test]
fn the_encoding_does_not_change_by_accident() {
    let hash = rows().seal(header(1, GENESIS)).hash;
    insta::assert_snapshot!(blake3::Hash::from_bytes(hash).to_hex().as_str());
}
