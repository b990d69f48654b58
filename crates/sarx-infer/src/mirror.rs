//! Mirrored copies of tiles, and logits of mirrored tiles brought back.
//!
//! Both go over slices on all threads and over rows that are contiguous.

use ndarray::{Array5, ArrayView5};
use rayon::prelude::*;

/// Slices that one task does at least, in voxels: less is not worth a thread.
const LEAST_VOXELS: usize = 1 << 14;

/// Appends the tiles mirrored along the axes (`[z, y, x]`) that are true, in standard layout.
pub(crate) fn push_mirrored(values: &mut Vec<f32>, tiles: ArrayView5<'_, f32>, axes: [bool; 3]) {
    let (_, _, z, y, x) = tiles.dim();
    let source = tiles.as_standard_layout();
    let source = source
        .as_slice()
        .unwrap_or_else(|| unreachable!("the layout is standard"));
    let begin = values.len();
    values.resize(begin + source.len(), 0.0);
    for_each_row(
        &mut values[begin..],
        source,
        [z, y, x],
        axes,
        |copy, source| {
            if axes[2] {
                copy.iter_mut()
                    .zip(source.iter().rev())
                    .for_each(|(copy, value)| *copy = *value);
            } else {
                copy.copy_from_slice(source);
            }
        },
    );
}

/// Adds logits of tiles that were mirrored along the axes, mirrored back.
///
/// - `sum`, `logits`: of one size, in standard layout
pub(crate) fn add_mirrored(sum: &mut Array5<f32>, logits: &[f32], axes: [bool; 3]) {
    let (_, _, z, y, x) = sum.dim();
    let sum = sum
        .as_slice_mut()
        .unwrap_or_else(|| unreachable!("sums are made in standard layout"));
    for_each_row(sum, logits, [z, y, x], axes, |sum, logits| {
        if axes[2] {
            sum.iter_mut()
                .zip(logits.iter().rev())
                .for_each(|(sum, logit)| *sum += *logit);
        } else {
            sum.iter_mut()
                .zip(logits)
                .for_each(|(sum, logit)| *sum += *logit);
        }
    });
}

/// Calls `row` with each row along x and the row that mirroring along z and y puts there.
fn for_each_row(
    target: &mut [f32],
    source: &[f32],
    [z, y, x]: [usize; 3],
    [along_z, along_y, _]: [bool; 3],
    row: impl Fn(&mut [f32], &[f32]) + Sync,
) {
    assert_eq!(target.len(), source.len(), "tiles and logits of one size");
    let slice = y * x;
    if slice == 0 {
        return;
    }
    target
        .par_chunks_mut(slice)
        .with_min_len(LEAST_VOXELS.div_ceil(slice))
        .enumerate()
        .for_each(|(i, target)| {
            let (volume, k) = (i / z, i % z);
            let k = if along_z { z - 1 - k } else { k };
            let source = &source[(volume * z + k) * slice..][..slice];
            for (j, target) in target.chunks_exact_mut(x).enumerate() {
                let j = if along_y { y - 1 - j } else { j };
                row(target, &source[j * x..][..x]);
            }
        });
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Axis;

    #[test]
    fn as_inverted_axes_and_back() {
        let tiles = Array5::from_shape_fn([2, 3, 4, 5, 6], |(n, c, z, y, x)| {
            (n * 10000 + c * 1000 + z * 100 + y * 10 + x) as f32
        });
        for set in 0..8 {
            let axes = [0, 1, 2].map(|axis| set >> axis & 1 == 1);
            let mut expected = tiles.view();
            for axis in (0..3).filter(|&axis| axes[axis]) {
                expected.invert_axis(Axis(axis + 2));
            }
            let mut found = vec![-1.0];
            push_mirrored(&mut found, tiles.view(), axes);
            assert!(found[1..].iter().eq(expected.iter()), "{axes:?}");
            let mut back = Array5::from_elem(tiles.dim(), 1.0);
            add_mirrored(&mut back, &found[1..], axes);
            assert_eq!(back, &tiles + 1.0, "{axes:?}");
        }
    }
}
