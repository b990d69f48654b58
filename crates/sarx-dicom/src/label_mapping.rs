//! Masks of several structures as one label map.

use sarx_core::{Grid, Label, LabelMap, Volume};

/// A mask on a grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Mask {
    /// Which voxels belong to it, `[z, y, x]`.
    pub voxels: Volume<bool>,
    /// Marked voxels of the source that lie outside the grid.
    pub n_outside: usize,
}

/// A label map made from masks.
#[derive(Debug, Clone, PartialEq)]
pub struct MappedLabels {
    /// The labels.
    pub labels: LabelMap,
    /// Marked voxels of the source that lie outside the grid.
    pub n_outside: usize,
    /// Voxels that several masks claim; the first of them has each.
    pub n_overlap: usize,
}

/// Puts masks together; where several claim a voxel, the first has it and the voxel is counted.
pub(crate) fn map_labels<E>(
    grid: &Grid,
    masks: impl Iterator<Item = (Label, Result<Mask, E>)>,
) -> Result<MappedLabels, E> {
    let mut mapped = MappedLabels {
        labels: LabelMap::filled(*grid, 0),
        n_outside: 0,
        n_overlap: 0,
    };
    let mut claimed = Volume::filled(*grid, 0u8);
    for (label, mask) in masks {
        let mask = mask?;
        mapped.n_outside += mask.n_outside;
        let mut labels = mapped.labels.voxels_mut();
        let mut claims = claimed.voxels_mut();
        ndarray::Zip::from(&mut labels)
            .and(&mut claims)
            .and(mask.voxels.voxels())
            .for_each(|to, claim, &marked| {
                if marked {
                    if *claim == 0 {
                        *to = label;
                    }
                    *claim = claim.saturating_add(1);
                }
            });
    }
    mapped.n_overlap = claimed.voxels().iter().filter(|&&n| n > 1).count();
    Ok(mapped)
}
