//! Which thread does what, and when.

use std::ops::Range;

use rayon::prelude::*;

use super::WinogradWeights;
use super::gemm::{GemmStage, Run};
use super::grid::Grid;
use super::input::{InputStage, Source};
use super::output::{FinishStage, PlaneStage};
use super::rounding::{Precision, RoundStage};
use super::transform::{pairs, points};
use crate::channel_sums::BlockSums;
use crate::memory::{Scratch, Shared};
use crate::{ChannelSums, FeatureShape, Isa, LANES};

/// One convolution.
pub(crate) struct Job<'a> {
    pub(crate) isa: Isa,
    pub(crate) grid: Grid,
    pub(crate) sources: &'a [Source],
    pub(crate) runs: &'a [Run],
    /// A row of zeros.
    pub(crate) zeros: &'a [f32],
    pub(crate) weights: &'a WinogradWeights,
    pub(crate) out: Shared,
    pub(crate) shape: FeatureShape,
}

/// How tiles are shared out. Results do not depend on it: products are sums over channels in order
/// however many tiles are multiplied at once, and channels are summed in parts of [`PART`] tiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plan {
    /// Each task takes so many tiles through all stages.
    Alone { tiles: usize },
    /// All threads share each stage of so many tiles, and the weights are read once.
    Together { tiles: usize },
}

/// Tiles whose channel sums are kept together; tasks have multiples of it.
const PART: usize = 8;

/// Weights that are larger are read once for all tiles: they come from memory or are the larger part
/// of the cache that cores share.
pub(super) const SHARED_CACHE: usize = 16 << 20;

impl Plan {
    /// The plan for so many tiles, blocks (of the side that has more), bytes of weights and threads.
    pub(super) fn choose(tiles: usize, blocks: usize, bytes: usize, threads: usize) -> Self {
        // What a task has on its way should fit the second-level cache.
        let task = if blocks > 4 { PART } else { 2 * PART };
        if bytes > SHARED_CACHE || tiles.div_ceil(task) < 4 * threads {
            Self::Together { tiles: 8 * PART }
        } else {
            Self::Alone { tiles: task }
        }
    }
}

/// Sums that one task found: `[sample from the first one][block of blocks]`.
struct Part {
    first_sample: usize,
    blocks: Range<usize>,
    sums: Vec<BlockSums>,
}

impl Job<'_> {
    /// Runs it; `sums` become those of the output.
    pub(crate) fn run(&self, sums: Option<&mut ChannelSums>) {
        let total = self.grid.len();
        let counted = sums.is_some();
        let cut = |tiles: usize| {
            (0..total.div_ceil(tiles)).map(move |i| i * tiles..((i + 1) * tiles).min(total))
        };
        let blocks = self.sources.len().max(self.shape.blocks());
        let threads = rayon::current_num_threads();
        let parts: Vec<Part> = match Plan::choose(total, blocks, self.weights.bytes(), threads) {
            Plan::Alone { tiles } => cut(tiles)
                .collect::<Vec<_>>()
                .into_par_iter()
                .flat_map_iter(|range| self.alone(range, counted))
                .collect(),
            Plan::Together { tiles } => cut(tiles)
                .flat_map(|range| self.together(range, counted))
                .collect(),
        };
        if let Some(sums) = sums {
            *sums = ChannelSums::zeros(self.shape);
            let blocks = self.shape.blocks();
            for part in &parts {
                for (i, found) in part.sums.iter().enumerate() {
                    let sample = part.first_sample + i / part.blocks.len();
                    let block = part.blocks.start + i % part.blocks.len();
                    sums.add(sample * blocks + block, found);
                }
            }
        }
    }

    /// Takes tiles through all stages, one plane of points after the other.
    fn alone(&self, range: Range<usize>, counted: bool) -> Vec<Part> {
        let [plane_points, value_tile, product_tile] = self.row_lens();
        let tiles = range.len();
        let (value_point, product_point) =
            (tiles * value_tile + LANES, tiles * product_tile + LANES);
        let planes = points(self.grid.tile[0]);
        let blocks = self.shape.blocks();
        let mut values = Scratch::take(planes.min(2) * plane_points * value_point);
        let mut products = Scratch::take(plane_points * product_point);
        let mut out_planes = Scratch::take(tiles * blocks * planes * self.plane_len());
        let (values, products) = (values.as_mut_ptr(), products.as_mut_ptr());
        let out_planes = out_planes.as_mut_ptr();
        for plane in 0..planes {
            if plane % 2 == 0 {
                self.input(plane / 2, self.sources, range.clone(), values, value_point);
            }
            // SAFETY: the second plane of the pair; two fit.
            let values = unsafe { values.add(plane % 2 * plane_points * value_point) };
            self.products(
                plane * plane_points,
                plane_points,
                tiles,
                (values, value_point),
                (products, product_point),
            );
            self.plane(
                plane,
                (products, product_point),
                (out_planes, tiles, blocks),
            );
        }
        let part_len = PART * blocks * planes * self.plane_len();
        (0..tiles.div_ceil(PART))
            .map(|part| {
                let start = range.start + part * PART;
                // SAFETY: the part's tiles are there.
                let from = unsafe { out_planes.add(part * part_len) };
                self.finish(start..range.end.min(start + PART), 0..blocks, from, counted)
            })
            .collect()
    }

    /// Takes tiles through each stage with all threads.
    fn together(&self, range: Range<usize>, counted: bool) -> Vec<Part> {
        let [plane_points, value_tile, product_tile] = self.row_lens();
        let tiles = range.len();
        let (value_point, product_point) =
            (tiles * value_tile + LANES, tiles * product_tile + LANES);
        let planes = points(self.grid.tile[0]);
        let all_points = planes * plane_points;
        let mut values = Scratch::take(all_points * value_point);
        let mut products = Scratch::take(all_points * product_point);
        let (values, products) = (Shared(values.as_mut_ptr()), Shared(products.as_mut_ptr()));
        let parts: Vec<Range<usize>> = (0..tiles.div_ceil(PART))
            .map(|i| i * PART..((i + 1) * PART).min(tiles))
            .collect();

        let pairs = pairs(self.grid.tile[0]);
        let inputs = self.sources.len() * pairs;
        (0..parts.len() * inputs).into_par_iter().for_each(|item| {
            let part = &parts[item / inputs];
            let (source, pair) = (item % inputs / pairs, item % pairs);
            // SAFETY: the pair's points and the part's tiles are there.
            let to = unsafe {
                values
                    .get()
                    .add(2 * pair * plane_points * value_point + part.start * value_tile)
            };
            let tiles = range.start + part.start..range.start + part.end;
            self.input(pair, &self.sources[source..=source], tiles, to, value_point);
        });
        (0..all_points).into_par_iter().for_each(|point| {
            // SAFETY: the point is there.
            let (values, products) = unsafe {
                (
                    values.get().add(point * value_point),
                    products.get().add(point * product_point),
                )
            };
            self.products(
                point,
                1,
                tiles,
                (values, value_point),
                (products, product_point),
            );
        });
        let blocks = self.shape.blocks();
        (0..parts.len() * blocks)
            .into_par_iter()
            .map(|item| {
                let (part, block) = (&parts[item / blocks], item % blocks);
                let mut out_planes = Scratch::take(part.len() * planes * self.plane_len());
                let out_planes = out_planes.as_mut_ptr();
                for plane in 0..planes {
                    let offset = plane * plane_points * product_point
                        + part.start * product_tile
                        + block * LANES;
                    // SAFETY: the plane's points, the part's tiles and the block are there.
                    let from = unsafe { products.get().add(offset) };
                    self.plane(plane, (from, product_point), (out_planes, part.len(), 1));
                }
                let tiles = range.start + part.start..range.start + part.end;
                self.finish(tiles, block..block + 1, out_planes, counted)
            })
            .collect()
    }

    /// Points of a plane; floats of a tile's channels in and of its channels out.
    fn row_lens(&self) -> [usize; 3] {
        let [_, ay, ax] = self.grid.points();
        [
            ay * ax,
            self.sources.len() * LANES,
            self.shape.blocks() * LANES,
        ]
    }

    /// Floats of a tile's output plane.
    fn plane_len(&self) -> usize {
        self.grid.tile[1] * self.grid.tile[2] * LANES
    }

    fn input(
        &self,
        pair: usize,
        sources: &[Source],
        range: Range<usize>,
        to: *mut f32,
        point_stride: usize,
    ) {
        macro_rules! stage {
            ($mz:literal, $pair:literal, $my:literal) => {
                self.isa.run(InputStage::<$mz, $pair, $my> {
                    grid: self.grid,
                    sources,
                    range,
                    zeros: self.zeros.as_ptr(),
                    to,
                    point_stride,
                    tile_stride: self.sources.len() * LANES,
                })
            };
            ($mz:literal, $pair:literal) => {
                match self.grid.tile[1] {
                    1 => stage!($mz, $pair, 1),
                    2 => stage!($mz, $pair, 2),
                    _ => stage!($mz, $pair, 4),
                }
            };
        }
        match (self.grid.tile[0], pair) {
            (1, _) => stage!(1, 0),
            (2, 0) => stage!(2, 0),
            (2, _) => stage!(2, 1),
            (_, 0) => stage!(4, 0),
            (_, 1) => stage!(4, 1),
            _ => stage!(4, 2),
        }
    }

    fn products(
        &self,
        first_point: usize,
        points: usize,
        tiles: usize,
        (values, value_point): (*mut f32, usize),
        (products, product_point): (*mut f32, usize),
    ) {
        let [_, value_tile, product_tile] = self.row_lens();
        let weight_point = self.weights.point_len();
        let stage = GemmStage {
            values,
            value_point,
            value_tile,
            // SAFETY: the points are there.
            weights: unsafe { self.weights.packed.as_ptr().add(first_point * weight_point) },
            weight_point,
            products,
            product_point,
            product_tile,
            points,
            tiles,
            runs: self.runs,
            out_blocks: self.shape.blocks(),
        };
        match self.weights.precision {
            Precision::F32 => self.isa.run(stage),
            Precision::Bf16 => {
                // The values of a point are multiplied once, so they are rounded here.
                self.isa.run_pairs(RoundStage {
                    values,
                    value_point,
                    value_tile,
                    points,
                    tiles,
                });
                self.isa.run_pairs(stage);
            }
        }
    }

    fn plane(
        &self,
        plane: usize,
        (products, product_point): (*mut f32, usize),
        (planes, tiles, blocks): (*mut f32, usize, usize),
    ) {
        macro_rules! stage {
            ($my:literal, $mx:literal) => {
                self.isa.run(PlaneStage::<$my, $mx> {
                    products,
                    product_point,
                    product_tile: self.row_lens()[2],
                    // SAFETY: the plane is there.
                    planes: unsafe { planes.add(plane * self.plane_len()) },
                    plane_block: points(self.grid.tile[0]) * self.plane_len(),
                    tiles,
                    blocks,
                })
            };
            ($my:literal) => {
                match self.grid.tile[2] {
                    1 => stage!($my, 1),
                    2 => stage!($my, 2),
                    _ => stage!($my, 4),
                }
            };
        }
        match self.grid.tile[1] {
            1 => stage!(1),
            2 => stage!(2),
            _ => stage!(4),
        }
    }

    fn finish(
        &self,
        range: Range<usize>,
        blocks: Range<usize>,
        planes: *const f32,
        counted: bool,
    ) -> Part {
        let first_sample = range.start / self.grid.per_sample();
        let samples = (range.end - 1) / self.grid.per_sample() + 1 - first_sample;
        let mut part = Part {
            first_sample,
            blocks: blocks.clone(),
            sums: vec![BlockSums::default(); if counted { samples * blocks.len() } else { 0 }],
        };
        macro_rules! stage {
            ($mz:literal) => {
                self.isa.run(FinishStage::<$mz> {
                    grid: self.grid,
                    range,
                    blocks,
                    planes,
                    out: self.out.get(),
                    shape: self.shape,
                    sums: counted.then_some(&mut part.sums),
                })
            };
        }
        match self.grid.tile[0] {
            1 => stage!(1),
            2 => stage!(2),
            _ => stage!(4),
        }
        part
    }
}
