//! Accounts now and as of a moment, an owner's accounts, and what moved them.
//!
//! An account of which several shards hold a stripe is shown as one: the sum of its stripes. A line of its statement
//! shows the stripe after it, because only within a shard does one transfer come after another.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use accounting::Account;
use kernel::{AccountId, Owner, Problem, RootId, Time};
use store::tables::derived::{ACCOUNTS_OF, AccountEntry, AccountList, ENTRIES, NEWEST_ENTRY};
use store::unit::Kept as _;
use store::{Ask, Cell, Cells, Row as _};

use super::merge::{Places, merge};
use super::objects::there;
use super::shard::OfShard;
use super::{Found, Page, Part, Queries, broken, bytes, inconsistent, one_more};
use crate::wire;

impl Queries {
    /// An account, now or at a moment.
    pub async fn account(&self, id: AccountId, at: Option<Time>) -> Result<Option<Found>, Problem> {
        let stripes = self.everywhere(|shard| shard.account(id, at)).await?;
        let whole = stripes.into_iter().flatten().reduce(|account, stripe| account.with(&stripe));
        Ok(whole.map(|account| Found {
            merchant: account.owner.merchant(),
            body: wire::accounting::account_json(&account, at),
        }))
    }

    /// The accounts of an owner, by subject and currency; as many as the chart has lines in the currencies that moved.
    pub async fn accounts(&self, owner: &Owner) -> Result<Vec<String>, Problem> {
        let mut whole: BTreeMap<(String, String), Account> = BTreeMap::new();
        for stripe in self.everywhere(|shard| shard.accounts(owner)).await?.into_iter().flatten() {
            let place = (stripe.subject.as_str().to_owned(), stripe.currency.code().to_owned());
            let account = match whole.remove(&place) {
                None => stripe,
                Some(account) => account.with(&stripe),
            };
            whole.insert(place, account);
        }
        Ok(whole.values().map(|account| wire::accounting::account_json(account, None)).collect())
    }

    /// The transfers that touched an account, newest first.
    pub async fn account_transfers(&self, id: AccountId, part: Part) -> Result<Page, Problem> {
        let mut places = Places::read(part.after.as_deref(), self.of.len(), i64::MAX, |text| text.parse().ok())?;
        let as_of = self.caught_up(part.stale).await?;
        let read = |(place, shard): (usize, &OfShard)| {
            let before = places.of(place).copied().unwrap_or(i64::MAX);
            let shard = shard.clone();
            async move { shard.entries(id, before, part.limit).await }
        };
        let entries = futures::future::try_join_all(self.of.iter().enumerate().map(read)).await?;
        let merged = merge(entries, part.limit, |entry| Reverse(entry.at));
        let mut lines = BTreeMap::new();
        for (place, shard) in self.of.iter().enumerate() {
            let of_it = merged.items.iter().filter(|(of, _)| *of == place).map(|(_, entry)| entry);
            lines.insert(place, shard.lines(id, of_it, &self.salt()).await?.into_iter());
        }
        let mut data = Vec::with_capacity(merged.items.len());
        for (place, entry) in &merged.items {
            data.extend(lines.get_mut(place).and_then(Iterator::next));
            places.go_on(*place, entry.ver);
        }
        Ok(Page { data, next: merged.more.then(|| places.text(i64::to_string)), as_of })
    }
}

impl OfShard {
    /// What this shard has of an account, now or at a moment.
    async fn account(&self, id: AccountId, at: Option<Time>) -> Result<Option<Account>, Problem> {
        let memory = self.load([Account::key(id)]).await?;
        let Some(account) = there::<Account>(&memory, id) else { return Ok(None) };
        let account = Account::clone(&account);
        match at {
            None => Ok(Some(account)),
            Some(at) => self.as_of(account, at).await.map(Some),
        }
    }

    /// What this shard has of an owner's accounts.
    async fn accounts(&self, owner: &Owner) -> Result<Vec<Account>, Problem> {
        self.caught_up(false).await?;
        let rows = self.rows(&ACCOUNTS_OF, vec![self.number(), Cell::text(owner.to_string())]).await?;
        let id = |row| Cells::new(AccountList::TABLE, row).fixed().map(|id| AccountId(RootId::from_bytes(id)));
        let ids = rows.into_iter().map(id).collect::<Result<Vec<_>, _>>().map_err(inconsistent)?;
        let memory = self.load(ids.iter().map(|id| Account::key(*id))).await?;
        let accounts = ids.into_iter().filter_map(|id| there::<Account>(&memory, id));
        Ok(accounts.map(|account| Account::clone(&account)).collect())
    }

    /// What touched an account before a version, newest first; one more than asked for.
    async fn entries(&self, id: AccountId, before: i64, limit: usize) -> Result<Vec<AccountEntry>, Problem> {
        let rows = self.rows(&ENTRIES, vec![self.number(), bytes(id.0), Cell::Int(before), one_more(limit)]).await?;
        rows.into_iter().map(AccountEntry::from_cells).collect::<Result<_, _>>().map_err(inconsistent)
    }

    /// The lines that these entries are, in their order.
    async fn lines<'e>(
        &self,
        id: AccountId,
        entries: impl Iterator<Item = &'e AccountEntry> + Clone,
        salt: &[u8; 32],
    ) -> Result<Vec<String>, Problem> {
        let vouchers: BTreeSet<_> = entries.clone().map(|entry| (entry.seq, entry.voucher)).collect();
        let transfers = entries.clone().map(|entry| (entry.seq, entry.n)).collect();
        if vouchers.is_empty() {
            return Ok(Vec::new());
        }
        let booked = self.booked(&vouchers, &transfers).await?;
        entries.map(|entry| booked.line(id, entry, salt).ok_or_else(broken)).collect()
    }

    /// An account's counters after the last transfer of a batch up to a moment. Its lines are numbered without gaps and
    /// their times do not go back, so a search by halves finds it.
    async fn as_of(&self, mut account: Account, at: Time) -> Result<Account, Problem> {
        self.caught_up(false).await?;
        let (mut below, mut above) = (0, self.newest(account.id).await?);
        let mut last = None;
        while below < above {
            let middle = above - (above - below) / 2;
            let entry = self.entry(account.id, middle).await?.ok_or_else(broken)?;
            if entry.at <= at.micros() {
                below = middle;
                last = Some(entry);
            } else {
                above = middle - 1;
            }
        }
        let [dp, cp, dh, ch] = last.map_or([0; 4], |entry| [entry.dp, entry.cp, entry.dh, entry.ch]);
        (account.dp, account.cp, account.dh, account.ch, account.version) = (dp, cp, dh, ch, below);
        Ok(account)
    }

    /// The number of an account's newest line; 0 where it has none.
    async fn newest(&self, id: AccountId) -> Result<i64, Problem> {
        let rows = self.rows(&NEWEST_ENTRY, vec![self.number(), bytes(id.0)]).await?;
        let Some(row) = rows.into_iter().next() else { return Ok(0) };
        Cells::new(AccountEntry::TABLE, row).int().map_err(inconsistent)
    }

    async fn entry(&self, id: AccountId, ver: i64) -> Result<Option<AccountEntry>, Problem> {
        let ask = Ask { table: AccountEntry::TABLE, keys: vec![vec![bytes(id.0), Cell::Int(ver)]] };
        let row = self.snapshot(vec![ask]).await?.rows.into_iter().flatten().next();
        row.map(AccountEntry::from_cells).transpose().map_err(inconsistent)
    }
}
