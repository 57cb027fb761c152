//! The naive way, as a yardstick: what one would write who has not thought of batches. A statement per row, awaited one
//! after the other, a transaction per payment, a row lock on every balance. The platform never uses it.
//!
//! One payment is ten rows (trade, payment, two instructions, voucher, four postings, outbox) and two balances that are
//! updated in place, the payer's with a floor; ids are random, and what one would look things up by has an index. The
//! tables live in a schema of their own, `naive`, which is made anew each time.

use std::str::FromStr as _;

use futures::future::FutureExt as _;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, NoTls, Statement};

use super::fault::fault;
use crate::Spawn;
use crate::door::StoreError;

/// What each payer starts with in minor units.
const FUND_MINOR: i64 = 1_000_000_000_000;
/// Minor units of one payment.
pub const AMOUNT_MINOR: i64 = 100;

const TABLES: &str = "
DROP SCHEMA IF EXISTS naive CASCADE;
CREATE SCHEMA naive;
CREATE TABLE naive.account (id BIGINT PRIMARY KEY, balance BIGINT NOT NULL CHECK (balance >= 0));
CREATE TABLE naive.trade (
    id BYTEA PRIMARY KEY, merchant BIGINT NOT NULL, order_number TEXT NOT NULL, status TEXT NOT NULL,
    amount BIGINT NOT NULL, created_at TIMESTAMPTZ NOT NULL DEFAULT now(), UNIQUE (merchant, order_number));
CREATE TABLE naive.payment (
    id BYTEA PRIMARY KEY, trade BYTEA NOT NULL, idempotency_key TEXT NOT NULL UNIQUE, status TEXT NOT NULL,
    amount BIGINT NOT NULL, created_at TIMESTAMPTZ NOT NULL DEFAULT now());
CREATE INDEX ON naive.payment (trade);
CREATE TABLE naive.instruction (
    id BYTEA PRIMARY KEY, payment BYTEA NOT NULL, tool TEXT NOT NULL, amount BIGINT NOT NULL, status TEXT NOT NULL);
CREATE INDEX ON naive.instruction (payment);
CREATE TABLE naive.voucher (
    id BYTEA PRIMARY KEY, trade BYTEA NOT NULL, template TEXT NOT NULL, at TIMESTAMPTZ NOT NULL DEFAULT now());
CREATE INDEX ON naive.voucher (trade);
CREATE TABLE naive.posting (
    id BYTEA PRIMARY KEY, voucher BYTEA NOT NULL, account BIGINT NOT NULL, side TEXT NOT NULL, amount BIGINT NOT NULL,
    at TIMESTAMPTZ NOT NULL DEFAULT now());
CREATE INDEX ON naive.posting (voucher);
CREATE INDEX ON naive.posting (account, at);
CREATE TABLE naive.outbox (
    id BIGSERIAL PRIMARY KEY, type TEXT NOT NULL, trade BYTEA NOT NULL, body TEXT NOT NULL);
";
const FUND: &str = "INSERT INTO naive.account (id, balance)
    SELECT id, CAST($2 AS BIGINT) FROM generate_series(CAST(0 AS BIGINT), CAST($1 AS BIGINT)) AS id";
const PAID: &str = "SELECT COUNT(*), CAST(COALESCE(SUM(amount), 0) AS BIGINT),
    (SELECT CAST(SUM(balance) AS BIGINT) FROM naive.account) FROM naive.trade";

const TRADE: &str =
    "INSERT INTO naive.trade (id, merchant, order_number, status, amount) VALUES ($1, $2, $3, 'paid', $4)";
const PAYMENT: &str = "INSERT INTO naive.payment (id, trade, idempotency_key, status, amount)
    VALUES ($1, $2, $3, 'succeeded', $4)";
const INSTRUCTION: &str = "INSERT INTO naive.instruction (id, payment, tool, amount, status)
    VALUES ($1, $2, $3, $4, 'succeeded')";
const VOUCHER: &str = "INSERT INTO naive.voucher (id, trade, template) VALUES ($1, $2, 'pay')";
const POSTING: &str = "INSERT INTO naive.posting (id, voucher, account, side, amount) VALUES ($1, $2, $3, $4, $5)";
const DEBIT: &str = "UPDATE naive.account SET balance = balance - $2 WHERE id = $1 AND balance >= $2";
const CREDIT: &str = "UPDATE naive.account SET balance = balance + $2 WHERE id = $1";
const OUTBOX: &str = "INSERT INTO naive.outbox (type, trade, body) VALUES ('trade.paid', $1, $2)";

/// What the outbox says of a trade, about as long as our own event.
const BODY: &str = r#"{"object":"trade","status":"completed","type":"instant","sub_type":"bench.pay","amount":100,"currency":"CNY","paid_amount":100,"confirmed_amount":100,"refunded_amount":0,"created_at":"2026-01-01T00:00:00.000000Z"}"#;

/// A database with the naive tables.
pub struct Naive {
    config: Config,
    spawn: Spawn,
}

/// One payment: who pays whom, and random numbers for its ids.
#[derive(Clone, Copy, Debug)]
pub struct Payment {
    /// The account that pays.
    pub payer: i64,
    /// The account that receives.
    pub merchant: i64,
    /// Random; one per row that has an id of its own.
    pub ids: [u128; 9],
}

/// What the tables hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sums {
    /// Payments.
    pub payments: i64,
    /// Minor units paid.
    pub paid: i64,
    /// Minor units on all accounts.
    pub balances: i64,
}

impl Naive {
    /// Makes the tables anew in the database at `url`, with accounts 0 to `last`, all with money.
    ///
    /// # Errors
    /// When the database cannot be reached or refuses.
    pub async fn make(url: &str, last: i64, spawn: Spawn) -> Result<Self, StoreError> {
        let config = Config::from_str(url).map_err(|error| StoreError::other(error.to_string()))?;
        let naive = Self { config, spawn };
        let client = naive.client().await?;
        client.batch_execute(TABLES).await.map_err(|error| fault(&error))?;
        client.execute(FUND, &[&last, &FUND_MINOR]).await.map_err(|error| fault(&error))?;
        Ok(naive)
    }

    /// A connection that pays.
    ///
    /// # Errors
    /// When the database cannot be reached or refuses.
    pub async fn till(&self) -> Result<Till, StoreError> {
        Till::new(self.client().await?).await.map_err(|error| fault(&error))
    }

    /// What the tables hold now.
    ///
    /// # Errors
    /// When the database cannot be reached or refuses.
    pub async fn sums(&self) -> Result<Sums, StoreError> {
        let read = async |client: Client| {
            let row = client.query_one(PAID, &[]).await?;
            Ok(Sums { payments: row.try_get(0)?, paid: row.try_get(1)?, balances: row.try_get(2)? })
        };
        read(self.client().await?).await.map_err(|error: tokio_postgres::Error| fault(&error))
    }

    async fn client(&self) -> Result<Client, StoreError> {
        let (client, connection) = self.config.connect(NoTls).await.map_err(|error| fault(&error))?;
        // How it ended is told to whoever waits for an answer on it.
        (self.spawn)(connection.map(drop).boxed());
        Ok(client)
    }
}

/// A connection that pays, one payment at a time.
pub struct Till {
    client: Client,
    trade: Statement,
    payment: Statement,
    instruction: Statement,
    voucher: Statement,
    posting: Statement,
    debit: Statement,
    credit: Statement,
    outbox: Statement,
}

impl Till {
    async fn new(client: Client) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            trade: client.prepare(TRADE).await?,
            payment: client.prepare(PAYMENT).await?,
            instruction: client.prepare(INSTRUCTION).await?,
            voucher: client.prepare(VOUCHER).await?,
            posting: client.prepare(POSTING).await?,
            debit: client.prepare(DEBIT).await?,
            credit: client.prepare(CREDIT).await?,
            outbox: client.prepare(OUTBOX).await?,
            client,
        })
    }

    /// Pays; durable when this returns. False where the payer has too little, and then nothing was written.
    ///
    /// # Errors
    /// When the database cannot be reached or refuses.
    pub async fn pay(&mut self, payment: &Payment) -> Result<bool, StoreError> {
        let paid = self.transaction(payment).await;
        let end = if matches!(paid, Ok(true)) { "COMMIT" } else { "ROLLBACK" };
        let ended = self.client.batch_execute(end).await;
        let paid = paid.map_err(|error| fault(&error))?;
        ended.map_err(|error| fault(&error))?;
        Ok(paid)
    }

    async fn transaction(&self, payment: &Payment) -> Result<bool, tokio_postgres::Error> {
        let Payment { payer, merchant, ids } = payment;
        let ids = ids.map(u128::to_be_bytes);
        let [trade, pay, balance, coupon, voucher, postings @ ..] = &ids;
        let [trade, pay, balance, coupon, voucher] = [trade, pay, balance, coupon, voucher].map(<[u8; 16]>::as_slice);
        let [order, key] =
            [payment.ids.first(), payment.ids.get(1)].map(|id| format!("{:032x}", id.copied().unwrap_or(0)));
        let (amount, part) = (AMOUNT_MINOR, AMOUNT_MINOR / 2);
        self.client.batch_execute("BEGIN").await?;
        self.run(&self.trade, &[&trade, merchant, &order, &amount]).await?;
        self.run(&self.payment, &[&pay, &trade, &key, &amount]).await?;
        self.run(&self.instruction, &[&balance, &pay, &"balance", &part]).await?;
        self.run(&self.instruction, &[&coupon, &pay, &"coupon", &part]).await?;
        self.run(&self.voucher, &[&voucher, &trade]).await?;
        for (posting, (account, side)) in
            postings.iter().zip([(payer, "D"), (merchant, "C"), (payer, "D"), (merchant, "C")])
        {
            self.run(&self.posting, &[&posting.as_slice(), &voucher, account, &side, &part]).await?;
        }
        if self.run(&self.debit, &[payer, &amount]).await? == 0 {
            return Ok(false);
        }
        self.run(&self.credit, &[merchant, &amount]).await?;
        self.run(&self.outbox, &[&trade, &BODY]).await?;
        Ok(true)
    }

    async fn run(&self, statement: &Statement, params: &[&(dyn ToSql + Sync)]) -> Result<u64, tokio_postgres::Error> {
        self.client.execute(statement, params).await
    }
}
