//! What a script in JavaScript imports.

use std::path::{Path, PathBuf};

use super::{Language, plain};

pub(super) const LANGUAGE: Language = Language {
    name: "JavaScript",
    extensions: &["js", "mjs"],
    runner: "js.wasm",
    missing: "`cargo plan runners` in choreo's repository builds it (with Node.js); one file serves every machine",
    made: None,
    imports,
};

/// The relative paths that stand where a module's name may. A comment's or a
/// string's are among them: what is not imported does no harm.
fn imports(file: &Path, source: &str) -> Vec<PathBuf> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let mut found = Vec::new();
    for (at, quote) in source.match_indices(['"', '\'']) {
        let before = source[..at].trim_end();
        let Some((path, _)) = source[at + 1..].split_once(quote) else { continue };
        if path.starts_with('.') && (before.ends_with("from") || before.ends_with("import")) {
            found.extend(plain(&folder.join(path)));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_found_by_their_words() {
        let source = r#"
            import { a } from "./a.js"; import './b.mjs';
            import text from
                "../texts/c.txt" with { type: "text" };
            export * from"./d.js";
            import { decode } from "choreo";
            const no = "./e.js", also = '../../f.js'; import x from "../../out.js";
        "#;
        let found = imports(Path::new("lib/plan.js"), source);
        let expected = ["lib/a.js", "lib/b.mjs", "texts/c.txt", "lib/d.js"];
        assert_eq!(found, expected.map(PathBuf::from));
    }
}
