//! How far a patch may turn, and how much must be read so that it can.
//!
//! A patch that is rotated and shrunk reaches over its own border. So training reads a larger
//! *initial patch* around it and cuts the *final patch* out of the turned image.
//!
//! Source: nnU-Net v2, `nnUNetTrainer.configure_rotation_dummyDA_mirroring_and_inital_patch_size`
//! and `training/data_augmentation/compute_initial_patch_size.py`, `get_patch_size`.

use super::error::{AugmentError, Result};
use std::f64::consts::{FRAC_PI_2, PI};

/// A patch whose first axis is shorter than the longest by more than this is turned in-plane only
/// (nnU-Net `configuration.py`, `ANISO_THRESHOLD`).
const ANISOTROPY_THRESHOLD: f64 = 3.0;
/// A 2D patch more oblong than this is turned by 15 degrees at most.
const OBLONG_2D: f64 = 1.5;
/// nnU-Net sizes the initial patch for scales 0.85 to 1.25, although it draws 0.7 to 1.4.
const SMALLEST_PLANNED_SCALE: f64 = 0.85;

/// How the patches of one configuration are rotated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RotationSetting {
    /// Angles are drawn from minus to plus this, radians.
    pub max_angle_rad: f64,
    /// A 3D patch that is so anisotropic that it is rotated and scaled slice by slice.
    pub dummy_2d: bool,
}

impl RotationSetting {
    /// nnU-Net's rule for a patch `[z, y, x]` or `[y, x]`.
    ///
    /// 3D: 30 degrees, or 180 degrees in-plane (`dummy_2d`) if the longest edge is more than
    /// three times the first. 2D: 180 degrees, or 15 if the edges differ by more than 1.5.
    ///
    /// # Errors
    ///
    /// [`AugmentError::PatchAxes`] unless there are two or three axes, and
    /// [`AugmentError::EmptyAxis`] if one has no voxels.
    pub fn for_patch(patch: &[usize]) -> Result<Self> {
        check_patch(patch)?;
        let longest = patch.iter().max().copied().unwrap_or(1) as f64;
        let shortest = patch.iter().min().copied().unwrap_or(1) as f64;
        let (degrees, dummy_2d) = if patch.len() == 2 {
            (
                if longest / shortest > OBLONG_2D {
                    15.0
                } else {
                    180.0
                },
                false,
            )
        } else if longest / patch[0] as f64 > ANISOTROPY_THRESHOLD {
            (180.0, true)
        } else {
            (30.0, false)
        };
        Ok(Self {
            max_angle_rad: degrees / 180.0 * PI,
            dummy_2d,
        })
    }
}

/// Refuses patches that are not 2D or 3D, are empty, or cannot be addressed.
fn check_patch(patch: &[usize]) -> Result<()> {
    if !matches!(patch.len(), 2 | 3) {
        return Err(AugmentError::PatchAxes { found: patch.len() });
    }
    if let Some(axis) = patch.iter().position(|&n| n == 0) {
        return Err(AugmentError::EmptyAxis {
            what: "patch",
            axis,
        });
    }
    // The initial patch is at most 1.7 times as long per axis and 4 bytes wide; 64 covers both.
    patch
        .iter()
        .try_fold(64usize, |product, &n| product.checked_mul(n))
        .filter(|&n| isize::try_from(n).is_ok())
        .map(drop)
        .ok_or_else(|| AugmentError::PatchTooLarge {
            patch: patch.to_vec(),
        })
}

/// Voxels to read per axis so that a `patch` can be rotated as `rotation` says.
///
/// The result has as many axes as `patch`. It is the elementwise largest of the patch and of its
/// diagonal vector turned about each axis by the largest angle (at most 90 degrees), divided by
/// 0.85 and truncated. Slice-by-slice augmentation reads no further slices.
///
/// # Errors
///
/// As [`RotationSetting::for_patch`].
///
/// ```
/// use sarx_preprocess::augment::{RotationSetting, initial_patch_size};
///
/// let rotation = RotationSetting::for_patch(&[128, 128, 128])?;
/// assert_eq!(initial_patch_size(&[128, 128, 128], rotation)?, [205, 205, 205]);
/// # Ok::<(), sarx_preprocess::augment::AugmentError>(())
/// ```
pub fn initial_patch_size(patch: &[usize], rotation: RotationSetting) -> Result<Vec<usize>> {
    check_patch(patch)?;
    let (s, c) = rotation.max_angle_rad.min(FRAC_PI_2).sin_cos();
    let p: Vec<f64> = patch.iter().map(|&n| n as f64).collect();
    let turned: Vec<Vec<f64>> = match p[..] {
        [p0, p1, p2] => vec![
            vec![p0, p1 * c + p2 * s, -p1 * s + p2 * c],
            vec![p0 * c - p2 * s, p1, p0 * s + p2 * c],
            vec![p0 * c + p1 * s, -p0 * s + p1 * c, p2],
        ],
        _ => vec![vec![p[0] * c + p[1] * s, -p[0] * s + p[1] * c]],
    };
    let mut initial: Vec<usize> = (0..p.len())
        .map(|axis| {
            let reach = turned
                .iter()
                .fold(p[axis], |reach, t| reach.max(t[axis].abs()));
            (reach / SMALLEST_PLANNED_SCALE) as usize
        })
        .collect();
    if rotation.dummy_2d {
        initial[0] = patch[0];
    }
    Ok(initial)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_sizes_of_nnunet() {
        // nnunet-v2.md 7.3, figures read from nnU-Net 2.8.1.
        let golden: [(&[usize], f64, bool, &[usize]); 6] = [
            (&[128, 128, 128], 30.0, false, &[205, 205, 205]),
            (&[96, 160, 160], 30.0, false, &[191, 257, 219]),
            (&[40, 192, 160], 180.0, true, &[40, 225, 225]),
            (&[16, 320, 320], 180.0, true, &[16, 376, 376]),
            (&[512, 512], 180.0, false, &[602, 602]),
            (&[512, 320], 15.0, false, &[679, 376]),
        ];
        for (patch, degrees, dummy_2d, expected) in golden {
            let rotation = RotationSetting::for_patch(patch).unwrap();
            assert!(
                (rotation.max_angle_rad.to_degrees() - degrees).abs() < 1e-9,
                "{patch:?}"
            );
            assert_eq!(rotation.dummy_2d, dummy_2d, "{patch:?}");
            assert_eq!(
                initial_patch_size(patch, rotation).unwrap(),
                expected,
                "{patch:?}"
            );
        }
        // The table lists this patch at 30 degrees, which its own rule would not choose.
        let thirty = RotationSetting {
            max_angle_rad: PI / 6.0,
            dummy_2d: false,
        };
        assert_eq!(
            initial_patch_size(&[40, 192, 160], thirty).unwrap(),
            [153, 289, 188]
        );
    }

    #[test]
    fn exactly_three_times_as_long_is_still_isotropic_enough() {
        assert!(!RotationSetting::for_patch(&[32, 96, 96]).unwrap().dummy_2d);
        assert!(RotationSetting::for_patch(&[32, 97, 96]).unwrap().dummy_2d);
    }

    #[test]
    fn impossible_patches_are_refused() {
        assert_eq!(
            RotationSetting::for_patch(&[4]),
            Err(AugmentError::PatchAxes { found: 1 })
        );
        assert_eq!(
            RotationSetting::for_patch(&[4, 0, 4]),
            Err(AugmentError::EmptyAxis {
                what: "patch",
                axis: 1
            })
        );
        let huge = RotationSetting::for_patch(&[usize::MAX, 2, 2]);
        assert!(matches!(huge, Err(AugmentError::PatchTooLarge { .. })));
    }
}
