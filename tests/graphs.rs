//! Random choreographies: reordering, gaps, overlaps, a parent listed twice,
//! many offsets for one parent in one list, lists of calls.

use proptest::prelude::*;

use choreo_host::cache::TokenId;
use choreo_host::chat::{Chat, Part, Role};

use crate::witness::{Alphabet, Lineage};

/// One call of a random choreography.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) kind: Kind,
    /// Index of an earlier call, and an explicit offset or none.
    pub(crate) parents: Vec<(usize, Option<u32>)>,
    pub(crate) at: Option<u32>,
    /// Whether it joins the list of the call before, where it may.
    pub(crate) joins: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Prefill(String),
    Decode { header: String, max: u32 },
}

fn text() -> impl Strategy<Value = String> {
    proptest::collection::vec("[a-z]{1,6}", 1..6).prop_map(|words| words.join(" "))
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        3 => text().prop_map(Kind::Prefill),
        2 => (prop_oneof![Just(String::new()), text()], 1u32..7).prop_map(|(header, max)| Kind::Decode { header, max }),
    ]
}

/// Up to `calls` calls; offsets below 400.
pub(crate) fn choreography(calls: usize) -> impl Strategy<Value = Vec<Call>> {
    let offset = || proptest::option::weighted(0.4, 0u32..400);
    let parents = proptest::collection::vec((any::<prop::sample::Index>(), offset()), 0..5);
    let call = (kind(), parents, offset(), any::<bool>());
    proptest::collection::vec(call, 2..calls).prop_map(|calls| {
        let calls = calls.into_iter().enumerate().map(|(number, (kind, parents, at, joins))| {
            let parents = if number == 0 { Vec::new() } else { parents };
            let parents = parents.into_iter().map(|(parent, offset)| (parent.index(number), offset)).collect();
            Call { kind, parents, at, joins }
        });
        calls.collect()
    })
}

/// The lists that the calls go out in: ranges of one kind, without parents
/// among one another.
pub(crate) fn lists(calls: &[Call]) -> Vec<std::ops::Range<usize>> {
    let mut lists: Vec<std::ops::Range<usize>> = Vec::new();
    for (number, call) in calls.iter().enumerate() {
        let joins = lists.last().is_some_and(|list| {
            call.joins
                && call.parents.iter().all(|(parent, _)| *parent < list.start)
                && std::mem::discriminant(&calls[list.start].kind) == std::mem::discriminant(&call.kind)
        });
        match lists.last_mut() {
            Some(list) if joins => list.end = number + 1,
            _ => lists.push(number..number + 1),
        }
    }
    lists
}

/// How the script's calls go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lists {
    /// As the calls say.
    Joined,
    /// One call a list.
    Single,
}

/// The choreography in the language of the probe, `decoding` options added to
/// every decode.
pub(crate) fn script(calls: &[Call], how: Lists, decoding: &str) -> String {
    let mut script = String::new();
    for list in lists(calls) {
        let batch = how == Lists::Joined && list.len() > 1;
        if batch {
            script += "batch\n";
        }
        for call in &calls[list] {
            let parents = call.parents.iter().map(|(parent, offset)| match offset {
                Some(offset) => format!("{}@{offset}", parent + 1),
                None => format!("{}", parent + 1),
            });
            let parents = parents.collect::<Vec<_>>().join(",");
            let parents = if parents.is_empty() { "-" } else { &parents };
            let at = call.at.map_or(String::new(), |at| format!(" at {at}"));
            script += &match &call.kind {
                Kind::Prefill(text) => format!("prefill user {text:?} {parents}{at}\n"),
                Kind::Decode { header, max } => {
                    format!("decode assistant {header:?} {parents}{at} max {max} {decoding}\n")
                }
            };
        }
        if batch {
            script += "end\n";
        }
    }
    script
}

/// What each decode's text must be under a witness, in order, from the
/// contract's words alone.
pub(crate) fn expected(calls: &[Call], chat: &Chat, alphabet: &Alphabet) -> Vec<String> {
    let mut lineage = Lineage::new(alphabet.clone(), chat.beginning());
    let mut texts = Vec::new();
    for call in calls {
        let mut end = 0;
        let mut parents = Vec::new();
        for (parent, offset) in &call.parents {
            let offset = offset.unwrap_or(end);
            end = offset + lineage.len(*parent);
            parents.push((*parent, offset));
        }
        let mut message = lineage.begin(&parents, call.at.unwrap_or(end));
        match &call.kind {
            Kind::Prefill(text) => {
                for token in chat.render(Role::User, Part::Whole, text).unwrap() {
                    message.push(token);
                }
            }
            Kind::Decode { header, max } => {
                for token in chat.header(Role::Assistant, Part::Whole, header).unwrap() {
                    message.push(token);
                }
                let mut bytes = header.clone().into_bytes();
                for _ in 0..*max {
                    let token: TokenId = message.next();
                    if chat.is_end(token) {
                        break;
                    }
                    bytes.extend_from_slice(chat.token_bytes(token));
                    message.push(token);
                }
                for token in chat.closing(Role::Assistant, Part::Whole) {
                    message.push(token);
                }
                texts.push(String::from_utf8(bytes).unwrap());
            }
        }
        message.end();
    }
    texts
}
