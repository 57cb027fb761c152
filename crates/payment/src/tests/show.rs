//! Messages and states in few words, for snapshots.

use kernel::message::accounting::{Post, RefundTo, Source, Verb};
use kernel::message::channel::{self, Purpose};
use kernel::message::payment::{Fact, RefundShare, ShareDisputed};

use crate::{Message, Payments, counter, coupon};

pub(super) fn message(message: &Message) -> String {
    match message {
        Message::Trade(Fact::Succeeded { payment, .. }) => format!("trade<-succeeded(pay {})", payment.no),
        Message::Trade(Fact::Quiet) => "trade<-quiet".into(),
        Message::Trade(Fact::Refunded { refund, shares }) => {
            let taken: Vec<_> = shares.iter().map(|share| format!("{}+{}", share.before, share.after)).collect();
            format!("trade<-refunded(ref {}: {})", refund.no, taken.join(" "))
        }
        Message::Trade(Fact::Disputed { dispute, amount }) => format!("trade<-disputed(dsp {} {amount})", dispute.no),
        Message::Trade(Fact::DisputeWon { dispute, .. }) => format!("trade<-dispute won(dsp {})", dispute.no),
        Message::Trade(Fact::DisputeLost { dispute, lost, kept }) => {
            let of = |shares: &[RefundShare]| {
                let taken: Vec<_> = shares.iter().map(|share| format!("{}+{}", share.before, share.after)).collect();
                taken.join(" ")
            };
            format!("trade<-dispute lost(dsp {}: {} kept {})", dispute.no, of(lost), of(kept))
        }
        Message::Trade(fact) => format!("trade<-{fact:?}"),
        Message::Child(_, paid) => {
            let shares = paid.legs.iter().map(|leg| format!("ins {}: {}", leg.instruction, leg.amount));
            format!("child<-paid({})", list(shares))
        }
        Message::ShareDisputed(_, parent, told) => match told.as_ref() {
            ShareDisputed::Opened { instruction, money, .. } => {
                format!("child<-disputed(dsp {} ins {instruction} {money:?})", parent.no)
            }
            ShareDisputed::Ended { lost } => format!("child<-dispute over(dsp {} lost {lost})", parent.no),
        },
        Message::Channel(channel::Command::Close(order)) => format!("close(ord {})", order.no),
        Message::Channel(channel::Command::Place(place)) => match &place.purpose {
            Purpose::Pay(leg) => format!("place(ord {} pay ins {} {:?})", place.order.no, leg.no, place.money),
            Purpose::Payout(leg) => format!("place(ord {} pay out ins {} {:?})", place.order.no, leg.no, place.money),
            Purpose::Refund { of, part } => {
                format!("place(ord {} refund part {part} of ord {} {:?})", place.order.no, of.no, place.money)
            }
        },
        Message::Counter(_, command) => match command {
            counter::Command::Count { minor, .. } => format!("counter.count({minor})"),
            counter::Command::GiveBack { minor, .. } => format!("counter.give_back({minor})"),
            counter::Command::Clean => "counter.clean".into(),
        },
        Message::Coupon(_, command) => match command {
            coupon::Command::Hold(leg) => format!("coupon.hold(ins {})", leg.no),
            coupon::Command::Spend(leg) => format!("coupon.spend(ins {})", leg.no),
            coupon::Command::Free(leg) => format!("coupon.free(ins {})", leg.no),
            coupon::Command::Restore(leg) => format!("coupon.restore(ins {})", leg.no),
            coupon::Command::Expire => "coupon.expire".into(),
        },
        Message::Post { post, .. } => format!("post {}", verb(post)),
    }
}

fn verb(post: &Post) -> String {
    match &post.verb {
        Verb::HoldTools(holds) => format!("hold {}", list(holds.iter().map(|hold| hold.amount.to_string()))),
        Verb::ReleaseTools(holds) => format!("release {}", list(holds.iter().map(|hold| hold.amount.to_string()))),
        Verb::Pay { legs, .. } => {
            format!("pay {}", list(legs.iter().map(|leg| format!("{}:{}", source(&leg.source), leg.amount))))
        }
        Verb::Receive { money, .. } => format!("receive {money:?}"),
        Verb::Suspend { money, .. } => format!("suspend {money:?}"),
        Verb::ReturnReceived { money, .. } => format!("return received {money:?}"),
        Verb::ReturnSuspended { money, .. } => format!("return suspended {money:?}"),
        Verb::KeepReceived { money, .. } => format!("keep received {money:?}"),
        Verb::KeepSuspended { money, .. } => format!("keep suspended {money:?}"),
        Verb::RefundReturned { money, .. } => format!("refund returned {money:?}"),
        Verb::ReserveRefund(lines) => format!("reserve {}", list(lines.iter().map(|line| line.amount.to_string()))),
        Verb::Refund { lines, reserved } => {
            let lines = list(lines.iter().map(|line| format!("{}:{}", to(&line.to), line.amount)));
            format!("refund {lines}{}", if *reserved { " reserved" } else { "" })
        }
        other => format!("{other:?}"),
    }
}

fn source(source: &Source) -> &'static str {
    match source {
        Source::Tool(_) => "tool",
        Source::Held(..) => "held",
        Source::Channel(_) => "channel",
        Source::Earlier(_) => "earlier",
        Source::Suspended(_) => "suspended",
        Source::Parent { .. } => "parent",
    }
}

fn to(to: &RefundTo) -> String {
    match to {
        RefundTo::Balance(_) => "balance".into(),
        RefundTo::Coupon { usable_again: false, .. } => "source".into(),
        RefundTo::Coupon { rest, .. } => format!("coupon(rest {rest})"),
        RefundTo::Credit(_) => "credit".to_owned(),
        RefundTo::Points { points, .. } => format!("points {points}"),
        RefundTo::Stored(_, kind) => kind.to_string(),
        RefundTo::Channel(_) => "channel".into(),
    }
}

fn list(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(" ")
}

/// Every payment, refund and case in one line each.
pub(super) fn state(state: &Payments) -> String {
    let mut out = Vec::new();
    for payment in &state.payments {
        let legs = payment.instructions.iter().map(|leg| {
            let mut flags = String::new();
            flags.push_str(if leg.open { " open" } else { "" });
            flags.push_str(if leg.surplus { " surplus" } else { "" });
            format!(
                "ins {} {} {}{flags} [{}/{}/{}]",
                leg.no,
                leg.amount,
                leg.status.as_str(),
                leg.received,
                leg.returning,
                leg.returned
            )
        });
        let failure = payment.failure.as_ref().map(|failure| format!(" ({})", failure.code.as_str()));
        let failure = failure.unwrap_or_default();
        out.push(format!(
            "pay {} {}{failure}: {}",
            payment.no,
            payment.status.as_str(),
            list(legs.map(|leg| leg + ";"))
        ));
    }
    for refund in &state.refunds {
        let parts = refund.parts.iter().map(|part| {
            format!(
                "part {} of ins {} {} {} by {};",
                part.no,
                part.instruction,
                part.amount,
                part.status.as_str(),
                part.way.as_str()
            )
        });
        let (reason, status) = (refund.reason_code.as_str(), refund.status.as_str());
        out.push(format!("ref {} {reason} {:?} {status}: {}", refund.no, refund.money, list(parts)));
    }
    for dispute in &state.disputes {
        let lines = dispute.lines.iter().map(|line| format!("{}-{};", line.line.amount, line.lost));
        let (of, status) = (dispute.instruction, dispute.status.as_str());
        let shown = format!("dsp {} of ins {of} {:?} {status}: {}", dispute.no, dispute.money, list(lines));
        out.push(shown);
    }
    for case in &state.cases {
        out.push(format!(
            "cas {} {} {:?} {:?} {}",
            case.no,
            case.kind.as_str(),
            case.subject,
            case.money,
            case.status.as_str()
        ));
    }
    out.join("\n")
}
