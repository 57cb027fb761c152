//! Cases with two people: who may do what, when, and what it leaves behind.

use kernel::Problem;
use kernel::message::payment::{Attachment, CaseAct, Resolution};

use super::world::{World, balance, card, money, person};
use crate::case::CaseStatus;
use crate::{Approvals, Case, CaseKind, PaymentStatus, Refusal};

/// More came than was asked: a case over 250.
fn world() -> World {
    let mut world = World::new();
    world.pay(vec![balance(100), card(200)]).unwrap();
    world.paid(1, money(250));
    world
}

fn case(world: &World) -> &Case {
    world.state.case(1).unwrap()
}

fn words(world: &World) -> Vec<&'static str> {
    case(world).trail.iter().map(|entry| entry.step.as_str()).collect()
}

fn reject(note: &str) -> CaseAct {
    CaseAct::Reject { note: note.into() }
}

fn comment() -> CaseAct {
    CaseAct::Comment { text: "the buyer was called".into(), attachment: None }
}

#[test]
fn one_proposes_and_another_approves() {
    let mut alone = world();
    alone.resolve(1, Resolution::Accept).unwrap();
    let mut world = world();
    world.propose(1, Resolution::Accept).unwrap();
    assert_eq!(case(&world).status, CaseStatus::Proposed);
    assert_eq!(case(&world).proposal(), Some((Resolution::Accept, "as agreed", person(1))));
    assert_eq!(world.state.payment(1).unwrap().status, PaymentStatus::Review, "nothing is done yet");
    assert_eq!(world.people(1, 1, CaseAct::Approve), Err(Refusal::SecondPerson));
    assert!(matches!(world.resolve(1, Resolution::Refund), Err(Refusal::CaseState(_))), "nobody decides over it");
    assert!(matches!(world.propose(1, Resolution::Refund), Err(Refusal::CaseState(_))));
    world.people(1, 2, CaseAct::Approve).unwrap();
    assert_eq!(world.people(1, 2, CaseAct::Approve), Err(Refusal::CaseClosed));
    assert_eq!(case(&world).proposal(), None);
    assert_eq!((case(&world).resolution, case(&world).note.as_deref()), (Some(Resolution::Accept), Some("as agreed")));
    assert_eq!(words(&world), ["proposed", "approved"]);
    let keys: Vec<_> = case(&world).trail.iter().map(|entry| entry.by).collect();
    assert_eq!(keys, [Some(person(1)), Some(person(2))]);
    // The same is done as if one person had resolved it.
    assert_eq!((&world.state.payments, &world.state.refunds), (&alone.state.payments, &alone.state.refunds));
}

#[test]
fn what_is_rejected_is_open_again() {
    let mut world = world();
    assert!(matches!(world.people(1, 2, CaseAct::Approve), Err(Refusal::CaseState(_))), "there is nothing to approve");
    assert!(matches!(world.people(1, 2, reject("no")), Err(Refusal::CaseState(_))));
    world.propose(1, Resolution::Refund).unwrap();
    world.people(1, 2, reject("ask the bank first")).unwrap();
    assert_eq!((case(&world).status, case(&world).proposal()), (CaseStatus::Open, None));
    // Who rejected may propose, and who proposed first may approve that.
    world.people(1, 2, CaseAct::Propose { resolution: Resolution::Accept, note: "bank agrees".into() }).unwrap();
    assert_eq!(world.people(1, 2, CaseAct::Approve), Err(Refusal::SecondPerson));
    world.people(1, 1, CaseAct::Approve).unwrap();
    assert_eq!(case(&world).note.as_deref(), Some("bank agrees"));
    assert_eq!(words(&world), ["proposed", "rejected", "proposed", "approved"]);
}

#[test]
fn which_cases_want_two_people() {
    let wants = |from_minor, kinds: &[CaseKind]| {
        let mut world = world();
        world.approvals = Approvals { from_minor, kinds: kinds.to_vec() };
        match world.resolve(1, Resolution::Refund) {
            Ok(()) => false,
            Err(refusal) => {
                assert_eq!(Problem::from(refusal).code.as_str(), "approval_required");
                world.propose(1, Resolution::Refund).unwrap();
                world.people(1, 2, CaseAct::Approve).unwrap();
                true
            }
        }
    };
    assert!(!wants(None, &[]));
    assert!(!wants(Some(251), &[CaseKind::RefundFailed]));
    assert!(wants(Some(250), &[]), "from so much on");
    assert!(wants(None, &[CaseKind::RefundFailed, CaseKind::AmountMismatch]), "of this kind");
}

#[test]
fn remarks_are_kept_in_order_and_change_nothing() {
    let mut world = world();
    let before = (world.state.payments.clone(), world.state.refunds.clone());
    world.people(1, 1, CaseAct::Assign { to: "Li Lei".into() }).unwrap();
    world.people(1, 2, comment()).unwrap();
    world.propose(1, Resolution::Refund).unwrap();
    let attachment = Attachment {
        name: "letter.pdf".into(),
        media_type: "application/pdf".into(),
        sha256: [7; 32],
        url: "https://desk.example/letter".into(),
    };
    let shown = CaseAct::Comment { text: "see the letter".into(), attachment: Some(attachment) };
    world.people(1, 3, shown).unwrap();
    world.people(1, 1, CaseAct::Assign { to: "Han Meimei".into() }).unwrap();
    assert_eq!(case(&world).assignee(), Some("Han Meimei"));
    assert_eq!(case(&world).status, CaseStatus::Proposed, "a remark leaves a proposal as it is");
    assert_eq!(words(&world), ["assigned", "commented", "proposed", "commented", "assigned"]);
    assert_eq!((world.state.payments.clone(), world.state.refunds.clone()), before);
    world.people(1, 2, CaseAct::Approve).unwrap();
    assert_eq!(world.people(1, 2, comment()), Err(Refusal::CaseClosed));
}

#[test]
fn what_cannot_be_done_is_neither_proposed_nor_approved() {
    let mut world = world();
    assert!(matches!(world.propose(1, Resolution::Retry), Err(Refusal::ActionNotApplicable(_))));
    world.propose(1, Resolution::Accept).unwrap();
    // Meanwhile the buyer pays otherwise.
    world.pay(vec![balance(300)]).unwrap();
    assert!(matches!(world.people(1, 2, CaseAct::Approve), Err(Refusal::ActionNotApplicable(_))));
    assert_eq!(case(&world).status, CaseStatus::Proposed, "it can be rejected, and proposed otherwise");
    world.people(1, 2, reject("paid otherwise")).unwrap();
    world.propose(1, Resolution::Refund).unwrap();
    world.people(1, 2, CaseAct::Approve).unwrap();
}

#[test]
fn a_proposal_is_overtaken() {
    let mut world = World::new();
    world.pay(vec![card(200)]).unwrap();
    world.paid_exactly(1);
    world.refund("r1", 200).unwrap();
    world.refund_failed(2, false);
    world.propose(1, Resolution::OtherWay).unwrap();
    // Meanwhile the institution says that it went out after all, and people settle that.
    world.suspect(2);
    world.resolve(2, Resolution::Accept).unwrap();
    assert_eq!((case(&world).status, case(&world).resolution), (CaseStatus::Closed, None));
    assert_eq!((words(&world), case(&world).trail[1].by), (vec!["proposed", "overtaken"], None));
    let before = world.state.clone();
    assert_eq!(world.people(1, 2, CaseAct::Approve), Err(Refusal::CaseClosed));
    assert_eq!(world.state, before, "nothing goes out a second time");
}

#[test]
fn a_trail_has_an_end_and_leaves_place_for_the_decision() {
    let mut world = world();
    let full = |result: Result<(), Refusal>| matches!(result, Err(Refusal::TooMany { .. }));
    for _ in 0..50 {
        world.people(1, 1, comment()).unwrap();
    }
    assert!(full(world.people(1, 1, comment())) && full(world.people(1, 1, CaseAct::Assign { to: "x".into() })));
    for _ in 0..24 {
        world.propose(1, Resolution::Refund).unwrap();
        world.people(1, 2, reject("no")).unwrap();
    }
    world.propose(1, Resolution::Refund).unwrap();
    assert!(full(world.people(1, 2, reject("no"))), "what is proposed then is the last");
    world.people(1, 2, CaseAct::Approve).unwrap();
}
