//! The model and the engine behind it.

use std::path::PathBuf;

use bytesize::ByteSize;
use clap::Args;
use clap::builder::RangedU64ValueParser;

use crate::model::{CacheSize, CacheType};

/// What plans run on.
#[derive(Debug, Args)]
pub(in crate::cli) struct HostArguments {
    /// A Hugging Face directory, a .gguf file, or a name on the hub: ORG/NAME or
    /// ORG/NAME/FILE.gguf, either perhaps with @REVISION, which is fetched once into
    /// the hub's cache; without it, the model that is built in
    #[arg(long, value_name = "MODEL")]
    pub(in crate::cli) model: Option<PathBuf>,
    /// Tokens that the cache of keys and values holds
    #[arg(long, value_name = "N", default_value_t = 32_768, value_parser = RangedU64ValueParser::<u32>::new().range(1..))]
    cache_tokens: u32,
    /// Bytes that it may take instead, as 512MB or 2GiB
    #[arg(long, value_name = "BYTES", conflicts_with = "cache_tokens", value_parser = bytes)]
    cache_bytes: Option<u64>,
    /// Numbers in which it holds them: f32, or rounded to bf16, f16 or q8 (a byte each)
    #[arg(long, value_name = "TYPE", default_value_t = CacheType::F32)]
    pub(in crate::cli) cache_type: CacheType,
    /// Threads that compute; without it, one a processor
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<u32>::new().range(1..=1024))]
    threads: Option<u32>,
    /// Show errors and the plan's own log only
    #[arg(long)]
    pub(in crate::cli) quiet: bool,
}

impl HostArguments {
    pub(in crate::cli) fn threads(&self) -> usize {
        let given = self.threads.and_then(|threads| usize::try_from(threads).ok());
        given.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, Into::into))
    }

    pub(in crate::cli) fn cache_size(&self) -> CacheSize {
        let tokens = || usize::try_from(self.cache_tokens).unwrap_or(usize::MAX);
        self.cache_bytes.map_or_else(|| CacheSize::Tokens(tokens()), CacheSize::Bytes)
    }
}

fn bytes(text: &str) -> Result<u64, String> {
    let size: Result<ByteSize, _> = text.parse();
    size.map(|size| size.as_u64()).map_err(|_| "use a number of bytes, as 512MB or 2GiB".into())
}
