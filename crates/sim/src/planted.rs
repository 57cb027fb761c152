//! Bugs that are put in on purpose, to see that the simulator finds them.
//!
//! None of them is in the product: each stands at one of its borders (the doors, the rows on their way to and from the
//! store, the words on their way to and from the institution) and makes the whole behave as if the rule behind that
//! border were wrong. Nothing but this crate knows them, so no build of the product can hold one.

pub(crate) mod door;
pub(crate) mod rows;
mod transit;
pub(crate) mod wire;

macro_rules! bugs {
    ($($(#[doc = $doc:literal])+ $name:ident = $word:literal,)*) => {
        /// A bug that is put in on purpose.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Planted {
            $($(#[doc = $doc])+ $name,)*
        }

        impl Planted {
            /// Every bug.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its word on the command line.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// What is wrong, in a sentence.
            pub const fn about(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+),)* }
            }

            /// Reads the word back.
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.as_str() == text)
            }
        }
    };
}

bugs! {
    /// A batch is written under the number that is free now, whatever it was decided on.
    DroppedFence = "dropped-fence",
    /// A batch is acknowledged before it is durable; a crash in between loses it.
    EarlyAcknowledgement = "early-acknowledgement",
    /// A commit whose answer was lost is taken as done.
    LostCommitTakenAsDone = "lost-commit-taken-as-done",
    /// After a conflict the old rows are decided on again.
    StaleAfterConflict = "stale-after-conflict",
    /// A merchant's order number is not claimed.
    OrderNumberUnclaimed = "order-number-unclaimed",
    /// An idempotency key is not claimed.
    KeyUnclaimed = "key-unclaimed",
    /// An institution's transaction number is not claimed.
    ChannelNumberUnclaimed = "channel-number-unclaimed",
    /// The event of a refund that went through is missing.
    EventMissing = "event-missing",
    /// The event of a paid trade is there twice.
    EventTwice = "event-twice",
    /// The timer of a trade's expiry is never set.
    ExpiryDropped = "expiry-dropped",
    /// An order whose outcome is unknown is never asked about.
    QueryDropped = "query-dropped",
    /// A call that was handed over is not found again after a crash.
    CallLostAtCrash = "call-lost-at-crash",
    /// A credit to a user's balance is counted twice.
    CreditTwice = "credit-twice",
    /// A release of escrow has no voucher.
    VoucherMissing = "voucher-missing",
    /// A hold that was let go stays.
    HoldKept = "hold-kept",
    /// A coupon that was spent is not marked and can be spent again.
    CouponSpentTwice = "coupon-spent-twice",
    /// A payment is not counted for limits within a time.
    VelocityNotCounted = "velocity-not-counted",
    /// A payment that failed still counts for limits within a time.
    VelocityNotGivenBack = "velocity-not-given-back",
    /// Whom and what risk control stops may pay all the same.
    BlockIgnored = "block-ignored",
    /// A risk service that does not answer has let the payment pass.
    RiskSilenceIsPass = "risk-silence-is-pass",
    /// A payment that the risk service refuses goes through.
    RiskRefusalIgnored = "risk-refusal-ignored",
    /// What the risk service said of a trade's payment is taken for its next one, too.
    RiskWordKept = "risk-word-kept",
    /// Who has claimed a share of a gift is not kept, so that the same user can claim again.
    ClaimForgotten = "claim-forgotten",
    /// Whoever claims a gift card needs no code.
    CodeNotChecked = "code-not-checked",
    /// That points were taken back is not kept, so that they can be taken back again.
    PointsReversalForgotten = "points-reversal-forgotten",
    /// A user's points have no floor.
    PointsFloorIgnored = "points-floor-ignored",
    /// How many points a refund gave back is not kept, so that the next one gives them back again.
    PointsReturnForgotten = "points-return-forgotten",
    /// How much may be paid on credit is not limited.
    CreditLimitIgnored = "credit-limit-ignored",
    /// More can be repaid than is owed.
    CreditFloorIgnored = "credit-floor-ignored",
    /// How far a line was billed is forgotten where all of it is paid, so that it is billed again.
    BilledForgotten = "billed-forgotten",
    /// A bill is never due.
    BillNeverDue = "bill-never-due",
    /// Who has paid a bill is not told.
    BillPaidUntold = "bill-paid-untold",
    /// When a due opens does not matter.
    DueOpensEarly = "due-opens-early",
    /// That a trade forfeits what its dues brought is forgotten, so that it goes back.
    ForfeitForgotten = "forfeit-forgotten",
    /// That a due was paid is not kept.
    DuePaidForgotten = "due-paid-forgotten",
    /// That its parent paid a trade is not kept.
    ChildUnpaid = "child-unpaid",
    /// A share of what a parent paid is kept as more than it is.
    ShareTooLarge = "share-too-large",
    /// That a trade is paid by its parent is forgotten, so that it can be paid alone.
    ParentForgotten = "parent-forgotten",
    /// A payment's evidence is not kept.
    EvidenceMissing = "evidence-missing",
    /// A payout that is under way forgets what the platform keeps of it.
    PayoutFeeForgotten = "payout-fee-forgotten",
    /// What refunds under way have reserved does not count towards what may be refunded.
    ReservedIgnored = "reserved-ignored",
    /// What was refunded out of escrow can still be released.
    ReleaseAfterRefund = "release-after-refund",
    /// A user's balance has no floor.
    FloorIgnored = "floor-ignored",
    /// A projection leaves out what some batches told.
    ProjectionSkips = "projection-skips",
    /// A webhook that was refused counts as delivered.
    WebhookRefusalIgnored = "webhook-refusal-ignored",
    /// A webhook that was refused once is given up.
    WebhookGivenUp = "webhook-given-up",
    /// A call that timed out is taken as a no.
    TimeoutIsFailure = "timeout-is-failure",
    /// An answer that makes no sense is taken as a no.
    GarbageIsFailure = "garbage-is-failure",
    /// A notification is believed without its signature.
    NotificationUnverified = "notification-unverified",
    /// The amount that an institution names is not compared with what was asked.
    AmountNotCompared = "amount-not-compared",
    /// The currency that an institution names is not compared with what was asked.
    CurrencyNotCompared = "currency-not-compared",
    /// Money that comes after the order was closed is ignored.
    LateSuccessIgnored = "late-success-ignored",
    /// Money that comes a second time is ignored.
    SecondReceiptIgnored = "second-receipt-ignored",
    /// A refund that comes back is ignored.
    ReturnIgnored = "return-ignored",
    /// A refund whose answer was lost is sent again under a new number.
    RefundUnderNewNumber = "refund-under-new-number",
    /// A payment whose answer was lost is sent again under a new number.
    PayUnderNewNumber = "pay-under-new-number",
    /// A payout whose answer was lost is sent again under a new number.
    PayoutUnderNewNumber = "payout-under-new-number",
    /// A payout that comes back is ignored.
    PayoutReturnIgnored = "payout-return-ignored",
    /// What a dispute sets aside does not count towards what may be refunded.
    DisputeUncounted = "dispute-uncounted",
    /// That a dispute was won is ignored.
    DisputeWinIgnored = "dispute-win-ignored",
    /// A dispute that was lost in part is taken whole.
    DisputePartTakenWhole = "dispute-part-taken-whole",
    /// That a dispute was lost is not kept, so that it is taken again when it is told again.
    DisputeLossForgotten = "dispute-loss-forgotten",
    /// What a dispute of a cart sets aside of a child does not count towards what may be refunded.
    ShareDisputeUncounted = "share-dispute-uncounted",
    /// What of a dispute is children's is forgotten, so that they do not hear of its end.
    ChildrenUnheard = "children-unheard",
    /// A key is not scoped by its merchant.
    KeyNotScoped = "key-not-scoped",
    /// The body under a key is not compared with the first one.
    BodyNotCompared = "body-not-compared",
    /// Whose a trade is does not matter.
    TenantNotChecked = "tenant-not-checked",
    /// Whether who asks for a user's top-up back may spend users' money does not matter.
    ConsentNotChecked = "consent-not-checked",
    /// Whether who approves has proposed it does not matter.
    SecondPersonNotChecked = "second-person-not-checked",
    /// How far a shard has taken what another sends is not always kept, so that a message is taken in twice.
    TransitTakenTwice = "transit-taken-twice",
    /// A courier leaves some messages out, and the place among them moves on.
    TransitSkipped = "transit-skipped",
    /// Nobody tells a transfer's shard that it was taken in.
    ArrivalUntold = "arrival-untold",
    /// A message that was refused is not parked.
    RefusalForgotten = "refusal-forgotten",
}
