//! The head: a convolution of one voxel from features to an array, one value per class and voxel.
//!
//! 16 voxels of 16 channels are turned over in registers, so that sums over channels run over whole
//! vectors and their results are written as they are. With the last norm and activation applied on
//! the way, the last feature map of a network is read once and never written.

use crate::{
    ChannelSums, Features, Isa, LANES, NormAct,
    norm::{Act, Affine},
    simd::{Kernel, Simd},
    slabs::{Slab, Slabs},
    turn::{Rows, turn},
    written::{Out, written},
};
use rayon::prelude::*;

/// `[batch, k, z, y, x]` of weights `[k, channels]` and `k` biases.
///
/// # Panics
///
/// If there are not `k` times as many weights as channels.
#[must_use]
pub fn head(isa: Isa, x: Features<'_>, weight: &[f32], bias: &[f32]) -> Vec<f32> {
    run(isa, x, None, weight, bias)
}

/// The [`head`] of the norm and activation of a map.
///
/// # Panics
///
/// As [`head`] and [`crate::norm_act`].
#[must_use]
pub fn head_after_norm(
    isa: Isa,
    y: Features<'_>,
    sums: &ChannelSums,
    norm: NormAct<'_>,
    weight: &[f32],
    bias: &[f32],
) -> Vec<f32> {
    let affine = norm.affine(sums, y.shape);
    run(isa, y, Some((&affine, norm.slope)), weight, bias)
}

fn run(
    isa: Isa,
    x: Features<'_>,
    act: Option<(&[Affine], f32)>,
    weight: &[f32],
    bias: &[f32],
) -> Vec<f32> {
    let shape = x.shape;
    assert_eq!(
        weight.len(),
        bias.len() * shape.channels,
        "weights of a head with {} classes on {shape:?}",
        bias.len()
    );
    let slabs = Slabs::of_all_blocks(shape);
    // SAFETY: every class of every voxel is written.
    unsafe {
        written(shape.batch * bias.len() * shape.voxels(), |out| {
            (0..slabs.len()).into_par_iter().for_each(|slab| {
                isa.run(HeadSlab {
                    x,
                    act,
                    weight,
                    bias,
                    slab: slabs.get(slab),
                    out,
                });
            });
        })
    }
}

struct HeadSlab<'a> {
    x: Features<'a>,
    act: Option<(&'a [Affine], f32)>,
    weight: &'a [f32],
    bias: &'a [f32],
    slab: Slab,
    out: Out,
}

impl Kernel for HeadSlab<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd, const NX: usize, const OB: usize>(self) {
        let [_, ny, nx] = self.x.shape.size;
        let (classes, voxels) = (self.bias.len(), self.x.shape.voxels());
        // Of 16 voxels: `[channel, voxel]`.
        let mut turned = vec![0.0; self.x.shape.blocks() * LANES * LANES];
        for row in self.slab.row..self.slab.row + self.slab.rows {
            for first in (0..nx).step_by(LANES) {
                let count = (nx - first).min(LANES);
                // SAFETY: called below `Isa::run`; voxels of this row.
                unsafe {
                    self.turn::<S>([row / ny, row % ny, first], count, &mut turned);
                    let mut class = 0;
                    while class < classes {
                        let to = (self.slab.block * classes + class) * voxels + row * nx + first;
                        class += match classes - class {
                            8.. if NX >= 8 => self.classes::<S, 8>(class, &turned, to, count),
                            4.. if NX >= 4 => self.classes::<S, 4>(class, &turned, to, count),
                            2.. => self.classes::<S, 2>(class, &turned, to, count),
                            _ => self.classes::<S, 1>(class, &turned, to, count),
                        };
                    }
                }
            }
        }
    }
}

impl HeadSlab<'_> {
    /// All channels of some voxels side by side.
    #[inline(always)]
    unsafe fn turn<S: Simd>(&self, [z, y, x]: [usize; 3], count: usize, turned: &mut [f32]) {
        let shape = self.x.shape;
        for (block, to) in turned.chunks_exact_mut(LANES * LANES).enumerate() {
            let start = shape.row(self.slab.block, block, z, y) + x * LANES;
            let from = &self.x.values[start..][..count * LANES];
            let from = Rows {
                start: from.as_ptr(),
                step: LANES,
                rows: count,
                columns: LANES,
            };
            let to = Rows {
                start: to.as_mut_ptr(),
                step: LANES,
                rows: LANES,
                columns: LANES,
            };
            // SAFETY: `count` vectors are read, 16 written.
            unsafe {
                if let Some((affine, slope)) = self.act {
                    let affine = &affine[self.slab.block * shape.blocks() + block];
                    let act = Act::<S>::new(affine, slope);
                    turn::<S>(from, to, |v| act.of(v));
                } else {
                    turn::<S>(from, to, |v| v);
                }
            }
        }
    }

    /// Some classes of some voxels; says how many classes.
    #[inline(always)]
    unsafe fn classes<S: Simd, const CLASSES: usize>(
        &self,
        class: usize,
        turned: &[f32],
        to: usize,
        count: usize,
    ) -> usize {
        let channels = self.x.shape.channels;
        let weight = &self.weight[class * channels..(class + CLASSES) * channels];
        // SAFETY: `turned` holds a vector per channel; the voxels are inside.
        unsafe {
            let mut sums = [S::zero(); CLASSES];
            for (sum, &bias) in sums.iter_mut().zip(&self.bias[class..]) {
                *sum = S::splat(bias);
            }
            for channel in 0..channels {
                let v = S::load(turned.as_ptr().add(channel * LANES));
                for (class, sum) in sums.iter_mut().enumerate() {
                    let weight = S::splat(*weight.get_unchecked(class * channels + channel));
                    *sum = S::mul_add(weight, v, *sum);
                }
            }
            for (class, &sum) in sums.iter().enumerate() {
                let to = self.out.at(to + class * self.x.shape.voxels());
                if count == LANES {
                    S::store(to, sum);
                } else {
                    let sum = S::to_array(sum);
                    to.copy_from_nonoverlapping(sum.as_ptr(), count);
                }
            }
        }
        CLASSES
    }
}
