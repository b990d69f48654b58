//! Models of nnU-Net: in, out, and everything that can be wrong with one.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bench;
mod faults;
mod oracle;
mod round_trip;
