//! Shortening a plan that found something: acts are left out, in large pieces first, as long as the same kind of finding
//! remains.

use crate::plan::Plan;
use crate::planted::Planted;
use crate::world::{Verdict, play};

/// What kind of finding it is: its words without ids and figures, but with the code of an invariant.
fn kind(verdict: &Verdict) -> Option<String> {
    let first = verdict.findings.first()?;
    let code = first.split_whitespace().next().filter(|word| word.starts_with('I') && word.ends_with(':'));
    let plain = |word: &&str| code == Some(*word) || !word.chars().any(|letter| letter.is_ascii_digit());
    Some(first.split_whitespace().filter(plain).collect::<Vec<_>>().join(" "))
}

/// The shortest plan that this way of leaving out finds; the plan itself where it finds nothing.
///
/// # Errors
/// When the world cannot be built.
pub fn shrink(plan: &Plan, planted: Option<Planted>) -> Result<Plan, String> {
    let Some(wanted) = kind(&play(plan, planted)?) else { return Ok(plan.clone()) };
    let mut best = plan.clone();
    let mut piece = best.acts.len().div_ceil(2);
    while piece > 0 {
        let mut from = 0;
        let mut shorter = false;
        while from < best.acts.len() {
            let mut less = best.clone();
            less.acts.drain(from..best.acts.len().min(from + piece));
            if kind(&play(&less, planted)?).as_ref() == Some(&wanted) {
                best = less;
                shorter = true;
            } else {
                from += piece;
            }
        }
        if piece > 1 {
            piece = piece.div_ceil(2);
        } else if !shorter {
            break;
        }
    }
    Ok(best)
}
