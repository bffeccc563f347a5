//! Where a WebAssembly file comes from, by what its tools wrote into it.

use std::collections::BTreeSet;

use wasmparser::{KnownCustom, Parser, Payload};

use super::languages::{LANGUAGES, Language};

/// What a file says of itself.
#[derive(Debug, Default)]
pub(super) struct Origin {
    /// Of it and all that is in it: the producers, as `language Rust` or
    /// `processed-by rustc`, and the names of modules' imports and exports.
    marks: BTreeSet<String>,
    /// What it exports itself.
    exports: Vec<String>,
}

impl Origin {
    /// Reads as far as the bytes make sense.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let mut origin = Self::default();
        let mut depth = 0_u32;
        for payload in Parser::new(0).parse_all(bytes) {
            let Ok(payload) = payload else { break };
            match payload {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                payload => {
                    // What cannot be read says nothing.
                    let _ = origin.look(&payload, depth);
                }
            }
        }
        origin
    }

    fn look(&mut self, payload: &Payload<'_>, depth: u32) -> wasmparser::Result<()> {
        match payload {
            Payload::CustomSection(section) => {
                let KnownCustom::Producers(fields) = section.as_known() else { return Ok(()) };
                for field in fields {
                    let field = field?;
                    for value in field.values {
                        self.marks.insert(format!("{} {}", field.name, value?.name));
                    }
                }
            }
            Payload::ImportSection(imports) => {
                for import in imports.clone().into_imports() {
                    let import = import?;
                    self.marks.extend([import.module, import.name].map(str::to_owned));
                }
            }
            Payload::ExportSection(exports) => {
                for export in exports.clone() {
                    self.export(export?.name, depth);
                }
            }
            Payload::ComponentExportSection(exports) => {
                for export in exports.clone() {
                    self.export(export?.name.name, depth);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn export(&mut self, name: &str, depth: u32) {
        self.marks.insert(name.to_owned());
        if depth == 0 {
            self.exports.push(name.to_owned());
        }
    }

    /// The language it was written in.
    pub(super) fn language(&self) -> Option<&'static Language> {
        let has = |sign: &&str| self.marks.iter().any(|mark| mark.contains(*sign));
        LANGUAGES.iter().find(|language| language.signs.iter().any(has))
    }

    /// Whether it exports a program's `main` itself.
    pub(super) fn is_program(&self) -> bool {
        self.exports.iter().any(|name| name == "_start" || name.starts_with("wasi:cli/run@"))
    }

    /// Whether it exports `run` itself.
    pub(super) fn has_run(&self) -> bool {
        self.exports.iter().any(|name| name == "run")
    }
}
