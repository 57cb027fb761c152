//! Proving a stored batch against its rows, and naming what is wrong with it first.

use super::{Batch, GENESIS, LeafKind, Sealed};

/// What is wrong with a batch; the first thing found, rows before the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// A row is not the one that was hashed, is missing, or was added.
    #[error("{} {place} of the batch is not what was written", kind.as_str())]
    Row {
        /// Of which kind.
        kind: LeafKind,
        /// Which of its kind in the batch, from 0.
        place: usize,
    },
    /// The digest is not of this hash version.
    #[error("the digest cannot be read")]
    Digest,
    /// The rows do not give the root.
    #[error("the rows do not give the root")]
    Root,
    /// What was applied to accounts is not what the transfers say, or differs between the sides.
    #[error("the sums applied to accounts are not those of the transfers")]
    Sums,
    /// The batch's own columns do not give its hash.
    #[error("the batch does not give its hash")]
    Hash,
    /// The batch does not follow the one before.
    #[error("the batch does not follow the one before")]
    Link,
}

/// Whether a stored batch follows the one before it (`None` for the first of its shard), is what its rows say, and is
/// whole. `rows` is the batch built again from the stored rows.
///
/// # Errors
/// What is wrong first: a row by kind and place, then root, sums, hash and link.
pub fn verify(before: Option<&Sealed>, stored: &Sealed, mut rows: Batch) -> Result<(), Broken> {
    same_rows(stored, &rows)?;
    if rows.root() != stored.root {
        return Err(Broken::Root);
    }
    if stored.dsum != stored.csum || stored.dsum != rows.moved {
        return Err(Broken::Sums);
    }
    if rows.rows() != stored.rows || rows.fields.batch(stored) != stored.hash {
        return Err(Broken::Hash);
    }
    let header = &stored.header;
    let follows = match before {
        None => header.prev_hash == GENESIS,
        Some(before) => {
            header.prev_hash == before.hash
                && header.shard == before.header.shard
                && header.seq > before.header.seq
                && header.at >= before.header.at
                && header.acct_date >= before.header.acct_date
        }
    };
    follows.then_some(()).ok_or(Broken::Link)
}

fn same_rows(stored: &Sealed, rows: &Batch) -> Result<(), Broken> {
    let mut rest = stored.digest.as_slice();
    for (kind, leaves) in LeafKind::ALL.into_iter().zip(rows.kinds()) {
        let short = section(&mut rest).ok_or(Broken::Digest)?;
        let same = short.iter().zip(leaves).take_while(|(short, leaf)| leaf.starts_with(*short)).count();
        if same < short.len().max(leaves.len()) {
            return Err(Broken::Row { kind, place: same });
        }
    }
    if rest.is_empty() { Ok(()) } else { Err(Broken::Digest) }
}

/// Takes one kind's leaves off the front.
fn section<'a>(rest: &mut &'a [u8]) -> Option<&'a [[u8; 8]]> {
    let (count, tail) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_le_bytes(*count)).ok()?.checked_mul(8)?;
    let (leaves, tail) = tail.split_at_checked(length)?;
    *rest = tail;
    Some(leaves.as_chunks::<8>().0)
}
