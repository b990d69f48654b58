//! Sums per channel over a whole batch: the gradients of biases.

use crate::{
    Features, Isa, LANES,
    simd::{Kernel, Simd},
    slabs::{Slab, Slabs},
};
use rayon::prelude::*;

/// The sum of each channel over samples and voxels; rows in f32, everything above in f64.
#[must_use]
pub fn sum_per_channel(isa: Isa, x: Features<'_>) -> Vec<f32> {
    let slabs = Slabs::of(x.shape);
    let parts: Vec<[f64; LANES]> = (0..slabs.len())
        .into_par_iter()
        .map(|slab| {
            isa.run(SumSlab {
                x,
                slab: slabs.get(slab),
            })
        })
        .collect();
    let mut sums = vec![0.0; x.shape.blocks() * LANES];
    for (slab, part) in parts.iter().enumerate() {
        let block = slab / slabs.per_block() % x.shape.blocks();
        for (to, sum) in sums[block * LANES..].iter_mut().zip(part) {
            *to += sum;
        }
    }
    sums.truncate(x.shape.channels);
    sums.into_iter().map(|sum| sum as f32).collect()
}

struct SumSlab<'a> {
    x: Features<'a>,
    slab: Slab,
}

impl Kernel for SumSlab<'_> {
    type Output = [f64; LANES];

    #[inline(always)]
    unsafe fn run<S: Simd, const NX: usize, const OB: usize>(self) -> [f64; LANES] {
        let len = self.x.shape.row_len();
        let mut sums = [0.0; LANES];
        for row in self.x.values[self.slab.start..][..self.slab.rows * len].chunks_exact(len) {
            // SAFETY: a row holds whole vectors; its border is zero.
            let row = unsafe {
                let mut sum = S::zero();
                for vector in row.chunks_exact(LANES) {
                    sum = S::add(sum, S::load(vector.as_ptr()));
                }
                S::to_array(sum)
            };
            for (to, value) in sums.iter_mut().zip(row) {
                *to += f64::from(value);
            }
        }
        sums
    }
}
