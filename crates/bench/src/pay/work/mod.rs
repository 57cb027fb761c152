//! The requests of each scenario, and what their answers mean: one file per scenario.

mod answer;
mod balance;
mod coupon_channel;
mod create;
mod echo;
mod full;
mod limited;
mod mix;
mod mixed;
mod target;

pub(super) use balance::Balance;
pub(super) use coupon_channel::CouponChannel;
pub(super) use create::Create;
pub(super) use echo::Echo;
pub(super) use full::Full;
pub(super) use limited::Limited;
pub(super) use mix::{COUPON_MINOR, Mix};
pub(super) use mixed::Mixed;
pub(super) use target::Target;
