//! The products: at every point a matrix of tiles times channels in with one of channels in times
//! channels out.

use crate::LANES;
use crate::simd::{Kernel, Simd};

/// Channels that lie side by side in a row of transformed values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    /// Where they begin.
    pub(crate) offset: usize,
    /// How many.
    pub(crate) channels: usize,
}

/// Multiplies at several points, over all channels in.
#[derive(Debug)]
pub(crate) struct GemmStage<'a> {
    /// `[point][tile][channel in, in blocks]`
    pub(crate) values: *const f32,
    pub(crate) value_point: usize,
    pub(crate) value_tile: usize,
    /// `[point][out group][channel in][its blocks * 16]`
    pub(crate) weights: *const f32,
    pub(crate) weight_point: usize,
    /// `[point][tile][channel out, in blocks]`
    pub(crate) products: *mut f32,
    pub(crate) product_point: usize,
    pub(crate) product_tile: usize,
    pub(crate) points: usize,
    pub(crate) tiles: usize,
    /// The channels in.
    pub(crate) runs: &'a [Run],
    pub(crate) out_blocks: usize,
}

impl Kernel for GemmStage<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd, const NX: usize, const OB: usize>(self) {
        let channels: usize = self.runs.iter().map(|run| run.channels).sum();
        for point in 0..self.points {
            // SAFETY: the caller's; whoever made the stage gave it valid memory.
            unsafe {
                let values = self.values.add(point * self.value_point);
                let weights = self.weights.add(point * self.weight_point);
                let products = self.products.add(point * self.product_point);
                let mut block = 0;
                while block + OB <= self.out_blocks {
                    let weights = weights.add(block * channels * LANES);
                    self.group::<S, NX, OB>(values, weights, products.add(block * LANES));
                    block += OB;
                }
                while block < self.out_blocks {
                    let weights = weights.add(block * channels * LANES);
                    self.group::<S, NX, 1>(values, weights, products.add(block * LANES));
                    block += 1;
                }
            }
        }
    }
}

impl GemmStage<'_> {
    /// All tiles of one group of output blocks.
    #[inline(always)]
    unsafe fn group<S: Simd, const NX: usize, const OB: usize>(
        &self,
        values: *const f32,
        weights: *const f32,
        products: *mut f32,
    ) {
        let mut tile = 0;
        while tile < self.tiles {
            let rest = self.tiles - tile;
            // SAFETY: the caller's.
            unsafe {
                let values = values.add(tile * self.value_tile);
                let products = products.add(tile * self.product_tile);
                // Eight are twice four rather than six and two, which leave registers idle.
                tile += if rest >= NX && (NX >= 8 || rest != 8) {
                    self.panel::<S, NX, OB>(values, weights, products)
                } else if rest >= 4 {
                    self.panel::<S, 4, OB>(values, weights, products)
                } else if rest >= 2 {
                    self.panel::<S, 2, OB>(values, weights, products)
                } else {
                    self.panel::<S, 1, OB>(values, weights, products)
                };
            }
        }
    }

    /// `TILES` tiles, whose sums stay in registers.
    #[inline(always)]
    unsafe fn panel<S: Simd, const TILES: usize, const OB: usize>(
        &self,
        values: *const f32,
        weights: *const f32,
        products: *mut f32,
    ) -> usize {
        // SAFETY: the caller's.
        unsafe {
            let mut sums = [[S::zero(); OB]; TILES];
            let mut weights = weights;
            for run in self.runs {
                let values = values.add(run.offset);
                for channel in 0..run.channels {
                    let w: [S::V; OB] = std::array::from_fn(|o| S::load(weights.add(o * LANES)));
                    for (tile, sums) in sums.iter_mut().enumerate() {
                        let value = S::splat(*values.add(tile * self.value_tile + channel));
                        for (sum, &w) in sums.iter_mut().zip(&w) {
                            *sum = S::mul_add(value, w, *sum);
                        }
                    }
                    weights = weights.add(OB * LANES);
                }
            }
            for (tile, sums) in sums.iter().enumerate() {
                for (o, &sum) in sums.iter().enumerate() {
                    S::store(products.add(tile * self.product_tile + o * LANES), sum);
                }
            }
        }
        TILES
    }
}
