//! Weights in packed order, on cache lines; and pointers that threads share.

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
        self.lines.as_slice().as_flattened_floats()
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [f32] {
        let len = self.lines.len() * LANES;
        // SAFETY: `Line` is an array of 16 floats without padding.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), len) }
    }
}

trait Flattened {
    fn as_flattened_floats(&self) -> &[f32];
}

impl Flattened for [Line] {
    fn as_flattened_floats(&self) -> &[f32] {
        // SAFETY: `Line` is an array of 16 floats without padding.
        unsafe { std::slice::from_raw_parts(self.as_ptr().cast(), self.len() * LANES) }
    }
}

/// A place that several threads write to, each its own part.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SharedMut(pub(crate) *mut f32);

// SAFETY: users write to parts that do not overlap (each says why) and read after all have ended.
unsafe impl Send for SharedMut {}
// SAFETY: as above.
unsafe impl Sync for SharedMut {}
