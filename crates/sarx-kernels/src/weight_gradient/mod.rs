//! Gradients of weights: for every tap, products of input and gradient summed over all voxels.
//!
//! Sums for a few input channels, the taps side by side in x and one or two blocks of output
//! channels are held in registers while rows of voxels pass by ([`tile`]). A task owns some blocks of
//! input channels, one or two blocks of output channels and a part of the volume; the parts are as
//! many as the shape asks for, never as the threads do, and are added in order, so results are the
//! same on any number of threads.

mod gather;
mod geometry;
mod tile;
mod transforms;
mod winograd;

use crate::{
    Features, Isa, LANES,
    reference::out_size,
    simd::{Kernel, Simd},
    written::{Out, written},
};
use gather::Gather;
use geometry::{BlockIn, Geometry, Rows};
use rayon::prelude::*;
use tile::add_products;
use winograd::{Scratch, Tiling};

/// Tasks that there should be at least: what 16 threads need to finish together.
const TASKS: usize = 64;

/// Voxels that should pass by before sums go from registers to memory, about: enough to make that
/// cheap, few enough to leave their values in the first cache for the next taps.
const VOXELS_AT_ONCE: usize = 96;

/// The gradient of a convolution (padding `(kernel - 1) / 2`) for its weights,
/// `[channels_out, channels_in, kz, ky, kx]`.
///
/// The inputs count as concatenated over their channels; `gradient` is that of the output.
///
/// # Panics
///
/// If the shapes do not belong together, or the kernel is not 1 or 3 voxels wide on some axis.
#[must_use]
pub fn conv_backward_weight(
    isa: Isa,
    inputs: &[Features<'_>],
    gradient: Features<'_>,
    kernel: [usize; 3],
    stride: [usize; 3],
) -> Vec<f32> {
    assert!(
        kernel.iter().all(|&k| k == 1 || k == 3),
        "a kernel of {kernel:?} voxels"
    );
    for x in inputs {
        assert_eq!(x.shape.batch, gradient.shape.batch, "samples");
        assert_eq!(
            out_size(x.shape.size, kernel, stride),
            gradient.shape.size,
            "size of the output for {:?}",
            x.shape
        );
    }
    let channels_in: usize = inputs.iter().map(|x| x.shape.channels).sum();
    geometry_of(inputs, gradient, kernel, stride).summed(
        isa,
        true,
        conv_strides(channels_in, kernel),
    )
}

fn geometry_of<'a>(
    inputs: &[Features<'a>],
    gradient: Features<'a>,
    kernel: [usize; 3],
    stride: [usize; 3],
) -> Geometry<'a> {
    Geometry {
        blocks_in: Geometry::blocks_of(inputs),
        gradient,
        kernel,
        stride,
        up: false,
    }
}

/// Weights from one output channel and one input channel to the next.
fn conv_strides(channels_in: usize, kernel: [usize; 3]) -> [usize; 2] {
    let taps = kernel.iter().product::<usize>();
    [channels_in * taps, taps]
}

/// The gradient of an up-convolution (kernel = stride) for its weights,
/// `[channels_in, channels_out, sz, sy, sx]`.
///
/// # Panics
///
/// If the shapes do not belong together.
#[must_use]
pub fn up_backward_weight(
    isa: Isa,
    x: Features<'_>,
    gradient: Features<'_>,
    stride: [usize; 3],
) -> Vec<f32> {
    assert_eq!(x.shape.batch, gradient.shape.batch, "samples");
    let size = [0, 1, 2].map(|axis| x.shape.size[axis] * stride[axis]);
    assert_eq!(size, gradient.shape.size, "size of the output");
    let geometry = Geometry {
        blocks_in: Geometry::blocks_of(&[x]),
        gradient,
        kernel: stride,
        stride,
        up: true,
    };
    let taps = stride.iter().product::<usize>();
    geometry.summed(isa, true, [taps, gradient.shape.channels * taps])
}

/// How the work is cut.
#[derive(Debug, Clone, Copy)]
struct Cut {
    /// Blocks of output channels of a task.
    blocks_out: usize,
    /// Blocks of input channels of a task.
    blocks_in: usize,
    /// Groups of these.
    groups: [usize; 2],
    /// Pieces of a plane.
    pieces: usize,
    /// Parts of the volume.
    parts: usize,
    /// Floats of a task's sums.
    len: usize,
    /// How planes are cut into tiles, if that is the way to go.
    tiling: Option<Tiling>,
}

impl Geometry<'_> {
    fn cut(&self, isa: Isa, by_tiles: bool) -> Cut {
        let taps: usize = self.kernel.iter().product();
        let [nz, ny, nx] = self.walked().size;
        let all_out = self.gradient.shape.blocks();
        let blocks_out = isa.out_blocks().min(all_out);
        // With few taps, a gradient that is read once must serve more input channels.
        let blocks_in = 18_usize.div_ceil(taps).min(self.blocks_in.len());
        let tiling = Tiling::of(self).filter(|_| by_tiles);
        let groups = [
            all_out.div_ceil(blocks_out),
            self.blocks_in.len().div_ceil(blocks_in),
        ];
        let pieces = ny.div_ceil(VOXELS_AT_ONCE.div_ceil(nx.max(1)));
        let all = self.gradient.shape.batch * tiling.map_or(nz * pieces, |t| t.chunks());
        Cut {
            tiling,
            blocks_out,
            blocks_in,
            groups,
            pieces,
            parts: TASKS.div_ceil(groups[0] * groups[1]).min(all).max(1),
            len: blocks_in * LANES * taps * blocks_out * LANES,
        }
    }

    /// The gradient, `by_tiles` where those serve; `strides` lead from one output channel and one input channel to the next.
    fn summed(&self, isa: Isa, by_tiles: bool, strides: [usize; 2]) -> Vec<f32> {
        let taps: usize = self.kernel.iter().product();
        let channels_in: usize = self.blocks_in.iter().map(|block| block.channels).sum();
        let len = self.gradient.shape.channels * channels_in * taps;
        if len == 0 {
            return Vec::new();
        }
        let cut = self.cut(isa, by_tiles);
        let tasks = cut.groups[0] * cut.groups[1] * cut.parts;
        // SAFETY: every task writes its sums, all of them.
        let parts = unsafe {
            written(tasks * cut.len, |sums| {
                let tasks = (0..tasks).into_par_iter();
                tasks.for_each_init(Scratch::default, |scratch, task| {
                    isa.run(Task {
                        geometry: self,
                        cut,
                        task,
                        scratch,
                        sums,
                    });
                });
            })
        };
        // SAFETY: every weight is one lane of one sum.
        unsafe {
            written(len, |weights| {
                let pairs = self.gradient.shape.blocks() * self.blocks_in.len();
                (0..pairs).into_par_iter().for_each(|pair| {
                    isa.run(Gather {
                        geometry: self,
                        cut,
                        pair,
                        parts: &parts,
                        strides,
                        weights,
                    });
                });
            })
        }
    }
}

/// The sums of one group of blocks over one part of the volume:
/// `[block in, tap row, channel in, tap in x, block out, 16]`.
#[derive(Debug)]
struct Task<'a> {
    geometry: &'a Geometry<'a>,
    cut: Cut,
    task: usize,
    scratch: &'a mut Scratch,
    sums: Out,
}

impl Kernel for Task<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd, const NX: usize, const OB: usize>(self) {
        let first = self.block_out();
        let blocks = (self.geometry.gradient.shape.blocks() - first).min(self.cut.blocks_out);
        // SAFETY: called below `Isa::run`.
        unsafe {
            if blocks == OB {
                self.add_all::<S, NX, OB>(first);
            } else {
                debug_assert_eq!(blocks, 1, "no other tile is compiled");
                self.add_all::<S, NX, 1>(first);
            }
        }
    }
}

impl<'a> Task<'a> {
    /// The first block of output channels. Tasks of one part follow each other.
    fn block_out(&self) -> usize {
        self.task % self.cut.groups[0] * self.cut.blocks_out
    }

    fn blocks_in(&self) -> &'a [BlockIn<'a>] {
        let group = self.task / self.cut.groups[0] % self.cut.groups[1];
        let all = &self.geometry.blocks_in;
        let first = group * self.cut.blocks_in;
        &all[first..(first + self.cut.blocks_in).min(all.len())]
    }

    #[inline(always)]
    unsafe fn add_all<S: Simd, const NX: usize, const BLOCKS: usize>(self, block_out: usize) {
        let cut = self.cut;
        let [nz, ny, _] = self.geometry.walked().size;
        let part = self.task / (cut.groups[0] * cut.groups[1]);
        let of_sample = cut.tiling.map_or(nz * cut.pieces, |tiling| tiling.chunks());
        let all = self.geometry.gradient.shape.batch * of_sample;
        let pieces = part * all / cut.parts..(part + 1) * all / cut.parts;
        // SAFETY: the sums of a task lie behind each other; walks stay inside the maps.
        unsafe {
            let sums = self.sums.at(self.task * cut.len);
            if let Some(tiling) = cut.tiling {
                let blocks = (self.blocks_in(), block_out);
                let (geometry, scratch) = (self.geometry, self.scratch);
                return tiling.add_all::<S, NX, BLOCKS>(geometry, blocks, pieces, scratch, sums);
            }
            for vector in 0..cut.len / LANES {
                S::store(sums.add(vector * LANES), S::zero());
            }
            for piece in pieces {
                let (plane, piece) = (piece / cut.pieces, piece % cut.pieces);
                let rows = Rows {
                    sample: plane / nz,
                    z: plane % nz,
                    y: [piece * ny / cut.pieces, (piece + 1) * ny / cut.pieces],
                };
                self.add_rows::<S, NX, BLOCKS>(rows, block_out, sums);
            }
        }
    }

    /// Adds what some rows give for all taps.
    #[inline(always)]
    unsafe fn add_rows<S: Simd, const NX: usize, const BLOCKS: usize>(
        &self,
        rows: Rows,
        block_out: usize,
        mut sums: *mut f32,
    ) {
        let taps = self.geometry.taps_at_once();
        for block in self.blocks_in() {
            for tap_row in 0..self.geometry.tap_rows() {
                let Some(walk) = self.geometry.walk(rows, tap_row, block, block_out) else {
                    sums = sums.wrapping_add(block.channels * taps * BLOCKS * LANES);
                    continue;
                };
                let mut channel = 0;
                while channel < block.channels {
                    let left = block.channels - channel;
                    let at_once = match (taps, left) {
                        (1, 8..) if NX >= 8 => 8,
                        (1, 4..) | (3, 4..) if taps == 1 || NX >= 8 => 4,
                        (_, 2..) if NX >= 4 => 2,
                        _ => 1,
                    };
                    // SAFETY: the walk is inside; the sums follow each other.
                    unsafe {
                        match (taps, at_once) {
                            (1, 8) => add_products::<S, 1, 8, BLOCKS>(&walk, channel, sums),
                            (1, 4) => add_products::<S, 1, 4, BLOCKS>(&walk, channel, sums),
                            (1, 2) => add_products::<S, 1, 2, BLOCKS>(&walk, channel, sums),
                            (1, _) => add_products::<S, 1, 1, BLOCKS>(&walk, channel, sums),
                            (_, 4) => add_products::<S, 3, 4, BLOCKS>(&walk, channel, sums),
                            (_, 2) => add_products::<S, 3, 2, BLOCKS>(&walk, channel, sums),
                            _ => add_products::<S, 3, 1, BLOCKS>(&walk, channel, sums),
                        }
                        sums = sums.add(at_once * taps * BLOCKS * LANES);
                    }
                    channel += at_once;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
