//! What flows through the network: an array on the reference path, blocks of 16 channels under the
//! CPU kernels.

use crate::ops;
use burn::tensor::Tensor;

/// The output of a layer.
#[derive(Debug, Clone)]
pub enum FeatureMap {
    /// `[batch, channel, z, y, x]`: images, and everything on the reference path.
    Plain(Tensor<5>),
    /// Under the CPU kernels.
    Blocked(BlockedMap),
}

/// A map in blocks of 16 channels, as [`sarx_kernels::FeatureShape`] describes it.
#[derive(Debug, Clone)]
pub struct BlockedMap {
    /// `[batch, block, z, y, x + 2, 16]`
    pub(crate) tensor: Tensor<6>,
    /// Channels, without those that fill the last block.
    pub(crate) channels: usize,
}

impl FeatureMap {
    /// Number of channels.
    #[must_use]
    pub fn channels(&self) -> usize {
        match self {
            Self::Plain(tensor) => tensor.dims()[1],
            Self::Blocked(map) => map.channels,
        }
    }

    /// As an array `[batch, channel, z, y, x]`.
    #[must_use]
    pub fn into_plain(self) -> Tensor<5> {
        match self {
            Self::Plain(tensor) => tensor,
            Self::Blocked(map) => ops::plain_from_blocked(map),
        }
    }

    /// In blocks of channels.
    pub(crate) fn into_blocked(self) -> BlockedMap {
        match self {
            Self::Plain(tensor) => ops::blocked_from_plain(tensor),
            Self::Blocked(map) => map,
        }
    }
}
