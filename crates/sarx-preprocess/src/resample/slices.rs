//! Resampling of one output slice at a time, so that logits of many classes never exist as
//! volumes on the native grid.
//!
//! Nearest and linear maps need two input samples per axis and no clipping, so a slice across
//! array axis 0 can be made alone, whichever axis is treated apart.

use super::axis_map::{Tap, taps};
use super::separate_axis::separate_axis;
use super::{ResampleGeometry, Resampling, SplineOrder};
use ndarray::ArrayView3;

/// Makes slices `[y, x]` of a resampled channel `[z, y, x]`.
#[derive(Debug)]
pub(crate) struct SliceResampler {
    taps: [Vec<Tap>; 3],
}

/// Work space of one thread.
#[derive(Debug, Default)]
pub(crate) struct SliceScratch {
    line: Vec<f64>,
    rows: Vec<f64>,
}

impl SliceResampler {
    /// The resampler for channels of `size_in`; `None` if a cubic spline is asked for.
    pub(crate) fn new(
        size_in: [usize; 3],
        geometry: &ResampleGeometry,
        resampling: &Resampling,
    ) -> Option<Self> {
        let apart = separate_axis(
            geometry.from_mm,
            geometry.to_mm,
            resampling.force_separate_z,
        );
        let order = |axis| {
            if apart == Some(axis) {
                resampling.order_z
            } else {
                resampling.order
            }
        };
        let changed = |axis: usize| size_in[axis] != geometry.size[axis];
        if (0..3).any(|axis| changed(axis) && order(axis) == SplineOrder::Cubic) {
            return None;
        }
        let taps = std::array::from_fn(|axis| {
            let order = if changed(axis) {
                order(axis)
            } else {
                SplineOrder::Nearest
            };
            taps(size_in[axis], geometry.size[axis], order)
        });
        Some(Self { taps })
    }

    /// How each output sample of an axis is made.
    pub(crate) fn taps(&self, axis: usize) -> &[Tap] {
        &self.taps[axis]
    }

    /// Writes output slice `z` of a channel, row by row, in f64 rounded once.
    ///
    /// `out` holds `size[1] * size[2]` values.
    pub(crate) fn slice(
        &self,
        channel: ArrayView3<'_, f32>,
        z: usize,
        scratch: &mut SliceScratch,
        out: &mut [f32],
    ) {
        let [taps_z, taps_y, taps_x] = &self.taps;
        let (_, n_rows, n_columns) = channel.dim();
        let width = taps_x.len();
        let tap_z = &taps_z[z];
        scratch.line.resize(n_columns, 0.0);
        scratch.rows.resize(n_rows * width, 0.0);
        for (y, row) in scratch.rows.chunks_exact_mut(width).enumerate() {
            let lower = channel.slice(ndarray::s![tap_z.lower, y, ..]);
            let upper = channel.slice(ndarray::s![tap_z.upper, y, ..]);
            for ((value, &a), &b) in scratch.line.iter_mut().zip(lower).zip(upper) {
                *value = tap_z.blend(f64::from(a), f64::from(b));
            }
            for (value, tap) in row.iter_mut().zip(taps_x) {
                *value = tap.blend(scratch.line[tap.lower], scratch.line[tap.upper]);
            }
        }
        for (tap_y, out) in taps_y.iter().zip(out.chunks_exact_mut(width)) {
            let lower = &scratch.rows[tap_y.lower * width..][..width];
            let upper = &scratch.rows[tap_y.upper * width..][..width];
            for ((out, &a), &b) in out.iter_mut().zip(lower).zip(upper) {
                *out = tap_y.blend(a, b) as f32;
            }
        }
    }
}
