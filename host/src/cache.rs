//! Which message stands where: integers only.
pub mod plan;
