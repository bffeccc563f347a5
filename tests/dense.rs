//! Random message graphs through the cache and the decoder, against the dense
//! reference that copies and turns keys and masks a square of scores.

use std::cell::{Cell, RefCell};

use choreo_host::cache::{Cache, NewMessage, Placed, TokenId, Wanted, Work, Yielding, check};
use choreo_host::model::{CacheSize, CacheType, Decoder, LoadOptions, Model, Source};
use choreo_tests::rig::root;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::reference::{Message, Mistake, Reference};

/// A message of a random graph: tokens, offset, parents at offsets.
type Drawn = (Vec<u32>, i32, Vec<(prop::sample::Index, i32)>);

/// Graphs of up to `messages` messages; offsets overlap, leave gaps, and stand
/// before or after the message itself.
fn graphs(messages: usize, vocabulary: u32) -> impl Strategy<Value = Vec<Drawn>> {
    let parents = proptest::collection::vec((any::<prop::sample::Index>(), 0i32..150), 0..5);
    let message = (proptest::collection::vec(0..vocabulary, 1..24), 0i32..150, parents);
    proptest::collection::vec(message, 1..messages)
}

/// Encodes the graph in plans of at most `rows` rows, and gives the logits of
/// each message's last token.
fn through_the_cache(model: &mut Decoder, drawn: &[Drawn], rows: u32) -> Vec<Vec<f32>> {
    let mut cache = Cache::new(1024, Some(TokenId(0))).unwrap();
    let mut messages = Vec::new();
    for (tokens, offset, parents) in drawn {
        let parents = if messages.is_empty() { &[] } else { parents.as_slice() };
        let parents =
            parents.iter().map(|(parent, offset)| Placed { message: *parent.get(&messages), offset: *offset });
        let capacity = u32::try_from(tokens.len()).unwrap();
        let new = NewMessage {
            tokens: tokens.iter().copied().map(TokenId).collect(),
            parents: parents.collect(),
            offset: *offset,
            capacity,
            tenant: None,
        };
        let message = cache.add(new).0;
        cache.fill(message, Yielding::Released).unwrap();
        messages.push(message);
    }
    let mut found = vec![Vec::new(); messages.len()];
    let everything: Vec<_> = cache.beginning().into_iter().chain(messages.iter().copied()).collect();
    while everything.iter().any(|message| cache.waiting(*message) > 0) {
        let mut left = rows;
        let mut work = Vec::new();
        for message in &everything {
            let waiting = cache.waiting(*message);
            let tokens = waiting.min(left);
            if tokens > 0 {
                let wanted = if tokens == waiting { Wanted::Logits } else { Wanted::Encoding };
                work.push(Work { message: *message, tokens, wanted });
                left -= tokens;
            }
        }
        let plan = cache.plan(&work);
        check::verify(&cache, &plan).unwrap();
        let logits = model.forward(&plan).unwrap();
        for (row, logits) in plan.sampled.iter().zip(logits.values.chunks_exact(logits.vocabulary)) {
            let block = plan.blocks.iter().find(|block| block.rows.contains(row)).unwrap();
            if let Some(number) = messages.iter().position(|message| *message == block.message) {
                found[number] = logits.to_vec();
            }
        }
        cache.commit(&plan);
    }
    found
}

fn dense(reference: &Reference, drawn: &[Drawn]) -> Vec<Vec<f64>> {
    let mut graph = vec![Message { tokens: vec![0], offset: -1, parents: vec![] }];
    for (number, (tokens, offset, parents)) in drawn.iter().enumerate() {
        let numbers: Vec<usize> = (1..=number).collect();
        let parents = if number == 0 { &[] } else { parents.as_slice() };
        let parents = parents.iter().map(|(parent, offset)| (*parent.get(&numbers), i64::from(*offset)));
        let parents = [(0, -1)].into_iter().chain(parents).collect();
        graph.push(Message { tokens: tokens.clone(), offset: i64::from(*offset), parents });
    }
    let logits = reference.logits(&graph, Mistake::None);
    logits.into_iter().skip(1).map(|rows| rows.last().unwrap().clone()).collect()
}

#[test]
fn random_graphs_equal_the_dense_reference() {
    let directory = root().join("tests/golden/scaled");
    let reference = Reference::load(&directory).unwrap();
    let options = LoadOptions { cache_size: CacheSize::Tokens(1024), cache_type: CacheType::F32, threads: 2 };
    let model = Decoder::load(&Source::Directory(directory), options).unwrap();
    let vocabulary = u32::try_from(model.shape().vocabulary).unwrap();
    let model = RefCell::new(model);
    let largest = Cell::new(0f64);
    let mut runner =
        TestRunner::new(ProptestConfig { cases: 80, failure_persistence: None, ..ProptestConfig::default() });
    let result = runner.run(&(graphs(9, vocabulary), 1u32..60), |(drawn, rows)| {
        let whole = through_the_cache(&mut model.borrow_mut(), &drawn, 10_000);
        let pieces = through_the_cache(&mut model.borrow_mut(), &drawn, rows);
        prop_assert!(whole == pieces, "plans of {rows} rows change bits");
        for (found, expected) in whole.iter().zip(dense(&reference, &drawn)) {
            for (found, expected) in found.iter().zip(expected) {
                largest.set(largest.get().max((f64::from(*found) - expected).abs()));
            }
        }
        prop_assert!(largest.get() <= 1e-4, "|Δ logit| {:e}", largest.get());
        Ok(())
    });
    result.unwrap();
    println!("random graphs against the dense reference: largest |Δ logit| {:e}", largest.get());
}
