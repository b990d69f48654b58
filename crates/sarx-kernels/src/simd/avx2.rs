//! Two registers of 256 bits.
#![expect(
    clippy::undocumented_unsafe_blocks,
    reason = "every block is the operation of its function, under the contract of the trait"
)]

use super::Simd;
use std::arch::x86_64::*;

/// AVX2 and FMA.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Avx2;

// SAFETY: every operation is the intrinsic of its name, on both halves.
unsafe impl Simd for Avx2 {
    type V = [__m256; 2];

    #[inline(always)]
    unsafe fn zero() -> [__m256; 2] {
        unsafe { [_mm256_setzero_ps(); 2] }
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> [__m256; 2] {
        unsafe { [_mm256_set1_ps(value); 2] }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> [__m256; 2] {
        unsafe { [_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(8))] }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, v: [__m256; 2]) {
        unsafe {
            _mm256_storeu_ps(to, v[0]);
            _mm256_storeu_ps(to.add(8), v[1]);
        }
    }

    #[inline(always)]
    unsafe fn add(a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
        unsafe { [_mm256_add_ps(a[0], b[0]), _mm256_add_ps(a[1], b[1])] }
    }

    #[inline(always)]
    unsafe fn sub(a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
        unsafe { [_mm256_sub_ps(a[0], b[0]), _mm256_sub_ps(a[1], b[1])] }
    }

    #[inline(always)]
    unsafe fn mul(a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
        unsafe { [_mm256_mul_ps(a[0], b[0]), _mm256_mul_ps(a[1], b[1])] }
    }

    #[inline(always)]
    unsafe fn mul_add(a: [__m256; 2], b: [__m256; 2], c: [__m256; 2]) -> [__m256; 2] {
        unsafe {
            [
                _mm256_fmadd_ps(a[0], b[0], c[0]),
                _mm256_fmadd_ps(a[1], b[1], c[1]),
            ]
        }
    }

    #[inline(always)]
    unsafe fn select_not_negative(
        v: [__m256; 2],
        positive: [__m256; 2],
        other: [__m256; 2],
    ) -> [__m256; 2] {
        unsafe {
            let zero = _mm256_setzero_ps();
            [0, 1].map(|i| {
                let mask = _mm256_cmp_ps::<_CMP_GE_OQ>(v[i], zero);
                _mm256_blendv_ps(other[i], positive[i], mask)
            })
        }
    }

    #[inline(always)]
    unsafe fn transpose(rows: [[__m256; 2]; 16]) -> [[__m256; 2]; 16] {
        unsafe {
            let mut columns = rows;
            for rows_half in 0..2 {
                for columns_half in 0..2 {
                    let mut square = [_mm256_setzero_ps(); 8];
                    for (i, row) in square.iter_mut().enumerate() {
                        *row = rows[8 * rows_half + i][columns_half];
                    }
                    for (j, column) in transpose_8(square).into_iter().enumerate() {
                        columns[8 * columns_half + j][rows_half] = column;
                    }
                }
            }
            columns
        }
    }
}

/// Lane `j` of vector `i` becomes lane `i` of vector `j`.
#[inline(always)]
unsafe fn transpose_8(rows: [__m256; 8]) -> [__m256; 8] {
    unsafe {
        // `quads[4 * i + j]`, half `h`: column `4 * h + j` of rows `4 * i ..`.
        let mut quads = rows;
        for quad in quads.chunks_exact_mut(4) {
            let low = _mm256_castps_pd(_mm256_unpacklo_ps(quad[0], quad[1]));
            let high = _mm256_castps_pd(_mm256_unpackhi_ps(quad[0], quad[1]));
            let next_low = _mm256_castps_pd(_mm256_unpacklo_ps(quad[2], quad[3]));
            let next_high = _mm256_castps_pd(_mm256_unpackhi_ps(quad[2], quad[3]));
            quad[0] = _mm256_castpd_ps(_mm256_unpacklo_pd(low, next_low));
            quad[1] = _mm256_castpd_ps(_mm256_unpackhi_pd(low, next_low));
            quad[2] = _mm256_castpd_ps(_mm256_unpacklo_pd(high, next_high));
            quad[3] = _mm256_castpd_ps(_mm256_unpackhi_pd(high, next_high));
        }
        let mut columns = rows;
        for j in 0..4 {
            columns[j] = _mm256_permute2f128_ps::<0x20>(quads[j], quads[4 + j]);
            columns[4 + j] = _mm256_permute2f128_ps::<0x31>(quads[j], quads[4 + j]);
        }
        columns
    }
}
