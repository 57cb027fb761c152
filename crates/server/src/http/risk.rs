//! What a request says of who pays, for risk control (风控).

use std::net::IpAddr;

use kernel::message::risk::Signals;
use kernel::{Code, Problem, limits, text};

use super::json::Fields;

/// What an address is.
pub(super) const ADDRESS: &str = "an address of IP, as 192.0.2.7 or 2001:db8::7";
/// What a fingerprint is not.
pub(super) const NO_CARD_NUMBER: &str = "a fingerprint stands for a card number and is not one";

/// Reads `risk`; nothing where it is left out.
pub(super) fn signals(body: &mut Fields) -> Result<Signals, Problem> {
    let Some(mut risk) = body.object("risk")? else { return Ok(Signals::default()) };
    let signals = Signals {
        device: risk.maybe_reference("device", limits::MAX_SIGNAL)?,
        ip: risk.maybe_word("ip", ADDRESS, address)?,
        card_fingerprint: risk.maybe_reference("card_fingerprint", limits::MAX_SIGNAL)?,
    };
    if signals.card_fingerprint.as_deref().is_some_and(text::holds_card_number) {
        return Err(risk.refuse(Code::pan_not_accepted, "card_fingerprint", NO_CARD_NUMBER));
    }
    risk.finish()?;
    Ok(signals)
}

/// The same address is the same, however it is written.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    text.parse().ok().map(|ip: IpAddr| ip.to_canonical())
}
