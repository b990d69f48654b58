//! Products of numbers of 16 bits (bfloat16: the upper half of an `f32`), two channels at a time.
//!
//! A pair is 32 bits, the first channel in the lower half. Processors with AVX-512 BF16 multiply a
//! pair with a pair and add both products to an `f32` in one instruction; others take pairs apart.

use super::{LANES, Simd};

/// Products of pairs with the instructions of `S`.
///
/// # Safety
///
/// As for [`Simd`]; only below [`Isa::run_pairs`](crate::Isa::run_pairs).
pub(crate) unsafe trait Pairs<S: Simd> {
    /// Pairs of 16 channels out.
    type Weights: Copy;

    /// 16 pairs from memory.
    unsafe fn load(from: *const u32) -> Self::Weights;
    /// `sum` plus both products of `value` with each of the 16 pairs.
    unsafe fn add_products(value: u32, weights: Self::Weights, sum: S::V) -> S::V;
    /// 16 floats, rounded to the nearest (to even in the middle), as 8 pairs. The memory may be the same.
    unsafe fn round(from: *const f32, to: *mut u32);
}

/// Work on pairs that is compiled once per instruction set.
pub(crate) trait PairKernel {
    /// Does the work; see [`Kernel::run`](super::Kernel::run).
    ///
    /// # Safety
    ///
    /// Called by [`Isa::run_pairs`](crate::Isa::run_pairs) only.
    unsafe fn run<S: Simd, P: Pairs<S>, const NX: usize, const OB: usize>(self);
}

/// The upper half of the nearest number that has nothing in its lower half.
#[inline(always)]
pub(crate) fn rounded(value: f32) -> u16 {
    if value.is_nan() {
        // Rounding could carry a NaN to infinity.
        return 0x7fc0;
    }
    let bits = value.to_bits();
    // Cannot overflow: the largest number is infinity, whose lower half is zero.
    ((bits + 0x7fff + (bits >> 16 & 1)) >> 16) as u16
}

/// Pairs taken apart: two multiply-adds in 32 bits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Apart;

// SAFETY: plain memory accesses of the sizes that the trait names.
unsafe impl<S: Simd> Pairs<S> for Apart {
    type Weights = [S::V; 2];

    #[inline(always)]
    unsafe fn load(from: *const u32) -> [S::V; 2] {
        // SAFETY: the caller's; the arrays hold 16 floats.
        unsafe {
            let pairs: [u32; LANES] = from.cast::<[u32; LANES]>().read_unaligned();
            let first = pairs.map(|pair| f32::from_bits(pair << 16));
            let second = pairs.map(|pair| f32::from_bits(pair & 0xffff_0000));
            [S::load(first.as_ptr()), S::load(second.as_ptr())]
        }
    }

    #[inline(always)]
    unsafe fn add_products(value: u32, [first, second]: [S::V; 2], sum: S::V) -> S::V {
        // SAFETY: the caller's.
        unsafe {
            let sum = S::mul_add(S::splat(f32::from_bits(value << 16)), first, sum);
            S::mul_add(S::splat(f32::from_bits(value & 0xffff_0000)), second, sum)
        }
    }

    #[inline(always)]
    unsafe fn round(from: *const f32, to: *mut u32) {
        // SAFETY: the caller's.
        unsafe {
            let values = from.cast::<[f32; LANES]>().read_unaligned();
            to.cast::<[u16; LANES]>()
                .write_unaligned(values.map(rounded));
        }
    }
}

/// The instructions of AVX-512 BF16. They take subnormal numbers for zero.
#[cfg(target_arch = "x86_64")]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bf16;

// SAFETY: the intrinsics read and write 64 bytes, or 32 when rounding.
#[cfg(target_arch = "x86_64")]
unsafe impl Pairs<super::avx512::Avx512> for Bf16 {
    type Weights = std::arch::x86_64::__m512i;

    #[inline(always)]
    unsafe fn load(from: *const u32) -> Self::Weights {
        // SAFETY: the caller's.
        unsafe { std::arch::x86_64::_mm512_loadu_si512(from.cast()) }
    }

    #[inline(always)]
    unsafe fn add_products(
        value: u32,
        weights: Self::Weights,
        sum: std::arch::x86_64::__m512,
    ) -> std::arch::x86_64::__m512 {
        use std::arch::x86_64::{__m512bh, __m512i, _mm512_dpbf16_ps, _mm512_set1_epi32};
        // SAFETY: the caller's; both types are 512 bits of anything.
        unsafe {
            let value = _mm512_set1_epi32(value.cast_signed());
            let pairs = |bits: __m512i| std::mem::transmute::<__m512i, __m512bh>(bits);
            _mm512_dpbf16_ps(sum, pairs(value), pairs(weights))
        }
    }

    #[inline(always)]
    unsafe fn round(from: *const f32, to: *mut u32) {
        use std::arch::x86_64::{__m256bh, _mm512_cvtneps_pbh, _mm512_loadu_ps};
        // SAFETY: the caller's.
        unsafe {
            let pairs = _mm512_cvtneps_pbh(_mm512_loadu_ps(from));
            to.cast::<__m256bh>().write_unaligned(pairs);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::rounded;

    #[test]
    fn rounding_is_to_the_nearest_and_to_even() {
        for (value, expected) in [
            (0x3f80_0000_u32, 0x3f80_u16),
            (0x3f80_7fff, 0x3f80),
            (0x3f80_8000, 0x3f80),
            (0x3f80_8001, 0x3f81),
            (0x3f81_8000, 0x3f82),
            (0xbf81_8000, 0xbf82),
            (0x7f7f_ffff, 0x7f80),
            (0x7f80_0000, 0x7f80),
            (0x7fff_ffff, 0x7fc0),
            (0x0000_8001, 0x0001),
        ] {
            assert_eq!(rounded(f32::from_bits(value)), expected, "{value:x}");
        }
    }
}
