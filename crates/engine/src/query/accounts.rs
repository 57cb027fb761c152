//! Accounts now and as of a moment, an owner's accounts, and what moved them.

use accounting::Account;
use kernel::{AccountId, Owner, Problem, RootId, Time};
use store::tables::derived::{ACCOUNTS_OF, AccountEntry, AccountList, ENTRIES, NEWEST_ENTRY};
use store::unit::Kept as _;
use store::{Ask, Cell, Cells, Row as _};

use super::objects::there;
use super::{Found, Page, Part, Queries, broken, bytes, cut, inconsistent, no_place, one_more};
use crate::wire;

impl Queries {
    /// An account, now or at a moment.
    pub async fn account(&self, id: AccountId, at: Option<Time>) -> Result<Option<Found>, Problem> {
        let memory = self.load([Account::key(id)]).await?;
        let Some(account) = there::<Account>(&memory, id) else { return Ok(None) };
        let merchant = account.owner.merchant();
        let body = match at {
            None => wire::accounting::account_json(&account, None),
            Some(at) => wire::accounting::account_json(&self.as_of(Account::clone(&account), at).await?, Some(at)),
        };
        Ok(Some(Found { merchant, body }))
    }

    /// The accounts of an owner, by subject and currency; as many as the chart has lines in the currencies that moved.
    pub async fn accounts(&self, owner: &Owner) -> Result<Vec<String>, Problem> {
        self.caught_up(false).await?;
        let params = vec![Cell::Int(self.setup.shard), Cell::Text(owner.to_string().into())];
        let rows = self.rows(&ACCOUNTS_OF, params).await?;
        let id = |row| Cells::new(AccountList::TABLE, row).fixed().map(|id| AccountId(RootId::from_bytes(id)));
        let ids = rows.into_iter().map(id).collect::<Result<Vec<_>, _>>().map_err(inconsistent)?;
        let memory = self.load(ids.iter().map(|id| Account::key(*id))).await?;
        let accounts = ids.into_iter().filter_map(|id| there::<Account>(&memory, id));
        Ok(accounts.map(|account| wire::accounting::account_json(&account, None)).collect())
    }

    /// The transfers that touched an account, newest first.
    pub async fn account_transfers(&self, id: AccountId, part: Part) -> Result<Page, Problem> {
        let before = part.after.as_deref().map_or(Ok(i64::MAX), str::parse).map_err(|_| no_place())?;
        let as_of = self.caught_up(part.stale).await?;
        let params = vec![Cell::Int(self.setup.shard), bytes(id.0), Cell::Int(before), one_more(part.limit)];
        let rows = self.rows(&ENTRIES, params).await?;
        let mut entries =
            rows.into_iter().map(AccountEntry::from_cells).collect::<Result<Vec<_>, _>>().map_err(inconsistent)?;
        let next = cut(&mut entries, part.limit, |entry| entry.ver.to_string());
        let vouchers = entries.iter().map(|entry| (entry.seq, entry.voucher)).collect();
        let transfers = entries.iter().map(|entry| (entry.seq, entry.n)).collect();
        let booked = self.booked(&vouchers, &transfers).await?;
        let salt = self.salt();
        let line = |entry| booked.line(id, entry, &salt).ok_or_else(broken);
        Ok(Page { data: entries.iter().map(line).collect::<Result<_, _>>()?, next, as_of })
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
        let rows = self.rows(&NEWEST_ENTRY, vec![Cell::Int(self.setup.shard), bytes(id.0)]).await?;
        let Some(row) = rows.into_iter().next() else { return Ok(0) };
        Cells::new(AccountEntry::TABLE, row).int().map_err(inconsistent)
    }

    async fn entry(&self, id: AccountId, ver: i64) -> Result<Option<AccountEntry>, Problem> {
        let ask = Ask { table: AccountEntry::TABLE, keys: vec![vec![bytes(id.0), Cell::Int(ver)]] };
        let row = self.snapshot(vec![ask]).await?.rows.into_iter().flatten().next();
        row.map(AccountEntry::from_cells).transpose().map_err(inconsistent)
    }
}
