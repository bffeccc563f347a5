//! Who may import whom, read from the sources.

use std::fs;
use std::path::Path;

use choreo_tests::rig::root;

/// A module of the host, and the modules of ours that it may name. `cache` and
/// the kernels import nothing of ours.
const MAY_IMPORT: [(&str, &[&str]); 9] = [
    ("main", &["cli"]),
    ("cli", &["wasm", "engine", "model", "chat"]),
    ("wasm", &["engine"]),
    ("engine", &["cache", "model", "sampler", "chat"]),
    ("model", &["cache::plan", "choreo_kernels"]),
    ("chat", &["cache::plan", "model::Source"]),
    ("sampler", &[]),
    ("cache", &[]),
    ("lib", &[]),
];

/// The modules of the host, and what every file of it imports of ours.
fn imports() -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    visit(&root().join("host/src"), &mut |path, text| {
        let relative = path.strip_prefix(root().join("host/src")).unwrap();
        let first = relative.components().next().unwrap().as_os_str().to_string_lossy();
        let module = first.trim_end_matches(".rs").to_owned();
        for start in ["crate::", "choreo_host::", "choreo_kernels"] {
            for (at, _) in text.match_indices(start) {
                if text[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_' || before == '$') {
                    continue;
                }
                let line = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
                if text[line..].trim_start().starts_with("//") {
                    continue;
                }
                let target =
                    if start == "choreo_kernels" { start.to_owned() } else { path_after(&text[at + start.len()..]) };
                found.push((module.clone(), target, path.display().to_string()));
            }
        }
    });
    found
}

/// `cache::plan` of `cache::plan::{Plan, TokenId};`
fn path_after(text: &str) -> String {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).unwrap_or(text.len());
    text[..end].trim_end_matches(':').to_owned()
}

fn visit(folder: &Path, read: &mut dyn FnMut(&Path, &str)) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            visit(&path, read);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            read(&path, &fs::read_to_string(&path).unwrap());
        }
    }
}

fn is_within(target: &str, allowed: &str) -> bool {
    target == allowed || target.strip_prefix(allowed).is_some_and(|rest| rest.starts_with("::"))
}

#[test]
fn modules_import_only_what_the_layout_allows() {
    let imports = imports();
    let mut broken = Vec::new();
    for (module, target, file) in &imports {
        let (_, allowed) = MAY_IMPORT
            .iter()
            .find(|(name, _)| name == module)
            .unwrap_or_else(|| panic!("{file} belongs to module '{module}', which has no line in MAY_IMPORT: add one"));
        let own = is_within(target, module);
        if !own && !allowed.iter().any(|allowed| is_within(target, allowed)) {
            broken.push(format!("{file} imports {target}, and {module} may import {allowed:?}"));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    // The table speaks of what is there: each layer does import the next.
    for (module, target) in [("wasm", "engine"), ("engine", "cache"), ("model", "choreo_kernels"), ("cli", "wasm")] {
        let holds = imports.iter().any(|(from, to, _)| from == module && is_within(to, target));
        assert!(holds, "{module} was expected to import {target}");
    }
}

#[test]
fn kernels_import_nothing_of_ours() {
    visit(&root().join("kernels/src"), &mut |path, text| {
        assert!(!text.contains("choreo_host"), "{} imports the host", path.display());
    });
    let manifest = fs::read_to_string(root().join("kernels/Cargo.toml")).unwrap();
    assert!(!manifest.contains("choreo-host"), "the kernels' manifest names the host");
}

/// Unsafe stands in the kernels, and in the host only where weights are mapped.
#[test]
fn unsafe_stands_where_it_may() {
    visit(&root().join("host/src"), &mut |path, text| {
        let blocks = text.matches("unsafe {").count();
        let may = usize::from(path.ends_with("model/source.rs"));
        assert!(blocks <= may, "{} has {blocks} unsafe blocks and may have {may}", path.display());
    });
}
