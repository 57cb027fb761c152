//! The words that every part of the platform shares, and nothing that does anything.
//!
//! Money, typed ids with their bucket, the context that travels with every row (平台统一上下文), time as a value,
//! errors with stable codes, limits, and the messages that cross the border between two domains. This crate reads no
//! clock, draws no random number and does no I/O; whatever is not a function of its arguments comes in as a value.

pub mod context;
pub mod destination;
pub mod error;
pub mod id;
pub mod limits;
pub mod message;
pub mod money;
pub mod owner;
pub mod shards;
pub mod stored;
pub mod text;
pub mod time;

pub use context::{Context, OrderType, PayOrg, Scenes, SubType};
pub use destination::{Destination, DestinationType};
pub use error::{Code, Kind, Problem};
pub use id::{
    AccountId, BillId, BlockId, Bucket, CaseId, CouponId, CreditLineId, DisputeId, EndpointId, GiftClaimId, GiftId,
    InstructionId, KeyId, MerchantId, OrderId, PaymentId, PointsGrantId, RefundId, RootId, TradeId,
};
pub use money::{Amount, Currency, Money};
pub use owner::{Owner, UserId};
pub use shards::Shards;
pub use stored::StoredKind;
pub use time::Time;
