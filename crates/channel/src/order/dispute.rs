//! Disputes (拒付) of what an order received: where each stands follows from what the institution said of it, which is kept.
//!
//! A dispute is known by the institution's number. Words about it come unasked, late, doubled and past each other: its end
//! may be told before its beginning. What contradicts what was said before moves nothing, and people must look.

use super::evidence::{Evidence, Outcome};

/// Where a dispute stands by the words on record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// Nothing was said of it.
    Unheard,
    /// Disputed; the institution has not decided.
    Open,
    /// Decided for the merchant, and nobody said yet how much was disputed.
    WonUnopened,
    /// Decided for the merchant.
    Won,
    /// Decided for the buyer.
    Lost,
}

impl Standing {
    /// By the words about the dispute of this number.
    pub(super) fn of<'a>(words: impl Iterator<Item = &'a Evidence>) -> Self {
        let (mut opened, mut won, mut lost) = (false, false, false);
        for word in words {
            opened |= word.outcome == Outcome::Disputed;
            won |= word.outcome == Outcome::DisputeWon;
            lost |= word.outcome == Outcome::DisputeLost;
        }
        match (lost, won, opened) {
            (true, _, _) => Self::Lost,
            (false, true, true) => Self::Won,
            (false, true, false) => Self::WonUnopened,
            (false, false, true) => Self::Open,
            (false, false, false) => Self::Unheard,
        }
    }

    pub(super) const fn step(self, word: Word) -> Step {
        use Standing::{Lost, Open, Unheard, Won, WonUnopened};
        match (self, word) {
            (Unheard, Word::Opened) => Step::Open,
            // Its end overtook its beginning: lost, it must be opened first; won, nothing is set aside until both are known.
            (Unheard, Word::Lost) => Step::OpenAndLose,
            (Unheard, Word::Won) => Step::Stay,
            (Open, Word::Won) => Step::Win,
            (Open, Word::Lost) => Step::Lose,
            (WonUnopened, Word::Opened) => Step::OpenAndWin,
            // The beginning that was overtaken.
            (Won | Lost, Word::Opened) => Step::Stay,
            // The same word is known by its evidence; one that comes here says something else than before.
            (Open, Word::Opened) | (Won | WonUnopened | Lost, Word::Won | Word::Lost) => Step::Suspect,
        }
    }
}

/// What the institution said, without its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Opened,
    Won,
    Lost,
}

/// What follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Stay,
    Open,
    Win,
    Lose,
    OpenAndLose,
    OpenAndWin,
    Suspect,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_machine() {
        use Standing::{Lost, Open, Unheard, Won, WonUnopened};
        let page: Vec<String> = [Unheard, Open, WonUnopened, Won, Lost]
            .map(|standing| {
                let steps =
                    [Word::Opened, Word::Won, Word::Lost].map(|word| format!("{word:?} {:?}", standing.step(word)));
                format!("{standing:?}: {}", steps.join(", "))
            })
            .to_vec();
        insta::assert_snapshot!(page.join("\n"));
    }
}
