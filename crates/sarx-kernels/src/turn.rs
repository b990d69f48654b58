//! Squares of 16 x 16 values turned over: rows become columns.

use crate::{LANES, simd::Simd};

/// Rows of values in memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rows<P> {
    /// The first value of the first row.
    pub(crate) start: P,
    /// Values from row to row.
    pub(crate) step: usize,
    /// Rows that are there, at most 16.
    pub(crate) rows: usize,
    /// Values of a row that are there, at most 16.
    pub(crate) columns: usize,
}

impl<P> Rows<P> {
    fn is_full(&self) -> bool {
        self.rows == LANES && self.columns == LANES
    }
}

/// Writes the columns of `from` to the rows of `to`, each row first changed by `change`. What `from`
/// lacks counts as zero, what `to` lacks is left out.
///
/// # Safety
///
/// As [`Simd`]; the values that are there are readable and writable.
#[inline(always)]
pub(crate) unsafe fn turn<S: Simd>(
    from: Rows<*const f32>,
    to: Rows<*mut f32>,
    change: impl Fn(S::V) -> S::V,
) {
    // Squares at the rim go through this one, so that whole ones stay in registers.
    let mut square = [[0.0_f32; LANES]; LANES];
    // SAFETY: the caller's; the square holds 16 x 16 values.
    unsafe {
        let (start, step) = if from.is_full() {
            (from.start, from.step)
        } else {
            for (row, values) in square.iter_mut().enumerate().take(from.rows) {
                let from_row = from.start.add(row * from.step);
                values
                    .as_mut_ptr()
                    .copy_from_nonoverlapping(from_row, from.columns);
            }
            (square.as_ptr().cast(), LANES)
        };
        let rows = std::array::from_fn(|row| change(S::load(start.add(row * step))));
        let turned = S::transpose(rows);
        if to.is_full() {
            for (row, v) in turned.into_iter().enumerate() {
                S::store(to.start.add(row * to.step), v);
            }
        } else {
            for (values, v) in square.iter_mut().zip(turned) {
                S::store(values.as_mut_ptr(), v);
            }
            for (row, values) in square.iter().enumerate().take(to.rows) {
                let to_row = to.start.add(row * to.step);
                to_row.copy_from_nonoverlapping(values.as_ptr(), to.columns);
            }
        }
    }
}
