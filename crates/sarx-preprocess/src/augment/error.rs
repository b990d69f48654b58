//! What can be wrong with a patch, an option or a sample.

/// Why augmentation or patch sampling was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AugmentError {
    /// A patch is neither 2D nor 3D.
    #[error("a patch has {found} axes; patches have 3 (z, y, x) or 2 (y, x)")]
    PatchAxes {
        /// Number of axes given.
        found: usize,
    },
    /// A patch or image has an axis without voxels.
    #[error("axis {axis} of the {what} has no voxels; every axis needs at least one")]
    EmptyAxis {
        /// "patch" or "image".
        what: &'static str,
        /// The axis, counted from 0.
        axis: usize,
    },
    /// A patch is too large to be held.
    #[error("a patch of {patch:?} voxels is larger than this machine can address")]
    PatchTooLarge {
        /// The patch as given.
        patch: Vec<usize>,
    },
    /// There is nothing to augment.
    #[error("images have no channel; at least one is needed")]
    NoChannels,
    /// The number of channels differs from the plan's.
    #[error("the {what} has {found} channels, the augmentation plan {expected}")]
    ChannelCount {
        /// "image" or "mask option".
        what: &'static str,
        /// Channels of the plan.
        expected: usize,
        /// Channels found.
        found: usize,
    },
    /// A mirror axis that the patch does not have.
    #[error("mirror axis {axis} does not exist in a patch of {n_axes} axes, counted from 0")]
    MirrorAxis {
        /// The axis given.
        axis: usize,
        /// Axes of the patch.
        n_axes: usize,
    },
    /// A stage's strides do not fit the patch.
    #[error("stage {stage} has {found} strides, the patch has {expected} axes")]
    StrideAxes {
        /// The stage, counted from 0.
        stage: usize,
        /// Axes of the patch.
        expected: usize,
        /// Strides given.
        found: usize,
    },
    /// A stride of zero.
    #[error("stage {stage} has stride 0 along axis {axis}; strides are at least 1")]
    ZeroStride {
        /// The stage, counted from 0.
        stage: usize,
        /// The axis of the patch.
        axis: usize,
    },
    /// A deep-supervision target would have no voxels.
    #[error(
        "supervised output {output} would have no voxels along axis {axis}: \
         {patch} voxels times {scale}; the strides are too large for the patch"
    )]
    TargetTooCoarse {
        /// Which output, 0 the highest resolution.
        output: usize,
        /// Array axis of `z, y, x`.
        axis: usize,
        /// Voxels of the patch along this axis.
        patch: usize,
        /// The scale.
        scale: f64,
    },
    /// A region without labels, or no region at all.
    #[error("region {region} has no labels; every region needs at least one")]
    EmptyRegion {
        /// The region, counted from 0; 0 also if there is none.
        region: usize,
    },
    /// A probability outside of 0 to 1.
    #[error("the probability of {transform} is {value}; probabilities are from 0 to 1")]
    Probability {
        /// The transform.
        transform: &'static str,
        /// The value given.
        value: f64,
    },
    /// A name that is none of an augmentation.
    #[error("augmentation {found:?} does not exist; there are \"default\" and \"none\"")]
    UnknownAugmentation {
        /// The name given.
        found: String,
    },
    /// A cascade's sample without labels of the previous stage, or such labels without a cascade.
    #[error(
        "the sample has {} labels of a previous stage, the plan is {} cascade's",
        if *.expected { "no" } else { "the" }, if *.expected { "a" } else { "no" }
    )]
    PreviousStage {
        /// Whether the plan is a cascade's.
        expected: bool,
    },
    /// A sample of the wrong size.
    #[error("the {what} has {found:?} voxels (z, y, x), expected {expected:?}")]
    SampleShape {
        /// "image", "label map" or "box".
        what: &'static str,
        /// What the plan asks for.
        expected: [usize; 3],
        /// What was given.
        found: [usize; 3],
    },
    /// A stored foreground location lies outside of its image.
    #[error(
        "a stored location {location:?} (z, y, x) lies outside of an image of {image:?} voxels; \
         the case's properties do not belong to its image, preprocess it again"
    )]
    LocationOutside {
        /// The location.
        location: [u32; 3],
        /// The image.
        image: [usize; 3],
    },
}

/// Results of this module.
pub(super) type Result<T> = std::result::Result<T, AugmentError>;
