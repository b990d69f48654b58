//! Pickles, in and out.
//!
//! Reading has three parts: [`input`] takes the bytes apart, [`machine`] is the stack machine
//! whose objects live in one list and refer to each other by number (a pickle may refer to an
//! object while it still grows), and [`tree`] unfolds that list into a value.

mod calls;
mod input;
mod known;
mod machine;
mod node;
mod tree;
mod write;

pub(crate) use machine::read_in_archive;
pub use machine::read_pickle;
pub(crate) use write::write_in_archive;
pub use write::write_pickle;

/// Most levels of lists, tuples and dictionaries in each other.
pub const MAX_DEPTH: usize = 100;

#[cfg(test)]
mod tests;
