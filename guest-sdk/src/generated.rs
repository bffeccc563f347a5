//! The contract as wit-bindgen renders it. Nothing here is written by hand, and
//! nothing outside this crate names it except the expansion of [`plan!`](crate::plan).

#![allow(missing_docs, unreachable_pub, reason = "generated")]

wit_bindgen::generate!({
    path: "../wit",
    world: "plan",
    additional_derives: [PartialEq],
    pub_export_macro: true,
    export_macro_name: "export_plan",
    default_bindings_module: "choreo_guest::generated",
});
