//! The one integration-test binary.
//!
//! | suite | what it holds |
//! | --- | --- |
//! | bench | what benchmarks count, and what they ask of another engine |
//! | bounds | what a run may make the engine keep and compute |
//! | cache | the message graph alone: plans against the checker, room given and taken |
//! | chat | a message's rendering against whole conversations |
//! | choreography | scripts through a real component: a Merkle witness, lists against single calls, both modes |
//! | cli | bad input and odd ends of the command line: one line each |
//! | compare | `compare`: modes that say the same, their counts, where free ones part |
//! | constraint | texts held to regular expressions, JSON schemas and choices |
//! | contract | the contract as released, and a component of its first day |
//! | dense | random graphs through the decoder against a dense reference |
//! | explain | files that are no plans, in the words of their language |
//! | faults | seeded faults, and the tests that must notice them |
//! | golden | logits against an outside implementation |
//! | hub | models by their names on the hub, against a small hub of this process |
//! | languages | plans in other languages against the same in Rust |
//! | layering | who imports whom |
//! | loading | models that cannot be loaded |
//! | names | speakers' names through a real component
//! | sandbox | what hostile plans do, and what becomes of them |
//! | pending | messages that are started: read, waited for, cancelled, dropped |
//! | stream | texts shown while they are decoded |
//! | pieces | SentencePiece tokenizers: what stands where a text begins, and what texts may not become |
//! | projects | what `new` writes: it builds and runs |
//! | prefix | a prefix cache: the bits of encoding anew, and what it saves; runs made to say what another said |
//! | python | scripts in Python, where their mistakes are, and what runs them |
//! | plans | every plan of the repository, run on the embedded model |
//! | recording | runs that are recorded, and plans that are answered from what was recorded |
//! | trials | a language's whole contract, and where its mistakes are |
//! | view | a report as a page, read in a browser |
//! | score | continuations' log-probabilities against what decoding reports |
//! | templates | chat formats of many families, ours or a folder of real ones |
//! | room | caches smaller than what is in them, and messages that runs share |
//! | rows | keys and values cached in fewer bits |
//! | scripts | plans that run as they are, and where their mistakes are |
//! | skills | the embedded model's floors on held-out items |

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod bench;
mod bounds;
mod cache;
mod chat;
mod choreography;
mod cli;
mod compare;
mod constraint;
mod contract;
mod dense;
mod explain;
mod faults;
mod gguf;
mod golden;
mod graphs;
mod hub;
mod languages;
mod layering;
mod loading;
mod names;
mod pending;
mod pieces;
mod plans;
mod prefix;
mod projects;
mod python;
mod recording;
mod reference;
mod room;
mod rows;
mod sandbox;
mod score;
mod scripts;
mod skills;
mod stream;
mod support;
mod templates;
mod tiny;
mod trials;
mod view;
mod witness;
