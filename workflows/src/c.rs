//! Plans in C: `NAME.c` in the folder NAME, or an example of the C SDK.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::{Language, Plan, Sources, entries, guests, newer, pip, root, stem, succeed, with_extension};

/// Clang, wasi-libc and a linker in one package.
const ZIG: &str = "ziglang==0.17.0";

const FLAGS: [&str; 11] = [
    "-target",
    "wasm32-wasi",
    "-mexec-model=reactor",
    "-std=c23",
    "-Os",
    // Traps name files and lines.
    "-g",
    "-Wall",
    "-Wextra",
    "-Werror",
    // Optimisation would take assertions away.
    "-UNDEBUG",
    // The default takes 16 MiB.
    "-Wl,-z,stack-size=262144",
];

pub(crate) const LANGUAGE: Language = Language { name: "C", find, missing: pip::missing, build, scripts: None };

fn find(folder: &Path) -> Result<Sources> {
    let own = folder.join(format!("{}.c", stem(folder)));
    let examples = folder.join("c/examples");
    let sources =
        if examples.is_dir() { with_extension(&examples, "c")? } else { Vec::from_iter(own.is_file().then_some(own)) };
    Ok(sources.into_iter().map(|source| (format!("{}.c", stem(&source)), source)).collect())
}

fn build(plan: &Plan) -> Result<PathBuf> {
    let work = guests().join("c").join(stem(&plan.source));
    let component = work.join("component.wasm");
    let sdk = root().join("guest-sdk/c");
    let shared = root().join("workflows/shared/c");
    let mut sources = vec![sdk.join("choreo.c"), sdk.join("generated/plan.c"), plan.source.clone()];
    let mut inputs = vec![sdk.join("choreo.h"), sdk.join("generated/plan.h"), root().join("workflows/problems.txt")];
    if !plan.source.starts_with(&sdk) {
        sources.extend(with_extension(&shared, "c")?);
        inputs.push(shared.join("shared.h"));
    }
    let prompts = plan.source.with_file_name("prompts");
    if prompts.is_dir() {
        inputs.extend(entries(&prompts)?);
    }
    inputs.extend(sources.iter().cloned());
    inputs.extend(entries(&root().join("guest-sdk/component/src"))?);
    if !newer(&inputs, &component) {
        return Ok(component);
    }

    let tools = pip::installed("c", ZIG)?;
    fs::create_dir_all(&work)?;
    let core = work.join("core.wasm");
    let mut zig = Command::new("python3");
    zig.args(["-m", "ziglang", "cc"])
        .args(FLAGS)
        .arg(format!("-ffile-prefix-map={}/=", root().display()))
        .arg("-I")
        .arg(&sdk)
        .arg("-I")
        .arg(&shared)
        .arg("-o")
        .arg(&core)
        .args(&sources)
        .env("PYTHONPATH", &tools)
        .env("ZIG_GLOBAL_CACHE_DIR", tools.join("cache"))
        .env("ZIG_LOCAL_CACHE_DIR", work.join("cache"));
    succeed(&mut zig)?;
    let module = fs::read(&core).with_context(|| format!("read {}", core.display()))?;
    fs::write(&component, choreo_component::encode(&module)?)?;
    Ok(component)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use wit_bindgen_core::{Files, wit_parser::Resolve};

    use super::*;

    /// With `CHOREO_GENERATE` set, writes what is generated.
    #[test]
    fn the_generated_files_are_the_contracts() {
        let mut resolve = Resolve::default();
        let package = resolve.push_str("choreo.wit", include_str!("../../wit/choreo.wit")).unwrap();
        let world = resolve.select_world(&[package], Some("plan")).unwrap();
        let options = wit_bindgen_c::Opts { no_helpers: true, no_object_file: true, ..Default::default() };
        let mut files = Files::default();
        options.build().generate(&mut resolve, world, &mut files).unwrap();
        let files: BTreeMap<&str, &[u8]> = files.iter().collect();
        assert_eq!(files.keys().copied().collect::<Vec<_>>(), ["plan.c", "plan.h"]);
        for (name, generated) in files {
            let path = root().join("guest-sdk/c/generated").join(name);
            if std::env::var_os("CHOREO_GENERATE").is_some() {
                fs::write(&path, generated).unwrap();
            }
            let found = fs::read(&path).unwrap();
            assert!(found == generated, "{name} is not of wit/choreo.wit: run this test with CHOREO_GENERATE=1");
        }
    }
}
