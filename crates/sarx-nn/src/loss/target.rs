//! What the outputs of a network mean, and label maps turned into what the losses compare with.

use burn::tensor::{Bool, Int, Tensor};

/// No label map holds it, labels being 16 bits; it fits the 32-bit integers of GPUs.
const NO_LABEL: i64 = i32::MIN as i64;

/// What the channels of the logits stand for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// One channel per label, 0 = background; they exclude each other.
    Labels {
        /// Number of labels with background.
        n_labels: usize,
    },
    /// One channel per region; a region is a set of labels and regions may overlap.
    Regions {
        /// The labels of each region.
        regions: Vec<Vec<i64>>,
    },
}

impl Target {
    /// Number of channels of the logits.
    #[must_use]
    pub fn n_heads(&self) -> usize {
        match self {
            Self::Labels { n_labels } => *n_labels,
            Self::Regions { regions } => regions.len(),
        }
    }

    /// Whether a label map belongs to each head.
    ///
    /// # Shapes
    ///
    /// - labels: `[batch, 1, voxels]`
    /// - result: `[batch, n_heads, voxels]`
    pub(crate) fn membership(&self, labels: &Tensor<3, Int>) -> Tensor<3, Bool> {
        let is = |label: i64| labels.clone().equal_elem(label);
        let masks = match self {
            Self::Labels { n_labels } => (0..*n_labels).map(|label| is(label as i64)).collect(),
            Self::Regions { regions } => {
                let union = |region: &Vec<i64>| {
                    let masks = region.iter().map(|&label| is(label));
                    masks
                        .reduce(Tensor::bool_or)
                        .unwrap_or_else(|| is(NO_LABEL))
                };
                regions.iter().map(union).collect::<Vec<_>>()
            }
        };
        Tensor::cat(masks, 1)
    }
}
