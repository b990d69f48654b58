//! The choice between reference and kernels.

use crate::device::is_cpu;
use burn::tensor::Device;

/// Which implementation of the heavy operations runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OpPath {
    /// Burn's own operations: the reference, and what runs on GPUs.
    Composed,
    /// The CPU kernels of `sarx-kernels`; on a GPU they panic.
    #[default]
    Fused,
}

impl OpPath {
    /// What runs on a device: the kernels on the CPU, Burn's own operations on everything else.
    #[must_use]
    pub fn of(device: &Device) -> Self {
        if is_cpu(device) {
            Self::Fused
        } else {
            Self::Composed
        }
    }
}
