//! The transforms along one axis.
//!
//! For `m` outputs of a kernel of three, `m + 2` points; polynomials through them turn a convolution
//! into products point by point. Points come in pairs, `0` and infinity first, then `p` and `-p`: the
//! values of a pair share their even and odd parts, and the pairs are computed one at a time where
//! registers are few. A kernel of one voxel has tiles of one voxel and no transform (`M` = 1).
//!
//! Four outputs take the points 5/8 and 3/2: all constants are exact in f32, and the error is 3.4
//! times smaller than with the usual 1 and 2 (relative RMS of F(4,4,4) with 64 channels 1.6e-6 against
//! 5.5e-6; a search over pairs between 1/2 and 2 found none better). Lavin and Gray, "Fast algorithms
//! for convolutional neural networks", CVPR 2016, has the method; Barabasz et al., "Error analysis and
//! improving the accuracy of Winograd convolution for deep neural networks", ACM TOMS 2020, the
//! influence of the points.

use crate::simd::Simd;

/// The longest tile with its neighbours.
pub(crate) const MAX_POINTS: usize = 6;

/// The points of `m` = 4 besides zero and infinity, up to the sign.
const A: f32 = 0.625;
const B: f32 = 1.5;
const A2: f32 = A * A;
const B2: f32 = B * B;

/// Points of a tile of `m` outputs: its length with the neighbours that the kernel sees.
pub(crate) const fn points(m: usize) -> usize {
    if m == 1 { 1 } else { m + 2 }
}

/// Pairs of points; a kernel of one voxel has half a pair.
pub(crate) const fn pairs(m: usize) -> usize {
    points(m).div_ceil(2)
}

/// `a - b * c`, with a constant.
#[inline(always)]
unsafe fn less<S: Simd>(a: S::V, b: f32, c: S::V) -> S::V {
    // SAFETY: the caller's.
    unsafe { S::mul_add(S::splat(-b), c, a) }
}

/// `a + b * c`, with a constant.
#[inline(always)]
unsafe fn plus<S: Simd>(a: S::V, b: f32, c: S::V) -> S::V {
    // SAFETY: the caller's.
    unsafe { S::mul_add(S::splat(b), c, a) }
}

/// The values at one pair of points of the inputs `d`.
///
/// # Safety
///
/// As [`Simd`].
#[inline(always)]
pub(crate) unsafe fn input_pair<S: Simd, const M: usize, const PAIR: usize>(
    d: impl Fn(usize) -> S::V,
) -> [S::V; 2] {
    // SAFETY: the caller's.
    unsafe {
        match (M, PAIR) {
            (1, _) => [d(0), S::zero()],
            (2, 0) => [S::sub(d(0), d(2)), S::sub(d(3), d(1))],
            (2, _) => {
                let (even, odd) = (d(2), d(1));
                [S::add(even, odd), S::sub(even, odd)]
            }
            (_, 0) => {
                let even = less::<S>(d(4), A2 + B2, d(2));
                let odd = less::<S>(d(5), A2 + B2, d(3));
                [
                    plus::<S>(even, A2 * B2, d(0)),
                    plus::<S>(odd, A2 * B2, d(1)),
                ]
            }
            (_, 1) => {
                let (even, odd) = (less::<S>(d(4), B2, d(2)), less::<S>(d(3), B2, d(1)));
                [plus::<S>(even, A, odd), less::<S>(even, A, odd)]
            }
            _ => {
                let (even, odd) = (less::<S>(d(4), A2, d(2)), less::<S>(d(3), A2, d(1)));
                [plus::<S>(even, B, odd), less::<S>(even, B, odd)]
            }
        }
    }
}

/// The values at all points of the inputs `d`; [`points`] of them count.
///
/// # Safety
///
/// As [`Simd`].
#[inline(always)]
pub(crate) unsafe fn input<S: Simd, const M: usize>(d: [S::V; MAX_POINTS]) -> [S::V; MAX_POINTS] {
    // SAFETY: the caller's.
    unsafe {
        let [zero, infinity] = input_pair::<S, M, 0>(|i| d[i]);
        if M == 1 {
            return [zero; MAX_POINTS];
        }
        let [a, minus_a] = input_pair::<S, M, 1>(|i| d[i]);
        if M == 2 {
            return [zero, infinity, a, minus_a, zero, zero];
        }
        let [b, minus_b] = input_pair::<S, M, 2>(|i| d[i]);
        [zero, infinity, a, minus_a, b, minus_b]
    }
}

/// The `M` outputs from the products at all points.
///
/// # Safety
///
/// As [`Simd`].
#[inline(always)]
pub(crate) unsafe fn output<S: Simd, const M: usize>(p: [S::V; MAX_POINTS]) -> [S::V; 4] {
    // SAFETY: the caller's.
    unsafe {
        if M == 1 {
            return [p[0]; 4];
        }
        let (even, odd) = (S::add(p[2], p[3]), S::sub(p[2], p[3]));
        if M == 2 {
            let (first, second) = (S::add(p[0], even), S::add(p[1], odd));
            return [first, second, first, second];
        }
        let (even_b, odd_b) = (S::add(p[4], p[5]), S::sub(p[4], p[5]));
        [
            S::add(p[0], S::add(even, even_b)),
            plus::<S>(S::mul(S::splat(A), odd), B, odd_b),
            plus::<S>(S::mul(S::splat(A2), even), B2, even_b),
            plus::<S>(plus::<S>(p[1], A * A2, odd), B * B2, odd_b),
        ]
    }
}

/// The values at all points of the three taps `g` (of one, if `M` is 1).
///
/// # Safety
///
/// As [`Simd`].
#[inline(always)]
pub(crate) unsafe fn weight<S: Simd, const M: usize>(g: [S::V; 3]) -> [S::V; MAX_POINTS] {
    // SAFETY: the caller's.
    unsafe {
        if M == 1 {
            return [g[0]; MAX_POINTS];
        }
        if M == 2 {
            let [a, minus_a] = weight_pair::<S>(g, 1.0, 0.5);
            return [g[0], g[2], a, minus_a, g[0], g[0]];
        }
        let [a, minus_a] = weight_pair::<S>(g, A, 1.0 / (2.0 * A2 * (A2 - B2)));
        let [b, minus_b] = weight_pair::<S>(g, B, 1.0 / (2.0 * B2 * (B2 - A2)));
        let zero = S::mul(S::splat(1.0 / (A2 * B2)), g[0]);
        [zero, g[2], a, minus_a, b, minus_b]
    }
}

/// The taps at the points `p` and `-p`, times `scale`: 1 / (product of the distances to the other points).
#[inline(always)]
unsafe fn weight_pair<S: Simd>(g: [S::V; 3], p: f32, scale: f32) -> [S::V; 2] {
    // SAFETY: the caller's.
    unsafe {
        let even = plus::<S>(S::mul(S::splat(scale), g[0]), scale * p * p, g[2]);
        [
            plus::<S>(even, scale * p, g[1]),
            less::<S>(even, scale * p, g[1]),
        ]
    }
}
