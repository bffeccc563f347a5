//! The host of prompt choreographies.
//!
//! A *plan* is an untrusted WebAssembly component that imports one interface,
//! `choreo` (see `wit/choreo.wit`). The host owns the model and one global
//! cache of messages' keys and values; every call of a plan names the earlier
//! messages it sees, in any order, at any offset.
//!
//! ```text
//! guest ── wasm ──> engine::Run ──> engine thread: schedule → cache (plan) → model → sampler → lanes
//! ```
//!
//! Who may import whom (a test holds this):
//! `main → cli → wasm → engine → {cache, model, sampler, chat}`;
//! `model → {cache::plan, kernels}`; `cache` and `kernels` import nothing of ours.
//!
//! Invariants:
//! - **Cached keys never move.** A message's keys are written once, rotated by
//!   their index inside the message; a call that places the message at offset
//!   `o` rotates its query by `position - o` instead.
//! - **A call is a list of spans, not a mask.** Attention costs what a call
//!   sees, never what the cache holds.
//! - **A row does not depend on its neighbours.** Products and attention sum in
//!   a fixed order, so a seed means something whatever else is in the batch.

pub mod cache;
pub mod chat;
pub mod cli;
pub mod engine;
pub mod model;
pub mod sampler;
pub mod wasm;
