//! One register of 512 bits.
#![expect(
    clippy::undocumented_unsafe_blocks,
    reason = "every block is the operation of its function, under the contract of the trait"
)]

use super::Simd;
use std::arch::x86_64::*;

/// AVX-512 F, VL, BW and DQ: what all processors with AVX-512 since 2017 know.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Avx512;

// SAFETY: every operation is the intrinsic of its name.
unsafe impl Simd for Avx512 {
    type V = __m512;

    #[inline(always)]
    unsafe fn zero() -> __m512 {
        unsafe { _mm512_setzero_ps() }
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> __m512 {
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> __m512 {
        unsafe { _mm512_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, v: __m512) {
        unsafe { _mm512_storeu_ps(to, v) }
    }

    #[inline(always)]
    unsafe fn add(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_add_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn sub(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_sub_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn mul(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_mul_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn mul_add(a: __m512, b: __m512, c: __m512) -> __m512 {
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    unsafe fn select_not_negative(v: __m512, positive: __m512, other: __m512) -> __m512 {
        unsafe {
            let mask = _mm512_cmp_ps_mask::<_CMP_GE_OQ>(v, _mm512_setzero_ps());
            _mm512_mask_blend_ps(mask, other, positive)
        }
    }

    #[inline(always)]
    unsafe fn transpose(rows: [__m512; 16]) -> [__m512; 16] {
        unsafe {
            // `quads[4 * i + j]`, quarter `q`: column `4 * q + j` of rows `4 * i ..`.
            let mut quads = rows;
            for quad in quads.chunks_exact_mut(4) {
                let low = _mm512_castps_pd(_mm512_unpacklo_ps(quad[0], quad[1]));
                let high = _mm512_castps_pd(_mm512_unpackhi_ps(quad[0], quad[1]));
                let next_low = _mm512_castps_pd(_mm512_unpacklo_ps(quad[2], quad[3]));
                let next_high = _mm512_castps_pd(_mm512_unpackhi_ps(quad[2], quad[3]));
                quad[0] = _mm512_castpd_ps(_mm512_unpacklo_pd(low, next_low));
                quad[1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low, next_low));
                quad[2] = _mm512_castpd_ps(_mm512_unpacklo_pd(high, next_high));
                quad[3] = _mm512_castpd_ps(_mm512_unpackhi_pd(high, next_high));
            }
            let mut columns = rows;
            for j in 0..4 {
                // Quarters 0, 2 and 1, 3 of two vectors.
                let [a, b, c, d] = [quads[j], quads[4 + j], quads[8 + j], quads[12 + j]];
                let even = _mm512_shuffle_f32x4::<0x88>(a, b);
                let odd = _mm512_shuffle_f32x4::<0xdd>(a, b);
                let next_even = _mm512_shuffle_f32x4::<0x88>(c, d);
                let next_odd = _mm512_shuffle_f32x4::<0xdd>(c, d);
                columns[j] = _mm512_shuffle_f32x4::<0x88>(even, next_even);
                columns[4 + j] = _mm512_shuffle_f32x4::<0x88>(odd, next_odd);
                columns[8 + j] = _mm512_shuffle_f32x4::<0xdd>(even, next_even);
                columns[12 + j] = _mm512_shuffle_f32x4::<0xdd>(odd, next_odd);
            }
            columns
        }
    }
}
