//! Batch = one by one: the same requests in the same order, cut into batches anywhere, give the same states, answers and
//! postings. Only places in the log, versions of the line and times differ.

use std::collections::BTreeMap;

use engine::request::{Command, Request};
use futures::executor::block_on;
use kernel::message::payment::Tool;
use kernel::message::trade::{Command as TradeCommand, Refund};
use kernel::{Amount, CouponId, Owner, TradeId};
use proptest::prelude::*;
use store::{Ask, Cell, Kind, Table, tables};

use crate::stories::paid;
use crate::world::{Engine, Sale, World, card, cny, user};

/// What somebody asks; trades and coupons are named by the order in which they were opened.
#[derive(Clone, Debug)]
enum Wish {
    Fund {
        user: usize,
        minor: i64,
    },
    Coupon {
        user: usize,
        minor: i64,
    },
    Sell {
        buyer: usize,
        escrow: bool,
        minor: i64,
        how: How,
    },
    Pay {
        trade: usize,
        how: How,
    },
    Confirm {
        trade: usize,
        minor: Option<i64>,
    },
    Refund {
        trade: usize,
        minor: i64,
    },
    Close {
        trade: usize,
    },
    Paid {
        trade: usize,
        right: bool,
    },
    /// The same request again, under the same key.
    Again,
}

#[derive(Clone, Copy, Debug)]
enum How {
    Later,
    Balance,
    Card,
    Both,
    Coupon,
}

const USERS: [&str; 2] = ["u1", "u2"];

fn how() -> impl Strategy<Value = How> {
    prop_oneof![
        Just(How::Later),
        Just(How::Balance),
        Just(How::Balance),
        Just(How::Card),
        Just(How::Both),
        Just(How::Coupon)
    ]
}

fn wish() -> impl Strategy<Value = Wish> {
    let (buyer, trade, minor) = (0..2usize, 0..6usize, 2..400i64);
    prop_oneof![
        2 => (buyer.clone(), 1..900i64).prop_map(|(user, minor)| Wish::Fund { user, minor }),
        1 => (buyer.clone(), 1..200i64).prop_map(|(user, minor)| Wish::Coupon { user, minor }),
        5 => (buyer, any::<bool>(), minor.clone(), how())
            .prop_map(|(buyer, escrow, minor, how)| Wish::Sell { buyer, escrow, minor, how }),
        2 => (trade.clone(), how()).prop_map(|(trade, how)| Wish::Pay { trade, how }),
        2 => (trade.clone(), prop::option::of(1..300i64)).prop_map(|(trade, minor)| Wish::Confirm { trade, minor }),
        3 => (trade.clone(), 1..300i64).prop_map(|(trade, minor)| Wish::Refund { trade, minor }),
        1 => trade.clone().prop_map(|trade| Wish::Close { trade }),
        3 => (trade, prop::bool::weighted(0.8)).prop_map(|(trade, right)| Wish::Paid { trade, right }),
        1 => Just(Wish::Again),
    ]
}

/// Turns wishes into requests; the same wishes give the same requests.
struct Desk {
    requests: Vec<Request>,
    trades: Vec<(TradeId, usize, i64)>,
    coupons: Vec<(CouponId, usize, i64)>,
    numbers: u32,
}

impl Desk {
    fn tools(&self, buyer: usize, minor: i64, how: How) -> Option<Vec<(Tool, i64)>> {
        let coupon = self.coupons.iter().rev().find(|(_, owner, face)| *owner == buyer && *face < minor);
        Some(match (how, coupon) {
            (How::Later, _) => return None,
            (How::Balance, _) => vec![(Tool::Balance, minor)],
            (How::Card, _) => vec![(card(), minor)],
            (How::Coupon, Some((coupon, _, face))) => vec![(Tool::Coupon(*coupon), *face), (card(), minor - face)],
            (How::Both | How::Coupon, _) => vec![(Tool::Balance, 1), (card(), minor - 1)],
        })
    }

    fn take(&mut self, world: &mut World, wish: &Wish) {
        let Some(command) = self.command(world, wish) else {
            if let Wish::Again = wish {
                self.requests.extend(self.requests.last().cloned());
            }
            return;
        };
        let request = match command {
            Command::Word(_) => Request::of_system("s", command),
            command => world.request(command),
        };
        self.requests.push(request);
    }

    fn command(&mut self, world: &mut World, wish: &Wish) -> Option<Command> {
        self.numbers += 1;
        Some(match wish {
            Wish::Again => return None,
            Wish::Fund { user: who, minor } => Command::Fund { owner: user(USERS[*who]), money: cny(*minor) },
            Wish::Coupon { user: who, minor } => {
                let (id, command) = world.issue(USERS[*who], *minor);
                self.coupons.push((id, *who, *minor));
                command
            }
            Wish::Sell { buyer, escrow, minor, how } => {
                let sale =
                    if *escrow { Sale::escrow(USERS[*buyer], *minor) } else { Sale::instant(USERS[*buyer], *minor) };
                let splits = vec![(Owner::Merchant(world.merchant), 1), (Owner::Platform, minor - 1)];
                let sale = Sale { pay: self.tools(*buyer, *minor, *how), splits, ..sale };
                let (id, command) = world.create(&sale);
                self.trades.push((id, *buyer, *minor));
                command
            }
            Wish::Pay { trade, how } => {
                let (id, buyer, minor) = *self.trades.get(*trade)?;
                let tools = crate::world::tools(&self.tools(buyer, minor, *how)?);
                Command::Trade(id, TradeCommand::Pay { due: None, tools })
            }
            Wish::Confirm { trade, minor } => {
                let amount = minor.map(|minor| Amount::new(minor).unwrap());
                Command::Trade(self.trades.get(*trade)?.0, TradeCommand::Confirm { amount, splits: Vec::new() })
            }
            Wish::Refund { trade, minor } => {
                let refund = Refund {
                    merchant_refund_id: format!("r{}", self.numbers),
                    amount: Amount::new(*minor).unwrap(),
                    reason: None,
                    splits: Vec::new(),
                    sandbox: None,
                    users_debit: true,
                };
                Command::Trade(self.trades.get(*trade)?.0, TradeCommand::Refund(refund))
            }
            Wish::Close { trade } => Command::Trade(self.trades.get(*trade)?.0, TradeCommand::Close),
            Wish::Paid { trade, right } => {
                let (id, _, minor) = *self.trades.get(*trade)?;
                let minor = if *right { minor - 1 } else { minor + 5 };
                let money = cny(minor.max(1));
                world.told(id, 1, paid(money, &format!("N{}", self.numbers)))
            }
        })
    }
}

/// Columns that say where in the log or when; they differ from cut to cut.
fn is_place(table: &Table, column: &str) -> bool {
    let times =
        ["at", "created_at", "opened_at", "expires_at", "confirm_by", "opens_at", "paid_at", "lifetime_until", "due"];
    let timers = ["next_call_at", "next_query_at"];
    let of_log = ["seq", "n", "opened_seq", "body_at", "body_from", "body_len", "body", "voucher"];
    times.contains(&column) && !(table.name == "payment" && column == "due")
        || timers.contains(&column)
        || of_log.contains(&column)
}

/// Every row that business made, without places and times, sorted.
fn rows(world: &World) -> BTreeMap<&'static str, Vec<String>> {
    let mut rows = BTreeMap::new();
    let without = ["shard", "batch", "cursor", "lease", "parked", "bank_order"];
    let main = tables::all().into_iter().filter(|table| table.place == store::Place::Main);
    for table in main.filter(|table| !without.contains(&table.name)) {
        let ask = Ask { table, keys: vec![Vec::new()] };
        let found = block_on(world.store.reader().load(0, vec![ask])).unwrap().rows.remove(0);
        let mut lines: Vec<String> = found.iter().map(|row| line(table, row)).collect();
        // The log keeps its order; what is derived from hashes of places does not matter here.
        if !["event", "answer", "transfer", "voucher"].contains(&table.name) {
            lines.sort();
        }
        rows.insert(table.name, lines);
    }
    rows
}

fn line(table: &Table, row: &[Cell]) -> String {
    let told = table.columns.iter().zip(row).filter(|(column, _)| !is_place(table, column.name));
    let show = |cell: &Cell, kind: Kind| match (cell, kind) {
        (Cell::Text(text), _) => text.to_string(),
        (cell, _) => format!("{cell:?}"),
    };
    told.map(|(column, cell)| format!("{}={}", column.name, show(cell, column.kind))).collect::<Vec<_>>().join(" ")
}

/// An answer without its times.
fn told(answer: &str) -> String {
    let mut json: serde_json::Value = serde_json::from_str(answer).unwrap_or_default();
    blur(&mut json);
    json.to_string()
}

fn blur(json: &mut serde_json::Value) {
    match json {
        serde_json::Value::Object(fields) => {
            fields.retain(|name, _| !name.ends_with("_at") && name != "confirm_by");
            fields.values_mut().for_each(blur);
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(blur),
        _ => {}
    }
}

type Outcome = (Vec<(u16, String)>, BTreeMap<&'static str, Vec<String>>);

/// Runs the wishes, cut after these many requests each, again and again.
fn run(wishes: &[Wish], cuts: &[usize]) -> Outcome {
    let mut world = World::new(Engine::Memory).unwrap();
    let mut desk = Desk { requests: Vec::new(), trades: Vec::new(), coupons: Vec::new(), numbers: 0 };
    for wish in wishes {
        desk.take(&mut world, wish);
    }
    let mut answers = Vec::new();
    let mut rest = desk.requests;
    let mut cuts = cuts.iter().cycle();
    while !rest.is_empty() {
        let size = cuts.next().copied().unwrap_or(1).clamp(1, rest.len());
        let later = rest.split_off(size);
        answers.extend(world.batch(rest).into_iter().map(|reply| match reply {
            Ok(reply) => (reply.status, told(&reply.body)),
            Err(problem) => (0, problem.to_string()),
        }));
        rest = later;
    }
    let report = world.verify();
    assert!(report.is_clean(), "{:#?}", report.findings);
    (answers, rows(&world))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_cut_gives_the_same(wishes in prop::collection::vec(wish(), 1..30), cuts in prop::collection::vec(1usize..12, 1..6)) {
        let one_by_one = run(&wishes, &[1]);
        let at_once = run(&wishes, &[wishes.len()]);
        let cut = run(&wishes, &cuts);
        prop_assert_eq!(&one_by_one.0, &at_once.0);
        prop_assert_eq!(&one_by_one.0, &cut.0);
        prop_assert_eq!(&one_by_one.1, &at_once.1);
        prop_assert_eq!(&one_by_one.1, &cut.1);
    }
}

/// The wishes do something: enough trades are paid, and enough refused.
#[test]
fn wishes_come_true() {
    let wishes = [
        Wish::Fund { user: 0, minor: 500 },
        Wish::Sell { buyer: 0, escrow: true, minor: 300, how: How::Balance },
        Wish::Confirm { trade: 0, minor: Some(100) },
        Wish::Refund { trade: 0, minor: 50 },
        Wish::Sell { buyer: 0, escrow: false, minor: 100, how: How::Both },
        Wish::Paid { trade: 1, right: true },
        Wish::Again,
        Wish::Sell { buyer: 1, escrow: false, minor: 100, how: How::Balance },
    ];
    let (answers, rows) = run(&wishes, &[3]);
    let statuses: Vec<u16> = answers.iter().map(|(status, _)| *status).collect();
    assert_eq!(statuses, [201, 201, 200, 201, 201, 200, 200, 201]);
    assert!(answers[7].1.contains("insufficient_balance"), "{}", answers[7].1);
    assert_eq!(rows["trade"].iter().filter(|row| row.contains("status=completed")).count(), 1);
    assert_eq!(rows["refund"].len(), 1);
}
