//! Shards (分片): which of them holds the rows of a bucket.
//!
//! An id carries a bucket and never a shard, so that a store may have any number of shards without a client ever seeing
//! it. How many there are is decided when a store is made and is read from it ever after.

use crate::id::Bucket;
use crate::limits::MAX_SHARDS;

const BUCKETS: i64 = 1_024;

/// How many shards a store has, and so which buckets live where: each shard has an equal run of neighbouring buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shards(i64);

impl Shards {
    /// The only shard of a store where nothing else was asked for.
    pub const ONE: Self = Self(1);

    /// Where everything lives that belongs to no bucket: control data, and what only the platform itself does.
    pub const FIRST: i64 = 0;

    /// So many shards: a power of two, at most [`MAX_SHARDS`]; `None` for any other number.
    pub fn new(count: i64) -> Option<Self> {
        let power = u64::try_from(count).is_ok_and(u64::is_power_of_two);
        (power && count <= MAX_SHARDS).then_some(Self(count))
    }

    /// How many there are.
    pub const fn count(self) -> i64 {
        self.0
    }

    /// Their numbers, in order.
    pub fn all(self) -> impl Iterator<Item = i64> + Clone {
        Self::FIRST..self.0
    }

    /// The shard that holds a bucket's rows.
    pub fn of(self, bucket: Bucket) -> i64 {
        i64::from(bucket.number()) / (BUCKETS / self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_powers_of_two() {
        let good: Vec<i64> = (-4..2_000).filter(|count| Shards::new(*count).is_some()).collect();
        assert_eq!(good, [1, 2, 4, 8, 16, 32, 64, 128, 256]);
        assert_eq!(Shards::new(i64::MIN), None);
    }

    #[test]
    fn every_shard_has_as_many_users() {
        for count in [1, 2, 4, 256] {
            let shards = Shards::new(count).unwrap();
            let mut users = vec![0; usize::try_from(count).unwrap()];
            for user in 0..count * 1_000 {
                users[usize::try_from(shards.of(Bucket::of(&format!("user:{user}")))).unwrap()] += 1;
            }
            assert!(users.iter().all(|users| (800..1_200).contains(users)), "{count}: {users:?}");
        }
    }
}
