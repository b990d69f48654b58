//! What is removed from a segmentation.

use ndarray::{Zip, s};
use sarx_core::{BoundingBox, LabelMap};
use sarx_metrics::{Connectivity, LabelOrRegion, components};

/// Keeps the largest component of a union of labels and regions; the rest of the union becomes
/// background.
///
/// Voxels that share a face, an edge or a corner belong together; size is counted in voxels; of
/// several components that are equally large all are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeepLargest {
    /// The labels and regions whose union is cleaned.
    pub of: Vec<LabelOrRegion>,
}

/// Rules in the order in which they are applied; none leaves a segmentation as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PostprocessingRules {
    /// The rules.
    pub steps: Vec<KeepLargest>,
}

impl KeepLargest {
    /// Cleans one label map and returns how many voxels were removed.
    ///
    /// # Source
    ///
    /// nnU-Net v2, `remove_all_but_largest_component_from_segmentation`.
    pub fn apply(&self, labels: &mut LabelMap) -> usize {
        let inside = |label| label != 0 && self.of.iter().any(|what| what.contains(label));
        let mask = labels.voxels().map(|&label| inside(label));
        let Some(BoundingBox { lower: l, upper: u }) = BoundingBox::around(mask.view()) else {
            return 0;
        };
        // Components do not reach out of the box, so it is enough to look inside.
        let place = s![l[0]..u[0], l[1]..u[1], l[2]..u[2]];
        let mask = mask.slice(place);
        let kept = components(mask, Connectivity::Corners).mask_of_largest();
        let mut n_removed = 0;
        Zip::from(labels.voxels_mut().slice_mut(place))
            .and(mask)
            .and(&kept)
            .for_each(|label, &inside, &kept| {
                if inside && !kept {
                    *label = 0;
                    n_removed += 1;
                }
            });
        n_removed
    }
}

impl PostprocessingRules {
    /// Applies all rules and returns how many voxels were removed.
    pub fn apply(&self, labels: &mut LabelMap) -> usize {
        self.steps.iter().map(|step| step.apply(labels)).sum()
    }
}
