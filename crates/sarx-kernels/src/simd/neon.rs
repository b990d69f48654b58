//! Four registers of 128 bits.
#![expect(
    clippy::undocumented_unsafe_blocks,
    reason = "every block is the operation of its function, under the contract of the trait"
)]

use super::Simd;
use std::arch::aarch64::*;

/// NEON, which every 64-bit ARM processor knows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Neon;

type V = [float32x4_t; 4];

// SAFETY: every operation is the intrinsic of its name, on all four quarters.
unsafe impl Simd for Neon {
    type V = V;

    #[inline(always)]
    unsafe fn zero() -> V {
        unsafe { [vdupq_n_f32(0.0); 4] }
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> V {
        unsafe { [vdupq_n_f32(value); 4] }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> V {
        unsafe {
            [
                vld1q_f32(from),
                vld1q_f32(from.add(4)),
                vld1q_f32(from.add(8)),
                vld1q_f32(from.add(12)),
            ]
        }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, v: V) {
        unsafe {
            vst1q_f32(to, v[0]);
            vst1q_f32(to.add(4), v[1]);
            vst1q_f32(to.add(8), v[2]);
            vst1q_f32(to.add(12), v[3]);
        }
    }

    #[inline(always)]
    unsafe fn add(a: V, b: V) -> V {
        unsafe { each(a, b, |a, b| vaddq_f32(a, b)) }
    }

    #[inline(always)]
    unsafe fn sub(a: V, b: V) -> V {
        unsafe { each(a, b, |a, b| vsubq_f32(a, b)) }
    }

    #[inline(always)]
    unsafe fn mul(a: V, b: V) -> V {
        unsafe { each(a, b, |a, b| vmulq_f32(a, b)) }
    }

    #[inline(always)]
    unsafe fn mul_add(a: V, b: V, c: V) -> V {
        unsafe {
            [
                vfmaq_f32(c[0], a[0], b[0]),
                vfmaq_f32(c[1], a[1], b[1]),
                vfmaq_f32(c[2], a[2], b[2]),
                vfmaq_f32(c[3], a[3], b[3]),
            ]
        }
    }

    #[inline(always)]
    unsafe fn select_not_negative(v: V, positive: V, other: V) -> V {
        unsafe {
            let zero = vdupq_n_f32(0.0);
            [0, 1, 2, 3].map(|i| vbslq_f32(vcgeq_f32(v[i], zero), positive[i], other[i]))
        }
    }
}

/// An operation on each quarter.
#[inline(always)]
fn each(a: V, b: V, op: impl Fn(float32x4_t, float32x4_t) -> float32x4_t) -> V {
    [
        op(a[0], b[0]),
        op(a[1], b[1]),
        op(a[2], b[2]),
        op(a[3], b[3]),
    ]
}
