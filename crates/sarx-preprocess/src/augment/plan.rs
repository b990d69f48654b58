//! Everything about augmentation that is fixed for a configuration.

use super::error::{AugmentError, Result};
use super::initial_patch::{RotationSetting, initial_patch_size};
use super::options::{Augmentation, AugmentationOptions, Probabilities, TargetKind};
use super::targets::{check_scales, deep_supervision_scales};

/// How samples of one configuration are augmented; checked once.
#[derive(Debug, Clone, PartialEq)]
pub struct AugmentationPlan {
    patch: [usize; 3],
    initial_patch: [usize; 3],
    rotation: RotationSetting,
    in_plane: bool,
    n_channels: usize,
    mirror_axes: Vec<usize>,
    masked_channels: Vec<usize>,
    targets: TargetKind,
    scales: Vec<[f64; 3]>,
    probabilities: Probabilities,
    previous_labels: Vec<i16>,
}

impl AugmentationPlan {
    /// Derives the plan of a patch `[z, y, x]` or `[y, x]`; a 2D patch becomes `[1, y, x]`.
    ///
    /// # Errors
    ///
    /// [`AugmentError`] if the patch is not 2D or 3D or empty, there is no channel, an option
    /// does not fit the patch or the channels, or a supervised output would have no voxels.
    pub fn for_patch(
        patch: &[usize],
        n_channels: usize,
        options: AugmentationOptions,
    ) -> Result<Self> {
        let rotation = RotationSetting::for_patch(patch)?;
        if n_channels == 0 {
            return Err(AugmentError::NoChannels);
        }
        options.probabilities.check()?;
        check_regions(&options.targets)?;
        check_strides(&options.strides, patch.len())?;
        let size = with_depth(patch);
        let scales = deep_supervision_scales(&options.strides);
        check_scales(size, &scales)?;
        let mirror_axes = array_axes(options.mirror_axes, patch.len())?;
        let initial_patch = with_depth(&initial_patch_size(patch, rotation)?);
        let (initial_patch, mirror_axes, probabilities) = match options.augmentation {
            Augmentation::Default => (initial_patch, mirror_axes, options.probabilities),
            Augmentation::None => (size, Vec::new(), Probabilities::NEVER),
        };
        Ok(Self {
            patch: size,
            initial_patch,
            rotation,
            in_plane: rotation.dummy_2d || patch.len() == 2,
            n_channels,
            mirror_axes,
            masked_channels: masked_channels(&options.use_mask_for_norm, n_channels)?,
            targets: options.targets,
            scales,
            probabilities,
            previous_labels: options.previous_labels,
        })
    }

    /// Voxels that the network sees, `[z, y, x]`.
    #[must_use]
    pub fn patch(&self) -> [usize; 3] {
        self.patch
    }

    /// Voxels that are read for a training sample, `[z, y, x]`.
    #[must_use]
    pub fn initial_patch(&self) -> [usize; 3] {
        self.initial_patch
    }

    /// Largest angle, and whether 3D patches are turned slice by slice.
    #[must_use]
    pub fn rotation(&self) -> RotationSetting {
        self.rotation
    }

    /// Whether rotation and scaling act on y and x only: 2D patches and `dummy_2d`.
    #[must_use]
    pub fn in_plane(&self) -> bool {
        self.in_plane
    }

    /// Image channels of a sample, without those of a previous stage.
    #[must_use]
    pub fn n_channels(&self) -> usize {
        self.n_channels
    }

    /// Array axes of `z, y, x` that may be mirrored, also at inference.
    #[must_use]
    pub fn mirror_axes(&self) -> &[usize] {
        &self.mirror_axes
    }

    /// Channels that are set to 0 where the label is negative.
    #[must_use]
    pub fn masked_channels(&self) -> &[usize] {
        &self.masked_channels
    }

    /// Labels or regions.
    #[must_use]
    pub fn targets(&self) -> &TargetKind {
        &self.targets
    }

    /// Scales of the supervised outputs per axis of `z, y, x`, highest resolution first.
    #[must_use]
    pub fn deep_supervision_scales(&self) -> &[[f64; 3]] {
        &self.scales
    }

    /// Foreground labels of a cascade's previous stage, one channel each behind the image's; empty
    /// without a cascade.
    #[must_use]
    pub fn previous_labels(&self) -> &[i16] {
        &self.previous_labels
    }

    /// How often transforms fire.
    #[must_use]
    pub fn probabilities(&self) -> &Probabilities {
        &self.probabilities
    }
}

/// Three axes of two or three.
fn with_depth(patch: &[usize]) -> [usize; 3] {
    let mut size = [1; 3];
    size[3 - patch.len()..].copy_from_slice(patch);
    size
}

fn check_regions(targets: &TargetKind) -> Result<()> {
    let TargetKind::Regions { regions, .. } = targets else {
        return Ok(());
    };
    let empty = regions.iter().position(Vec::is_empty);
    match empty.or(regions.is_empty().then_some(0)) {
        Some(region) => Err(AugmentError::EmptyRegion { region }),
        None => Ok(()),
    }
}

fn check_strides(strides: &[Vec<usize>], expected: usize) -> Result<()> {
    for (stage, stride) in strides.iter().enumerate() {
        if stride.len() != expected {
            return Err(AugmentError::StrideAxes {
                stage,
                expected,
                found: stride.len(),
            });
        }
        if let Some(axis) = stride.iter().position(|&s| s == 0) {
            return Err(AugmentError::ZeroStride { stage, axis });
        }
    }
    Ok(())
}

/// Patch axes as sorted axes of `z, y, x`, each once.
fn array_axes(axes: Option<Vec<usize>>, n_axes: usize) -> Result<Vec<usize>> {
    let mut axes = axes.unwrap_or_else(|| (0..n_axes).collect());
    if let Some(&axis) = axes.iter().find(|&&axis| axis >= n_axes) {
        return Err(AugmentError::MirrorAxis { axis, n_axes });
    }
    axes.sort_unstable();
    axes.dedup();
    Ok(axes.into_iter().map(|axis| axis + 3 - n_axes).collect())
}

fn masked_channels(mask: &[bool], n_channels: usize) -> Result<Vec<usize>> {
    if !mask.is_empty() && mask.len() != n_channels {
        let (expected, found) = (n_channels, mask.len());
        return Err(AugmentError::ChannelCount {
            what: "mask option",
            expected,
            found,
        });
    }
    Ok((0..mask.len()).filter(|&channel| mask[channel]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(patch: &[usize], options: AugmentationOptions) -> AugmentError {
        AugmentationPlan::for_patch(patch, 2, options).unwrap_err()
    }

    #[test]
    fn a_flat_patch_gets_one_slice_and_axes_of_the_array() {
        let options = AugmentationOptions {
            strides: vec![vec![1, 1], vec![2, 2], vec![2, 2]],
            ..Default::default()
        };
        let plan = AugmentationPlan::for_patch(&[512, 320], 1, options).unwrap();
        assert_eq!(plan.patch(), [1, 512, 320]);
        assert_eq!(plan.initial_patch(), [1, 679, 376]);
        assert_eq!(plan.mirror_axes(), [1, 2]);
        assert!(plan.in_plane() && !plan.rotation().dummy_2d);
        assert_eq!(plan.deep_supervision_scales(), [[1.0; 3], [1.0, 0.5, 0.5]]);
    }

    #[test]
    fn an_anisotropic_patch_is_turned_in_plane_but_mirrored_everywhere() {
        let options = AugmentationOptions {
            use_mask_for_norm: vec![false, true],
            ..Default::default()
        };
        let plan = AugmentationPlan::for_patch(&[16, 320, 320], 2, options).unwrap();
        assert!(plan.in_plane() && plan.rotation().dummy_2d);
        assert_eq!(plan.initial_patch(), [16, 376, 376]);
        assert_eq!(plan.mirror_axes(), [0, 1, 2]);
        assert_eq!(plan.masked_channels(), [1]);
    }

    #[test]
    fn without_augmentation_the_patch_is_read_as_it_is() {
        let options = AugmentationOptions {
            augmentation: Augmentation::None,
            ..Default::default()
        };
        let plan = AugmentationPlan::for_patch(&[16, 320, 320], 1, options).unwrap();
        assert_eq!(plan.initial_patch(), plan.patch());
        assert!(plan.mirror_axes().is_empty());
        assert_eq!(*plan.probabilities(), Probabilities::NEVER);
        assert_eq!("none".parse(), Ok(Augmentation::None));
        assert_eq!(
            Augmentation::default().to_string().parse(),
            Ok(Augmentation::Default)
        );
        let error = "strong".parse::<Augmentation>().unwrap_err().to_string();
        assert!(
            error.contains("strong") && error.contains("none"),
            "{error}"
        );
    }

    #[test]
    fn options_that_do_not_fit_are_refused() {
        let base = AugmentationOptions::default;
        let patch = [32, 32, 32];
        let error = refused(
            &patch,
            AugmentationOptions {
                mirror_axes: Some(vec![3]),
                ..base()
            },
        );
        assert_eq!(error, AugmentError::MirrorAxis { axis: 3, n_axes: 3 });
        let error = refused(
            &patch,
            AugmentationOptions {
                use_mask_for_norm: vec![true],
                ..base()
            },
        );
        assert!(matches!(
            error,
            AugmentError::ChannelCount {
                expected: 2,
                found: 1,
                ..
            }
        ));
        let error = refused(
            &patch,
            AugmentationOptions {
                strides: vec![vec![1, 1]],
                ..base()
            },
        );
        assert_eq!(
            error,
            AugmentError::StrideAxes {
                stage: 0,
                expected: 3,
                found: 2
            }
        );
        let strides = vec![vec![1, 1, 1], vec![2, 0, 2]];
        let error = refused(&patch, AugmentationOptions { strides, ..base() });
        assert_eq!(error, AugmentError::ZeroStride { stage: 1, axis: 1 });
        let strides = vec![vec![1; 3], vec![100; 3], vec![2; 3]];
        let error = refused(&patch, AugmentationOptions { strides, ..base() });
        assert!(matches!(
            error,
            AugmentError::TargetTooCoarse {
                output: 1,
                axis: 0,
                ..
            }
        ));
        let targets = TargetKind::Regions {
            regions: vec![vec![1], vec![]],
            ignore: None,
        };
        let error = refused(&patch, AugmentationOptions { targets, ..base() });
        assert_eq!(error, AugmentError::EmptyRegion { region: 1 });
        let probabilities = Probabilities {
            blur: f64::NAN,
            ..Default::default()
        };
        let error = refused(
            &patch,
            AugmentationOptions {
                probabilities,
                ..base()
            },
        );
        assert!(matches!(
            error,
            AugmentError::Probability {
                transform: "blur",
                ..
            }
        ));
        let error = AugmentationPlan::for_patch(&patch, 0, base()).unwrap_err();
        assert_eq!(error, AugmentError::NoChannels);
    }
}
