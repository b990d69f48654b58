//! Winograd's transforms for the gradient of a kernel 3 voxels wide, from 4 voxels of gradient.
//!
//! With `B^T`, `G` and `A^T` of F(4, 3) (Lavin and Gray 2015, arXiv:1509.09308, points 0, 1, -1, 2,
//! -2 and infinity), a convolution is `A^T [(G w) * (B^T x)]`; so the gradient of `w` is
//! `G^T [(A dy) * (B^T x)]`, summed over tiles before `G^T` is applied.
#![expect(
    clippy::needless_range_loop,
    reason = "loops over indices are unrolled as they stand, and arrays become registers"
)]

use crate::{LANES, simd::Simd};

/// Voxels of a tile of the output, and of the input.
pub(super) const TILE: usize = 4;
pub(super) const WINDOW: usize = 6;
/// Products per tile and pair of channels, in two dimensions.
pub(super) const POINTS: usize = WINDOW * WINDOW;

/// `B^T v`
#[inline(always)]
unsafe fn of_input<S: Simd>(v: [S::V; 6]) -> [S::V; 6] {
    // SAFETY: the caller's, as in all of these.
    unsafe {
        let (two, four) = (S::splat(2.0), S::splat(4.0));
        let (minus_four, minus_five) = (S::splat(-4.0), S::splat(-5.0));
        let even = S::mul_add(v[2], minus_four, v[4]);
        let odd = S::mul_add(v[1], minus_four, v[3]);
        let even_2 = S::sub(v[4], v[2]);
        let odd_2 = S::mul(S::sub(v[3], v[1]), two);
        [
            S::mul_add(v[0], four, S::mul_add(v[2], minus_five, v[4])),
            S::add(even, odd),
            S::sub(even, odd),
            S::add(even_2, odd_2),
            S::sub(even_2, odd_2),
            S::mul_add(v[1], four, S::mul_add(v[3], minus_five, v[5])),
        ]
    }
}

/// `A v`
#[inline(always)]
unsafe fn of_gradient<S: Simd>(v: [S::V; 4]) -> [S::V; 6] {
    // SAFETY: the caller's.
    unsafe {
        let (two, four) = (S::splat(2.0), S::splat(4.0));
        let even = S::add(v[0], v[2]);
        let odd = S::add(v[1], v[3]);
        let even_2 = S::mul_add(v[2], four, v[0]);
        let odd_2 = S::mul(S::mul_add(v[3], four, v[1]), two);
        [
            v[0],
            S::add(even, odd),
            S::sub(even, odd),
            S::add(even_2, odd_2),
            S::sub(even_2, odd_2),
            v[3],
        ]
    }
}

/// `G^T v`
#[inline(always)]
unsafe fn of_products<S: Simd>(v: [S::V; 6]) -> [S::V; 3] {
    // SAFETY: the caller's.
    unsafe {
        let (minus_sixth, twelfth) = (S::splat(-1.0 / 6.0), S::splat(1.0 / 12.0));
        let (quarter, half, two) = (S::splat(0.25), S::splat(0.5), S::splat(2.0));
        let near_even = S::mul(S::add(v[1], v[2]), minus_sixth);
        let near_odd = S::sub(v[1], v[2]);
        let far_even = S::mul(S::add(v[3], v[4]), twelfth);
        let far_odd = S::mul(S::sub(v[3], v[4]), twelfth);
        [
            S::add(S::mul_add(v[0], quarter, near_even), S::mul(far_even, half)),
            S::mul_add(near_odd, minus_sixth, far_odd),
            S::add(S::add(near_even, v[5]), S::mul(far_even, two)),
        ]
    }
}

/// 16 floats that lie in one line of the cache.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Line(pub(super) [f32; LANES]);

/// Zero.
pub(super) const ZERO: Line = Line([0.0; LANES]);

/// A window at the rim of the volume: its voxels and zeros.
///
/// # Safety
///
/// `rows` holds windows of `columns` readable voxels; null for rows outside the volume.
pub(super) unsafe fn padded<const ROWS: usize>(
    rows: [*const f32; ROWS],
    columns: usize,
) -> [[Line; ROWS]; ROWS] {
    let mut window = [[ZERO; ROWS]; ROWS];
    for (row, to) in rows.into_iter().zip(&mut window) {
        for (column, to) in to.iter_mut().take(columns).enumerate() {
            if !row.is_null() {
                // SAFETY: the caller's.
                *to = Line(unsafe {
                    row.add(column * LANES)
                        .cast::<[f32; LANES]>()
                        .read_unaligned()
                });
            }
        }
    }
    window
}

/// Writes `B^T x B`; from point to point `stride` floats.
///
/// # Safety
///
/// As [`Simd`]; the rows are readable, the points writable.
#[inline(always)]
pub(super) unsafe fn transform_input<S: Simd>(
    rows: [*const f32; WINDOW],
    to: *mut f32,
    stride: usize,
) {
    // SAFETY: the caller's.
    unsafe {
        let mut half = [[S::zero(); WINDOW]; WINDOW];
        for row in 0..WINDOW {
            let mut v = [S::zero(); WINDOW];
            for column in 0..WINDOW {
                v[column] = S::load(rows[row].add(column * LANES));
            }
            half[row] = of_input::<S>(v);
        }
        for column in 0..WINDOW {
            let mut v = [S::zero(); WINDOW];
            for row in 0..WINDOW {
                v[row] = half[row][column];
            }
            let points = of_input::<S>(v);
            for row in 0..WINDOW {
                S::store(to.add((row * WINDOW + column) * stride), points[row]);
            }
        }
    }
}

/// Writes `A dy A^T`; from point to point `stride` floats.
///
/// # Safety
///
/// As [`transform_input`].
#[inline(always)]
pub(super) unsafe fn transform_gradient<S: Simd>(
    rows: [*const f32; TILE],
    to: *mut f32,
    stride: usize,
) {
    // SAFETY: the caller's.
    unsafe {
        let mut half = [[S::zero(); WINDOW]; TILE];
        for row in 0..TILE {
            let mut v = [S::zero(); TILE];
            for column in 0..TILE {
                v[column] = S::load(rows[row].add(column * LANES));
            }
            half[row] = of_gradient::<S>(v);
        }
        for column in 0..WINDOW {
            let mut v = [S::zero(); TILE];
            for row in 0..TILE {
                v[row] = half[row][column];
            }
            let points = of_gradient::<S>(v);
            for row in 0..WINDOW {
                S::store(to.add((row * WINDOW + column) * stride), points[row]);
            }
        }
    }
}

/// Writes `G^T m G`, 3 rows of 3 taps: from point to point of `m` `stride` floats, from row to row
/// and from tap to tap of the result `to_strides`.
///
/// # Safety
///
/// As [`transform_input`].
#[inline(always)]
pub(super) unsafe fn transform_products<S: Simd>(
    m: *const f32,
    stride: usize,
    to: *mut f32,
    to_strides: [usize; 2],
) {
    // SAFETY: the caller's.
    unsafe {
        let mut half = [[S::zero(); 3]; WINDOW];
        for column in 0..WINDOW {
            let mut points = [S::zero(); WINDOW];
            for row in 0..WINDOW {
                points[row] = S::load(m.add((row * WINDOW + column) * stride));
            }
            half[column] = of_products::<S>(points);
        }
        for row in 0..3 {
            let mut points = [S::zero(); WINDOW];
            for column in 0..WINDOW {
                points[column] = half[column][row];
            }
            let taps = of_products::<S>(points);
            for tap in 0..3 {
                S::store(to.add(row * to_strides[0] + tap * to_strides[1]), taps[tap]);
            }
        }
    }
}
