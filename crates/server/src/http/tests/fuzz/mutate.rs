//! New inputs from old ones, by small changes, always the same for the same name.

/// What is found at the edges of types.
const EDGES: [&[u8]; 16] = [
    b"0",
    b"-1",
    b"9223372036854775807",
    b"1e999",
    b"0.005",
    b"null",
    b"\"",
    b"\\u0000",
    b"\\ud800",
    b"\xff",
    b"\0",
    b"\r\n",
    b"%00",
    b"%",
    b"[[[[",
    "５".as_bytes(),
];

/// Draws inputs.
pub(super) struct Mutator(u64);

impl Mutator {
    /// Begins where the name says.
    pub(super) fn new(name: &str) -> Self {
        let hash = blake3::hash(name.as_bytes());
        Self(u64::from_le_bytes(*hash.as_bytes().first_chunk().unwrap()))
    }

    /// A number below `bound` (splitmix64).
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound.max(1) as u64).unwrap()
    }

    /// A seed with one to four changes.
    pub(super) fn input(&mut self, seeds: &[Vec<u8>], words: &[&str]) -> Vec<u8> {
        let mut input = seeds[self.below(seeds.len())].clone();
        for _ in 0..=self.below(4) {
            self.change(&mut input, seeds, words);
        }
        input
    }

    fn change(&mut self, input: &mut Vec<u8>, seeds: &[Vec<u8>], words: &[&str]) {
        let (from, to) = self.range(input.len());
        match self.below(7) {
            0 => drop(input.drain(from..to)),
            1 => drop(input.splice(from..from, [u8::try_from(self.below(256)).unwrap()])),
            2 if !input.is_empty() => {
                let place = self.below(input.len());
                input[place] ^= 1 << self.below(8);
            }
            3 if !words.is_empty() => {
                let word = words[self.below(words.len())].as_bytes().to_vec();
                drop(input.splice(from..to, word));
            }
            4 => drop(input.splice(from..to, EDGES[self.below(EDGES.len())].to_vec())),
            5 => {
                let again = input[from..to].to_vec();
                drop(input.splice(to..to, again));
            }
            _ => {
                let other = seeds[self.below(seeds.len())].clone();
                let (a, b) = self.range(other.len());
                drop(input.splice(from..to, other[a..b].to_vec()));
            }
        }
    }

    /// Some part, most often a short one.
    fn range(&mut self, length: usize) -> (usize, usize) {
        let from = self.below(length + 1);
        let most = if self.below(4) == 0 { length } else { 8 };
        (from, (from + self.below(most + 1)).min(length))
    }
}
