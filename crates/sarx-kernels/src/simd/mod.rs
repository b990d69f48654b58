//! Vectors of 16 floats on every processor: one register, two, four, or an array.
//!
//! A kernel is written once over [`Simd`] and compiled once per instruction set by
//! [`Isa::run`](crate::Isa::run). A block of 16 channels is one vector everywhere, so arrays look
//! the same on all machines; how many vectors a kernel keeps in registers is a constant of the
//! instruction set (see [`Kernel::run`]).

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512;
#[cfg(target_arch = "aarch64")]
pub(crate) mod neon;
pub(crate) mod pairs;
pub(crate) mod scalar;

pub(crate) use pairs::{PairKernel, Pairs};

/// Floats of a vector; channels of a block.
pub const LANES: usize = 16;

/// The operations that the kernels need.
///
/// # Safety
///
/// The operations may only be used below [`Isa::run`](crate::Isa::run), which has seen that the
/// processor knows the instructions. Pointers need no alignment but must be valid for 16 floats.
pub(crate) unsafe trait Simd: Copy {
    /// 16 floats.
    type V: Copy;

    /// All zero.
    unsafe fn zero() -> Self::V;
    /// All the same.
    unsafe fn splat(value: f32) -> Self::V;
    /// 16 floats from memory.
    unsafe fn load(from: *const f32) -> Self::V;
    /// 16 floats to memory.
    unsafe fn store(to: *mut f32, v: Self::V);
    /// `a + b`
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    /// `a - b`
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V;
    /// `a * b`
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V;
    /// `a * b + c`, rounded once where the processor can.
    unsafe fn mul_add(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// `positive` where `v >= 0`, else `other`.
    unsafe fn select_not_negative(v: Self::V, positive: Self::V, other: Self::V) -> Self::V;

    /// The lanes as an array.
    #[inline(always)]
    unsafe fn to_array(v: Self::V) -> [f32; LANES] {
        let mut lanes = [0.0; LANES];
        // SAFETY: the array holds 16 floats.
        unsafe { Self::store(lanes.as_mut_ptr(), v) };
        lanes
    }

    /// Lane `j` of vector `i` becomes lane `i` of vector `j`.
    #[inline(always)]
    unsafe fn transpose(rows: [Self::V; LANES]) -> [Self::V; LANES] {
        // SAFETY: the caller's; the arrays hold 16 floats each.
        unsafe {
            let rows = rows.map(|row| Self::to_array(row));
            std::array::from_fn(|j| {
                let column: [f32; LANES] = std::array::from_fn(|i| rows[i][j]);
                Self::load(column.as_ptr())
            })
        }
    }
}

/// Work that is compiled once per instruction set.
pub(crate) trait Kernel {
    /// What comes out.
    type Output;

    /// Does the work. `NX` positions times `OB` vectors of output channels fit the registers as
    /// accumulators, with room for what they are made of.
    ///
    /// Implementations are `#[inline(always)]`, as is everything that they call with `S`.
    ///
    /// # Safety
    ///
    /// Called by [`Isa::run`](crate::Isa::run) only.
    unsafe fn run<S: Simd, const NX: usize, const OB: usize>(self) -> Self::Output;
}
