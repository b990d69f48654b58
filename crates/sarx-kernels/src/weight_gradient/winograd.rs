//! Gradients of kernels of 3 x 3 voxels per plane by Winograd's algorithm: 36 products where there
//! were 144.
//!
//! Planes are cut into tiles of 4 x 4 voxels of the gradient. A task takes some planes of some tiles
//! at a time, transforms input and gradient ([`super::transforms`]), and adds their products over the
//! tiles, point by point and tap by tap in z (which stays a plain sum); when all is added, the
//! products are transformed into sums of the same form as those of the direct way.
//!
//! On noise of 64^3 voxels and 32 channels down to 8^3 and 320 the result is within 1.3e-6 to 1.6e-6
//! of sums in f64 (root of mean squares, relative); the direct way is within 1.4e-7 to 2.9e-7.

use super::{
    geometry::{BlockIn, Geometry},
    tile::{Walk, add_products},
    transforms::{
        Line, POINTS, TILE, WINDOW, ZERO, padded, transform_gradient, transform_input,
        transform_products,
    },
};
use crate::{LANES, simd::Simd};

/// Tiles that are transformed at once, about: enough to make adding to memory cheap, few enough to
/// stay in the second cache with the sums.
const TILES_AT_ONCE: usize = 32;

/// Planes of them: of the input two more are transformed.
const PLANES_AT_ONCE: usize = 8;

/// How the volume is cut.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tiling {
    /// Tiles of a plane in y and in x.
    tiles: [usize; 2],
    /// Groups of planes, groups of tiles.
    groups: [usize; 2],
}

/// Some tiles of some planes.
#[derive(Debug, Clone, Copy)]
struct Chunk {
    sample: usize,
    /// Planes of the gradient.
    z: [usize; 2],
    /// Planes of the input.
    z_in: [usize; 2],
    /// Tiles, counted over the plane.
    tiles: [usize; 2],
}

/// Where a task keeps what it transforms.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    input: Vec<Line>,
    gradient: Vec<Line>,
    products: Vec<Line>,
}

impl Tiling {
    /// For a gradient of this size, or none if tiles do not fit it well enough to be worth it.
    pub(super) fn of(geometry: &Geometry<'_>) -> Option<Self> {
        let fits = !geometry.up
            && geometry.stride == [1; 3]
            && geometry.kernel[1..] == [3, 3]
            && geometry.blocks_in.iter().all(|block| block.channels >= 4);
        let [nz, ny, nx] = geometry.gradient.shape.size;
        let tiles = [ny.div_ceil(TILE), nx.div_ceil(TILE)];
        let in_plane = tiles[0] * tiles[1];
        if !fits || nz == 0 || in_plane == 0 || 2 * ny * nx <= in_plane * TILE * TILE {
            return None;
        }
        let planes = nz.div_ceil(nz.div_ceil(PLANES_AT_ONCE));
        let together = TILES_AT_ONCE.div_ceil(planes);
        Some(Self {
            tiles,
            groups: [nz.div_ceil(planes), in_plane.div_ceil(together)],
        })
    }

    /// Chunks of a sample.
    pub(super) fn chunks(&self) -> usize {
        self.groups[0] * self.groups[1]
    }

    fn chunk(&self, index: usize, geometry: &Geometry<'_>) -> Chunk {
        let (sample, at) = (index / self.chunks(), index % self.chunks());
        let (group_z, group) = (at % self.groups[0], at / self.groups[0]);
        let nz = geometry.gradient.shape.size[0];
        let part = |of: usize, group: usize, groups: usize| {
            [group * of / groups, (group + 1) * of / groups]
        };
        let z = part(nz, group_z, self.groups[0]);
        let halo = (geometry.kernel[0] - 1) / 2;
        Chunk {
            sample,
            z,
            z_in: [z[0].saturating_sub(halo), (z[1] + halo).min(nz)],
            tiles: part(self.tiles[0] * self.tiles[1], group, self.groups[1]),
        }
    }

    /// Writes a task's sums: those of some input blocks and of `BLOCKS` output blocks over some chunks.
    ///
    /// # Safety
    ///
    /// As [`Simd`]; `sums` is valid for all of them.
    #[inline(always)]
    pub(super) unsafe fn add_all<S: Simd, const NX: usize, const BLOCKS: usize>(
        &self,
        geometry: &Geometry<'_>,
        (blocks_in, block_out): (&[BlockIn<'_>], usize),
        chunks: std::ops::Range<usize>,
        scratch: &mut Scratch,
        sums: *mut f32,
    ) {
        let taps_z = geometry.kernel[0];
        let channels: usize = blocks_in.iter().map(|block| block.channels).sum();
        scratch.products.clear();
        scratch
            .products
            .resize(channels * taps_z * POINTS * BLOCKS, ZERO);
        for chunk in chunks {
            let chunk = self.chunk(chunk, geometry);
            // SAFETY: called below `Isa::run`.
            unsafe {
                self.fill_gradient::<S, BLOCKS>(geometry, chunk, block_out, &mut scratch.gradient);
                let mut products = scratch.products.as_mut_ptr().cast::<f32>();
                for block in blocks_in {
                    self.fill_input::<S>(chunk, block, &mut scratch.input);
                    let pair = (&scratch.input[..], &scratch.gradient[..]);
                    chunk.multiply::<S, NX, BLOCKS>(taps_z, block.channels, pair, products);
                    products = products.add(block.channels * taps_z * POINTS * BLOCKS * LANES);
                }
            }
        }
        // SAFETY: the products are there, the caller's sums have the same number of channels.
        unsafe {
            let (mut from, mut to) = (scratch.products.as_ptr().cast::<f32>(), sums);
            for block in blocks_in {
                let vectors = block.channels * BLOCKS;
                for _ in 0..taps_z {
                    for vector in 0..vectors {
                        let (channel, block_out) = (vector / BLOCKS, vector % BLOCKS);
                        transform_products::<S>(
                            from.add(vector * LANES),
                            vectors * LANES,
                            to.add((channel * 3 * BLOCKS + block_out) * LANES),
                            [3 * vectors * LANES, BLOCKS * LANES],
                        );
                    }
                    from = from.add(POINTS * vectors * LANES);
                    to = to.add(9 * vectors * LANES);
                }
            }
        }
    }

    /// The first voxel of a tile, `[y, x]`.
    fn corner(&self, tile: usize) -> [usize; 2] {
        [tile / self.tiles[1] * TILE, tile % self.tiles[1] * TILE]
    }

    /// `[point, plane, tile, 16]` of one input block.
    #[inline(always)]
    unsafe fn fill_input<S: Simd>(&self, chunk: Chunk, from: &BlockIn<'_>, to: &mut Vec<Line>) {
        let shape = from.x.shape;
        let stride = chunk.stride(chunk.z_in, 1);
        let to = room(to, POINTS * stride);
        let mut at = 0;
        for z in chunk.z_in[0]..chunk.z_in[1] {
            for tile in chunk.tiles[0]..chunk.tiles[1] {
                let [y, x] = self.corner(tile);
                let rows = std::array::from_fn(|row| {
                    let y = (y + row).wrapping_sub(1);
                    if y < shape.size[1] {
                        let start = shape.row(chunk.sample, from.block, z, y) + x * LANES - LANES;
                        from.x.values[start..].as_ptr()
                    } else {
                        std::ptr::null()
                    }
                });
                let columns = WINDOW.min(shape.size[2] + 2 - x);
                // SAFETY: rows are null or inside with their border; `to` has room.
                unsafe {
                    if columns < WINDOW || rows.contains(&std::ptr::null()) {
                        let window = padded(rows, columns);
                        let rows = window.each_ref().map(|row| row.as_ptr().cast());
                        transform_input::<S>(rows, to.add(at), stride);
                    } else {
                        transform_input::<S>(rows, to.add(at), stride);
                    }
                }
                at += LANES;
            }
        }
    }

    /// `[point, plane, tile, block, 16]` of some output blocks.
    #[inline(always)]
    unsafe fn fill_gradient<S: Simd, const BLOCKS: usize>(
        &self,
        geometry: &Geometry<'_>,
        chunk: Chunk,
        first: usize,
        to: &mut Vec<Line>,
    ) {
        let shape = geometry.gradient.shape;
        let stride = chunk.stride(chunk.z, BLOCKS);
        let to = room(to, POINTS * stride);
        let mut at = 0;
        for z in chunk.z[0]..chunk.z[1] {
            for tile in chunk.tiles[0]..chunk.tiles[1] {
                let [y, x] = self.corner(tile);
                for block in first..first + BLOCKS {
                    let rows = std::array::from_fn(|row| {
                        if y + row < shape.size[1] {
                            let start = shape.row(chunk.sample, block, z, y + row) + x * LANES;
                            geometry.gradient.values[start..].as_ptr()
                        } else {
                            std::ptr::null()
                        }
                    });
                    let columns = TILE.min(shape.size[2] - x);
                    // SAFETY: rows are null or inside; `to` has room.
                    unsafe {
                        if columns < TILE || rows.contains(&std::ptr::null()) {
                            let window = padded(rows, columns);
                            let rows = window.each_ref().map(|row| row.as_ptr().cast());
                            transform_gradient::<S>(rows, to.add(at), stride);
                        } else {
                            transform_gradient::<S>(rows, to.add(at), stride);
                        }
                    }
                    at += LANES;
                }
            }
        }
    }
}

impl Chunk {
    /// Floats from point to point: an odd number of cache lines, so that the points of one tile do
    /// not compete for the same place in the cache.
    fn stride(&self, z: [usize; 2], blocks: usize) -> usize {
        let tiles = (z[1] - z[0]) * (self.tiles[1] - self.tiles[0]);
        ((tiles * blocks) | 1) * LANES
    }

    /// Adds the products over all tiles, `[tap in z, point, channel, block, 16]`.
    #[inline(always)]
    unsafe fn multiply<S: Simd, const NX: usize, const BLOCKS: usize>(
        &self,
        taps_z: usize,
        channels: usize,
        (input, gradient): (&[Line], &[Line]),
        products: *mut f32,
    ) {
        let tiles = self.tiles[1] - self.tiles[0];
        let strides = [self.stride(self.z_in, 1), self.stride(self.z, BLOCKS)];
        for point in 0..POINTS {
            for tap in 0..taps_z {
                // Planes of the gradient whose plane of the input is there.
                let halo = (taps_z - 1) / 2;
                let first = self.z[0].max((self.z_in[0] + halo).saturating_sub(tap));
                let end = self.z[1].min(self.z_in[1] + halo - tap);
                if first >= end {
                    continue;
                }
                let from = (first + tap - halo - self.z_in[0]) * tiles * LANES;
                let of = (first - self.z[0]) * tiles * BLOCKS * LANES;
                let walk = Walk {
                    rows: 1,
                    voxels: (end - first) * tiles,
                    x: input[(point * strides[0] + from) / LANES..].as_ptr().cast(),
                    x_row: 0,
                    x_step: LANES,
                    gradient: gradient[(point * strides[1] + of) / LANES..]
                        .as_ptr()
                        .cast(),
                    gradient_block: LANES,
                    gradient_row: 0,
                    gradient_step: BLOCKS * LANES,
                };
                let at = (tap * POINTS + point) * channels * BLOCKS * LANES;
                // SAFETY: as many tiles are in both; the products hold all channels.
                unsafe {
                    let mut to = products.add(at);
                    let mut channel = 0;
                    while channel < channels {
                        let at_once = match channels - channel {
                            8.. if NX >= 8 => {
                                add_products::<S, 1, 8, BLOCKS>(&walk, channel, to);
                                8
                            }
                            4.. if NX >= 4 => {
                                add_products::<S, 1, 4, BLOCKS>(&walk, channel, to);
                                4
                            }
                            2.. => {
                                add_products::<S, 1, 2, BLOCKS>(&walk, channel, to);
                                2
                            }
                            _ => {
                                add_products::<S, 1, 1, BLOCKS>(&walk, channel, to);
                                1
                            }
                        };
                        channel += at_once;
                        to = to.add(at_once * BLOCKS * LANES);
                    }
                }
            }
        }
    }
}

/// Room for values that are written before they are read.
fn room(lines: &mut Vec<Line>, floats: usize) -> *mut f32 {
    if lines.len() < floats / LANES {
        lines.resize(floats / LANES, ZERO);
    }
    lines.as_mut_ptr().cast()
}
