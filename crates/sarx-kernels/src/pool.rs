//! Average pooling over boxes of `stride` voxels, for residual shortcuts that change resolution.

use crate::{
    FeatureShape, Features, Isa, LANES,
    simd::{Kernel, Simd},
    slabs::{Slab, Slabs, write_border},
    written::{Out, written},
};
use rayon::prelude::*;

/// Means over boxes of `stride` voxels.
///
/// # Panics
///
/// If the size is no multiple of the stride.
#[must_use]
pub fn average_pool(isa: Isa, x: Features<'_>, stride: [usize; 3]) -> Vec<f32> {
    let divides = |axis: usize| x.shape.size[axis].is_multiple_of(stride[axis]);
    assert!(
        (0..3).all(divides),
        "boxes of {stride:?} voxels in {:?}",
        x.shape
    );
    let shape = FeatureShape {
        size: [0, 1, 2].map(|axis| x.shape.size[axis] / stride[axis]),
        ..x.shape
    };
    each_slab(isa, shape, |slab, to| PoolSlab {
        x,
        shape,
        stride,
        slab,
        to,
    })
}

/// The gradient of [`average_pool`], from that of its output.
#[must_use]
pub fn average_pool_backward(isa: Isa, gradient: Features<'_>, stride: [usize; 3]) -> Vec<f32> {
    let shape = FeatureShape {
        size: [0, 1, 2].map(|axis| gradient.shape.size[axis] * stride[axis]),
        ..gradient.shape
    };
    each_slab(isa, shape, |slab, to| SpreadSlab {
        gradient,
        shape,
        stride,
        slab,
        to,
    })
}

/// A map of which a kernel writes each slab, all of it.
fn each_slab<K: Kernel<Output = ()>>(
    isa: Isa,
    shape: FeatureShape,
    kernel: impl Fn(Slab, Out) -> K + Sync,
) -> Vec<f32> {
    let slabs = Slabs::of(shape);
    // SAFETY: both kernels of this file write whole rows.
    unsafe {
        written(shape.len(), |to| {
            let all = (0..slabs.len()).into_par_iter();
            all.for_each(|slab| isa.run(kernel(slabs.get(slab), to)));
        })
    }
}

struct PoolSlab<'a> {
    x: Features<'a>,
    shape: FeatureShape,
    stride: [usize; 3],
    slab: Slab,
    to: Out,
}

impl Kernel for PoolSlab<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd, const NX: usize, const OB: usize>(self) {
        let [_, ny, nx] = self.shape.size;
        let [sz, sy, sx] = self.stride;
        let (sample, block) = (
            self.slab.block / self.shape.blocks(),
            self.slab.block % self.shape.blocks(),
        );
        for row in 0..self.slab.rows {
            let (z, y) = ((self.slab.row + row) / ny, (self.slab.row + row) % ny);
            let start = self.x.shape.row(sample, block, z * sz, y * sy);
            let from = self.x.values[start..].as_ptr();
            // SAFETY: boxes inside the map; a row of this slab, which is nobody else's.
            unsafe {
                let share = S::splat(1.0 / (sz * sy * sx) as f32);
                let to = self.to.at(self.slab.start + row * self.shape.row_len());
                write_border::<S>(to, nx);
                for voxel in 0..nx {
                    let mut sum = S::zero();
                    for z in 0..sz {
                        for y in 0..sy {
                            let row =
                                from.add(z * self.x.shape.plane_len() + y * self.x.shape.row_len());
                            for x in voxel * sx..(voxel + 1) * sx {
                                sum = S::add(sum, S::load(row.add(x * LANES)));
                            }
                        }
                    }
                    S::store(to.add((voxel + 1) * LANES), S::mul(sum, share));
                }
            }
        }
    }
}

struct SpreadSlab<'a> {
    gradient: Features<'a>,
    shape: FeatureShape,
    stride: [usize; 3],
    slab: Slab,
    to: Out,
}

impl Kernel for SpreadSlab<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd, const NX: usize, const OB: usize>(self) {
        let [_, ny, nx] = self.shape.size;
        let [sz, sy, sx] = self.stride;
        let (sample, block) = (
            self.slab.block / self.shape.blocks(),
            self.slab.block % self.shape.blocks(),
        );
        for row in 0..self.slab.rows {
            let (z, y) = ((self.slab.row + row) / ny, (self.slab.row + row) % ny);
            let start = self.gradient.shape.row(sample, block, z / sz, y / sy);
            let from = self.gradient.values[start..].as_ptr();
            // SAFETY: voxels inside the map; a row of this slab, which is nobody else's.
            unsafe {
                let share = S::splat(1.0 / (sz * sy * sx) as f32);
                let to = self.to.at(self.slab.start + row * self.shape.row_len());
                write_border::<S>(to, nx);
                for voxel in 0..nx / sx {
                    let v = S::mul(S::load(from.add(voxel * LANES)), share);
                    for x in voxel * sx..(voxel + 1) * sx {
                        S::store(to.add((x + 1) * LANES), v);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference_layers;
    use crate::samples::{array, assert_clean, distance, map, on_each};
    use crate::{from_features, sum_per_channel};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(30) })]

        #[test]
        fn pools_and_sums_as_the_plain_ones(
            batch in 1_usize..3,
            channels in 1_usize..40,
            size in [1_usize..5, 1_usize..9, 1_usize..20],
            stride in [1_usize..3, 1_usize..4, 1_usize..4],
            seed in any::<u64>(),
        ) {
            let [z, y, x] = [0, 1, 2].map(|axis| size[axis] * stride[axis]);
            let large = array([batch, channels, z, y, x], seed);
            let pooled = reference_layers::average_pool(&large, stride);
            let spread = reference_layers::average_pool_backward(&pooled, stride);
            let sums = reference_layers::sum_per_channel(&large);
            let sums: Vec<_> = sums.iter().map(|&sum| sum as f32).collect();
            let ((v, s), (small, small_s)) = (map(&large), map(&pooled));
            on_each(
                |isa| {
                    let pooled = average_pool(isa, Features::new(&v, s), stride);
                    let spread = average_pool_backward(isa, Features::new(&small, small_s), stride);
                    (pooled, spread, sum_per_channel(isa, Features::new(&v, s)))
                },
                |isa, found| {
                    assert_clean(&found.0, small_s);
                    assert_clean(&found.1, s);
                    let found_pooled = from_features(Features::new(&found.0, small_s));
                    let found_spread = from_features(Features::new(&found.1, s));
                    let voxels = (batch * s.voxels()) as f64;
                    for (found, expected, scale) in [
                        (&found_pooled, &pooled.values, 0.1),
                        (&found_spread, &spread.values, 0.0),
                        (&found.2, &sums, voxels.sqrt()),
                    ] {
                        let error = distance(found, expected, scale);
                        assert!(error < 2e-6, "{isa:?}: {error}");
                    }
                },
            );
        }
    }
}
