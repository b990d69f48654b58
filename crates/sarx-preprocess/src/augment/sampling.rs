//! Where a patch is cut: at random, or around a voxel of a chosen class.
//!
//! Tumours are small, so a third of every batch is *forced*: its patch is centred on a stored
//! voxel of one of the classes. All others are anywhere on the image, with a border that lets
//! the final patch touch the image's edge.
//!
//! Source: nnU-Net v2, `training/dataloading/data_loader.py`, `nnUNetDataLoader.get_bbox` and
//! `_oversample_last_XX_percent`.

use super::error::{AugmentError, Result};
use super::random::{below, between};
use crate::ClassLocations;
use rand::Rng;

/// nnU-Net's share of forced samples (`nnUNetTrainer.oversample_foreground_percent`).
pub const FORCED_FOREGROUND_FRACTION: f64 = 0.33;

/// A box of voxels that may lie partly outside of its image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PatchBox {
    /// First voxel inside, `[z, y, x]`; negative before the image.
    pub lower: [isize; 3],
    /// Voxels per axis, `[z, y, x]`.
    pub size: [usize; 3],
}

impl PatchBox {
    /// The box of `size` voxels in the middle of this one, as nnU-Net cuts the final patch out
    /// of the initial one: from `self.size / 2 - size / 2`.
    #[must_use]
    pub fn centre(&self, size: [usize; 3]) -> Self {
        let lower = std::array::from_fn(|axis| {
            self.lower[axis] + (self.size[axis] / 2) as isize - (size[axis] / 2) as isize
        });
        Self { lower, size }
    }
}

/// Stored voxels of one case on which a patch may be centred, each `[z, y, x]`.
#[derive(Debug, Clone, Default)]
pub struct Locations<'a> {
    /// Per class or region in the order of the case's properties; empty where the case has none.
    pub classes: Vec<&'a [[u32; 3]]>,
    /// Voxels with any label but "ignore"; `Some` exactly if the dataset has an ignore label.
    pub annotated: Option<&'a [[u32; 3]]>,
}

impl<'a> From<&'a ClassLocations> for Locations<'a> {
    fn from(stored: &'a ClassLocations) -> Self {
        Self {
            classes: stored
                .foreground
                .iter()
                .map(|key| key.voxels.as_slice())
                .collect(),
            annotated: stored.annotated.as_ref().map(|key| key.voxels.as_slice()),
        }
    }
}

/// A uniform choice out of `n_cases` cases, with replacement between calls; `None` if there are
/// none.
pub fn choose_case(n_cases: usize, rng: &mut impl Rng) -> Option<usize> {
    (n_cases > 0).then(|| below(rng, n_cases))
}

/// Whether sample `sample` of a batch is forced to show foreground.
///
/// The last samples are: those from `round(batch_size * (1 - fraction))` on, rounded half to
/// even as Python does. With [`FORCED_FOREGROUND_FRACTION`] the second of two, the fourth of
/// four, the last four of twelve. With a batch of one none is.
#[must_use]
pub fn is_forced(sample: usize, batch_size: usize, fraction: f64) -> bool {
    sample as f64 >= (batch_size as f64 * (1.0 - fraction)).round_ties_even()
}

/// Draws the box that is read for one sample.
///
/// # Shapes and units
///
/// - `image`, `initial`, `patch`: voxels, `[z, y, x]`; a 2D patch has one voxel along z.
///   `initial` is read (for validation the patch itself), `patch` is what the network sees.
/// - `locations`: of this case.
///
/// Not forced: uniform between the smallest and largest lower corner, both included. Forced: one
/// class that has voxels, uniformly; one of its voxels, uniformly; the box is centred there but
/// does not start before the smallest lower corner. It may end behind the largest, as nnU-Net's
/// does. A forced sample of a case without any foreground is drawn like one that is not forced.
/// With an ignore label a sample that is not forced is centred on any annotated voxel.
///
/// # Errors
///
/// [`AugmentError::EmptyAxis`] for an empty image, [`AugmentError::LocationOutside`] if the
/// chosen location does not lie in the image.
pub fn sample_box(
    image: [usize; 3],
    [initial, patch]: [[usize; 3]; 2],
    locations: &Locations<'_>,
    forced: bool,
    rng: &mut impl Rng,
) -> Result<PatchBox> {
    if let Some(axis) = image.iter().position(|&n| n == 0) {
        return Err(AugmentError::EmptyAxis {
            what: "image",
            axis,
        });
    }
    let bounds: [(isize, isize); 3] =
        std::array::from_fn(|axis| corner_bounds(image[axis], initial[axis], patch[axis]));
    let lower = match choose_voxel(locations, forced, rng) {
        None => bounds.map(|(lowest, highest)| between(rng, lowest, highest)),
        Some(location) => {
            if (0..3).any(|axis| location[axis] as usize >= image[axis]) {
                return Err(AugmentError::LocationOutside { location, image });
            }
            std::array::from_fn(|axis| {
                let centred = location[axis] as isize - (initial[axis] / 2) as isize;
                centred.max(bounds[axis].0)
            })
        }
    };
    Ok(PatchBox {
        lower,
        size: initial,
    })
}

/// Smallest and largest lower corner along one axis, both allowed.
fn corner_bounds(image: usize, initial: usize, patch: usize) -> (isize, isize) {
    let (image, initial, patch) = (image as isize, initial as isize, patch as isize);
    let need = (initial - patch).max(initial - image).max(0);
    let before = need.div_euclid(2) + need.rem_euclid(2);
    (-before, image + before - initial)
}

/// The voxel to centre on, or `None` for a patch anywhere.
fn choose_voxel(locations: &Locations<'_>, forced: bool, rng: &mut impl Rng) -> Option<[u32; 3]> {
    let annotated = locations.annotated.filter(|voxels| !voxels.is_empty());
    let chosen = if forced {
        let present: Vec<&[[u32; 3]]> = locations
            .classes
            .iter()
            .copied()
            .filter(|voxels| !voxels.is_empty())
            .collect();
        if present.is_empty() {
            annotated?
        } else {
            present[below(rng, present.len())]
        }
    } else {
        annotated?
    };
    Some(chosen[below(rng, chosen.len())])
}

#[cfg(test)]
mod tests;
