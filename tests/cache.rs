//! The message graph alone: the plan's builder against the checker, room given
//! and taken. Integers, so thousands of cases take seconds.

use choreo_host::cache::{Cache, MessageId, NewMessage, Placed, TokenId, Wanted, Work, check};
use proptest::prelude::*;

/// One thing that happens to a cache.
#[derive(Clone, Debug)]
enum Event {
    /// A message of so many tokens that sees these earlier ones at these offsets.
    Add {
        tokens: u32,
        spare: u32,
        parents: Vec<(prop::sample::Index, i32)>,
        offset: i32,
    },
    /// Encode up to so many rows of what waits, oldest first.
    Encode {
        rows: u32,
    },
    Release(prop::sample::Index),
    /// An open message of so many tokens, that grows and is cut.
    Grow {
        prompt: u32,
        grow: u32,
        cut: u32,
    },
}

fn event() -> impl Strategy<Value = Event> {
    let parents = || proptest::collection::vec((any::<prop::sample::Index>(), 0i32..200), 0..4);
    prop_oneof![
        4 => (1u32..20, 0u32..8, parents(), 0i32..200)
            .prop_map(|(tokens, spare, parents, offset)| Event::Add { tokens, spare, parents, offset }),
        3 => (1u32..40).prop_map(|rows| Event::Encode { rows }),
        2 => any::<prop::sample::Index>().prop_map(Event::Release),
        1 => (1u32..6, 0u32..6, 0u32..6).prop_map(|(prompt, grow, cut)| Event::Grow { prompt, grow, cut }),
    ]
}

fn tokens(count: u32) -> Vec<TokenId> {
    (0..count).map(TokenId).collect()
}

/// What waits, parents first, cut into at most `rows` rows.
fn work(cache: &Cache, known: &[MessageId], mut rows: u32) -> Vec<Work> {
    let mut work = Vec::new();
    for message in known.iter().copied().filter(|message| cache.holds(*message)) {
        let tokens = cache.waiting(message).min(rows);
        if tokens > 0 {
            work.push(Work { message, tokens, wanted: Wanted::Encoding });
            rows -= tokens;
        }
    }
    work
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever is added, encoded in pieces, cut, released: every plan obeys
    /// the rule, and when all is released no slot is missing.
    #[test]
    fn plans_pass_the_checker_and_room_comes_back(events in proptest::collection::vec(event(), 1..40)) {
        let mut cache = Cache::new(300, Some(TokenId(7))).unwrap();
        let beginning = cache.beginning().unwrap();
        // All messages ever made, and those that a run still names.
        let (mut known, mut named) = (vec![beginning], Vec::new());
        for event in events {
            match event {
                Event::Add { tokens: count, spare, parents, offset } => {
                    let parents = if named.is_empty() { Vec::new() } else { parents };
                    let parents = parents.iter().map(|(parent, offset)| Placed {
                        message: *parent.get(&named),
                        offset: *offset,
                    });
                    let left = cache.left();
                    let new = NewMessage { tokens: tokens(count), parents: parents.collect(), offset, capacity: count + spare };
                    match cache.insert(new) {
                        Ok(message) => {
                            cache.close(message);
                            known.push(message);
                            named.push(message);
                            prop_assert_eq!(cache.left(), left - count, "spare slots come back");
                        }
                        Err(full) => {
                            prop_assert!(full.asked > full.left);
                            prop_assert_eq!(full.left, left);
                            prop_assert_eq!(cache.left(), left, "a message that does not fit takes nothing");
                        }
                    }
                }
                Event::Encode { rows } => {
                    let plan = cache.plan(&work(&cache, &known, rows));
                    prop_assert_eq!(check::verify(&cache, &plan), Ok(()));
                    cache.commit(&plan);
                }
                Event::Release(which) if !named.is_empty() => {
                    let message = named.remove(which.index(named.len()));
                    cache.release(message);
                }
                Event::Release(_) => {}
                Event::Grow { prompt, grow, cut } => {
                    let new = NewMessage { tokens: tokens(prompt), parents: vec![], offset: 0, capacity: prompt + grow };
                    let Ok(message) = cache.insert(new) else { continue };
                    known.push(message);
                    for at in 0..grow {
                        let plan = cache.plan(&work(&cache, &known, 300));
                        prop_assert_eq!(check::verify(&cache, &plan), Ok(()));
                        cache.commit(&plan);
                        cache.append(message, &[TokenId(at)]);
                    }
                    cache.truncate(message, (prompt + grow - cut.min(grow)) as usize);
                    cache.close(message);
                    named.push(message);
                }
            }
        }
        for message in named {
            cache.release(message);
        }
        prop_assert_eq!(cache.left(), 300 - 1, "only the beginning of sequence is left");
    }
}

fn message(cache: &mut Cache, count: u32, parents: &[(MessageId, i32)], offset: i32) -> MessageId {
    let parents = parents.iter().map(|(message, offset)| Placed { message: *message, offset: *offset }).collect();
    let id = cache.insert(NewMessage { tokens: tokens(count), parents, offset, capacity: count }).unwrap();
    cache.close(id);
    id
}

#[test]
fn a_released_parent_stays_until_its_child_is_encoded() {
    let mut cache = Cache::new(20, None).unwrap();
    let parent = message(&mut cache, 4, &[], 0);
    let child = message(&mut cache, 3, &[(parent, 0), (parent, 9)], 13);
    cache.release(parent);
    assert!(cache.holds(parent));
    assert_eq!(cache.left(), 13);
    let plan = cache.plan(&work(&cache, &[parent, child], 20));
    assert_eq!(check::verify(&cache, &plan), Ok(()));
    cache.commit(&plan);
    assert!(!cache.holds(parent));
    assert_eq!(cache.left(), 17);
}

#[test]
fn a_released_child_need_not_be_encoded_and_lets_its_parents_go() {
    let mut cache = Cache::new(20, None).unwrap();
    let parent = message(&mut cache, 4, &[], 0);
    let child = message(&mut cache, 3, &[(parent, 0)], 4);
    cache.release(parent);
    cache.release(child);
    assert_eq!(cache.left(), 20);
    assert!(!cache.holds(parent) && !cache.holds(child));
}

#[test]
fn a_lost_message_gives_its_room_back_and_is_known_as_lost() {
    let mut cache = Cache::new(20, None).unwrap();
    let parent = message(&mut cache, 4, &[], 0);
    let child = message(&mut cache, 3, &[(parent, 0)], 4);
    cache.lose(parent);
    assert!(cache.is_lost(parent));
    assert_eq!(cache.left(), 17);
    cache.lose(child);
    cache.release(parent);
    cache.release(child);
    assert_eq!(cache.left(), 20);
}

#[test]
fn a_message_in_pieces_of_room_is_one_message() {
    let mut cache = Cache::new(12, None).unwrap();
    let pieces: Vec<MessageId> = (0..6).map(|_| message(&mut cache, 2, &[], 0)).collect();
    for piece in [1, 3, 5] {
        cache.release(pieces[piece]);
    }
    let scattered = message(&mut cache, 6, &[], 0);
    let plan = cache.plan(&work(&cache, &[scattered], 20));
    assert_eq!(check::verify(&cache, &plan), Ok(()));
    assert_eq!(plan.spans.iter().map(|span| (span.index, span.len)).collect::<Vec<_>>(), [(0, 2), (2, 2), (4, 2)]);
}
