//! An array, for processors that we know nothing of, and to check the others.

use super::{LANES, Simd};

/// Plain Rust.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scalar;

#[inline(always)]
fn each(op: impl Fn(usize) -> f32) -> [f32; LANES] {
    std::array::from_fn(op)
}

// SAFETY: no instruction beyond the target's; memory is touched where the contract allows it.
unsafe impl Simd for Scalar {
    type V = [f32; LANES];

    #[inline(always)]
    unsafe fn zero() -> [f32; LANES] {
        [0.0; LANES]
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> [f32; LANES] {
        [value; LANES]
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> [f32; LANES] {
        // SAFETY: the caller's pointer is valid for 16 floats.
        unsafe { from.cast::<[f32; LANES]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, v: [f32; LANES]) {
        // SAFETY: the caller's pointer is valid for 16 floats.
        unsafe { to.cast::<[f32; LANES]>().write_unaligned(v) }
    }

    #[inline(always)]
    unsafe fn add(a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
        each(|i| a[i] + b[i])
    }

    #[inline(always)]
    unsafe fn sub(a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
        each(|i| a[i] - b[i])
    }

    #[inline(always)]
    unsafe fn mul(a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
        each(|i| a[i] * b[i])
    }

    #[inline(always)]
    unsafe fn mul_add(a: [f32; LANES], b: [f32; LANES], c: [f32; LANES]) -> [f32; LANES] {
        each(|i| a[i] * b[i] + c[i])
    }

    #[inline(always)]
    unsafe fn select_not_negative(
        v: [f32; LANES],
        positive: [f32; LANES],
        other: [f32; LANES],
    ) -> [f32; LANES] {
        each(|i| if v[i] >= 0.0 { positive[i] } else { other[i] })
    }
}
