//! Why a case cannot be preprocessed or brought back.

/// What is wrong with a case, a spec or logits. The caller adds the name of the case.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PreprocessError {
    /// The case has more or fewer channels than the configuration.
    #[error("the case has {found} channels but the configuration was made for {expected}")]
    ChannelCount {
        /// Channels of the configuration.
        expected: usize,
        /// Channels of the case.
        found: usize,
    },
    /// Two channels of one case differ in size.
    #[error(
        "channel {channel} has {} voxels (z, y, x) but channel 0 has {}; all channels of a case must share one grid",
        by(.found), by(.expected)
    )]
    ChannelSize {
        /// Index of the channel.
        channel: usize,
        /// Size of channel 0, `[z, y, x]`.
        expected: [usize; 3],
        /// Size of this channel.
        found: [usize; 3],
    },
    /// Two channels of one case differ in spacing.
    #[error(
        "channel {channel} has voxels of {found:?} mm (z, y, x) but channel 0 of {expected:?} mm; all channels of a case must share one grid"
    )]
    ChannelSpacing {
        /// Index of the channel.
        channel: usize,
        /// Spacing of channel 0, mm, `[z, y, x]`.
        expected: [f64; 3],
        /// Spacing of this channel.
        found: [f64; 3],
    },
    /// The label map does not fit the image.
    #[error("the label map has {} voxels (z, y, x) but the image has {}", by(.found), by(.expected))]
    LabelSize {
        /// Size of the image, `[z, y, x]`.
        expected: [usize; 3],
        /// Size of the label map.
        found: [usize; 3],
    },
    /// A label that the case store cannot hold.
    #[error("label {found} is too large; labels up to {} can be trained", i16::MAX)]
    LabelTooLarge {
        /// The label.
        found: u16,
    },
    /// NaN or infinity in an image.
    #[error(
        "channel {channel} holds {found} at voxel {index:?} (z, y, x); every intensity must be finite"
    )]
    NotFinite {
        /// Index of the channel.
        channel: usize,
        /// Where, native `[z, y, x]`.
        index: [usize; 3],
        /// What was found.
        found: f32,
    },
    /// A channel that is normalized as RGB and is none.
    #[error(
        "channel {channel} ranges from {minimum} to {maximum} but is to be normalized as RGB, which goes from 0 to 255"
    )]
    RgbRange {
        /// Index of the channel.
        channel: usize,
        /// Smallest intensity.
        minimum: f32,
        /// Largest intensity.
        maximum: f32,
    },
    /// Normalization constants that are not numbers.
    #[error(
        "the intensity statistics of channel {channel} are not finite; make the fingerprint and the plans again"
    )]
    Statistics {
        /// Index of the channel.
        channel: usize,
    },
    /// `transpose_forward` is no permutation.
    #[error("transpose_forward is {found:?}; it must hold 0, 1 and 2 once each")]
    Transpose {
        /// What was given.
        found: [usize; 3],
    },
    /// A spacing that no grid can have.
    #[error(
        "the spacing along transposed axis {axis} is {found} mm; it must be a positive finite number"
    )]
    Spacing {
        /// Axis after `transpose_forward`.
        axis: usize,
        /// What was found, mm.
        found: f64,
    },
    /// Resampling would leave no voxel or more than can be held.
    #[error(
        "resampling {} voxels of {from_mm:?} mm to {to_mm:?} mm (transposed axes) gives a grid that is empty or has more than {limit} voxels; check the spacing in the header",
        by(.size)
    )]
    TargetSize {
        /// Size before resampling, transposed axes.
        size: [usize; 3],
        /// Spacing before, mm.
        from_mm: [f64; 3],
        /// Spacing after, mm.
        to_mm: [f64; 3],
        /// Largest number of voxels that is accepted.
        limit: usize,
    },
    /// Logits of another grid.
    #[error("the logits lie on a grid of {} voxels but the case was resampled to {}", by(.found), by(.expected))]
    LogitsSize {
        /// Size of the target grid.
        expected: [usize; 3],
        /// Spatial size of the logits.
        found: [usize; 3],
    },
    /// Logits with the wrong number of channels.
    #[error("the network gave {found} output channels but the labels need {expected}")]
    HeadCount {
        /// Channels that the labels need.
        expected: usize,
        /// Channels of the logits.
        found: usize,
    },
    /// NaN or infinity in logits.
    #[error(
        "output channel {channel} of the network holds {found} at voxel {index:?} of the target grid; the weights are broken or the input overflows"
    )]
    LogitsNotFinite {
        /// Index of the output channel.
        channel: usize,
        /// Where, target grid.
        index: [usize; 3],
        /// What was found.
        found: f32,
    },
    /// Properties that contradict themselves, from a file that was edited or damaged.
    #[error("the properties of the case contradict themselves: {what}")]
    Properties {
        /// Which rule is broken.
        what: &'static str,
    },
}

fn by(size: &[usize; 3]) -> String {
    format!("{}x{}x{}", size[0], size[1], size[2])
}
