//! Why plans cannot be made.

use crate::plans::PlansError;

/// No image has more voxels along an axis; a fingerprint that says so is broken.
pub(super) const MAX_EDGE: usize = 1 << 20;

/// Plans that cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// There is no case.
    #[error("the fingerprint holds no case")]
    NoCases,
    /// A case that cannot be.
    #[error(
        "case number {case_index} of the fingerprint has spacing {spacing_mm:?} mm and size {size:?}; spacing must be positive and edges from 1 to {MAX_EDGE} voxels"
    )]
    BadCase {
        /// Index into the fingerprint.
        case_index: usize,
        /// Its spacing.
        spacing_mm: [f64; 3],
        /// Its size.
        size: [usize; 3],
    },
    /// The fingerprint was taken from other images.
    #[error(
        "the fingerprint has {found} channels and dataset.json {expected}; measure the fingerprint again"
    )]
    ChannelCount {
        /// Channels in dataset.json.
        expected: usize,
        /// Channels in the fingerprint.
        found: usize,
    },
    /// The given target spacing is no spacing.
    #[error("target spacing {found:?} mm must be positive and finite")]
    TargetSpacing {
        /// What was given.
        found: [f64; 3],
    },
    /// Memory or features are not positive.
    #[error("preset {preset:?}: {what} must be positive")]
    BadPreset {
        /// The preset.
        preset: &'static str,
        /// What is not.
        what: &'static str,
    },
    /// The name of the plans cannot be that of a file.
    #[error(
        "{found:?} cannot be the name of plans; it must have letters, digits, \"_\", \"-\" or \".\" only, and not begin with \".\""
    )]
    PlansName {
        /// What was given.
        found: String,
    },
    /// Even the smallest patch is too large.
    #[error(
        "no patch fits {memory_gb} GB: {smallest:?} voxels still need {estimate:.0} feature map voxels of {limit:.0}; plan for more memory"
    )]
    NoPatchFits {
        /// The last patch that was tried.
        smallest: Vec<usize>,
        /// Its size at work.
        estimate: f64,
        /// What fits.
        limit: f64,
        /// Memory planned for.
        memory_gb: f64,
    },
    /// The median case has no voxels at the target spacing.
    #[error(
        "the median case has {median_size:?} voxels at the target spacing; it is too coarse for these images"
    )]
    EmptyPatch {
        /// Median size, voxels.
        median_size: Vec<f64>,
    },
    /// The plans could not be put into their form.
    #[error(transparent)]
    Plans(#[from] PlansError),
}
