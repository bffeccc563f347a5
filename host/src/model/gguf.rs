//! A `.gguf` file as a model: one file with configuration, tokenizer, chat
//! template and weights.

pub(crate) mod metadata;
mod reader;
mod tokenizer;
