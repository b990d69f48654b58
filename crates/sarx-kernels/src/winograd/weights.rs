//! Weights at the points, in the order in which the products read them.

use rayon::prelude::*;

use super::rounding::{Precision, in_pairs};
use super::transform::{MAX_POINTS, points, weight};
use crate::memory::{Scratch, Shared};
use crate::simd::{Kernel, Simd};
use crate::{ConvWeights, Isa, LANES};

/// The weights of one convolution, transformed and packed:
/// `[point z, y, x][out group][channel in][blocks of the group * 16]`.
///
/// Groups have as many blocks of output channels as the instruction set sums at once; blocks that are
/// left over are groups of their own. In 16 bits, pairs of channels in take the place of channels.
#[derive(Debug)]
pub struct WinogradWeights {
    pub(super) packed: Scratch,
    pub(super) isa: Isa,
    pub(super) tile: [usize; 3],
    /// Channels of each input.
    pub(super) channels_in: Vec<usize>,
    pub(super) channels_out: usize,
    pub(super) precision: Precision,
}

/// Channels in that are packed together: 1 KiB side by side with groups of two blocks.
const CHANNELS_AT_ONCE: usize = 8;

impl WinogradWeights {
    /// Transforms and packs weights for tiles of `tile` voxels per axis (`[z, y, x]`): 2 or 4 where
    /// the kernel has three voxels, 1 where it has one. `channels_in` are the channels of each input.
    ///
    /// # Panics
    ///
    /// If kernel and tile do not fit, or the channels do not add up.
    #[must_use]
    pub fn new(
        isa: Isa,
        weights: ConvWeights<'_>,
        channels_in: &[usize],
        tile: [usize; 3],
        precision: Precision,
    ) -> Self {
        for (m, k) in tile.into_iter().zip(weights.kernel) {
            assert!(
                matches!((k, m), (1, 1) | (3, 2 | 4)),
                "tile {tile:?} for a kernel of {:?}",
                weights.kernel
            );
        }
        assert_eq!(
            channels_in.iter().sum::<usize>(),
            weights.channels_in,
            "channels of the inputs {channels_in:?}"
        );
        assert_eq!(
            weights.values.len(),
            weights.channels_out * weights.channels_in * weights.taps(),
            "weights from {} to {} channels with a kernel of {:?}",
            weights.channels_in,
            weights.channels_out,
            weights.kernel
        );
        let mut packed = Self {
            packed: Scratch::take(0),
            isa,
            tile,
            channels_in: channels_in.to_vec(),
            channels_out: weights.channels_out,
            precision: Precision::F32,
        };
        packed.packed = Scratch::take(packed.points() * packed.point_len());
        packed.fill(weights);
        if precision == Precision::Bf16 {
            packed.packed = in_pairs(&packed);
            packed.precision = Precision::Bf16;
        }
        packed
    }

    /// Bytes in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.points() * self.point_len() * size_of::<f32>()
    }

    /// In what precision they are multiplied.
    #[must_use]
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Voxels of a tile per axis, `[z, y, x]`.
    #[must_use]
    pub fn tile(&self) -> [usize; 3] {
        self.tile
    }

    pub(super) fn points(&self) -> usize {
        self.tile.map(points).iter().product()
    }

    pub(super) fn out_blocks(&self) -> usize {
        self.channels_out.div_ceil(LANES)
    }

    /// Floats from point to point: no power of two, lest all points fall into one set of the cache.
    pub(super) fn point_len(&self) -> usize {
        let steps = self
            .channels_in
            .iter()
            .map(|&channels| match self.precision {
                Precision::F32 => channels,
                Precision::Bf16 => channels.div_ceil(2),
            });
        steps.sum::<usize>() * self.out_blocks() * LANES + LANES
    }

    fn fill(&mut self, weights: ConvWeights<'_>) {
        let point_len = self.point_len();
        let blocks = self.out_blocks();
        let group_blocks = self.isa.out_blocks();
        let isa = self.isa;
        let tile = self.tile;
        let to = Shared(self.packed.as_mut_ptr());
        let chunks = weights.channels_in.div_ceil(CHANNELS_AT_ONCE);
        (0..blocks * chunks).into_par_iter().for_each(|item| {
            let (block, chunk) = (item / chunks, item % chunks);
            let in_group = block % group_blocks;
            let whole = block - in_group + group_blocks <= blocks;
            // Left-over blocks are groups of one.
            let (first, width, lane_block) = if whole {
                (block - in_group, group_blocks, in_group)
            } else {
                (block, 1, 0)
            };
            let first_channel = chunk * CHANNELS_AT_ONCE;
            let start = (first * weights.channels_in + first_channel * width + lane_block) * LANES;
            isa.run(PackStage {
                weights,
                tile,
                block,
                channels: first_channel
                    ..(first_channel + CHANNELS_AT_ONCE).min(weights.channels_in),
                // SAFETY: inside of the buffer, and each item has places of its own.
                to: unsafe { to.get().add(start) },
                point_len,
                channel_len: width * LANES,
            });
        });
    }
}

/// Packs some channels in of one block of channels out.
struct PackStage<'a> {
    weights: ConvWeights<'a>,
    tile: [usize; 3],
    block: usize,
    channels: std::ops::Range<usize>,
    to: *mut f32,
    point_len: usize,
    channel_len: usize,
}

/// Taps of the largest kernel, three per axis.
const TAPS: usize = 27;

impl Kernel for PackStage<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd, const NX: usize, const OB: usize>(self) {
        let [kz, ky, kx] = self.weights.kernel;
        let [az, ay, _] = self.tile.map(points);
        let mut taps = [[0.0_f32; LANES]; CHANNELS_AT_ONCE * TAPS];
        let mut in_z = [[0.0_f32; LANES]; MAX_POINTS * 9];
        let mut in_y = [[0.0_f32; LANES]; MAX_POINTS * MAX_POINTS * 3];
        let [taps_at, z_at, y_at] = [
            taps.as_mut_ptr().cast::<f32>(),
            in_z.as_mut_ptr().cast(),
            in_y.as_mut_ptr().cast(),
        ];
        self.gather(&mut taps);
        for i in 0..self.channels.len() {
            // SAFETY: the caller's; the arrays hold three taps and six points per axis.
            unsafe {
                let to = self.to.add(i * self.channel_len);
                let taps_at = taps_at.add(i * kz * ky * kx * LANES);
                along_axis::<S>(self.tile[0], [1, kz, ky * kx], taps_at, z_at, LANES);
                along_axis::<S>(self.tile[1], [az, ky, kx], z_at, y_at, LANES);
                along_axis::<S>(self.tile[2], [az * ay, kx, 1], y_at, to, self.point_len);
            }
        }
    }
}

/// Transforms vectors `[outer, taps, inner]` along their middle axis to `[outer, points, inner]`, which
/// lie `stride` floats apart.
#[inline(always)]
unsafe fn along_axis<S: Simd>(
    m: usize,
    shape: [usize; 3],
    from: *const f32,
    to: *mut f32,
    stride: usize,
) {
    // SAFETY: the caller's.
    unsafe {
        match m {
            1 => along::<S, 1>(shape, from, to, stride),
            2 => along::<S, 2>(shape, from, to, stride),
            _ => along::<S, 4>(shape, from, to, stride),
        }
    }
}

#[inline(always)]
unsafe fn along<S: Simd, const M: usize>(
    [outer, taps, inner]: [usize; 3],
    from: *const f32,
    to: *mut f32,
    stride: usize,
) {
    for (o, i) in (0..outer).flat_map(|o| (0..inner).map(move |i| (o, i))) {
        // SAFETY: the caller's.
        unsafe {
            let mut g = [S::zero(); 3];
            for (k, g) in g.iter_mut().enumerate().take(if M == 1 { 1 } else { 3 }) {
                *g = S::load(from.add(((o * taps + k) * inner + i) * LANES));
            }
            let at_points = weight::<S, M>(g);
            for (p, &v) in at_points.iter().enumerate().take(points(M)) {
                S::store(to.add(((o * points(M) + p) * inner + i) * stride), v);
            }
        }
    }
}

impl PackStage<'_> {
    /// The taps of all channels in of the stage, for 16 channels out.
    #[inline(always)]
    fn gather(&self, to: &mut [[f32; LANES]; CHANNELS_AT_ONCE * TAPS]) {
        let ConvWeights {
            values,
            channels_out,
            channels_in,
            mirrored,
            ..
        } = self.weights;
        let taps = self.weights.taps();
        let used = &mut to[..self.channels.len() * taps];
        for lane in 0..LANES {
            let channel_out = self.block * LANES + lane;
            if channel_out >= channels_out {
                used.iter_mut().for_each(|tap| tap[lane] = 0.0);
            } else if mirrored {
                for (channel_in, to) in self.channels.clone().zip(used.chunks_exact_mut(taps)) {
                    let start = (channel_in * channels_out + channel_out) * taps;
                    copy_to_lane(&values[start..start + taps], to.iter_mut().rev(), lane);
                }
            } else {
                let start = (channel_out * channels_in + self.channels.start) * taps;
                copy_to_lane(&values[start..start + used.len()], used.iter_mut(), lane);
            }
        }
    }
}

/// Copies values to one lane of vectors.
#[inline(always)]
fn copy_to_lane<'a>(from: &[f32], to: impl Iterator<Item = &'a mut [f32; LANES]>, lane: usize) {
    for (from, to) in from.iter().zip(to) {
        // SAFETY: a reference is valid. Volatile keeps the compiler from scattering whole vectors, which
        // takes many times as long.
        to[lane] = unsafe { std::ptr::from_ref(from).read_volatile() };
    }
}
