//! Closing and expiry: started by somebody or by time, finished when nothing is open outside.

use kernel::message::payment;
use kernel::message::trade::Command;
use kernel::time::HOUR_US;
use kernel::{Code, OrderType};

use super::fixture::*;
use crate::{ClosedReason, Input, Message, Reaction, Status, Timer, TimerKind};

const EXPIRE: Input = Input::Command(Command::Expire);

#[test]
fn closing_stops_payments_and_ends_when_all_is_quiet() {
    let mut trade = created(OrderType::Escrow);
    let reaction = trade.handle(close(), &soon()).unwrap();
    assert_eq!(only_message(&reaction), &Message::Payment(payment::Command::Stop { expired: false }));
    assert!(reaction.news.is_empty(), "it is not closed yet");
    assert_eq!((trade.status.as_str(), trade.status.is_closing()), ("created", true));
    assert_eq!(refusal(&trade, pay(10_000)), (Code::trade_not_payable, None));
    assert_eq!(trade.handle(close(), &soon()), Ok(Reaction::default()), "once is enough");
    assert_eq!(trade.handle(EXPIRE, &known(2 * HOUR_US)), Ok(Reaction::default()), "it keeps its first reason");

    assert_eq!(kinds(&trade.handle(quiet(), &soon()).unwrap()), [("trade.closed", 2)]);
    assert_eq!(trade.status, Status::Closed(ClosedReason::Canceled));
    assert_eq!(trade.handle(quiet(), &soon()), Ok(Reaction::default()));
    assert_eq!(trade.handle(close(), &soon()), Ok(Reaction::default()), "closed it is");
}

#[test]
fn time_closes_an_unpaid_trade_not_before_it_is_due() {
    let mut trade = created(OrderType::Instant);
    assert_eq!(trade.timers(), [Timer { kind: TimerKind::Expire, no: 0, due: T0.plus(2 * HOUR_US) }]);
    assert_eq!(trade.handle(EXPIRE, &known(2 * HOUR_US - 1)), Ok(Reaction::default()));
    let reaction = trade.handle(EXPIRE, &known(2 * HOUR_US)).unwrap();
    assert_eq!(only_message(&reaction), &Message::Payment(payment::Command::Stop { expired: true }));
    assert!(trade.timers().is_empty(), "the timer fires once");
    trade.handle(quiet(), &known(2 * HOUR_US)).unwrap();
    assert_eq!(trade.status, Status::Closed(ClosedReason::Expired));
}

#[test]
fn a_paid_trade_is_neither_closed_nor_expired() {
    for mut trade in [paid(), completed()] {
        assert_eq!(refusal(&trade, close()), (Code::invalid_state, None));
        assert_eq!(trade.handle(EXPIRE, &known(3 * HOUR_US)), Ok(Reaction::default()));
    }
}
