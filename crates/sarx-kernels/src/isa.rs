//! Which instructions this processor knows.

#[cfg(target_arch = "x86_64")]
use crate::simd::pairs::Bf16;
use crate::simd::{Kernel, PairKernel, pairs::Apart, scalar::Scalar};

/// An instruction set that the kernels are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isa {
    /// Vectors of 512 bits.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// Vectors of 256 bits and fused multiply-add.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// Vectors of 128 bits on ARM.
    #[cfg(target_arch = "aarch64")]
    Neon,
    /// No vectors.
    Scalar,
}

impl Isa {
    /// All that this processor knows, the fastest first.
    #[must_use]
    pub fn available() -> Vec<Self> {
        let mut found = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
            {
                found.push(Self::Avx512);
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                found.push(Self::Avx2);
            }
        }
        #[cfg(target_arch = "aarch64")]
        found.push(Self::Neon);
        found.push(Self::Scalar);
        found
    }

    /// The fastest that this processor knows.
    #[must_use]
    pub fn best() -> Self {
        use std::sync::OnceLock;
        static BEST: OnceLock<Isa> = OnceLock::new();
        *BEST.get_or_init(|| Self::available()[0])
    }

    /// Blocks of output channels that a kernel sums at once (`OB` of [`Kernel::run`]).
    pub(crate) fn out_blocks(self) -> usize {
        struct OutBlocks;
        impl Kernel for OutBlocks {
            type Output = usize;

            #[inline(always)]
            unsafe fn run<S: crate::simd::Simd, const NX: usize, const OB: usize>(self) -> usize {
                OB
            }
        }
        self.run(OutBlocks)
    }

    /// Runs a kernel with these instructions.
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self {
            // SAFETY: `available` has seen the instructions; other values are not made outside tests,
            // which take them from there as well.
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => unsafe { run_avx512(kernel) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => unsafe { run_avx2(kernel) },
            // SAFETY: NEON is part of the target.
            #[cfg(target_arch = "aarch64")]
            Self::Neon => unsafe { kernel.run::<crate::simd::neon::Neon, 6, 1>() },
            // SAFETY: plain Rust.
            Self::Scalar => unsafe { kernel.run::<Scalar, 2, 1>() },
        }
    }
}

impl Isa {
    /// Runs a kernel on pairs of 16-bit numbers: with their own instructions where there are some.
    pub(crate) fn run_pairs<K: PairKernel>(self, kernel: K) {
        match self {
            // SAFETY: `available` has seen the instructions, and these are asked for here.
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 if is_x86_feature_detected!("avx512bf16") => unsafe {
                run_avx512_bf16(kernel);
            },
            // SAFETY: as in `run`.
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => unsafe { run_avx512_pairs(kernel) },
            // SAFETY: as in `run`.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => unsafe { run_avx2_pairs(kernel) },
            // SAFETY: NEON is part of the target.
            #[cfg(target_arch = "aarch64")]
            Self::Neon => unsafe { kernel.run::<crate::simd::neon::Neon, Apart, 4, 1>() },
            // SAFETY: plain Rust.
            Self::Scalar => unsafe { kernel.run::<Scalar, Apart, 2, 1>() },
        }
    }
}

/// As [`run_avx512`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512bf16,avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")]
unsafe fn run_avx512_bf16<K: PairKernel>(kernel: K) {
    // SAFETY: the caller has seen the instructions.
    unsafe { kernel.run::<crate::simd::avx512::Avx512, Bf16, 8, 2>() }
}

/// 16 accumulators, four vectors of weights taken apart.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")]
unsafe fn run_avx512_pairs<K: PairKernel>(kernel: K) {
    // SAFETY: the caller has seen the instructions.
    unsafe { kernel.run::<crate::simd::avx512::Avx512, Apart, 8, 2>() }
}

/// 8 accumulators of 16 registers, four registers of weights taken apart.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn run_avx2_pairs<K: PairKernel>(kernel: K) {
    // SAFETY: the caller has seen the instructions.
    unsafe { kernel.run::<crate::simd::avx2::Avx2, Apart, 4, 1>() }
}

/// 16 accumulators of 32 registers, two vectors of weights.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")]
unsafe fn run_avx512<K: Kernel>(kernel: K) -> K::Output {
    // SAFETY: the caller has seen the instructions.
    unsafe { kernel.run::<crate::simd::avx512::Avx512, 8, 2>() }
}

/// 12 accumulators of 16 registers, two registers of weights, one of values.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn run_avx2<K: Kernel>(kernel: K) -> K::Output {
    // SAFETY: the caller has seen the instructions.
    unsafe { kernel.run::<crate::simd::avx2::Avx2, 6, 1>() }
}
