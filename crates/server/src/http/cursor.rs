//! Cursors of lists: opaque, and worth something only to the caller and the list that they were made for.
//!
//! A cursor is the place in the list with a MAC over caller, list and place, keyed from the store's salt. A forged,
//! foreign or truncated one is refused before it gets near a query.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::{Code, Problem};

const MAC_BYTES: usize = 16;
const CONTEXT: &str = "suanpan 2026 list cursor";

/// Makes and reads the cursors of one list for one caller.
pub(super) struct Cursors {
    key: [u8; 32],
    /// Caller and list with its filters; neither can be exchanged.
    scope: String,
}

impl Cursors {
    /// `list` names the list with its filters.
    pub(super) fn new(salt: &[u8; 32], caller: &str, list: &str) -> Self {
        Self { key: blake3::derive_key(CONTEXT, salt), scope: format!("{}:{caller}:{list}", caller.len()) }
    }

    /// The cursor for a place.
    pub(super) fn seal(&self, place: &str) -> String {
        let mut bytes = self.mac(place).as_bytes().get(..MAC_BYTES).unwrap_or_default().to_vec();
        bytes.extend_from_slice(place.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The place that a cursor stands for, or `cursor_invalid`.
    pub(super) fn open(&self, cursor: &str) -> Result<String, Problem> {
        self.read(cursor).ok_or_else(|| {
            Problem::new(Code::cursor_invalid, "take the cursor from this list's last answer, unchanged")
        })
    }

    fn read(&self, cursor: &str) -> Option<String> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (mac, place) = bytes.split_at_checked(MAC_BYTES)?;
        let place = str::from_utf8(place).ok()?;
        let expected = self.mac(place);
        let same = subtle::ConstantTimeEq::ct_eq(mac, expected.as_bytes().get(..MAC_BYTES)?);
        bool::from(same).then(|| place.to_owned())
    }

    fn mac(&self, place: &str) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(&(self.scope.len() as u64).to_le_bytes());
        hasher.update(self.scope.as_bytes());
        hasher.update(place.as_bytes());
        hasher.finalize()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f68_a_cursor_is_for_its_caller_and_list_only() {
        let mine = Cursors::new(&[7; 32], "mch_a", "trades");
        let cursor = mine.seal("0/17");
        assert_eq!(mine.open(&cursor).unwrap(), "0/17");
        for other in [
            Cursors::new(&[7; 32], "mch_b", "trades"),
            Cursors::new(&[7; 32], "mch_a", "cases"),
            Cursors::new(&[7; 32], "mch_", "atrades"),
            Cursors::new(&[8; 32], "mch_a", "trades"),
        ] {
            assert_eq!(other.open(&cursor).unwrap_err().code, Code::cursor_invalid);
        }
    }

    #[test]
    fn a_forged_cursor_is_refused() {
        let cursors = Cursors::new(&[7; 32], "mch_a", "trades");
        let cursor = cursors.seal("0/17");
        let mut bytes = URL_SAFE_NO_PAD.decode(&cursor).unwrap();
        for place in 0..bytes.len() {
            bytes[place] ^= 1;
            assert!(cursors.open(&URL_SAFE_NO_PAD.encode(&bytes)).is_err(), "byte {place}");
            bytes[place] ^= 1;
        }
        for forged in ["", "x", "=", "MC8xNw", &cursor[1..], "٥"] {
            assert!(cursors.open(forged).is_err(), "{forged}");
        }
    }
}
