//! The one integration-test binary.

mod golden;
mod reference;
