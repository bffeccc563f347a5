//! Seeded faults: each is planted behind the engine, and the tests that are
//! named beside the list must fail.

use choreo_host::cache::{Cache, NewMessage, Placed, Plan, Slot, Span, TokenId, Wanted, Work, Yielding, check};
use choreo_host::model::{ForwardError, Logits, Model, ModelShape};

use choreo_tests::rig::{Rig, chat};

use crate::choreography::merkle_witness;
use crate::graphs::{Call, Kind};
use crate::witness::{Witness, alphabet};

/// What is done wrong to every plan that allows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A parent stands one position further on.
    WrongOffset,
    /// A parent's rows are read one slot too far.
    StaleRow,
    /// The beginning of sequence stands at 0 and not at −1.
    BeginningShifted,
    /// The last parent is not seen.
    ParentSkipped,
    /// A message sees one that is encoded beside it.
    SiblingVisible,
    /// A message's last token goes nowhere.
    LastTokenNotCached,
}

/// Every fault. `choreography::merkle_witness_through_a_component` must notice
/// it behind the engine, and the checker in the plan.
const FAULTS: [Fault; 6] = [
    Fault::WrongOffset,
    Fault::StaleRow,
    Fault::BeginningShifted,
    Fault::ParentSkipped,
    Fault::SiblingVisible,
    Fault::LastTokenNotCached,
];

/// A model that is handed wrong plans.
struct Faulty<M> {
    model: M,
    fault: Fault,
}

impl<M: Model> Model for Faulty<M> {
    fn shape(&self) -> &ModelShape {
        self.model.shape()
    }

    fn forward(&mut self, plan: &Plan) -> Result<Logits, ForwardError> {
        let scratch = Slot(u32::try_from(self.model.shape().slots).unwrap() - 1);
        self.model.forward(&corrupted(plan, self.fault, scratch))
    }
}

/// The plan with the fault wherever it fits; `scratch` is a slot nobody uses.
fn corrupted(plan: &Plan, fault: Fault, scratch: Slot) -> Plan {
    let mut faulty = Plan { spans: Vec::new(), blocks: Vec::new(), ..plan.clone() };
    for (number, block) in plan.blocks.iter().enumerate() {
        let mut seen = plan.spans[block.seen.clone()].to_vec();
        let is_parent = |span: &&mut Span| span.offset >= 0;
        match fault {
            Fault::WrongOffset => {
                if let Some(span) = seen.iter_mut().find(is_parent) {
                    span.offset += 1;
                }
            }
            Fault::StaleRow => {
                if let Some(span) = seen.iter_mut().find(is_parent) {
                    span.slot.0 += 1;
                }
            }
            Fault::BeginningShifted => {
                for span in seen.iter_mut().filter(|span| span.offset == -1) {
                    span.offset = 0;
                }
            }
            Fault::ParentSkipped => {
                if seen.last().is_some_and(|span| span.offset >= 0) {
                    seen.pop();
                }
            }
            Fault::SiblingVisible => {
                if let Some(sibling) = number.checked_sub(1) {
                    seen.extend_from_slice(&plan.spans[plan.blocks[sibling].own.clone()]);
                }
            }
            Fault::LastTokenNotCached => faulty.slots[block.rows.end - 1] = scratch,
        }
        let first = faulty.spans.len();
        faulty.spans.extend(seen);
        let own = faulty.spans.len();
        faulty.spans.extend_from_slice(&plan.spans[block.own.clone()]);
        let mut block = block.clone();
        block.seen = first..own;
        block.own = own..faulty.spans.len();
        faulty.blocks.push(block);
    }
    faulty
}

/// Two messages, two more that see them in another order, and an answer.
fn calls() -> Vec<Call> {
    let prefill = |text: &str, parents: &[usize], joins| Call {
        kind: Kind::Prefill(text.into()),
        parents: parents.iter().map(|parent| (*parent, None)).collect(),
        at: None,
        joins,
    };
    let decode = |parents: &[usize], joins| Call {
        kind: Kind::Decode { header: "so".into(), max: 5 },
        ..prefill("", parents, joins)
    };
    vec![
        prefill("the first thing", &[], false),
        prefill("another", &[], true),
        decode(&[1, 0], false),
        decode(&[0, 1], true),
        decode(&[3, 0, 2], false),
    ]
}

#[test]
fn every_seeded_fault_fails_the_merkle_witness() {
    for fault in FAULTS {
        let rig = Rig::new(256, move || {
            let chat = chat();
            (Faulty { model: Witness::new(2048, alphabet(&chat)), fault }, chat)
        });
        let noticed = merkle_witness(&rig, &calls());
        assert!(noticed.is_err(), "{fault:?} goes unnoticed");
    }
    let rig = Rig::new(256, || {
        let chat = chat();
        (Witness::new(2048, alphabet(&chat)), chat)
    });
    merkle_witness(&rig, &calls()).expect("without a fault the test passes");
}

/// The same faults, in the plan itself, do not get past the checker.
#[test]
fn every_seeded_fault_fails_the_checker() {
    let mut cache = Cache::new(64, Some(TokenId(0))).unwrap();
    let mut add = |count: u32, parents: &[Placed]| {
        let tokens = (1..=count).map(TokenId).collect();
        let new = NewMessage { tokens, parents: parents.to_vec(), offset: 20, capacity: count, tenant: None };
        let message = cache.add(new).0;
        cache.fill(message, Yielding::Released).unwrap();
        message
    };
    let parent = add(4, &[]);
    let other = add(3, &[]);
    let placed = [Placed { message: other, offset: 0 }, Placed { message: parent, offset: 7 }];
    let (child, sibling) = (add(2, &placed), add(2, &placed));
    let work = |message, tokens| Work { message, tokens, wanted: Wanted::Encoding };
    let beginning = cache.beginning().unwrap();
    let plan = cache.plan(&[work(beginning, 1), work(parent, 4), work(other, 3), work(child, 2), work(sibling, 2)]);
    assert_eq!(check::verify(&cache, &plan), Ok(()));
    for fault in FAULTS {
        let faulty = corrupted(&plan, fault, Slot(63));
        assert_ne!(faulty, plan);
        assert!(check::verify(&cache, &faulty).is_err(), "{fault:?} gets past the checker");
    }
}
