//! Which tile takes the least time, and whether the direct algorithm takes less.
//!
//! Times are counted in cycles of one core, fitted to some 550 random layers (1 to 320 channels,
//! 4 to 96 voxels per axis) on a Zen 4 core with AVX-512; half of the predictions are within 12 % of
//! the measurement, four fifths within 25 %. Other processors have other constants but much the same
//! ratios, as all terms are bound by multiply-adds or by the first-level cache; and the choice depends
//! on the layer alone, so that results do not depend on the machine.

use super::grid::Grid;
use super::rounding::Precision;
use super::schedule::{Plan, SHARED_CACHE};
use super::transform::points;
use crate::LANES;

/// Cycles of a sum of products per vector, with the loads that the multiply-adds do not hide.
const PRODUCT: f64 = 1.12;

/// Cycles per point of a tile and block of channels in, to transform it.
const INPUT: f64 = 6.0;

/// The same of a block of channels out, with writing it.
const OUTPUT: f64 = 8.0;

/// Cycles of all cores per byte of weights that come from memory.
const STREAM: f64 = 0.25;

/// Cycles per byte of weights that are transformed and packed.
const PACK: f64 = 0.3;

/// Cycles of a call beyond those of a direct one: three stages instead of one, and their memory.
const CALL: f64 = 50_000.0;

/// Cycles of a sum of products of pairs per vector: half as many are needed.
const PAIR_PRODUCT: f64 = 1.2;

/// Cycles per point of a tile and block of channels in, to round it.
const ROUND: f64 = 1.5;

/// The tile, `[z, y, x]`, that takes the least time for a convolution with stride 1, or `None` if the
/// direct algorithm takes less (or the kernel has an axis that is neither 1 nor 3).
///
/// `channels_in` are those of all inputs; `packed_once` says that weights serve many calls, so that
/// packing costs nothing.
#[must_use]
pub fn choose_tile(
    size: [usize; 3],
    batch: usize,
    channels_in: usize,
    channels_out: usize,
    kernel: [usize; 3],
    packed_once: bool,
) -> Option<[usize; 3]> {
    let asked = Precision::F32;
    let of_call = (size, batch, packed_once);
    choose_tile_in(asked, of_call, [channels_in, channels_out], kernel).map(|(tile, _)| tile)
}

/// [`choose_tile`] where products may be rounded: also tells in which precision they take the least
/// time. `(size, batch, packed_once)`, `[channels_in, channels_out]`.
///
/// In 16 bits tiles have four voxels along one axis at most, as large tiles multiply the error of rounding;
/// where they take longer than large tiles in 32 bits, those are taken.
#[must_use]
pub fn choose_tile_in(
    asked: Precision,
    (size, batch, packed_once): ([usize; 3], usize, bool),
    [channels_in, channels_out]: [usize; 2],
    kernel: [usize; 3],
) -> Option<([usize; 3], Precision)> {
    if kernel.iter().any(|&k| k != 1 && k != 3) || kernel == [1; 3] {
        return None;
    }
    let layer = Layer {
        size,
        batch,
        channels_in,
        out_blocks: channels_out.div_ceil(LANES),
        kernel,
        packed_once,
    };
    let sides = kernel.map(|k| if k == 1 { &[1][..] } else { &[2, 4][..] });
    let tiles = sides[0].iter().flat_map(|&z| {
        let in_plane = sides[1]
            .iter()
            .flat_map(move |&y| sides[2].iter().map(move |&x| [y, x]));
        in_plane.map(move |[y, x]| [z, y, x])
    });
    let precisions = match asked {
        Precision::F32 => &[Precision::F32][..],
        Precision::Bf16 => &[Precision::F32, Precision::Bf16],
    };
    let ways = tiles.flat_map(|tile| precisions.iter().map(move |&precision| (tile, precision)));
    let small = |tile: &[usize; 3]| tile.iter().filter(|&&m| m == 4).count() <= 1;
    let fit = ways.filter(|(tile, precision)| *precision == Precision::F32 || small(tile));
    let costs = fit.map(|way| (layer.winograd(way.0, way.1), way));
    let (cost, way) = costs.min_by(|a, b| a.0.total_cmp(&b.0))?;
    (cost < layer.direct()).then_some(way)
}

struct Layer {
    size: [usize; 3],
    batch: usize,
    channels_in: usize,
    out_blocks: usize,
    kernel: [usize; 3],
    packed_once: bool,
}

impl Layer {
    fn winograd(&self, tile: [usize; 3], precision: Precision) -> f64 {
        let grid = Grid::new(self.size, tile, self.batch);
        let tiles = grid.len();
        let points: usize = tile.map(points).iter().product();
        let (steps, product, round) = match precision {
            Precision::F32 => (self.channels_in, PRODUCT, 0.0),
            Precision::Bf16 => (self.channels_in.div_ceil(2), PAIR_PRODUCT, ROUND),
        };
        let bytes = size_of::<f32>() * points * steps * self.out_blocks * LANES;
        let in_blocks = self.channels_in.div_ceil(LANES);
        // The choice is the same for all numbers of threads.
        let at_once = match Plan::choose(tiles, in_blocks.max(self.out_blocks), bytes, 2) {
            Plan::Alone { tiles } | Plan::Together { tiles } => tiles,
        };
        let vectors = tiles / at_once * self.vectors(at_once) + self.vectors(tiles % at_once);
        let share = steps as f64 / self.channels_in.max(1) as f64;
        let mut products = product * share * (points * vectors) as f64;
        if bytes > SHARED_CACHE {
            let passes = tiles.div_ceil(at_once);
            products = products.max(STREAM * (passes * bytes) as f64);
        }
        let input = (INPUT + round) * (points * tiles * in_blocks) as f64;
        let output = OUTPUT * (points * tiles * self.out_blocks) as f64;
        products + input + output + self.pack(bytes) + CALL
    }

    fn direct(&self) -> f64 {
        let [z, y, x] = self.size;
        let taps: usize = self.kernel.iter().product();
        let bytes = size_of::<f32>() * taps * self.channels_in * self.out_blocks * LANES;
        let vectors = self.batch * z * y * taps * self.vectors(x);
        PRODUCT * vectors as f64 + self.pack(bytes)
    }

    /// Multiply-adds of vectors for so many positions, all channels in and out, with the time that
    /// registers are idle: 8 positions and two blocks of channels are what fills them.
    fn vectors(&self, positions: usize) -> usize {
        const REST: [usize; 8] = [0, 4, 5, 9, 8, 12, 13, 17];
        let pair = 16 * (positions / 8) + REST[positions % 8];
        // A block alone waits for its loads.
        let single = pair * 3 / 5;
        self.channels_in * (self.out_blocks / 2 * pair + self.out_blocks % 2 * single)
    }

    fn pack(&self, bytes: usize) -> f64 {
        if self.packed_once {
            0.0
        } else {
            PACK * bytes as f64
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_layers_take_large_tiles() {
        let tile = |size, channels, kernel| choose_tile(size, 1, channels, channels, kernel, true);
        assert_eq!(tile([64; 3], 32, [3; 3]), Some([4; 3]));
        assert_eq!(tile([16; 3], 128, [3; 3]), Some([4; 3]));
        assert_eq!(tile([40, 224, 192], 32, [1, 3, 3]), Some([1, 4, 4]));
        assert_eq!(tile([32, 32, 32], 64, [3, 1, 1]), Some([4, 1, 1]));
    }

    #[test]
    fn tiles_fit_the_size() {
        assert_eq!(
            choose_tile([2, 32, 32], 1, 32, 32, [3; 3], true),
            Some([2, 4, 4])
        );
        assert_eq!(
            choose_tile([32, 1, 32], 1, 32, 32, [3; 3], true),
            Some([4, 2, 4])
        );
    }

    #[test]
    fn weights_of_one_call_take_small_tiles_or_none() {
        let tile = choose_tile([8; 3], 1, 320, 320, [3; 3], false).unwrap();
        assert!(tile.iter().product::<usize>() <= 16, "{tile:?}");
        assert_eq!(choose_tile([2, 2, 2], 1, 320, 320, [3; 3], false), None);
    }

    #[test]
    fn few_channels_and_other_kernels_are_direct() {
        assert_eq!(choose_tile([64; 3], 1, 1, 32, [3; 3], true), None);
        assert_eq!(choose_tile([64; 3], 1, 32, 32, [1; 3], true), None);
        assert_eq!(choose_tile([64; 3], 1, 32, 32, [5, 3, 3], true), None);
    }
}
