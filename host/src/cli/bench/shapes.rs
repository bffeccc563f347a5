//! Models of which only the shape is a published one's, kept beside compiled plans.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};
use sha2::{Digest, Sha256};

use crate::cli::input;
use crate::cli::screen::say;
use crate::model::gguf::{SHAPES, Shape};
use crate::model::{Format, Source};

/// A file of random weights in the shape of this name, or of this `config.json`,
/// made if it is not there.
pub(super) fn source(name: &str, format: Format) -> Result<Source> {
    let shape = shape(name)?;
    let name = &shape.name;
    let bytes = shape.bytes(format);
    if let Some(memory) = memory() {
        ensure!(
            bytes <= memory,
            "random weights in the shape of {name} in {format} take {bytes} bytes and this machine has {memory} of memory: take narrower numbers (--weights) or a smaller shape"
        );
    }
    let folder = input::cache_folder().context("there is no home directory: set CHOREO_CACHE_DIR")?.join("shapes");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let path = folder.join(format!("{name}-{format}.gguf"));
    if !path.exists() {
        say(&format!("note: writing {bytes} bytes of random weights to {}", path.display()));
        let partial = path.with_extension("partial");
        shape.write(&partial, format, 1).with_context(|| format!("cannot write {}", partial.display()))?;
        fs::rename(&partial, &path)?;
    }
    Source::open(path.clone()).with_context(|| format!("cannot load {}", path.display()))
}

fn shape(name: &str) -> Result<Shape> {
    if let Some(shape) = SHAPES.iter().find(|shape| shape.name == name) {
        return Ok(shape.clone());
    }
    let path = Path::new(name);
    if path.extension().is_none_or(|extension| extension != "json") {
        let names: Vec<&str> = SHAPES.iter().map(|shape| shape.name.as_ref()).collect();
        bail!("no shape is called {name}: take one of {}, or name a config.json", names.join(", "));
    }
    let json = fs::read(path).with_context(|| format!("cannot read the shape {name}"))?;
    // Another configuration of the same path is another shape.
    let digest: String = Sha256::digest(&json)[..6].iter().map(|byte| format!("{byte:02x}")).collect();
    Shape::of_config(format!("shape-{digest}"), &json).map_err(|error| anyhow!("{name} {error}"))
}

/// Bytes of memory that the machine has, where the system says it.
fn memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}
