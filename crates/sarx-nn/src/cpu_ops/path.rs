//! The choice between reference and fused kernels.

/// Which implementation of the heavy operations runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OpPath {
    /// Burn's own operations: the reference.
    Composed,
    /// The fused CPU kernels of this crate.
    #[default]
    Fused,
}
