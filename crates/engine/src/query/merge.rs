//! Lists over several shards: each shard brings its own part in order, and the parts are laid together by a key. Where a
//! list goes on is remembered shard by shard, so that nothing is shown twice and nothing is left out, whichever shard
//! grows meanwhile.

use kernel::Problem;

use super::no_place;

/// What several shards brought, in one order.
pub(super) struct Merged<T> {
    /// With the place of their shard among the lists.
    pub(super) items: Vec<(usize, T)>,
    /// Whether something was left.
    pub(super) more: bool,
}

/// Lays lists together, the least key first; each is in that order already. Takes at most `limit`.
pub(super) fn merge<T, K: Ord>(lists: Vec<Vec<T>>, limit: usize, key: impl Fn(&T) -> K) -> Merged<T> {
    let mut lists: Vec<_> = lists.into_iter().map(|list| list.into_iter().peekable()).collect();
    let mut items = Vec::new();
    loop {
        let heads = lists.iter_mut().enumerate().filter_map(|(shard, list)| Some((key(list.peek()?), shard)));
        let first = heads.min().map(|(_, shard)| shard);
        let Some((shard, list)) = first.and_then(|shard| Some((shard, lists.get_mut(shard)?))) else {
            return Merged { items, more: false };
        };
        if items.len() == limit {
            return Merged { items, more: true };
        }
        items.extend(list.next().map(|item| (shard, item)));
    }
}

/// Where each shard's part of a list goes on.
pub(super) struct Places<P>(Vec<P>);

impl<P: Clone> Places<P> {
    /// As a page named them; `beginning` for each of `shards` where none did.
    pub(super) fn read(
        text: Option<&str>,
        shards: usize,
        beginning: P,
        parse: impl Fn(&str) -> Option<P>,
    ) -> Result<Self, Problem> {
        let Some(text) = text else { return Ok(Self(vec![beginning; shards])) };
        let places: Option<Vec<P>> = text.split(',').map(parse).collect();
        places.filter(|places| places.len() == shards).map(Self).ok_or_else(no_place)
    }

    /// That of a shard.
    pub(super) fn of(&self, shard: usize) -> Option<&P> {
        self.0.get(shard)
    }

    /// A shard's part goes on from here.
    pub(super) fn go_on(&mut self, shard: usize, place: P) {
        if let Some(at) = self.0.get_mut(shard) {
            *at = place;
        }
    }

    /// As the next page takes them.
    pub(super) fn text(&self, show: impl Fn(&P) -> String) -> String {
        self.0.iter().map(show).collect::<Vec<_>>().join(",")
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;

    use proptest::prelude::*;

    use super::*;

    fn shown<T: Copy>(merged: &Merged<T>) -> Vec<T> {
        merged.items.iter().map(|(_, item)| *item).collect()
    }

    #[test]
    fn equal_keys_come_shard_by_shard_and_the_rest_is_known_of() {
        let merged = merge(vec![vec![3, 1], vec![3, 2]], 3, |item| Reverse(*item));
        assert_eq!(merged.items, [(0, 3), (1, 3), (1, 2)]);
        assert!(merged.more);
        let merged = merge(vec![vec![3, 1], vec![3, 2]], 4, |item| Reverse(*item));
        assert_eq!(shown(&merged), [3, 3, 2, 1]);
        assert!(!merged.more);
        assert!(merge(vec![vec![1]], 0, |item| *item).more);
    }

    proptest! {
        #[test]
        fn page_by_page_everything_comes_once_and_in_order(
            mut lists in prop::collection::vec(prop::collection::vec(0..50_u32, 0..12), 1..5), limit in 1..7_usize,
        ) {
            lists.iter_mut().for_each(|list| list.sort_unstable());
            let mut places = Places::read(None, lists.len(), 0_usize, |_| None).unwrap();
            let mut seen = Vec::new();
            loop {
                let rest = |shard: usize| lists[shard][*places.of(shard).unwrap()..].iter().take(limit + 1).copied();
                let parts = (0..lists.len()).map(|shard| rest(shard).collect()).collect();
                let merged = merge(parts, limit, |item| *item);
                for (shard, item) in &merged.items {
                    let at = *places.of(*shard).unwrap();
                    places.go_on(*shard, at + 1);
                    seen.push(*item);
                }
                let text = places.text(usize::to_string);
                places = Places::read(Some(&text), lists.len(), 0, |text| text.parse().ok()).unwrap();
                if !merged.more {
                    break;
                }
            }
            let mut all = lists.concat();
            all.sort_unstable();
            prop_assert_eq!(seen, all);
        }
    }

    #[test]
    fn places_are_those_of_as_many_shards() {
        let read = |text| Places::read(Some(text), 2, 0_i64, |text| text.parse().ok()).is_ok();
        assert!(read("1,2"));
        for bad in ["", "1", "1,2,3", "1,x", "1,2,"] {
            assert!(!read(bad), "{bad}");
        }
    }
}
