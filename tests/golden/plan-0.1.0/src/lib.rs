//! Calls every function of the contract 0.1.0 and says what came of it, whatever
//! the model is.
//!
//! `../../plan-0.1.0.wasm` was made of this once and is never made again: hosts of
//! every later version run it. How it was made, with Rust 1.95.0:
//!
//! ```sh
//! cargo build --release --target wasm32-wasip2
//! cp target/wasm32-wasip2/release/plan.wasm ../plan-0.1.0.wasm
//! ```

#![no_std]

extern crate alloc;

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::alloc::{GlobalAlloc, Layout};
use core::cell::Cell;
use core::ptr;

wit_bindgen::generate!({ path: "../../../wit", world: "plan" });

use choreo::host::choreo as host;
use choreo::host::log;
use host::{
    Cause, Constraint, DecodeCall, DecodeOptions, Decoded, Error, Finish, OnViolation, Parent, Part, PrefillCall,
    Role, ScoreCall, Until, View,
};

struct Kept;

export!(Kept);

impl Guest for Kept {
    fn run(args: Vec<String>) -> Result<String, String> {
        if args.first().is_some_and(|word| word == "fail") {
            return Err(args.join(" "));
        }
        let mut lines = Lines(String::new());
        all(&mut lines).map_err(|error| {
            lines.word("failed");
            lines.error(&error);
            core::mem::take(&mut lines.0)
        })?;
        Ok(lines.0)
    }
}

fn all(lines: &mut Lines) -> Result<(), Error> {
    log::log(log::Level::Info, "kept");
    let model = host::model();
    lines.word("model");
    lines.truth(!model.name.is_empty() && model.context > 0 && model.roles.contains(&Role::User));

    let ids = host::prefill(&[said(Role::System, Part::Whole, "Say one word.", view(&[], None)),
        said(Role::User, Part::Whole, "Which?", view(&[], None))])?;
    lines.start("prefill");
    lines.numbers(&ids);
    let (first, second) = (ids[0], ids[1]);
    let placed = host::prefill(&[said(Role::User, Part::Whole, "And which now?",
        view(&[at(first, Some(0)), at(second, Some(40))], Some(90)))])?;
    lines.numbers(&placed);
    // One turn of three messages.
    let mut turn = vec![];
    for (part, text) in [(Part::Open, "On"), (Part::Middle, "and"), (Part::Close, "on")] {
        let parents: Vec<Parent> = turn.iter().map(|id| at(*id, None)).collect();
        turn.extend(host::prefill(&[said(Role::User, part, text, view(&parents, None))])?);
    }
    lines.numbers(&turn);

    lines.start("text");
    for text in host::text(&[first, placed[0], turn[1]])? {
        lines.word(&text);
    }

    lines.start("describe");
    let counted = host::count_tokens(Role::User, Part::Whole, &["And which now?".into()])?;
    for description in host::describe(&[placed[0], turn[2]])? {
        lines.word(match (description.role, description.part) {
            (Role::User, Part::Whole) => "user whole",
            (Role::User, Part::Close) => "user close",
            _ => "?",
        });
        lines.truth(description.name.is_none() && description.labels.is_empty() && description.tokens > 0);
        if description.part == Part::Whole {
            lines.truth(description.tokens == counted[0]);
            lines.number(description.offset);
            for parent in &description.parents {
                lines.number(parent.id);
                lines.number(parent.offset.unwrap_or(u32::MAX));
            }
        }
        lines.finish(&description.finish);
    }

    let sees = [first, second];
    let lanes = host::decode(&[
        written(Part::Whole, "", &sees, Some(Constraint::OneOf(vec!["yes".into()])), None),
        written(Part::Whole, "So: ", &sees, Some(Constraint::Regex("n[o]".into())), None),
        written(Part::Whole, "", &sees, Some(Constraint::JsonSchema("{\"const\":true}".into())), None),
        written(Part::Open, "", &sees, None, Some(1)),
    ])?;
    for lane in lanes {
        lines.start("decode");
        let decoded = lane?;
        lines.number(decoded.id);
        // What a model says of its own accord is not asked.
        lines.word(if decoded.tokens == 1 && decoded.logprobs.len() == 1 && matches!(decoded.finish, Finish::Length) { "one token" } else { &decoded.text });
        lines.finish(&decoded.finish);
        lines.truth(sound(&decoded));
    }

    lines.start("pending");
    let yes = || written(Part::Whole, "", &sees, Some(Constraint::OneOf(vec!["yes".into()])), None);
    let pendings = host::start_decode(&[yes(), yes()])?;
    let ready = host::wait_any(&[&pendings[0]], Until::Finished, Some(60_000))?;
    lines.numbers(&ready);
    let mut text = String::new();
    while let Some(more) = pendings[0].read()? {
        text.push_str(&more);
    }
    lines.word(&text);
    let finished = pendings[0].finish()?;
    lines.number(finished.id);
    lines.word(&finished.text);
    let cancelled = pendings[1].cancel()?;
    lines.number(cancelled.id);
    drop(pendings);

    lines.start("score");
    let calls = [ScoreCall {
        role: Role::Assistant,
        name: None,
        header: "So".into(),
        view: view(&[at(first, None), at(second, None)], None),
        candidates: vec![" yes".into(), " no".into()],
        with_end: true,
    }];
    for candidate in host::score(&calls)?.concat() {
        lines.truth(candidate.logprob < 0.0 && candidate.tokens > 0);
    }

    lines.start("budgets");
    let budgets = host::remaining();
    lines.truth(!budgets.is_empty());
    host::limit(&budgets[0])?;

    lines.start("release");
    host::release(&[second])?;
    match host::text(&[first, second]) {
        Ok(_) => lines.word("?"),
        Err(error) => lines.error(&error),
    }

    lines.start("refused");
    let mut raw = written(Part::Whole, "", &[first], None, Some(1));
    raw.role = Role::Raw;
    match host::decode(&[yes_of(first), raw]) {
        Ok(lanes) => lanes.iter().for_each(|lane| match lane {
            Ok(decoded) => lines.word(&decoded.text),
            Err(error) => lines.error(error),
        }),
        Err(error) => lines.error(&error),
    }
    Ok(())
}

/// Its counts and log-probabilities fit.
fn sound(decoded: &Decoded) -> bool {
    decoded.logprobs.len() == decoded.tokens as usize
        && decoded.logprobs.iter().all(|one| one.chosen.logprob <= 0.0 && one.top.len() <= 2)
}

fn at(id: u32, offset: Option<u32>) -> Parent {
    Parent { id, offset, refresh: None }
}

fn view(parents: &[Parent], offset: Option<u32>) -> View {
    View { parents: parents.to_vec(), offset, may_see: None, on_violation: OnViolation::Fail }
}

fn said(role: Role, part: Part, text: &str, view: View) -> PrefillCall {
    PrefillCall { role, name: None, part, text: text.into(), labels: vec![], view }
}

fn yes_of(id: u32) -> DecodeCall {
    written(Part::Whole, "", &[id], Some(Constraint::OneOf(vec!["yes".into()])), None)
}

fn written(part: Part, header: &str, sees: &[u32], constraint: Option<Constraint>, max_tokens: Option<u32>) -> DecodeCall {
    let parents: Vec<Parent> = sees.iter().map(|id| at(*id, None)).collect();
    let options = DecodeOptions {
        max_tokens,
        temperature: Some(0.5),
        top_p: Some(0.9),
        top_k: Some(5),
        min_p: Some(0.01),
        repetition_penalty: Some(1.1),
        seed: Some(7),
        stop: vec!["never said".into()],
        constraint,
        top_logprobs: 2,
    };
    DecodeCall { role: Role::Assistant, name: None, part, header: header.into(), labels: vec![], view: view(&parents, None), options }
}

/// What came of it; `core::fmt` would be half of the component.
struct Lines(String);

impl Lines {
    fn start(&mut self, name: &str) {
        self.0.push('\n');
        self.0.push_str(name);
    }

    fn word(&mut self, word: &str) {
        if !self.0.is_empty() {
            self.0.push(' ');
        }
        self.0.push_str(word);
    }

    fn truth(&mut self, holds: bool) {
        self.word(if holds { "yes" } else { "no" });
    }

    fn number(&mut self, mut number: u32) {
        let mut digits = vec![];
        loop {
            digits.push(b'0' + (number % 10) as u8);
            number /= 10;
            if number == 0 {
                break;
            }
        }
        self.0.push(' ');
        digits.iter().rev().for_each(|digit| self.0.push(char::from(*digit)));
    }

    fn numbers(&mut self, numbers: &[u32]) {
        numbers.iter().for_each(|number| self.number(*number));
    }

    fn finish(&mut self, finish: &Finish) {
        self.word(match finish {
            Finish::Prefilled => "prefilled",
            // A model may end its message by itself where the constraint lets it.
            Finish::End | Finish::Constraint => "end",
            Finish::StopString(_) => "stop-string",
            Finish::Length => "length",
            Finish::Cancelled => "cancelled",
            Finish::Budget(_) => "budget",
        });
    }

    fn error(&mut self, error: &Error) {
        match &error.cause {
            Cause::UnknownMessage(id) => {
                self.word("unknown-message");
                self.number(*id);
            }
            Cause::InvalidArgument(_) => self.word("invalid-argument"),
            Cause::Lost(_) => self.word("lost"),
            Cause::ContextOverflow(_) => self.word("context-overflow"),
            Cause::CacheFull(_) => self.word("cache-full"),
            Cause::Budget(_) => self.word("budget"),
            Cause::Timeout(_) => self.word("timeout"),
            Cause::Label(_) => self.word("label"),
            Cause::Denied(_) => self.word("denied"),
            Cause::Unsupported(what) => self.word(what),
            Cause::Cancelled => self.word("cancelled"),
            Cause::Engine(why) => self.word(why),
        }
        if let Some(call) = error.call {
            self.word("call");
            self.number(call);
        }
    }
}

/// Gives memory and never takes it back.
struct Bump {
    next: Cell<usize>,
    end: Cell<usize>,
}

// SAFETY: the component has one thread.
unsafe impl Sync for Bump {}

#[global_allocator]
static MEMORY: Bump = Bump { next: Cell::new(0), end: Cell::new(0) };

const PAGE: usize = 65_536;

// SAFETY: blocks lie behind one another in pages that were grown for them.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let start = self.next.get().next_multiple_of(layout.align());
        if self.end.get() >= start + layout.size() && self.next.get() > 0 {
            self.next.set(start + layout.size());
            return ptr::with_exposed_provenance_mut(start);
        }
        let pages = layout.size().div_ceil(PAGE) + 1;
        let first = core::arch::wasm32::memory_grow(0, pages);
        if first == usize::MAX {
            return ptr::null_mut();
        }
        self.end.set((first + pages) * PAGE);
        self.next.set(first * PAGE + layout.size());
        ptr::with_exposed_provenance_mut(first * PAGE)
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// What a host asks memory of, for lists and texts that it gives. It never asks for
/// more of a block that it has.
///
/// # Safety
/// `align` is a power of two.
#[unsafe(no_mangle)]
unsafe extern "C" fn cabi_realloc(_: *mut u8, _: usize, align: usize, size: usize) -> *mut u8 {
    match Layout::from_size_align(size, align) {
        // SAFETY: an allocation of no bytes is a place in a page, and never looked at.
        Ok(layout) => unsafe { MEMORY.alloc(layout) },
        Err(_) => core::arch::wasm32::unreachable(),
    }
}
