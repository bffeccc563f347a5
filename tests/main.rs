//! The one integration-test binary.

mod chat;
mod golden;
mod loading;
mod reference;
