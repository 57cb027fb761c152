//! What a request says of who pays, for risk control (风控).

use std::net::IpAddr;

use kernel::message::risk::Signals;
use kernel::{Code, Problem, limits, text};

use super::json::Fields;

/// Reads `risk`; nothing where it is left out.
pub(super) fn signals(body: &mut Fields) -> Result<Signals, Problem> {
    let Some(mut risk) = body.object("risk")? else { return Ok(Signals::default()) };
    let signals = Signals {
        device: risk.maybe_reference("device", limits::MAX_SIGNAL)?,
        ip: risk.maybe_word("ip", "an address of IP, as 192.0.2.7 or 2001:db8::7", address)?,
        card_fingerprint: risk.maybe_reference("card_fingerprint", limits::MAX_SIGNAL)?,
    };
    if signals.card_fingerprint.as_deref().is_some_and(text::holds_card_number) {
        let detail = "a fingerprint stands for a card number and is not one";
        return Err(risk.refuse(Code::pan_not_accepted, "card_fingerprint", detail));
    }
    risk.finish()?;
    Ok(signals)
}

/// The same address is the same, however it is written.
fn address(text: &str) -> Option<IpAddr> {
    text.parse().ok().map(|ip: IpAddr| ip.to_canonical())
}
