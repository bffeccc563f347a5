//! The message graph alone: the plan's builder against the checker, room given,
//! taken and shared. Integers, so thousands of cases take seconds.

use std::collections::BTreeSet;

use choreo_host::cache::{
    Cache, MessageId, NewMessage, Origin, Placed, Plan, Tenant, TokenId, Wanted, Work, Yielding, check,
};
use proptest::prelude::*;

/// One thing that happens to a cache.
#[derive(Clone, Debug)]
enum Event {
    /// A message of so many tokens that sees these earlier ones at these offsets.
    Add {
        tokens: u32,
        parents: Vec<(prop::sample::Index, i32)>,
        offset: i32,
        tenant: Option<u64>,
    },
    /// Encode up to so many rows of what waits, from one message on.
    Encode {
        rows: u32,
        first: prop::sample::Index,
        yielding: Yielding,
    },
    Release(prop::sample::Index),
    /// An open message of so many tokens, that grows and is cut.
    Grow {
        prompt: u32,
        grow: u32,
        cut: u32,
    },
    Lose(prop::sample::Index),
    /// A prompt of these tokens, which gets these after it.
    Prompt {
        tokens: Vec<u32>,
        grow: Vec<u32>,
        tenant: u64,
    },
}

fn event() -> impl Strategy<Value = Event> {
    // Few places and few lengths, so that messages meet their like.
    let parents = || proptest::collection::vec((any::<prop::sample::Index>(), 0i32..3), 0..4);
    let yielding = prop_oneof![Just(Yielding::Released), Just(Yielding::Untouched)];
    let index = any::<prop::sample::Index>;
    prop_oneof![
        6 => (1u32..12, parents(), 0i32..3, proptest::option::weighted(0.8, 0u64..2))
            .prop_map(|(tokens, parents, offset, tenant)| Event::Add { tokens, parents, offset, tenant }),
        6 => (1u32..40, index(), yielding).prop_map(|(rows, first, yielding)| Event::Encode { rows, first, yielding }),
        3 => index().prop_map(Event::Release),
        1 => (1u32..6, 0u32..6, 0u32..6).prop_map(|(prompt, grow, cut)| Event::Grow { prompt, grow, cut }),
        1 => index().prop_map(Event::Lose),
        4 => (texts(1..14), texts(0..6), 0u64..2)
            .prop_map(|(tokens, grow, tenant)| Event::Prompt { tokens, grow, tenant }),
    ]
}

/// Tokens of two kinds, so that texts often begin alike.
fn texts(len: std::ops::Range<usize>) -> impl Strategy<Value = Vec<u32>> {
    proptest::collection::vec(prop_oneof![4 => Just(1u32), 1 => Just(2)], len)
}

fn tokens(count: u32) -> Vec<TokenId> {
    (0..count).map(TokenId).collect()
}

/// A pass over what waits, each after what it sees, in at most `rows` rows.
fn pass(cache: &mut Cache, known: &[MessageId], mut rows: u32, yielding: Yielding) -> Plan {
    cache.begin_pass();
    let mut work: Vec<Work> = Vec::new();
    for message in known.iter().copied() {
        if !cache.holds(message) || cache.waiting(message) == 0 {
            continue;
        }
        let parents =
            cache.seen(message).into_iter().chain(cache.beginning().filter(|beginning| *beginning != message));
        let whole = |cache: &Cache, parent| {
            let planned = work.iter().find(|work| work.message == parent).map_or(0, |work| work.tokens);
            !cache.is_lost(parent) && cache.waiting(parent) == planned
        };
        let ready = parents.fold(true, |ready, parent| {
            cache.touch(parent);
            ready && whole(cache, parent)
        });
        cache.touch(message);
        let tokens = cache.waiting(message).min(rows);
        if ready && tokens > 0 && cache.fill(message, yielding).is_ok() {
            work.push(Work { message, tokens, wanted: Wanted::Encoding });
            rows -= tokens;
        }
    }
    cache.plan(&work)
}

/// What somebody names, and what that needs.
fn needed(cache: &Cache, named: &[MessageId], beginning: MessageId) -> Vec<MessageId> {
    let mut needed: BTreeSet<MessageId> = named.iter().copied().chain([beginning]).collect();
    let mut looked = named.to_vec();
    while let Some(id) = looked.pop() {
        let seen = cache.seen(id).into_iter();
        looked.extend(seen.filter(|seen| needed.insert(*seen)));
    }
    // Each after what it sees, which is not always older.
    let mut needed: Vec<MessageId> = needed.into_iter().collect();
    needed.sort_by_key(|id| (cache.first_index(*id), *id));
    needed
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is added, encoded in pieces, put out, shared, cut, lost and
    /// released: every plan obeys the rule, no slot is two messages', and
    /// nothing is kept for ever.
    #[test]
    fn plans_pass_the_checker_and_room_is_kept(events in proptest::collection::vec(event(), 1..60)) {
        let mut cache = Cache::new(60, Some(TokenId(7))).unwrap();
        let beginning = cache.beginning().unwrap();
        // All messages ever made, and those that a run still names.
        let (mut known, mut named) = (vec![beginning], Vec::new());
        for event in events {
            match event {
                Event::Add { tokens: count, parents, offset, tenant } => {
                    let seeable: Vec<MessageId> = named.iter().copied().filter(|id| !cache.is_lost(*id)).collect();
                    let parents = if seeable.is_empty() { Vec::new() } else { parents };
                    let parents = parents.iter().map(|(parent, offset)| Placed {
                        message: *parent.get(&seeable),
                        offset: *offset,
                    });
                    let tenant = tenant.map(Tenant);
                    let new = NewMessage { tokens: tokens(count), parents: parents.collect(), offset, capacity: count, tenant };
                    let left = cache.left();
                    let held = named.len();
                    let (message, origin) = cache.add(new.clone());
                    named.push(message);
                    prop_assert_eq!(cache.tokens(message), &new.tokens[..]);
                    prop_assert_eq!(cache.parents(message), &new.parents[..]);
                    match origin {
                        Origin::New => known.push(message),
                        Origin::Shared => prop_assert!(new.tenant.is_some()),
                    }
                    if !named[..held].contains(&message) {
                        prop_assert_eq!(cache.left(), left.saturating_sub(count));
                    }
                }
                Event::Encode { rows, first, yielding } => {
                    let mut order = needed(&cache, &named, beginning);
                    let at = first.index(order.len());
                    order.rotate_left(at);
                    let plan = pass(&mut cache, &order, rows, yielding);
                    prop_assert_eq!(check::verify(&cache, &plan), Ok(()));
                    cache.commit(&plan);
                }
                Event::Release(which) if !named.is_empty() => {
                    let message = named.remove(which.index(named.len()));
                    cache.release(message);
                }
                Event::Lose(which) if !named.is_empty() => {
                    let message = named[which.index(named.len())];
                    if cache.waiting(message) > 0 {
                        cache.lose(message);
                    }
                }
                Event::Release(_) | Event::Lose(_) => {}
                Event::Prompt { tokens, grow, tenant } => {
                    let tokens: Vec<TokenId> = tokens.into_iter().map(TokenId).collect();
                    let capacity = u32::try_from(tokens.len() + grow.len()).unwrap();
                    let asked = tokens.len();
                    let new = NewMessage { tokens: tokens.clone(), parents: vec![], offset: 0, capacity, tenant: Some(Tenant(tenant)) };
                    let (message, found) = cache.prompt(new);
                    named.push(message);
                    prop_assert!((found as usize) < asked);
                    let whole = |cache: &Cache| -> Vec<TokenId> {
                        let before = cache.path(message).into_iter().flat_map(|edge| cache.tokens(edge).to_vec());
                        before.chain(cache.tokens(message).to_vec()).collect()
                    };
                    prop_assert_eq!(whole(&cache), tokens);
                    for token in &grow {
                        let needed = needed(&cache, &named, beginning);
                        let plan = pass(&mut cache, &needed, 300, Yielding::Untouched);
                        prop_assert_eq!(check::verify(&cache, &plan), Ok(()));
                        cache.commit(&plan);
                        cache.append(message, &[TokenId(*token)]);
                        prop_assert_eq!(check::verify_room(&cache), Ok(()));
                    }
                    if !asked.is_multiple_of(5) {
                        cache.close(message);
                        prop_assert_eq!(check::verify_room(&cache), Ok(()));
                        // A baseline names no message that it does not decode.
                        named.pop();
                        cache.release(message);
                    }
                }
                Event::Grow { prompt, grow, cut } => {
                    let new = NewMessage { tokens: tokens(prompt), parents: vec![], offset: 0, capacity: prompt + grow, tenant: None };
                    let message = cache.insert(new);
                    known.push(message);
                    named.push(message);
                    for at in 0..grow {
                        let needed = needed(&cache, &named, beginning);
                        let plan = pass(&mut cache, &needed, 300, Yielding::Untouched);
                        prop_assert_eq!(check::verify(&cache, &plan), Ok(()));
                        cache.commit(&plan);
                        cache.append(message, &[TokenId(at)]);
                    }
                    cache.truncate(message, (prompt + grow - cut.min(grow)) as usize);
                    cache.close(message);
                }
            }
            prop_assert_eq!(check::verify_room(&cache), Ok(()));
        }
        for message in named {
            cache.release(message);
            prop_assert_eq!(check::verify_room(&cache), Ok(()));
        }
        prop_assert_eq!(cache.left(), 60 - 1, "only the beginning of sequence is held");
        let all = cache.add(NewMessage { tenant: None, ..new(59, &[], 0) }).0;
        encode(&mut cache, &[beginning, all]);
        known.retain(|message| cache.holds(*message));
        prop_assert_eq!(known, [beginning], "who wants all the room gets it, and all else goes");
        let there = (0..4000).map(MessageId).filter(|message| cache.holds(*message));
        prop_assert_eq!(there.collect::<Vec<_>>(), [beginning, all]);
    }
}

fn new(count: u32, parents: &[(MessageId, i32)], offset: i32) -> NewMessage {
    let parents = parents.iter().map(|(message, offset)| Placed { message: *message, offset: *offset }).collect();
    NewMessage { tokens: tokens(count), parents, offset, capacity: count, tenant: Some(Tenant(1)) }
}

fn message(cache: &mut Cache, count: u32, parents: &[(MessageId, i32)], offset: i32) -> MessageId {
    cache.add(NewMessage { tenant: None, ..new(count, parents, offset) }).0
}

/// Encodes these in one pass; the tokens that went through it.
fn encode(cache: &mut Cache, messages: &[MessageId]) -> usize {
    let plan = pass(cache, messages, 1000, Yielding::Untouched);
    assert_eq!(check::verify(cache, &plan), Ok(()));
    cache.commit(&plan);
    plan.tokens.len()
}

#[test]
fn a_released_parent_stays_as_long_as_its_child() {
    let mut cache = Cache::new(20, None).unwrap();
    let parent = message(&mut cache, 4, &[], 0);
    let child = message(&mut cache, 3, &[(parent, 0), (parent, 9)], 13);
    cache.release(parent);
    assert_eq!(encode(&mut cache, &[parent, child]), 7);
    assert!(cache.holds(parent));
    assert_eq!(cache.left(), 17, "it is not held");
    // Both are put out, and come back.
    let large = message(&mut cache, 20, &[], 0);
    assert_eq!(encode(&mut cache, &[large]), 20);
    assert_eq!((cache.held_slots(parent), cache.held_slots(child)), (0, 0));
    assert_eq!((cache.known(child, 0, 9), cache.is_new(child)), (3, false));
    assert_eq!(encode(&mut cache, &[parent, child]), 7);
    cache.release(child);
    assert!(!cache.holds(parent) && !cache.holds(child));
}

#[test]
fn messages_that_no_run_holds_yield_first_and_then_the_oldest() {
    let mut cache = Cache::new(12, None).unwrap();
    let ids: Vec<MessageId> = (0..3).map(|_| message(&mut cache, 4, &[], 0)).collect();
    let found = cache.add(new(4, &[], 0)).0;
    for id in [ids[0], ids[1], found] {
        assert_eq!(encode(&mut cache, &[id]), 4);
    }
    cache.release(found);
    assert!(cache.holds(found), "it may be found, and was used last");
    for (next, expected) in [(2, found), (0, ids[0]), (1, ids[1])] {
        let next = ids.get(next).copied().filter(|id| cache.waiting(*id) > 0);
        let next = next.unwrap_or_else(|| message(&mut cache, 4, &[], 0));
        assert_eq!(encode(&mut cache, &[next]), 4);
        assert_eq!(cache.held_slots(expected), 0);
        assert_eq!(cache.take_changes().yielded, [expected]);
    }
    assert!(!cache.holds(found) && cache.holds(ids[0]));
}

/// The lineage of a message that nobody needs is nobody's expense.
#[test]
fn a_message_is_not_there_to_be_found_when_what_it_sees_is_not() {
    let mut cache = Cache::new(10, None).unwrap();
    let grandparent = cache.add(new(5, &[], 0)).0;
    let parent = cache.add(new(2, &[(grandparent, 0)], 5)).0;
    encode(&mut cache, &[grandparent, parent]);
    cache.release(grandparent);
    let child = cache.add(new(5, &[(parent, 0)], 2)).0;
    assert_eq!(encode(&mut cache, &[child]), 5);
    assert_eq!((cache.held_slots(grandparent), cache.held_slots(parent)), (0, 2));
    cache.release(child);
    cache.release(parent);
    assert!(cache.holds(grandparent), "until room is wanted");
    let other = message(&mut cache, 4, &[], 0);
    assert_eq!(encode(&mut cache, &[other]), 4);
    assert!(![grandparent, parent, child].iter().any(|id| cache.holds(*id)));
}

#[test]
fn what_the_pass_needs_does_not_yield_to_it() {
    let mut cache = Cache::new(10, None).unwrap();
    let parent = message(&mut cache, 6, &[], 0);
    let child = message(&mut cache, 5, &[(parent, 0)], 6);
    assert_eq!(encode(&mut cache, &[parent]), 6);
    cache.begin_pass();
    cache.touch(parent);
    let full = cache.fill(child, Yielding::Untouched).unwrap_err();
    assert_eq!((full.asked, full.left), (11, 10));
    assert_eq!(cache.held_slots(parent), 6, "nobody has lost any");
    cache.begin_pass();
    assert_eq!(cache.fill(child, Yielding::Released), Err(full), "nor what somebody holds to what nobody awaits");
    assert_eq!(cache.fill(child, Yielding::Untouched), Ok(()));
}

#[test]
fn identical_messages_of_a_tenant_are_one() {
    let mut cache = Cache::new(100, Some(TokenId(0))).unwrap();
    let (parent, origin) = cache.add(new(4, &[], 0));
    assert_eq!(origin, Origin::New);
    let (other, _) = cache.add(new(5, &[], 0));
    let (child, _) = cache.add(new(3, &[(parent, 0)], 4));
    assert_eq!(cache.add(new(3, &[(parent, 0)], 4)), (child, Origin::Shared));
    let origin = |cache: &mut Cache, new| cache.add(new).1;
    let shifted = new(3, &[(parent, 1)], 5);
    assert_eq!(origin(&mut cache, shifted), Origin::New, "the beginning of sequence is further off");
    let mut without = Cache::new(100, None).unwrap();
    let (parent_there, _) = without.add(new(4, &[], 0));
    let (child_there, _) = without.add(new(3, &[(parent_there, 0)], 4));
    assert_eq!(without.add(new(3, &[(parent_there, 1)], 5)), (child_there, Origin::Shared), "distances are the same");
    for different in [
        new(2, &[(parent, 0)], 4),
        new(3, &[], 4),
        new(3, &[(other, 0)], 4),
        new(3, &[(parent, 0), (parent, 0)], 4),
        new(3, &[(parent, 0), (other, 4)], 9),
        new(3, &[(other, 4), (parent, 0)], 9),
        NewMessage { tenant: Some(Tenant(2)), ..new(4, &[], 0) },
    ] {
        assert_eq!(cache.add(different.clone()).1, Origin::New, "{different:?}");
    }
    // One that nobody holds is found as long as it is in place, its lineage with it.
    let beginning = cache.beginning().unwrap();
    encode(&mut cache, &[beginning, parent, child]);
    for id in [child, child, parent] {
        cache.release(id);
    }
    assert_eq!(cache.add(new(4, &[], 0)), (parent, Origin::Shared));
    assert_eq!(cache.add(new(3, &[(parent, 0)], 4)), (child, Origin::Shared));
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
    cache.begin_pass();
    cache.fill(parent, Yielding::Untouched).unwrap();
    cache.lose(parent);
    assert!(cache.is_lost(parent));
    assert_eq!(cache.held_slots(parent), 0);
    cache.lose(child);
    cache.release(parent);
    cache.release(child);
    assert_eq!(cache.left(), 20);
    assert!(!cache.holds(parent) && !cache.holds(child));
}

#[test]
fn nothing_that_sees_a_lost_message_is_there_to_be_found() {
    let mut cache = Cache::new(40, None).unwrap();
    let parent = cache.add(new(4, &[], 0)).0;
    let child = cache.add(new(3, &[(parent, 0)], 4)).0;
    let grandchild = cache.add(new(2, &[(child, 0)], 3)).0;
    cache.lose(parent);
    let (again, origin) = cache.add(new(4, &[], 0));
    assert_eq!((again == parent, origin), (false, Origin::New));
    let (other, origin) = cache.add(new(3, &[(again, 0)], 4));
    assert_eq!((other == child, origin), (false, Origin::New));
    let (last, origin) = cache.add(new(2, &[(other, 0)], 3));
    assert_eq!((last == grandchild, origin), (false, Origin::New));
}

#[test]
fn a_message_in_pieces_of_room_is_one_message() {
    let mut cache = Cache::new(12, None).unwrap();
    let pieces: Vec<MessageId> = (0..6).map(|_| message(&mut cache, 2, &[], 0)).collect();
    encode(&mut cache, &pieces);
    for piece in [1, 3, 5] {
        cache.release(pieces[piece]);
    }
    let scattered = message(&mut cache, 6, &[], 0);
    let plan = pass(&mut cache, &[scattered], 20, Yielding::Untouched);
    assert_eq!(check::verify(&cache, &plan), Ok(()));
    assert_eq!(plan.spans.iter().map(|span| (span.index, span.len)).collect::<Vec<_>>(), [(0, 2), (2, 2), (4, 2)]);
}
