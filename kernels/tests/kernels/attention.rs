use std::num::NonZeroU32;

use choreo_kernels::{Attention, Block, HeadShape, Kernels, Narrow, Rows, Span};
use proptest::prelude::*;

use crate::rotary::table;
use crate::rows::ALL;
use crate::scene::Scene;
use crate::{Numbers, assert_close, bits, levels, on_threads};

fn shape(heads: usize, kv_heads: usize, head_dim: usize) -> HeadShape {
    HeadShape { heads, kv_heads, head_dim }
}

/// Three parents, prefilled and decoded children: permuted offsets, a gap, an
/// overlap, a parent after its child, a message twice.
fn scene(shape: HeadShape) -> Scene {
    let mut scene = Scene::new(shape, &[1, 130, 37, 60, 50, 49]);
    scene.call(3, 0..60, (300, &[(0, -1), (2, 0), (1, 37)]));
    scene.call(4, 49..50, (20, &[(0, -1), (1, 500), (2, 5)]));
    scene.call(5, 30..49, (168, &[(0, -1), (1, 0), (2, 130), (1, 1000), (2, 130)]));
    scene.call(3, 59..60, (300, &[(0, -1), (2, 0), (1, 37)]));
    scene.call(0, 0..1, (-1, &[]));
    scene
}

/// Lanes: new rows that see the same first, and then what others do not.
fn lanes(shape: HeadShape) -> Scene {
    let mut scene = Scene::new(shape, &[1, 130, 37, 9, 60, 50, 49, 51, 3, 70]);
    let seen = [(0, -1), (1, 0), (2, 130)];
    scene.call(4, 59..60, (200, &seen));
    scene.call(5, 0..1, (170, &seen));
    // Another message where the others have theirs.
    scene.call(3, 8..9, (250, &[(0, -1), (1, 0), (9, 130)]));
    scene.call(6, 40..49, (170, &[(0, -1), (1, 0), (2, 130), (3, 167)]));
    // It parts from the others in the middle of what they share, and in a placing.
    scene.call(7, 50..51, (190, &[(0, -1), (1, 0), (2, 131)]));
    scene.call(8, 2..3, (400, &[(0, -1), (1, 0), (2, 131)]));
    scene.call(9, 1..2, (300, &[(1, 0), (0, -1)]));
    scene
}

/// All that slots may hold.
fn kept() -> impl Iterator<Item = Option<Narrow>> {
    [None].into_iter().chain(ALL.map(Some))
}

const TOKENS: usize = 1 + 130 + 37 + 60 + 50 + 49;

#[test]
fn attention_is_its_definition() {
    for (heads, kv_heads, head_dim) in
        [(4, 2, 8), (3, 1, 16), (7, 1, 40), (2, 2, 64), (11, 1, 64), (4, 1, 128), (2, 1, 10)]
    {
        let mut scene = scene(shape(heads, kv_heads, head_dim));
        let [scalar, levels @ ..] = levels();
        for numbers in kept() {
            scene.numbers = numbers;
            let expected = scene.run(scalar, 50, TOKENS + 100);
            assert_close(&expected, &scene.exact(), 0.1);
            for level in levels {
                assert_eq!(bits(&scene.run(level, 50, TOKENS + 100)), bits(&expected), "{numbers:?}");
            }
        }
    }
}

#[test]
fn where_the_slots_lie_changes_nothing() {
    let mut scene = scene(shape(6, 2, 16));
    let best = Kernels::detect();
    for numbers in kept() {
        scene.numbers = numbers;
        let expected = bits(&scene.run(best, 1000, TOKENS));
        for (extent, slots) in [(1, TOKENS), (7, 1000), (47, 600), (48, TOKENS + 1), (49, 5000)] {
            assert_eq!(bits(&scene.run(best, extent, slots)), expected, "{numbers:?}, extents of {extent}");
        }
    }
}

#[test]
fn a_window_is_judged_by_position() {
    // Lines that are worked together may see nothing in common, as with the second.
    for (window, kv_heads, head_dim) in
        [(1, 2, 16), (2, 6, 64), (7, 2, 64), (48, 2, 16), (48, 6, 128), (131, 2, 40), (5000, 2, 16)]
    {
        let mut scene = scene(shape(6, kv_heads, head_dim));
        scene.window = NonZeroU32::new(window);
        let [scalar, levels @ ..] = levels();
        let expected = scene.run(scalar, 50, TOKENS);
        assert_close(&expected, &scene.exact(), 0.1);
        for level in levels {
            assert_eq!(bits(&scene.run(level, 7, TOKENS + 100)), bits(&expected));
        }
    }
}

#[test]
fn a_batch_is_its_rows() {
    for window in [0, 20, 100] {
        check_rows(NonZeroU32::new(window), None);
    }
    for numbers in ALL {
        check_rows(NonZeroU32::new(100), Some(numbers));
    }
}

/// Alone, on any number of threads, or in a batch; no window where it is none.
fn check_rows(window: Option<NonZeroU32>, numbers: Option<Narrow>) {
    for shape in [shape(8, 2, 64), shape(8, 8, 64), shape(6, 6, 40)] {
        check_rows_of(scene(shape), window, numbers);
        check_rows_of(lanes(shape), window, numbers);
    }
}

fn check_rows_of(mut all: Scene, window: Option<NonZeroU32>, numbers: Option<Narrow>) {
    (all.window, all.numbers) = (window, numbers);
    let best = Kernels::detect();
    let expected = all.run(best, 30, 1000);
    for threads in [1, 2, 3] {
        assert_eq!(bits(&on_threads(threads, || all.run(best, 30, 1000))), bits(&expected));
    }
    let mut singles = Vec::new();
    for call in &all.calls {
        for row in call.rows.clone() {
            let mut single = Scene::new(all.shape, &all.lengths);
            (single.window, single.numbers) = (window, numbers);
            single.call(call.own, row..row + 1, (call.offset, &call.parents));
            singles.extend(single.run(best, 30, 1000));
        }
    }
    assert_eq!(bits(&singles), bits(&expected));
}

#[test]
fn a_decoded_row_needs_only_the_slots_before_it() {
    // The same row where its message ends with it, and where it goes on.
    let run = |own_len: u32| {
        let (keys, values) = (Numbers(1).values(100 * 8), Numbers(2).values(100 * 8));
        let mut out = vec![f32::NAN; 8];
        let call = Attention {
            shape: shape(1, 1, 8),
            scale: 1.0,
            window: None,
            queries: &Numbers(3).values(8),
            keys: Rows::F32(&keys),
            values: Rows::F32(&values),
            blocks: &[Block { rows: 0..1, first_index: 52, offset: 9, seen: 0..0, own: 0..1 }],
            spans: &[Span { slot: 0, index: 0, len: own_len, offset: 9 }],
        };
        Kernels::detect().attend(&call, &table(8, 100), &mut out);
        bits(&out)
    };
    assert_eq!(run(53), run(100));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn levels_and_layouts_agree(
        lengths in prop::collection::vec(1..120usize, 1..6),
        group in 1..6usize,
        // Heads of whole registers have a body of their own.
        half in prop_oneof![1..20usize, Just(32), Just(64)],
        seed: u64,
    ) {
        let mut numbers = Numbers(seed);
        let kv_heads = 1 + numbers.below(3);
        let mut scene = Scene::new(shape(group * kv_heads, kv_heads, 2 * half), &lengths);
        scene.numbers = kept().nth(numbers.below(4)).flatten();
        scene.window = NonZeroU32::new(numbers.below(300) as u32).filter(|window| window.get() % 2 == 0);
        let mut parents = Vec::new();
        for _ in 0..4 {
            let own = numbers.below(lengths.len());
            let first = numbers.below(lengths[own]);
            let end = first + 1 + numbers.below(lengths[own] - first);
            // Or those of the call before, and others after them.
            if numbers.below(2) == 0 {
                parents.clear();
            }
            let more = numbers.below(4);
            parents.extend((0..more).map(|_| (numbers.below(lengths.len()), numbers.below(900) as i32 - 300)));
            scene.call(own, first..end, (numbers.below(500) as i32 - 1, &parents));
        }
        let [scalar, levels @ ..] = levels();
        let slots = lengths.iter().sum::<usize>() + numbers.below(200);
        let expected = scene.run(scalar, 1000, slots);
        assert_close(&expected, &scene.exact(), 0.1);
        let extent = 1 + numbers.below(60);
        for level in levels {
            prop_assert_eq!(bits(&scene.run(level, extent, slots)), bits(&expected));
        }
    }
}

#[test]
#[should_panic(expected = "span: expected slots under 2")]
fn a_slot_that_is_not_there_is_named() {
    wrong(Span { slot: 1, index: 0, len: 2, offset: 0 });
}

#[test]
#[should_panic(expected = "own spans: expected indices 1 to 1, found 0 up to 1")]
fn a_row_that_does_not_see_itself_is_named() {
    wrong(Span { slot: 0, index: 0, len: 1, offset: 0 });
}

#[test]
#[should_panic(expected = "own span: expected index 0 at offset 0")]
fn an_own_span_elsewhere_is_named() {
    wrong(Span { slot: 0, index: 0, len: 2, offset: 3 });
}

fn wrong(span: Span) {
    let call = Attention {
        shape: shape(1, 1, 2),
        scale: 1.0,
        window: None,
        queries: &[0.0; 2],
        keys: Rows::F32(&[0.0; 4]),
        values: Rows::F32(&[0.0; 4]),
        blocks: &[Block { rows: 0..1, first_index: 1, offset: 0, seen: 0..0, own: 0..1 }],
        spans: &[span],
    };
    Kernels::detect().attend(&call, &table(2, 10), &mut [0.0; 2]);
}
