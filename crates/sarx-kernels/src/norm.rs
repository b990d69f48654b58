//! Instance norm and leaky ReLU in one pass, and their gradients in two.
//!
//! `a = act(weight * (y - mean) / sqrt(variance + epsilon) + bias)` with mean and biased variance per
//! sample and channel (Ulyanov and others 2016, arXiv:1607.08022). Both are one multiplication and one
//! addition per value once the sums of a channel are known, so the pass costs what reading and
//! writing memory costs.

use crate::{
    ChannelSums, FeatureShape, Features, Isa, LANES,
    channel_sums::BlockSums,
    simd::{Kernel, Simd},
    slabs::{Slab, Slabs, write_border},
    written::{Out, written},
};
use rayon::prelude::*;

/// An instance norm with the leaky ReLU that follows it.
#[derive(Debug, Clone, Copy)]
pub struct NormAct<'a> {
    /// The factor of each channel.
    pub weight: &'a [f32],
    /// What is added to each channel.
    pub bias: &'a [f32],
    /// Added to the variance.
    pub epsilon: f64,
    /// The activation's slope below zero; 1 for none.
    pub slope: f32,
}

/// What becomes of the 16 channels of a block: `value * scale + shift`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Affine {
    pub(crate) scale: [f32; LANES],
    pub(crate) shift: [f32; LANES],
}

impl NormAct<'_> {
    /// Per block of the batch.
    pub(crate) fn affine(&self, sums: &ChannelSums, shape: FeatureShape) -> Vec<Affine> {
        self.check(sums, shape);
        (0..shape.batch * shape.blocks())
            .map(|block| {
                let mut affine = Affine {
                    scale: [0.0; LANES],
                    shift: [0.0; LANES],
                };
                for lane in 0..LANES {
                    let channel = block % shape.blocks() * LANES + lane;
                    if channel < shape.channels {
                        let [mean, variance] = sums.mean_and_variance(block * LANES + lane);
                        let scale =
                            f64::from(self.weight[channel]) / (variance + self.epsilon).sqrt();
                        affine.scale[lane] = scale as f32;
                        affine.shift[lane] = (f64::from(self.bias[channel]) - mean * scale) as f32;
                    }
                }
                affine
            })
            .collect()
    }

    pub(crate) fn check(&self, sums: &ChannelSums, shape: FeatureShape) {
        assert_eq!(self.weight.len(), shape.channels, "weights of a norm");
        assert_eq!(self.bias.len(), shape.channels, "biases of a norm");
        let channels = shape.batch * shape.blocks() * LANES;
        assert_eq!(sums.sums.len(), channels, "sums of {shape:?}");
        assert_eq!(sums.voxels, shape.voxels(), "voxels of {shape:?}");
    }
}

/// Sums over the voxels of each channel of each sample, for maps whose convolution did not take them.
#[must_use]
pub fn channel_sums_of(isa: Isa, y: Features<'_>) -> ChannelSums {
    let slabs = Slabs::of(y.shape);
    let parts: Vec<BlockSums> = (0..slabs.len())
        .into_par_iter()
        .map(|slab| {
            isa.run(SumSlab {
                y,
                slab: slabs.get(slab),
            })
        })
        .collect();
    let mut sums = ChannelSums::zeros(y.shape);
    for (slab, part) in parts.iter().enumerate() {
        sums.add(slab / slabs.per_block(), part);
    }
    sums
}

struct SumSlab<'a> {
    y: Features<'a>,
    slab: Slab,
}

impl Kernel for SumSlab<'_> {
    type Output = BlockSums;

    #[inline(always)]
    unsafe fn run<S: Simd, const NX: usize, const OB: usize>(self) -> BlockSums {
        let mut sums = BlockSums::default();
        let len = self.y.shape.row_len();
        let values = &self.y.values[self.slab.start..][..self.slab.rows * len];
        for row in values.chunks_exact(len) {
            // SAFETY: a row holds its voxels behind one border.
            unsafe { sums.add_row::<S>(row[LANES..].as_ptr(), self.y.shape.size[2]) };
        }
        sums
    }
}

/// Norm and activation of a map whose sums are known.
///
/// # Panics
///
/// If weights or sums are not those of the shape.
#[must_use]
pub fn norm_act(isa: Isa, y: Features<'_>, sums: &ChannelSums, norm: NormAct<'_>) -> Vec<f32> {
    let affine = norm.affine(sums, y.shape);
    // SAFETY: every row is written with its border.
    unsafe {
        written(y.shape.len(), |to| {
            apply(
                isa,
                y.values.as_ptr().into(),
                to,
                y.shape,
                &affine,
                norm.slope,
            );
        })
    }
}

/// [`norm_act`] in place of the map.
///
/// # Panics
///
/// If the values are not those of the shape, or as [`norm_act`].
pub fn norm_act_in_place(
    isa: Isa,
    values: &mut [f32],
    shape: FeatureShape,
    sums: &ChannelSums,
    norm: NormAct<'_>,
) {
    assert_eq!(values.len(), shape.len(), "values of {shape:?}");
    let affine = norm.affine(sums, shape);
    let to = Out::of(values);
    // SAFETY: the start of the values.
    let from = unsafe { to.at(0) }.cast_const().into();
    apply(isa, from, to, shape, &affine, norm.slope);
}

/// Where several threads read what they may write themselves.
#[derive(Debug, Clone, Copy)]
struct Source(*const f32);

// SAFETY: a slab is read by the one thread that writes it.
unsafe impl Send for Source {}
// SAFETY: as above.
unsafe impl Sync for Source {}

impl From<*const f32> for Source {
    fn from(start: *const f32) -> Self {
        Self(start)
    }
}

fn apply(isa: Isa, from: Source, to: Out, shape: FeatureShape, affine: &[Affine], slope: f32) {
    let slabs = Slabs::of(shape);
    (0..slabs.len()).into_par_iter().for_each(|slab| {
        let slab = slabs.get(slab);
        isa.run(ApplySlab {
            from,
            to,
            shape,
            slab,
            affine: &affine[slab.block],
            slope,
        });
    });
}

struct ApplySlab<'a> {
    from: Source,
    to: Out,
    shape: FeatureShape,
    slab: Slab,
    affine: &'a Affine,
    slope: f32,
}

impl Kernel for ApplySlab<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd, const NX: usize, const OB: usize>(self) {
        let voxels = self.shape.size[2];
        // SAFETY: rows of this slab, which is nobody else's.
        unsafe {
            let act = Act::<S>::new(self.affine, self.slope);
            for row in 0..self.slab.rows {
                let start = self.slab.start + row * self.shape.row_len();
                let (from, to) = (self.from.0.add(start), self.to.at(start));
                write_border::<S>(to, voxels);
                for voxel in 1..=voxels {
                    let v = act.of(S::load(from.add(voxel * LANES)));
                    S::store(to.add(voxel * LANES), v);
                }
            }
        }
    }
}

/// Norm and activation of one block, in registers.
#[derive(Clone, Copy)]
pub(crate) struct Act<S: Simd> {
    pub(crate) scale: S::V,
    pub(crate) shift: S::V,
    slope: S::V,
}

impl<S: Simd> Act<S> {
    /// # Safety
    ///
    /// As [`Simd`].
    #[inline(always)]
    pub(crate) unsafe fn new(affine: &Affine, slope: f32) -> Self {
        // SAFETY: the caller's.
        unsafe {
            Self {
                scale: S::load(affine.scale.as_ptr()),
                shift: S::load(affine.shift.as_ptr()),
                slope: S::splat(slope),
            }
        }
    }

    /// The activation.
    ///
    /// # Safety
    ///
    /// As [`Simd`].
    #[inline(always)]
    pub(crate) unsafe fn of(&self, y: S::V) -> S::V {
        // SAFETY: the caller's.
        unsafe {
            let v = S::mul_add(y, self.scale, self.shift);
            S::select_not_negative(v, v, S::mul(v, self.slope))
        }
    }
}

/// The gradient of the activation's input from that of its output; at zero the slope counts, as in
/// PyTorch.
///
/// # Safety
///
/// As [`Simd`].
#[inline(always)]
pub(crate) unsafe fn through_leaky_relu<S: Simd>(input: S::V, slope: S::V, gradient: S::V) -> S::V {
    // SAFETY: the caller's.
    unsafe {
        let below = S::sub(S::zero(), input);
        S::select_not_negative(below, S::mul(gradient, slope), gradient)
    }
}
