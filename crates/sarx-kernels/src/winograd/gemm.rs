//! The products: at every point a matrix of tiles times channels in with one of channels in times
//! channels out.

use crate::LANES;
use crate::simd::{Kernel, PairKernel, Pairs, Simd};

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
    /// `[point][tile][channel in, in blocks]`, or pairs of channels where the weights are pairs.
    pub(crate) values: *const f32,
    pub(crate) value_point: usize,
    pub(crate) value_tile: usize,
    /// `[point][out group][channel in, or pair][its blocks * 16]`
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
        // SAFETY: the caller's.
        unsafe { self.multiply::<S, Singles, NX, OB>() }
    }
}

impl PairKernel for GemmStage<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd, P: Pairs<S>, const NX: usize, const OB: usize>(self) {
        // SAFETY: the caller's.
        unsafe { self.multiply::<S, InPairs<P>, NX, OB>() }
    }
}

/// What one step over the channels in adds to a sum.
trait Product<S: Simd> {
    /// The weights of a step for 16 channels out.
    type Weights: Copy;
    /// Channels in per step.
    const CHANNELS: usize;
    /// The weights, from 16 floats of memory.
    unsafe fn load(at: *const f32) -> Self::Weights;
    /// A step's value times its weights, and the sum so far.
    unsafe fn add(value: *const f32, weights: Self::Weights, sum: S::V) -> S::V;
}

/// A channel in 32 bits.
struct Singles;

impl<S: Simd> Product<S> for Singles {
    type Weights = S::V;
    const CHANNELS: usize = 1;

    #[inline(always)]
    unsafe fn load(at: *const f32) -> S::V {
        // SAFETY: the caller's.
        unsafe { S::load(at) }
    }

    #[inline(always)]
    unsafe fn add(value: *const f32, weights: S::V, sum: S::V) -> S::V {
        // SAFETY: the caller's.
        unsafe { S::mul_add(S::splat(*value), weights, sum) }
    }
}

/// Two channels in 16 bits each.
struct InPairs<P>(std::marker::PhantomData<P>);

impl<S: Simd, P: Pairs<S>> Product<S> for InPairs<P> {
    type Weights = P::Weights;
    const CHANNELS: usize = 2;

    #[inline(always)]
    unsafe fn load(at: *const f32) -> P::Weights {
        // SAFETY: the caller's.
        unsafe { P::load(at.cast()) }
    }

    #[inline(always)]
    unsafe fn add(value: *const f32, weights: P::Weights, sum: S::V) -> S::V {
        // SAFETY: the caller's.
        unsafe { P::add_products(*value.cast(), weights, sum) }
    }
}

impl GemmStage<'_> {
    #[inline(always)]
    unsafe fn multiply<S: Simd, D: Product<S>, const NX: usize, const OB: usize>(self) {
        let steps = self
            .runs
            .iter()
            .map(|run| run.channels.div_ceil(D::CHANNELS));
        let steps: usize = steps.sum();
        for point in 0..self.points {
            // SAFETY: the caller's; whoever made the stage gave it valid memory.
            unsafe {
                let values = self.values.add(point * self.value_point);
                let weights = self.weights.add(point * self.weight_point);
                let products = self.products.add(point * self.product_point);
                let mut block = 0;
                while block + OB <= self.out_blocks {
                    let weights = weights.add(block * steps * LANES);
                    self.group::<S, D, NX, OB>(values, weights, products.add(block * LANES));
                    block += OB;
                }
                while block < self.out_blocks {
                    let weights = weights.add(block * steps * LANES);
                    self.group::<S, D, NX, 1>(values, weights, products.add(block * LANES));
                    block += 1;
                }
            }
        }
    }

    /// All tiles of one group of output blocks.
    #[inline(always)]
    unsafe fn group<S: Simd, D: Product<S>, const NX: usize, const OB: usize>(
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
                tile += if rest >= NX && (NX != 6 || rest != 8) {
                    self.panel::<S, D, NX, OB>(values, weights, products)
                } else if rest >= 4 {
                    self.panel::<S, D, 4, OB>(values, weights, products)
                } else if rest >= 2 {
                    self.panel::<S, D, 2, OB>(values, weights, products)
                } else {
                    self.panel::<S, D, 1, OB>(values, weights, products)
                };
            }
        }
    }

    /// `TILES` tiles, whose sums stay in registers.
    #[inline(always)]
    unsafe fn panel<S: Simd, D: Product<S>, const TILES: usize, const OB: usize>(
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
                // Runs begin with a block, so at an even channel.
                let values = values.add(run.offset / D::CHANNELS);
                for step in 0..run.channels.div_ceil(D::CHANNELS) {
                    let w: [D::Weights; OB] =
                        std::array::from_fn(|o| D::load(weights.add(o * LANES)));
                    for (tile, sums) in sums.iter_mut().enumerate() {
                        let value = values.add(tile * self.value_tile + step);
                        for (sum, &w) in sums.iter_mut().zip(&w) {
                            *sum = D::add(value, w, *sum);
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
