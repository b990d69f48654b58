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
mod direct;
mod features;
mod isa;
mod label_loss;
mod memory;
pub mod reference;
mod simd;
mod weights;

pub use channel_sums::ChannelSums;
pub use direct::{
    DirectWeights, PlainImage, conv_backward_data, conv_forward, conv_forward_image, conv_out_size,
    up_backward_data, up_forward,
};
pub use features::{FeatureShape, Features, from_features, to_features};
pub use isa::Isa;
pub use label_loss::{LabelLoss, LabelLossSums};
pub use simd::LANES;
pub use weights::ConvWeights;
