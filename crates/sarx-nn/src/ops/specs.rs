//! What the operations need to know besides their tensors.

use sarx_kernels::{DirectWeights, Precision, WinogradWeights};
use std::sync::{Arc, OnceLock};

/// Weights in the order of the kernel that uses them.
#[derive(Debug)]
pub(crate) enum ConvPlan {
    Direct(DirectWeights),
    Winograd(WinogradWeights),
}

/// Packed weights of one layer, made when they are first used; clones share them.
///
/// Only for weights that do not change any more.
#[derive(Debug, Clone)]
pub(crate) struct PackedWeights {
    pub(super) plan: Arc<OnceLock<ConvPlan>>,
    /// In what precision products may be.
    pub(super) precision: Precision,
}

impl PackedWeights {
    pub(crate) fn new(precision: Precision) -> Self {
        Self {
            plan: Arc::default(),
            precision,
        }
    }
}

/// Convolution of one or two maps, instance norm, leaky ReLU.
#[derive(Debug, Clone)]
pub(crate) struct UnitSpec {
    /// Of the map and the skip; 0 without skip.
    pub(super) channels_in: [usize; 2],
    pub(super) channels_out: usize,
    pub(super) kernel: [usize; 3],
    pub(super) stride: [usize; 3],
    pub(super) epsilon: f64,
    pub(super) slope: f32,
    pub(super) packed: Option<PackedWeights>,
}

impl UnitSpec {
    /// The channels of each map that is there.
    pub(super) fn inputs(&self) -> Vec<usize> {
        let there = self.channels_in.iter().copied().filter(|&c| c > 0);
        there.collect()
    }
}

/// Up-convolution with kernel = stride.
#[derive(Debug, Clone)]
pub(crate) struct UpSpec {
    pub(super) channels_in: usize,
    pub(super) channels_out: usize,
    pub(super) stride: [usize; 3],
    pub(super) packed: Option<PackedWeights>,
}

/// 1x1x1 convolution to logits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HeadSpec {
    /// Of the map.
    pub(super) channels: usize,
}

/// Leaky ReLU of a sum.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SumSpec {
    pub(super) channels: usize,
    pub(super) slope: f32,
}

/// Mean over blocks of voxels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PoolSpec {
    pub(super) channels: usize,
    pub(super) stride: [usize; 3],
}

/// Soft Dice plus cross-entropy of labels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LossSpec {
    /// Voxels with this label do not count.
    pub(super) ignore: Option<i32>,
    /// Whether Dice pools its sums over the batch.
    pub(super) batch_dice: bool,
}

/// A change of layout.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MapSpec {
    pub(super) channels: usize,
}
