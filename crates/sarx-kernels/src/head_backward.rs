//! The gradients of the head, all in one pass.

use crate::{
    Features, Isa, LANES,
    simd::{Kernel, Simd},
    slabs::{Slab, Slabs, write_border},
    written::{Out, written},
};
use rayon::prelude::*;

/// The gradients of [`crate::head`] for its features, its weights `[k, channels]` and its biases, from
/// that of its output, `[batch, k, z, y, x]`.
///
/// # Panics
///
/// If weights and gradient do not belong to the features.
#[must_use]
pub fn head_backward(
    isa: Isa,
    x: Features<'_>,
    weight: &[f32],
    gradient: &[f32],
) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
    let shape = x.shape;
    let classes = weight.len() / shape.channels.max(1);
    assert_eq!(weight.len(), classes * shape.channels, "weights of a head");
    assert_eq!(
        gradient.len(),
        shape.batch * classes * shape.voxels(),
        "gradient of a head with {classes} classes on {shape:?}"
    );
    let (blocks, slabs) = (shape.blocks(), Slabs::of(shape));
    let packed = packed(weight, shape.channels, classes);
    let mut parts = Vec::new();
    // SAFETY: every row is written with its border.
    let of_x = unsafe {
        written(shape.len(), |of_x| {
            (0..slabs.len())
                .into_par_iter()
                .map(|slab| {
                    let slab = slabs.get(slab);
                    isa.run(BackwardSlab {
                        x,
                        weight: &packed[slab.block % blocks * classes..][..classes],
                        gradient,
                        slab,
                        of_x,
                    })
                })
                .collect_into_vec(&mut parts);
        })
    };
    let mut of_weight = vec![0.0_f64; classes * shape.channels];
    let mut of_bias = vec![0.0_f64; classes];
    for (slab, part) in parts.iter().enumerate() {
        let block = slab / slabs.per_block() % blocks;
        for (class, sums) in part.of_weight.iter().enumerate() {
            let row = &mut of_weight[class * shape.channels..][..shape.channels];
            for (to, sum) in row[block * LANES..].iter_mut().zip(sums) {
                *to += sum;
            }
        }
        for (to, sum) in of_bias.iter_mut().zip(&part.of_bias) {
            *to += sum;
        }
    }
    let narrowed = |sums: Vec<f64>| sums.into_iter().map(|sum| sum as f32).collect();
    (of_x, narrowed(of_weight), narrowed(of_bias))
}

/// `[block, class]` of vectors, zero for spare channels.
fn packed(weight: &[f32], channels: usize, classes: usize) -> Vec<[f32; LANES]> {
    let mut packed = vec![[0.0; LANES]; channels.div_ceil(LANES) * classes];
    for (at, &value) in weight.iter().enumerate() {
        let (class, channel) = (at / channels, at % channels);
        packed[channel / LANES * classes + class][channel % LANES] = value;
    }
    packed
}

/// What one slab adds to the sums.
#[derive(Debug)]
struct Part {
    of_weight: Vec<[f64; LANES]>,
    /// Empty but for the first block of a sample.
    of_bias: Vec<f64>,
}

struct BackwardSlab<'a> {
    x: Features<'a>,
    weight: &'a [[f32; LANES]],
    gradient: &'a [f32],
    slab: Slab,
    of_x: Out,
}

impl Kernel for BackwardSlab<'_> {
    type Output = Part;

    #[inline(always)]
    unsafe fn run<S: Simd, const NX: usize, const OB: usize>(self) -> Part {
        let (classes, blocks) = (self.weight.len(), self.x.shape.blocks());
        let first_block = self.slab.block.is_multiple_of(blocks);
        let mut part = Part {
            of_weight: vec![[0.0; LANES]; classes],
            of_bias: vec![0.0; if first_block { classes } else { 0 }],
        };
        for row in 0..self.slab.rows {
            // SAFETY: called below `Isa::run`; rows of this slab, which is nobody else's.
            unsafe {
                let to = self.of_x.at(self.slab.start + row * self.x.shape.row_len());
                write_border::<S>(to, self.x.shape.size[2]);
                let mut class = 0;
                while class < classes {
                    let sums = &mut part.of_weight[class..];
                    class += match classes - class {
                        8.. if NX >= 8 => self.classes::<S, 8>(row, class, sums),
                        4.. if NX >= 8 => self.classes::<S, 4>(row, class, sums),
                        2.. if NX >= 4 => self.classes::<S, 2>(row, class, sums),
                        _ => self.classes::<S, 1>(row, class, sums),
                    };
                }
                if classes == 0 {
                    to.write_bytes(0, self.x.shape.row_len());
                }
            }
            for (class, sum) in part.of_bias.iter_mut().enumerate() {
                // SAFETY: called below `Isa::run`.
                *sum += f64::from(unsafe { row_sum::<S>(self.gradient_row(row, class)) });
            }
        }
        part
    }
}

impl BackwardSlab<'_> {
    fn gradient_row(&self, row: usize, class: usize) -> &[f32] {
        let (shape, nx) = (self.x.shape, self.x.shape.size[2]);
        let map = self.slab.block / shape.blocks() * self.weight.len() + class;
        &self.gradient[map * shape.voxels() + (self.slab.row + row) * nx..][..nx]
    }

    /// What some classes give for one row; says how many classes.
    #[inline(always)]
    unsafe fn classes<S: Simd, const CLASSES: usize>(
        &self,
        row: usize,
        class: usize,
        to_sums: &mut [[f64; LANES]],
    ) -> usize {
        let nx = self.x.shape.size[2];
        let start = self.slab.start + row * self.x.shape.row_len() + LANES;
        let x = self.x.values[start..][..nx * LANES].as_ptr();
        let gradient = self.gradient_row(row, class).as_ptr();
        let map = self.x.shape.voxels();
        // SAFETY: `nx` voxels of a row and of the gradients of its classes.
        unsafe {
            let of_x = self.of_x.at(start);
            let mut weight = [S::zero(); CLASSES];
            for (to, from) in weight.iter_mut().zip(&self.weight[class..]) {
                *to = S::load(from.as_ptr());
            }
            let mut sums = [S::zero(); CLASSES];
            for voxel in 0..nx {
                let v = S::load(x.add(voxel * LANES));
                let to = of_x.add(voxel * LANES);
                let mut of_x = if class == 0 { S::zero() } else { S::load(to) };
                for class in 0..CLASSES {
                    let g = S::splat(*gradient.add(class * map + voxel));
                    of_x = S::mul_add(g, weight[class], of_x);
                    sums[class] = S::mul_add(g, v, sums[class]);
                }
                S::store(to, of_x);
            }
            for (to, sums) in to_sums.iter_mut().zip(sums) {
                for (to, sum) in to.iter_mut().zip(S::to_array(sums)) {
                    *to += f64::from(sum);
                }
            }
        }
        CLASSES
    }
}

/// The sum of some values.
#[inline(always)]
unsafe fn row_sum<S: Simd>(values: &[f32]) -> f32 {
    let vectors = values.chunks_exact(LANES);
    let rest: f32 = vectors.remainder().iter().sum();
    // SAFETY: the caller's; chunks hold 16 values.
    let lanes = unsafe {
        let mut sum = S::zero();
        for vector in vectors {
            sum = S::add(sum, S::load(vector.as_ptr()));
        }
        S::to_array(sum)
    };
    lanes.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference_layers;
    use crate::samples::{array, assert_clean, distance, map, noise, on_each};
    use crate::{NormAct, channel_sums_of, from_features, head, head_after_norm, norm_act};
    use proptest::prelude::*;

    fn narrow(values: &[f64]) -> Vec<f32> {
        values.iter().map(|&v| v as f32).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

        #[test]
        fn forward_and_backward_as_the_plain_ones(
            batch in 1_usize..3,
            channels in 1_usize..40,
            classes in prop_oneof![1_usize..10, 10_usize..62],
            size in [1_usize..5, 1_usize..9, 1_usize..40],
            seed in any::<u64>(),
        ) {
            let [z, y, x_] = size;
            let x = array([batch, channels, z, y, x_], seed);
            let gradient = array([batch, classes, z, y, x_], seed ^ 1);
            let (weight, bias) = (noise(classes * channels, seed ^ 2), noise(classes, seed ^ 3));
            let out = reference_layers::head(&x, &weight, &bias);
            let (of_x, of_weight, of_bias) = reference_layers::head_backward(&x, &weight, &gradient);
            let (norm_weight, norm_bias) = (noise(channels, seed ^ 4), noise(channels, seed ^ 5));
            let norm = NormAct {
                weight: &norm_weight,
                bias: &norm_bias,
                epsilon: 1e-5,
                slope: 0.01,
            };
            let (v, s) = map(&x);
            let features = Features::new(&v, s);
            on_each(
                |isa| {
                    let out = head(isa, features, &weight, &bias);
                    let sums = channel_sums_of(isa, features);
                    let fused = head_after_norm(isa, features, &sums, norm, &weight, &bias);
                    let act = norm_act(isa, features, &sums, norm);
                    let apart = head(isa, Features::new(&act, s), &weight, &bias);
                    assert!(fused == apart, "{isa:?}: norm and head at once and apart");
                    (out, head_backward(isa, features, &weight, &gradient.values))
                },
                |isa, (found_out, (found_of_x, found_of_weight, found_of_bias))| {
                    assert_clean(&found_of_x, s);
                    let voxels = (batch * s.voxels()) as f64;
                    let close = |what, found: &[f32], expected: &[f32], scale: f64| {
                        let error = distance(found, expected, scale);
                        assert!(error < 2e-6, "{isa:?}: {what}: {error}");
                    };
                    close("out", &found_out, &out.values, 0.5);
                    close("x", &from_features(Features::new(&found_of_x, s)), &of_x.values, 0.5);
                    close("weight", &found_of_weight, &narrow(&of_weight), voxels.sqrt());
                    close("bias", &found_of_bias, &narrow(&of_bias), voxels.sqrt());
                },
            );
        }
    }
}
