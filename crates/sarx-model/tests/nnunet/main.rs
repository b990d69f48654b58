//! Models of nnU-Net: in, out, and everything that can be wrong with one.

mod bench;
mod faults;
mod oracle;
mod round_trip;
