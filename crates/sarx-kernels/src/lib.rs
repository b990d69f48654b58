//! The operations of 3D U-Nets on CPUs: convolutions forward and backward, norm, activation, heads.
//!
//! Everything works on [`Features`]: feature maps in blocks of 16 channels. A kernel is written once
//! and compiled for every instruction set ([`Isa`]); which one runs is decided when the program
//! runs. [`mod@reference`] holds the plain meaning of every operation, and tests compare each kernel
//! with it on every instruction set of the machine.
//!
//! This is the one crate of the house where `unsafe` is allowed: for vector instructions, for
//! unchecked access in the innermost loops, and for memory that is written before it is read.

mod channel_sums;
mod features;
mod isa;
mod memory;
pub mod reference;
mod simd;
mod weights;
mod winograd;

pub use channel_sums::ChannelSums;
pub use features::{FeatureShape, Features, from_features, to_features};
pub use isa::Isa;
pub use simd::LANES;
pub use weights::ConvWeights;
pub use winograd::{WinogradWeights, choose_tile, winograd_forward, winograd_forward_into};
