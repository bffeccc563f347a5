//! A WIT package as lines that compiled components depend on: no comments, no order
//! of declarations.

use std::collections::{BTreeMap, BTreeSet};

use wit_parser::{Function, Handle, InterfaceId, PackageId, Resolve, Type, TypeDefKind, TypeId, WorldItem, WorldKey};

/// The lines of each interface and world, by name.
pub(super) type Shape = BTreeMap<String, BTreeSet<String>>;

pub(super) fn parse(wit: &str) -> (Resolve, PackageId) {
    let mut resolve = Resolve::default();
    let package = resolve.push_source("choreo.wit", wit).unwrap();
    (resolve, package)
}

pub(super) fn shape(wit: &str) -> Shape {
    let (resolve, package) = parse(wit);
    let mut shape = Shape::new();
    for (name, id) in &resolve.packages[package].interfaces {
        shape.insert(format!("interface {name}"), interface(&resolve, *id));
    }
    for (name, id) in &resolve.packages[package].worlds {
        let world = &resolve.worlds[*id];
        let line = |word: &str, (key, item): (&WorldKey, &WorldItem)| match item {
            WorldItem::Function(found) => format!("{word} {}", function(&resolve, found)),
            _ => format!("{word} {}", resolve.name_world_key(key)),
        };
        let imports = world.imports.iter().map(|import| line("import", import));
        let exports = world.exports.iter().map(|export| line("export", export));
        shape.insert(format!("world {name}"), imports.chain(exports).collect());
    }
    shape
}

fn interface(resolve: &Resolve, id: InterfaceId) -> BTreeSet<String> {
    let interface = &resolve.interfaces[id];
    let types = interface.types.iter().map(|(name, id)| definition(resolve, name, *id));
    types.chain(interface.functions.values().map(|found| function(resolve, found))).collect()
}

/// `record parent { id: message, offset: option<u32> }`
fn definition(resolve: &Resolve, name: &str, id: TypeId) -> String {
    let typed = |name: &str, ty: &Type| format!("{name}: {}", written(resolve, ty));
    let (word, parts): (&str, Vec<String>) = match &resolve.types[id].kind {
        TypeDefKind::Record(record) => {
            ("record", record.fields.iter().map(|field| typed(&field.name, &field.ty)).collect())
        }
        TypeDefKind::Variant(variant) => {
            let case = |case: &wit_parser::Case| match &case.ty {
                Some(ty) => format!("{}({})", case.name, written(resolve, ty)),
                None => case.name.clone(),
            };
            ("variant", variant.cases.iter().map(case).collect())
        }
        TypeDefKind::Enum(cases) => ("enum", cases.cases.iter().map(|case| case.name.clone()).collect()),
        TypeDefKind::Resource => ("resource", Vec::new()),
        kind => return format!("type {name} = {}", anonymous(resolve, kind)),
    };
    format!("{word} {name} {{ {} }}", parts.join(", "))
}

fn function(resolve: &Resolve, function: &Function) -> String {
    let parameters = function.params.iter().map(|one| format!("{}: {}", one.name, written(resolve, &one.ty)));
    let parameters = parameters.collect::<Vec<_>>().join(", ");
    let result = function.result.as_ref().map(|ty| format!(" -> {}", written(resolve, ty))).unwrap_or_default();
    let asynchronous = if function.kind.is_async() { "async " } else { "" };
    format!("{asynchronous}func {}({parameters}){result}", function.name)
}

/// A type as it is named.
fn written(resolve: &Resolve, ty: &Type) -> String {
    let Type::Id(id) = ty else { return format!("{ty:?}").to_lowercase() };
    let found = &resolve.types[*id];
    found.name.clone().unwrap_or_else(|| anonymous(resolve, &found.kind))
}

fn anonymous(resolve: &Resolve, kind: &TypeDefKind) -> String {
    let named = |id: &TypeId| resolve.types[*id].name.clone().unwrap_or_default();
    match kind {
        TypeDefKind::Type(ty) => written(resolve, ty),
        TypeDefKind::List(ty) => format!("list<{}>", written(resolve, ty)),
        TypeDefKind::Option(ty) => format!("option<{}>", written(resolve, ty)),
        TypeDefKind::Result(result) => {
            let side = |ty: &Option<Type>| ty.as_ref().map_or_else(|| "_".into(), |ty| written(resolve, ty));
            format!("result<{}, {}>", side(&result.ok), side(&result.err))
        }
        TypeDefKind::Handle(Handle::Own(id)) => named(id),
        TypeDefKind::Handle(Handle::Borrow(id)) => format!("borrow<{}>", named(id)),
        // Kinds that the contract has none of.
        other => format!("{other:?}"),
    }
}
