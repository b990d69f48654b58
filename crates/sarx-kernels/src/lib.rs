//! The operations of 3D U-Nets on CPUs: convolutions forward and backward, norm, activation, heads.
//!
//! Everything works on [`Features`]: feature maps in blocks of 16 channels. A kernel is written once
//! and compiled for every instruction set ([`Isa`]); which one runs is decided when the program
//! runs. [`mod@reference`] holds the plain meaning of every operation, and tests compare each kernel
//! with it on every instruction set of the machine.
//!
//! This is the one crate of the house where `unsafe` is allowed: for vector instructions, for
//! unchecked access in the innermost loops, and for memory that is written before it is read.

mod allocator;
mod channel_sums;
mod direct;
mod elementwise;
mod features;
mod head;
mod head_backward;
mod isa;
mod label_loss;
mod layout;
mod memory;
mod norm;
mod norm_backward;
mod packed;
mod pool;
pub mod reference;
pub mod reference_layers;
#[cfg(test)]
mod samples;
mod simd;
mod slabs;
mod totals;
mod turn;
mod weight_gradient;
mod weights;
mod winograd;
mod written;

pub use allocator::{AllocatorStatistics, PooledAllocator};
pub use channel_sums::ChannelSums;
pub use direct::{
    DirectWeights, PlainImage, conv_backward_data, conv_forward, conv_forward_image, conv_out_size,
    up_backward_data, up_forward,
};
pub use elementwise::{add_act, add_act_backward};
pub use features::{FeatureShape, Features, from_features, to_features};
pub use head::{head, head_after_norm};
pub use head_backward::head_backward;
pub use isa::Isa;
pub use label_loss::{LabelLoss, LabelLossSums};
pub use layout::{from_features_with, to_features_with};
pub use norm::{NormAct, channel_sums_of, norm_act, norm_act_in_place};
pub use norm_backward::norm_act_backward;
pub use pool::{average_pool, average_pool_backward};
pub use simd::LANES;
pub use totals::sum_per_channel;
pub use weight_gradient::{conv_backward_weight, up_backward_weight};
pub use weights::ConvWeights;
pub use winograd::{
    Precision, WinogradWeights, choose_tile, choose_tile_in, winograd_forward,
    winograd_forward_into,
};
