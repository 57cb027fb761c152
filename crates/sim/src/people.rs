//! Who takes part, and in which shard each of them lives.

use kernel::{Bucket, KeyId, MerchantId, Owner, RootId, Shards, UserId};
use payment::{Approvals, CaseKind};

use crate::clock;
use crate::plan::Party;

/// What the store mixes into the ids of accounts.
pub(crate) const SALT: [u8; 32] = [7; 32];
/// Who buys where there is one shard.
const BUYERS: &[u8] = &[0, 1, 2];
/// Who buys where there are several: with four shards one lives in each of them.
const BUYERS_APART: &[u8] = &[0, 1, 5, 7];
/// Who never buys, and only has money moved. Their accounts may be frozen.
pub(crate) const SAVERS: &[u8] = &[8, 9];

/// Who buys.
pub(crate) const fn buyers(shards: Shards) -> &'static [u8] {
    if shards.count() == 1 { BUYERS } else { BUYERS_APART }
}

/// The key of one of the platform's people who decide cases.
pub(crate) fn desk(who: u32) -> KeyId {
    KeyId(RootId::new(clock::START, Bucket::of("desk"), 1 + u128::from(who)))
}

/// Which cases they do not resolve alone.
pub(crate) fn approvals() -> Approvals {
    Approvals { from_minor: Some(300), kinds: vec![CaseKind::RefundReturned] }
}

/// The merchants.
pub(crate) fn merchants() -> [MerchantId; 2] {
    [1, 2].map(|number| MerchantId(RootId::new(clock::START, Bucket::of("m"), number)))
}

/// A merchant by its number.
pub(crate) fn merchant(number: u8) -> Option<MerchantId> {
    merchants().get(usize::from(number)).copied()
}

/// A user by its number.
pub(crate) fn user(number: u8) -> Option<UserId> {
    UserId::parse(&number.to_string())
}

/// A party as an owner of money.
pub(crate) fn owner(party: Party) -> Option<Owner> {
    match party {
        Party::User(number) => user(number).map(Owner::User),
        Party::Merchant(number) => merchant(number).map(Owner::Merchant),
    }
}

/// The shard in which an owner's own money lives.
pub(crate) fn home(shards: Shards, owner: &Owner) -> i64 {
    shards.of(owner.bucket())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn homes(shards: Shards, users: &[u8]) -> BTreeSet<i64> {
        users.iter().filter_map(|user| Some(home(shards, &owner(Party::User(*user))?))).collect()
    }

    #[test]
    fn somebody_lives_in_every_shard() {
        for count in [1, 2, 4] {
            let shards = Shards::new(count).unwrap();
            assert_eq!(homes(shards, buyers(shards)), shards.all().collect());
        }
        assert_eq!(homes(Shards::new(2).unwrap(), SAVERS).len(), 2);
    }
}
