//! Planted bugs are found, and what found them can be shortened.

use sim::{Planted, draw, play, shrink};

/// A seed that finds each bug; `cargo run -p sim -- planted` prints the first one of each.
const FOUND_BY: &[(Planted, u64)] = &[
    (Planted::DroppedFence, 0),
    (Planted::EarlyAcknowledgement, 0),
    (Planted::LostCommitTakenAsDone, 0),
    (Planted::StaleAfterConflict, 0),
    (Planted::OrderNumberUnclaimed, 0),
    (Planted::KeyUnclaimed, 0),
    (Planted::ChannelNumberUnclaimed, 0),
    (Planted::EventMissing, 0),
    (Planted::EventTwice, 0),
    (Planted::ExpiryDropped, 0),
    (Planted::QueryDropped, 1),
    (Planted::CallLostAtCrash, 16),
    (Planted::CreditTwice, 0),
    (Planted::VoucherMissing, 0),
    (Planted::HoldKept, 0),
    (Planted::CouponSpentTwice, 1),
    (Planted::VelocityNotCounted, 9),
    (Planted::VelocityNotGivenBack, 16),
    (Planted::BlockIgnored, 0),
    (Planted::RiskSilenceIsPass, 19),
    (Planted::RiskRefusalIgnored, 19),
    (Planted::RiskWordKept, 88),
    (Planted::ClaimForgotten, 0),
    (Planted::CodeNotChecked, 9),
    (Planted::PointsReversalForgotten, 2),
    (Planted::PointsFloorIgnored, 7),
    (Planted::PointsReturnForgotten, 11),
    (Planted::CreditLimitIgnored, 1),
    (Planted::CreditFloorIgnored, 6),
    (Planted::BilledForgotten, 20),
    (Planted::BillNeverDue, 20),
    (Planted::BillPaidUntold, 20),
    (Planted::DueOpensEarly, 4),
    (Planted::ForfeitForgotten, 4),
    (Planted::DuePaidForgotten, 0),
    (Planted::ChildUnpaid, 10),
    (Planted::ShareTooLarge, 10),
    (Planted::ParentForgotten, 2),
    (Planted::EvidenceMissing, 0),
    (Planted::PayoutFeeForgotten, 9),
    (Planted::ReservedIgnored, 0),
    (Planted::ReleaseAfterRefund, 0),
    (Planted::FloorIgnored, 1),
    (Planted::ProjectionSkips, 0),
    (Planted::WebhookRefusalIgnored, 0),
    (Planted::WebhookGivenUp, 0),
    (Planted::TimeoutIsFailure, 1),
    (Planted::GarbageIsFailure, 0),
    (Planted::NotificationUnverified, 0),
    (Planted::AmountNotCompared, 4),
    (Planted::CurrencyNotCompared, 0),
    (Planted::LateSuccessIgnored, 0),
    (Planted::SecondReceiptIgnored, 0),
    (Planted::ReturnIgnored, 0),
    (Planted::RefundUnderNewNumber, 18),
    (Planted::PayUnderNewNumber, 1),
    (Planted::PayoutUnderNewNumber, 1),
    (Planted::PayoutReturnIgnored, 0),
    (Planted::DisputeUncounted, 0),
    (Planted::DisputeWinIgnored, 3),
    (Planted::DisputePartTakenWhole, 4),
    (Planted::DisputeLossForgotten, 0),
    (Planted::ShareDisputeUncounted, 10),
    (Planted::ChildrenUnheard, 10),
    (Planted::KeyNotScoped, 0),
    (Planted::BodyNotCompared, 2),
    (Planted::TenantNotChecked, 1),
    (Planted::ConsentNotChecked, 2),
    (Planted::SecondPersonNotChecked, 0),
    (Planted::TransitTakenTwice, 3),
    (Planted::TransitSkipped, 3),
    (Planted::ArrivalUntold, 3),
    (Planted::RefusalForgotten, 53),
];

#[test]
fn every_planted_bug_is_found() {
    for bug in Planted::ALL {
        let (_, seed) =
            FOUND_BY.iter().find(|(known, _)| known == bug).unwrap_or_else(|| panic!("{bug:?} has no seed"));
        let verdict = play(&draw(*seed), Some(*bug)).unwrap_or_else(|why| panic!("{bug:?} by seed {seed}: {why}"));
        assert!(!verdict.findings.is_empty(), "{bug:?} is not found by seed {seed} any more");
    }
}

#[test]
fn a_plan_that_finds_something_is_shortened() {
    let plan = draw(0);
    let bug = Some(Planted::VoucherMissing);
    let short = shrink(&plan, bug).unwrap();
    assert!(!play(&short, bug).unwrap().findings.is_empty(), "the short plan finds nothing");
    assert!(play(&short, None).unwrap().findings.is_empty(), "the short plan finds something in clean code");
    assert!(short.acts.len() <= 5, "{:#?}", short.acts);
}
