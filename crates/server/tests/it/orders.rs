//! Orders to replay, in the format of the public data set of Olist, and `suanpan replay`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::server::KEY;
use crate::store::{Store, program};

/// Two CSV files.
pub(crate) struct Orders {
    pub(crate) items: PathBuf,
    pub(crate) payments: PathBuf,
    /// How many orders of them are played.
    pub(crate) limit: usize,
}

impl Orders {
    /// Writes so many: of one to four sellers, paid in one to nine parts of every kind, and a few that cannot be paid.
    pub(crate) fn write(directory: &Path, count: usize) -> Self {
        let mut items = "order_id,order_item_id,seller_id,price,freight_value\n".to_owned();
        let mut payments = "order_id,payment_sequential,payment_type,payment_installments,payment_value\n".to_owned();
        let mut dice = Dice(7);
        for number in 0..count {
            let order = format!("order{number:05}");
            let lines: Vec<(i64, i64)> =
                (0..=dice.below(4)).map(|_| (100 + dice.below(20_000), dice.below(2_000))).collect();
            for (place, (price, freight)) in lines.iter().enumerate() {
                let seller = dice.below(9);
                writeln!(items, "{order},{},seller{seller},{},{}", place + 1, reais(*price), reais(*freight)).unwrap();
            }
            let mut left: i64 = lines.iter().map(|(price, freight)| price + freight).sum();
            let parts = if dice.below(5) == 0 { 2 + dice.below(8) } else { 1 };
            for part in 1..=parts {
                let value = if part == parts { left } else { 1 + dice.below(left - (parts - part)) };
                left -= value;
                let kind = ["credit_card", "boleto", "voucher", "debit_card"][usize::try_from(dice.below(4)).unwrap()];
                // One in thirty is paid a cent too much, which is none of ours to play.
                let value = if number % 30 == 29 && part == parts { value + 1 } else { value };
                writeln!(payments, "{order},{part},{kind},1,{}", reais(value)).unwrap();
            }
        }
        let (items_path, payments_path) = (directory.join("items.csv"), directory.join("payments.csv"));
        std::fs::write(&items_path, items).unwrap();
        std::fs::write(&payments_path, payments).unwrap();
        Self { items: items_path, payments: payments_path, limit: count }
    }

    /// The first so many of the public data set, where it is there.
    pub(crate) fn real(limit: usize) -> Option<Self> {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/olist");
        let (items, payments) = (directory.join("order_items.csv.gz"), directory.join("order_payments.csv.gz"));
        let found = items.is_file() && payments.is_file();
        if !found {
            eprintln!("{} is not there: the orders that were made up must do", directory.display());
        }
        found.then_some(Self { items, payments, limit })
    }

    /// Starts `suanpan replay` against a server; every fifth order is refunded in one way or another.
    pub(crate) fn replay(&self, store: &Store, address: &str) -> Replay {
        let report = store.path("replay.json");
        let mut command = program();
        command.args(["replay", "--orders"]).arg(&self.items).arg("--payments").arg(&self.payments);
        command.args(["--url", &format!("http://{address}"), "--limit", &self.limit.to_string()]);
        command.args(["--refund-share", "20", "--concurrency", "16", "--json"]).arg(&report).env("SUANPAN_KEY", KEY);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        Replay { child: Some(child), report }
    }
}

/// A replay under way, killed when dropped.
pub(crate) struct Replay {
    child: Option<Child>,
    report: PathBuf,
}

impl Replay {
    /// Whether it is over.
    pub(crate) fn is_over(&mut self) -> bool {
        self.child.as_mut().unwrap().try_wait().unwrap().is_some()
    }

    /// Waits for its end; gives its report, whose books agree with the files.
    pub(crate) fn report(mut self) -> Value {
        let output = self.child.take().unwrap().wait_with_output().unwrap();
        let text = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat();
        assert_eq!(output.status.code(), Some(0), "suanpan replay\n{text}");
        serde_json::from_slice(&std::fs::read(&self.report).unwrap()).unwrap()
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Minor units as the files write them.
fn reais(minor: i64) -> String {
    format!("{}.{:02}", minor / 100, minor % 100)
}

/// The same throws in every run.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// A number from 0 to below `limit`.
    pub(crate) fn below(&mut self, limit: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(self.0 >> 33).unwrap() % limit.max(1)
    }
}
