//! The contract: what was released stays, everything is documented, and a component
//! of its first day runs for ever. `wit/README.md` has the rule.

mod shape;

use std::fs;
use std::path::PathBuf;

use wit_parser::{Docs, Function, TypeDefKind, WorldItem};

use self::shape::{parse, shape};
use crate::support::{Host, root, scratch};

const CONTRACT: &str = include_str!("../wit/choreo.wit");
/// As released. Never changed; what is added later gets a file of its own.
const RELEASED: &str = include_str!("golden/contract-0.1.wit");
/// What the component of 0.1.0 says, for ever.
const SAID: &str = "\
model yes
prefill 1 2 3 4 5 6
text Say one word. And which now? and
describe user whole yes yes 90 1 0 2 40 prefilled user close yes prefilled
decode 7 yes end yes
decode 8 So: no end yes
decode 9 true end yes
decode 10 one token length yes
pending 0 yes 11 yes 12
score yes yes
budgets yes
release unknown-message 2 call 1
refused invalid-argument call 1
";

/// What of the released shape is not there any more, or not the same. An interface
/// stays as it is; a world imports more as the package grows.
fn broken(wit: &str) -> Vec<String> {
    let (released, now) = (shape(RELEASED), shape(wit));
    let mut broken = Vec::new();
    for (name, lines) in released {
        let found = now.get(&name).cloned().unwrap_or_default();
        let grows = |line: &&String| name.starts_with("world ") && line.starts_with("import ");
        let gone: Vec<_> = lines.difference(&found).collect();
        let new: Vec<_> = found.difference(&lines).filter(|line| !grows(line)).collect();
        if !gone.is_empty() || !new.is_empty() {
            broken.push(format!("{name}: {gone:?} became {new:?}"));
        }
    }
    broken
}

#[test]
fn what_was_released_is_as_it_was() {
    let broken = broken(CONTRACT);
    assert!(broken.is_empty(), "growth is a new interface beside, see wit/README.md: {broken:#?}");
}

#[test]
fn a_change_is_noticed_and_growth_is_none() {
    for (from, to) in [
        ("    offset: option<u32>,\n", "    offset: option<u64>,\n"),
        ("    labels: list<string>,\n", "    labels: list<string>,\n    more: u32,\n"),
        ("    system,\n    user,\n", "    user,\n    system,\n"),
        ("    cancelled,\n    engine(string),", "    engine(string),"),
        ("release: func(ids: list<message>)", "release: func(messages: list<message>)"),
        ("model: func() -> model-info", "model: func() -> option<model-info>"),
        ("    cancel: func() -> result<decoded, error>;\n", ""),
        ("  import log;\n", ""),
        ("  export run: func(args: list<string>)", "  export run: func(arguments: list<string>)"),
        ("  export run", "  export stop: func();\n  export run"),
    ] {
        let changed = RELEASED.replacen(from, to, 1);
        assert_ne!(changed, RELEASED, "{from:?} is not there");
        assert_eq!(broken(&changed).len(), 1, "{from:?} became {to:?}");
    }
    let world = "world plan {\n";
    let more =
        "interface more {\n  use choreo.{message};\n  again: func(id: message);\n}\nworld plan {\n  import more;\n";
    assert_eq!(broken(&RELEASED.replacen(world, more, 1)), Vec::<String>::new());
}

#[test]
fn everything_is_documented() {
    let (resolve, package) = parse(CONTRACT);
    let mut bare = Vec::new();
    let mut look = |what: String, docs: &Docs| {
        if docs.contents.as_ref().is_none_or(|docs| docs.trim().is_empty()) {
            bare.push(what);
        }
    };
    let package = &resolve.packages[package];
    look(package.name.to_string(), &package.docs);
    for (name, id) in &package.interfaces {
        let interface = &resolve.interfaces[*id];
        look(format!("interface {name}"), &interface.docs);
        for (name, id) in &interface.types {
            let found = &resolve.types[*id];
            look(name.clone(), &found.docs);
            let parts: Vec<(&String, &Docs)> = match &found.kind {
                TypeDefKind::Record(record) => record.fields.iter().map(|field| (&field.name, &field.docs)).collect(),
                TypeDefKind::Variant(variant) => variant.cases.iter().map(|case| (&case.name, &case.docs)).collect(),
                TypeDefKind::Enum(cases) => cases.cases.iter().map(|case| (&case.name, &case.docs)).collect(),
                _ => Vec::new(),
            };
            parts.into_iter().for_each(|(part, docs)| look(format!("{name}.{part}"), docs));
        }
        interface.functions.values().for_each(|function: &Function| look(function.name.clone(), &function.docs));
    }
    for (name, id) in &package.worlds {
        let world = &resolve.worlds[*id];
        look(format!("world {name}"), &world.docs);
        for item in world.exports.values() {
            let WorldItem::Function(function) = item else { continue };
            look(function.name.clone(), &function.docs);
        }
    }
    assert!(bare.is_empty(), "without a doc comment: {bare:?}");
}

/// What `wkg wit build` reads beside the types.
#[test]
fn the_package_can_be_published() {
    let (resolve, package) = parse(CONTRACT);
    let version = resolve.packages[package].name.version.clone().expect("a package that is published has a version");
    assert!(RELEASED.contains(&format!("package choreo:host@{}.{}.", version.major, version.minor)));
    let beside = fs::read_to_string(root().join("wit/wkg.toml")).unwrap();
    let lines = beside.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let keys: Vec<&str> = lines.map(|line| line.split(" = ").next().unwrap()).collect();
    assert_eq!(keys, ["[metadata]", "description", "authors", "licenses"], "wkg refuses keys that it does not know");
}

fn kept() -> PathBuf {
    root().join("tests/golden/plan-0.1.0.wasm")
}

#[test]
fn a_component_of_the_first_day_runs() {
    let ended = Host::new("run --seed 5").with(kept().display()).gives(SAID);
    assert!(ended.stderr.contains("kept"), "its log is shown: {ended:?}");
    // The two baselines place messages as they like.
    let unplaced = |said: &str| said.lines().filter(|line| !line.starts_with("describe ")).map(str::to_owned).collect();
    for mode in ["prefix", "naive"] {
        let ended = Host::new(&format!("run --seed 5 --mode {mode}")).with(kept().display()).end();
        let [found, expected]: [Vec<String>; 2] = [&*ended.stdout, SAID].map(unplaced);
        assert_eq!(found, expected, "{mode}: {ended:?}");
    }
    Host::new("run").with(kept().display()).and("fail as asked").fails(1, &["fail as asked"]);
}

/// The same component, as if it had been built against another version.
#[test]
fn versions_are_accepted_as_the_rule_says() {
    let bytes = fs::read(kept()).unwrap();
    let built_against = |version: &str| {
        let mut bytes = bytes.clone();
        let mut places = 0;
        for at in 0..bytes.len() - 6 {
            if &bytes[at..at + 6] == b"@0.1.0" {
                bytes[at + 1..at + 6].copy_from_slice(version.as_bytes());
                places += 1;
            }
        }
        assert!(places >= 2, "both interfaces are named");
        let path = scratch().join(format!("plan-{version}.wasm"));
        fs::write(&path, bytes).unwrap();
        path
    };
    Host::new("run --seed 5").with(built_against("0.1.7").display()).gives(SAID);
    for version in ["0.2.0", "1.0.0", "0.0.9"] {
        let ended = Host::new("check")
            .with(built_against(version).display())
            .fails(1, &["another contract", "serves choreo:host@"]);
        assert!(ended.stderr.contains(&format!("it imports choreo:host/choreo@{version}")), "{ended:?}");
    }
}
