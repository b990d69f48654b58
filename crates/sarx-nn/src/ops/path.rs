//! The choice between reference and kernels.

/// Which implementation of the heavy operations runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OpPath {
    /// Burn's own operations: the reference, and what runs on GPUs.
    Composed,
    /// The CPU kernels of `sarx-kernels`.
    #[default]
    Fused,
}
