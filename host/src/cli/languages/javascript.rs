//! JavaScript and TypeScript, on QuickJS or StarlingMonkey.

use super::project::{File, Name, Project, WIT, copied, written};
use super::{Language, Mismatch, general};

pub(super) const LANGUAGE: Language = Language {
    name: "JavaScript",
    signs: &["componentize_qjs", "quickjs", "ComponentizeJS", "language JavaScript"],
    flag: "js",
    project: Some(Project {
        tools: "Node.js 20 or later, with npm",
        source: "plan.js",
        beside: "`choreo/` is the package that it imports, whose README.md explains the calls. \
                 `choreo-host run plan.js` runs it as it is, without the build.",
        build: BUILD,
        component: "@NAME@.wasm",
        taken: "",
        files: javascript,
    }),
    advice,
};

/// The same package, which has its types.
pub(super) const TYPESCRIPT: Language = Language {
    name: "TypeScript",
    // What is built of it is JavaScript's.
    signs: &[],
    flag: "ts",
    project: Some(Project {
        tools: "Node.js 20 or later, with npm",
        source: "plan.ts",
        beside: "`choreo/` is the package that it imports, with its types; its README.md explains the calls.",
        build: BUILD,
        component: "@NAME@.wasm",
        taken: "",
        files: typescript,
    }),
    advice,
};

const BUILD: &str = "npm install --no-audit --no-fund && npm run build";

/// The package, as it stands in the repository.
const SDK: [(&str, &str); 24] = copied!("guest-sdk/javascript/" => "choreo/":
    "README.md",
    "console.d.ts",
    "files.d.ts",
    "index.d.ts",
    "package.json",
    "link/link.js",
    "link/render.js",
    "runner/runner.js",
    "src/call.js",
    "src/check.js",
    "src/console.js",
    "src/decoding.js",
    "src/error.js",
    "src/generators.js",
    "src/host.js",
    "src/index.js",
    "src/message.js",
    "src/promise.js",
    "src/run.js",
    "tool/build.js",
    "tool/choreo-js.js",
    "tool/prepare.js",
    "tool/quickjs.js",
    "tool/starlingmonkey.js",
);

fn javascript(name: &Name) -> Vec<File> {
    let own = [
        ("package.json", include_str!("../../../projects/js/package.json.in")),
        ("plan.js", include_str!("../../../../guest-sdk/javascript/examples/council.js")),
    ];
    written(name, &own, &[&COMMON, &SDK])
}

fn typescript(name: &Name) -> Vec<File> {
    let own = [
        ("package.json", include_str!("../../../projects/ts/package.json.in")),
        ("plan.ts", include_str!("../../../projects/ts/plan.ts")),
        ("tsconfig.json", include_str!("../../../projects/ts/tsconfig.json")),
    ];
    written(name, &own, &[&COMMON, &SDK])
}

const COMMON: [(&str, &str); 3] = [
    (".gitignore", "/node_modules/\n/build/\n*.wasm\n"),
    // The package is copied, with what it needs, not linked.
    (".npmrc", "install-links=true\n"),
    ("choreo/wit/choreo.wit", WIT),
];

fn advice(mismatch: &Mismatch<'_>) -> String {
    match mismatch {
        Mismatch::Module => "make a component of its source: `npx choreo-js build PLAN.js`".into(),
        Mismatch::Program | Mismatch::NoRun => {
            "its world exports no `run`: write `export async function run(args)`, and build it with `npx choreo-js build PLAN.js`".into()
        }
        Mismatch::Version | Mismatch::Types => {
            "it was built against another contract: take the package that `choreo-host new` writes, and build again"
                .into()
        }
        Mismatch::Import(import) if import.starts_with("wasi:http/") => {
            "plans have no `fetch`: build it without (for componentize-js, `-d http fetch-event`)".into()
        }
        Mismatch::Import(_) => general(mismatch),
    }
}
