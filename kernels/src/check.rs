//! The checks that stand before every kernel.

/// Panics unless `operand` holds `expected` values.
#[track_caller]
pub(crate) fn length(operand: &str, expected: usize, found: usize) {
    assert!(expected == found, "{operand}: expected {expected} values, found {found}");
}
