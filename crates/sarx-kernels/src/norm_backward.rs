//! The gradient of instance norm and leaky ReLU: one pass for the sums, one for the values.
//!
//! With `g` the gradient behind the activation's derivative and `hat` the normalised values, the
//! gradient of the input is `weight / root * (g - mean(g) - hat * mean(g * hat))`: a factor of `g`, a
//! factor of `y` and a constant per channel.

use crate::{
    ChannelSums, FeatureShape, Features, Isa, LANES, NormAct,
    norm::{Act, Affine, through_leaky_relu},
    simd::{Kernel, Simd},
    slabs::{Slab, Slabs},
    written::Out,
};
use rayon::prelude::*;

/// The gradient of [`crate::norm_act`]: `gradient` is that of the activation and becomes that of
/// `y`; the gradients of weight and bias come back.
///
/// # Panics
///
/// If gradient, weights or sums are not those of the shape.
#[must_use]
pub fn norm_act_backward(
    isa: Isa,
    y: Features<'_>,
    sums: &ChannelSums,
    norm: NormAct<'_>,
    gradient: &mut [f32],
) -> [Vec<f32>; 2] {
    let shape = y.shape;
    assert_eq!(gradient.len(), shape.len(), "gradient of {shape:?}");
    let affine = norm.affine(sums, shape);
    let slabs = Slabs::of(shape);
    let parts: Vec<Products> = (0..slabs.len())
        .into_par_iter()
        .map(|slab| {
            let slab = slabs.get(slab);
            isa.run(SumSlab {
                y,
                gradient,
                slab,
                affine: &affine[slab.block],
                mean: block_means(sums, slab.block),
                slope: norm.slope,
            })
        })
        .collect();
    let (factors, of_norm) = factors(shape, sums, norm, &parts, slabs.per_block());
    let to = Out::of(gradient);
    // Backwards: what the first pass read last is still in the cache.
    (0..slabs.len()).into_par_iter().for_each(|slab| {
        let slab = slabs.get(slabs.len() - 1 - slab);
        isa.run(ApplySlab {
            y,
            gradient: to,
            slab,
            affine: &affine[slab.block],
            factors: &factors[slab.block],
            slope: norm.slope,
        });
    });
    of_norm
}

/// Sums of `g` and of `g * (y - mean)` for the channels of a block.
type Products = [[f64; LANES]; 2];

/// The input's gradient is `factor[0] * g + factor[1] * y + factor[2]`.
type Factors = [[f32; LANES]; 3];

fn block_means(sums: &ChannelSums, block: usize) -> [f32; LANES] {
    std::array::from_fn(|lane| sums.mean_and_variance(block * LANES + lane)[0] as f32)
}

/// What the second pass needs, and the gradients of weight and bias.
fn factors(
    shape: FeatureShape,
    sums: &ChannelSums,
    norm: NormAct<'_>,
    parts: &[Products],
    per_block: usize,
) -> (Vec<Factors>, [Vec<f32>; 2]) {
    let mut of_norm = [vec![0.0_f64; shape.channels], vec![0.0; shape.channels]];
    let mut factors = vec![[[0.0; LANES]; 3]; shape.batch * shape.blocks()];
    for (block, (factors, parts)) in factors.iter_mut().zip(parts.chunks(per_block)).enumerate() {
        for lane in 0..LANES {
            let channel = block % shape.blocks() * LANES + lane;
            if channel >= shape.channels {
                break;
            }
            let [sum, product] =
                [0, 1].map(|i| parts.iter().map(|part| part[i][lane]).sum::<f64>());
            let [mean, variance] = sums.mean_and_variance(block * LANES + lane);
            // The products were taken with the mean in f32; what that leaves out:
            let product = product - sum * (mean - f64::from(mean as f32));
            let inverse = 1.0 / (variance + norm.epsilon).sqrt();
            of_norm[0][channel] += product * inverse;
            of_norm[1][channel] += sum;
            let n = sums.voxels as f64;
            let scale = f64::from(norm.weight[channel]) * inverse;
            let of_y = -scale * inverse * inverse * product / n;
            factors[0][lane] = scale as f32;
            factors[1][lane] = of_y as f32;
            factors[2][lane] = (-scale * sum / n - of_y * mean) as f32;
        }
    }
    let narrowed = of_norm.map(|sums| sums.iter().map(|&sum| sum as f32).collect());
    (factors, narrowed)
}

struct SumSlab<'a> {
    y: Features<'a>,
    gradient: &'a [f32],
    slab: Slab,
    affine: &'a Affine,
    mean: [f32; LANES],
    slope: f32,
}

impl Kernel for SumSlab<'_> {
    type Output = Products;

    #[inline(always)]
    unsafe fn run<S: Simd, const NX: usize, const OB: usize>(self) -> Products {
        let mut sums = [[0.0; LANES]; 2];
        let len = self.y.shape.row_len();
        let inside = self.slab.start..self.slab.start + self.slab.rows * len;
        let rows = self.y.values[inside.clone()].chunks_exact(len);
        // SAFETY: rows hold their voxels behind one border.
        unsafe {
            let act = Act::<S>::new(self.affine, self.slope);
            let (mean, slope) = (S::load(self.mean.as_ptr()), S::splat(self.slope));
            for (y, gradient) in rows.zip(self.gradient[inside].chunks_exact(len)) {
                let (y, gradient) = (y.as_ptr(), gradient.as_ptr());
                let mut row = [S::zero(); 2];
                for voxel in 1..=self.y.shape.size[2] {
                    let y = S::load(y.add(voxel * LANES));
                    let input = S::mul_add(y, act.scale, act.shift);
                    let g = S::load(gradient.add(voxel * LANES));
                    let g = through_leaky_relu::<S>(input, slope, g);
                    row[0] = S::add(row[0], g);
                    row[1] = S::mul_add(g, S::sub(y, mean), row[1]);
                }
                for (sum, row) in sums.iter_mut().zip(row) {
                    for (sum, value) in sum.iter_mut().zip(S::to_array(row)) {
                        *sum += f64::from(value);
                    }
                }
            }
        }
        sums
    }
}

struct ApplySlab<'a> {
    y: Features<'a>,
    gradient: Out,
    slab: Slab,
    affine: &'a Affine,
    factors: &'a Factors,
    slope: f32,
}

impl Kernel for ApplySlab<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd, const NX: usize, const OB: usize>(self) {
        // SAFETY: rows of this slab, which is nobody else's.
        unsafe {
            let act = Act::<S>::new(self.affine, self.slope);
            let slope = S::splat(self.slope);
            let [of_g, of_y, constant] = self.factors.each_ref().map(|f| S::load(f.as_ptr()));
            for row in 0..self.slab.rows {
                let start = self.slab.start + row * self.y.shape.row_len();
                let y = self.y.values[start..].as_ptr();
                let gradient = self.gradient.at(start);
                for voxel in 1..=self.y.shape.size[2] {
                    let y = S::load(y.add(voxel * LANES));
                    let input = S::mul_add(y, act.scale, act.shift);
                    let to = gradient.add(voxel * LANES);
                    let g = through_leaky_relu::<S>(input, slope, S::load(to));
                    S::store(to, S::mul_add(g, of_g, S::mul_add(y, of_y, constant)));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference_layers;
    use crate::samples::{array, assert_clean, distance, map, noise, on_each};
    use crate::{channel_sums_of, from_features, norm_act, norm_act_in_place};
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
            size in [1_usize..7, 1_usize..50, 2_usize..40],
            slope in prop::sample::select(vec![0.0_f32, 0.01, 1.0]),
            offset in prop::sample::select(vec![0.0_f32, 3.0]),
            seed in any::<u64>(),
        ) {
            let [z, y, x] = size;
            let shape = [batch, channels, z, y, x];
            let (mut y, mut gradient) = (array(shape, seed), array(shape, seed ^ 1));
            y.values.iter_mut().for_each(|v| *v += offset);
            let (weight, bias) = (noise(channels, seed ^ 2), noise(channels, seed ^ 3));
            let epsilon = 1e-5;
            let norm = NormAct { weight: &weight, bias: &bias, epsilon, slope };
            // At the kink, rounding decides; no gradient there.
            let input = reference_layers::norm_act(&y, &weight, &bias, epsilon, 1.0);
            for (gradient, input) in gradient.values.iter_mut().zip(&input.values) {
                if input.abs() < 1e-4 {
                    *gradient = 0.0;
                }
            }
            let act = reference_layers::norm_act(&y, &weight, &bias, epsilon, slope);
            let (of_y, [of_weight, of_bias]) = reference_layers::norm_act_backward(
                &y,
                (&weight, &bias),
                epsilon,
                slope,
                &gradient,
            );
            let ((v, s), (g, _)) = (map(&y), map(&gradient));
            let features = Features::new(&v, s);
            on_each(
                |isa| {
                    let sums = channel_sums_of(isa, features);
                    let act = norm_act(isa, features, &sums, norm);
                    let mut in_place = v.clone();
                    norm_act_in_place(isa, &mut in_place, s, &sums, norm);
                    assert!(act == in_place, "in place");
                    let mut of_y = g.clone();
                    let of_norm = norm_act_backward(isa, features, &sums, norm, &mut of_y);
                    (act, of_y, of_norm)
                },
                |isa, (found_act, found_of_y, found_of_norm)| {
                    assert_clean(&found_act, s);
                    assert_clean(&found_of_y, s);
                    // Of what values of about 1 may be off by, and their sums.
                    let voxels = (batch * s.voxels()) as f64;
                    let close = |what, found: &[f32], expected: &[f32], scale: f64| {
                        let error = distance(found, expected, scale);
                        assert!(error < 2e-5, "{isa:?}: {what}: {error}");
                    };
                    let found_act = from_features(Features::new(&found_act, s));
                    let found_of_y = from_features(Features::new(&found_of_y, s));
                    close("activation", &found_act, &act.values, 0.5);
                    close("y", &found_of_y, &of_y.values, 0.5);
                    close("weight", &found_of_norm[0], &narrow(&of_weight), voxels.sqrt());
                    close("bias", &found_of_norm[1], &narrow(&of_bias), voxels.sqrt());
                },
            );
        }
    }
}
