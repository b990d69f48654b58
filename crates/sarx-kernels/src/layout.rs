//! From arrays to feature maps and back, 16 x 16 values at a time.
//!
//! [`crate::to_features`] and [`crate::from_features`] say what is meant, and are what these are
//! checked against.

use crate::{
    FeatureShape, Features, Isa, LANES,
    simd::{Kernel, Simd},
    slabs::{Slab, Slabs, write_border},
    turn::{Rows, turn},
    written::{Out, written},
};
use rayon::prelude::*;

/// A feature map from an array `[batch, channel, z, y, x]`: [`crate::to_features`], fast.
///
/// # Panics
///
/// If `values` does not have the shape's number of values.
#[must_use]
pub fn to_features_with(isa: Isa, values: &[f32], shape: FeatureShape) -> Vec<f32> {
    assert_eq!(
        values.len(),
        shape.batch * shape.channels * shape.voxels(),
        "values of {shape:?}"
    );
    let slabs = Slabs::of(shape);
    // SAFETY: every row is written with its border.
    unsafe {
        written(shape.len(), |to| {
            (0..slabs.len()).into_par_iter().for_each(|slab| {
                isa.run(ToSlab {
                    values,
                    shape,
                    slab: slabs.get(slab),
                    to,
                });
            });
        })
    }
}

/// The array `[batch, channel, z, y, x]` of a feature map: [`crate::from_features`], fast.
#[must_use]
pub fn from_features_with(isa: Isa, x: Features<'_>) -> Vec<f32> {
    let slabs = Slabs::of(x.shape);
    // SAFETY: every row of every channel is written.
    unsafe {
        written(x.shape.batch * x.shape.channels * x.shape.voxels(), |to| {
            (0..slabs.len()).into_par_iter().for_each(|slab| {
                isa.run(FromSlab {
                    x,
                    slab: slabs.get(slab),
                    to,
                });
            });
        })
    }
}

/// Where a row of the first channel of a slab is in the array, and the slab's real channels.
fn row_in_array(shape: FeatureShape, slab: Slab, row: usize) -> (usize, usize) {
    let (sample, block) = (slab.block / shape.blocks(), slab.block % shape.blocks());
    let channel = sample * shape.channels + block * LANES;
    (
        channel * shape.voxels() + (slab.row + row) * shape.size[2],
        (shape.channels - block * LANES).min(LANES),
    )
}

struct ToSlab<'a> {
    values: &'a [f32],
    shape: FeatureShape,
    slab: Slab,
    to: Out,
}

impl Kernel for ToSlab<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd, const NX: usize, const OB: usize>(self) {
        let nx = self.shape.size[2];
        for row in 0..self.slab.rows {
            let (start, channels) = row_in_array(self.shape, self.slab, row);
            // SAFETY: a row of this slab, which is nobody else's.
            unsafe {
                let to = self.to.at(self.slab.start + row * self.shape.row_len());
                write_border::<S>(to, nx);
                for first in (0..nx).step_by(LANES) {
                    let count = (nx - first).min(LANES);
                    let last = start + (channels - 1) * self.shape.voxels() + first + count;
                    debug_assert!(last <= self.values.len(), "inside the array");
                    let from = Rows {
                        start: self.values.as_ptr().add(start + first),
                        step: self.shape.voxels(),
                        rows: channels,
                        columns: count,
                    };
                    let to = Rows {
                        start: to.add((first + 1) * LANES),
                        step: LANES,
                        rows: count,
                        columns: LANES,
                    };
                    turn::<S>(from, to, |v| v);
                }
            }
        }
    }
}

struct FromSlab<'a> {
    x: Features<'a>,
    slab: Slab,
    to: Out,
}

impl Kernel for FromSlab<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd, const NX: usize, const OB: usize>(self) {
        let shape = self.x.shape;
        let nx = shape.size[2];
        for row in 0..self.slab.rows {
            let (start, channels) = row_in_array(shape, self.slab, row);
            let from = &self.x.values[self.slab.start + row * shape.row_len() + LANES..];
            // SAFETY: `nx` voxels of a row of this slab, which is nobody else's.
            unsafe {
                for first in (0..nx).step_by(LANES) {
                    let count = (nx - first).min(LANES);
                    let from = Rows {
                        start: from[first * LANES..][..count * LANES].as_ptr(),
                        step: LANES,
                        rows: count,
                        columns: LANES,
                    };
                    let to = Rows {
                        start: self.to.at(start + first),
                        step: shape.voxels(),
                        rows: channels,
                        columns: count,
                    };
                    turn::<S>(from, to, |v| v);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{array, on_each};
    use crate::{from_features, to_features};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

        #[test]
        fn there_and_back(
            shape in [1_usize..3, 1_usize..40, 1_usize..5, 1_usize..40, 1_usize..40],
            seed in any::<u64>(),
        ) {
            let array = array(shape, seed);
            let [batch, channels, z, y, x] = shape;
            let shape = FeatureShape { batch, channels, size: [z, y, x] };
            let blocked = to_features(&array.values, shape);
            assert_eq!(from_features(Features::new(&blocked, shape)), array.values);
            on_each(
                |isa| {
                    let there = to_features_with(isa, &array.values, shape);
                    let back = from_features_with(isa, Features::new(&there, shape));
                    (there, back)
                },
                |isa, (there, back)| {
                    assert!(there == blocked, "{isa:?}: there");
                    assert!(back == array.values, "{isa:?}: back");
                },
            );
        }
    }
}
