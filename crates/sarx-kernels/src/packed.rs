//! Zeroed floats on cache lines, for packed weights.

use crate::LANES;

/// 16 floats on a cache line of their own.
#[repr(C, align(64))]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line(pub(crate) [f32; LANES]);

/// Floats that begin on a cache line, for packed weights and scratch.
#[derive(Debug, Clone, Default)]
pub(crate) struct AlignedVec {
    lines: Vec<Line>,
}

impl AlignedVec {
    /// `len` zeros, rounded up to whole lines.
    pub(crate) fn zeros(len: usize) -> Self {
        Self {
            lines: vec![Line([0.0; LANES]); len.div_ceil(LANES)],
        }
    }

    pub(crate) fn as_slice(&self) -> &[f32] {
        // SAFETY: `Line` is an array of 16 floats without padding.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.lines.len() * LANES) }
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [f32] {
        let len = self.lines.len() * LANES;
        // SAFETY: `Line` is an array of 16 floats without padding.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), len) }
    }
}
