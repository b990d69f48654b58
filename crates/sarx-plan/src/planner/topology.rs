//! Which axis is halved at which stage.
//!
//! Source: nnU-Net v2 `network_topology.py`, `get_pool_and_conv_props`.

/// Smallest edge of a feature map at the bottleneck.
pub(super) const MIN_EDGE: f64 = 4.0;

/// Strides and kernels of a U-Net, and the patch padded so that every stage divides it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Topology {
    /// Downsampling before each stage per axis; all ones for stage 0.
    pub(super) strides: Vec<Vec<usize>>,
    /// Kernel of each stage per axis.
    pub(super) kernels: Vec<Vec<usize>>,
    /// The patch, padded up to multiples of `divisor`.
    pub(super) patch: Vec<usize>,
    /// Product of the strides per axis.
    pub(super) divisor: Vec<usize>,
}

/// Halves axes as long as they are long enough and not much coarser than the finest one.
///
/// An axis takes part in a stage if at least 8 voxels are left and its spacing is less than
/// twice the finest of those that are long enough. A kernel is 1 along an axis until its spacing
/// has come within twice the finest of all, and 3 from then on; at the bottleneck always 3.
///
/// - `spacing_mm`, `size`: per axis; the size may be fractional, because medians are.
pub(super) fn topology(spacing_mm: &[f64], size: &[f64]) -> Topology {
    let n_axes = spacing_mm.len();
    let mut spacing = spacing_mm.to_vec();
    let mut edge = size.to_vec();
    let mut kernel = vec![1; n_axes];
    let mut divisor = vec![1usize; n_axes];
    let mut strides = vec![vec![1; n_axes]];
    let mut kernels = Vec::new();
    while let Some(halved) = axes_to_halve(&spacing, &edge) {
        let finest = spacing.iter().copied().fold(f64::INFINITY, f64::min);
        for axis in 0..n_axes {
            if spacing[axis] / finest < 2.0 {
                kernel[axis] = 3;
            }
        }
        kernels.push(kernel.clone());
        strides.push(
            (0..n_axes)
                .map(|axis| if halved[axis] { 2 } else { 1 })
                .collect(),
        );
        for axis in (0..n_axes).filter(|&axis| halved[axis]) {
            divisor[axis] *= 2;
            spacing[axis] *= 2.0;
            edge[axis] = (edge[axis] / 2.0).ceil();
        }
    }
    kernels.push(vec![3; n_axes]);
    let patch = size
        .iter()
        .zip(&divisor)
        .map(|(&edge, &by)| padded(edge, by))
        .collect();
    Topology {
        strides,
        kernels,
        patch,
        divisor,
    }
}

/// The axes of the next stage, or `None` if there is none.
fn axes_to_halve(spacing: &[f64], edge: &[f64]) -> Option<Vec<bool>> {
    let long: Vec<bool> = edge.iter().map(|&edge| edge >= 2.0 * MIN_EDGE).collect();
    let finest = (0..edge.len())
        .filter(|&axis| long[axis])
        .map(|axis| spacing[axis])
        .fold(f64::INFINITY, f64::min);
    let halved: Vec<bool> = (0..edge.len())
        .map(|axis| long[axis] && spacing[axis] / finest < 2.0)
        .collect();
    let n_halved = halved.iter().filter(|&&halved| halved).count();
    // A single axis is halved only if that leaves it longer than a bottleneck needs.
    let too_short = |axis: usize| n_halved == 1 && edge[axis] < 3.0 * MIN_EDGE;
    if n_halved == 0 || (0..edge.len()).any(|axis| halved[axis] && too_short(axis)) {
        return None;
    }
    Some(halved)
}

fn padded(edge: f64, divisor: usize) -> usize {
    let divisor_f = divisor as f64;
    let rest = edge % divisor_f;
    let padded = if rest == 0.0 {
        edge
    } else {
        edge + divisor_f - rest
    };
    padded as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coarse_axis_waits_until_the_others_have_come_down() {
        // nnunet-v2.md 4.11, third row.
        let found = topology(&[5.4, 1.5, 1.5], &[20.0, 237.0, 208.0]);
        assert_eq!(found.patch, [20, 256, 224]);
        assert_eq!(
            found.strides,
            [
                [1, 1, 1],
                [1, 2, 2],
                [2, 2, 2],
                [2, 2, 2],
                [1, 2, 2],
                [1, 2, 2]
            ]
        );
        assert_eq!(found.kernels[0], [1, 3, 3]);
        assert!(found.kernels[1..].iter().all(|kernel| kernel == &[3, 3, 3]));
    }

    #[test]
    fn tiny_images_have_one_stage() {
        let found = topology(&[1.0; 3], &[7.0, 5.5, 3.0]);
        assert_eq!(found.strides, [[1, 1, 1]]);
        assert_eq!(
            found.patch,
            [7, 6, 3],
            "half voxels are padded to whole ones"
        );
    }

    #[test]
    fn fractional_medians_are_padded_up() {
        let found = topology(&[1.0, 1.0], &[16.5, 16.0]);
        assert_eq!((found.patch, found.divisor), (vec![20, 16], vec![4, 4]));
    }
}
