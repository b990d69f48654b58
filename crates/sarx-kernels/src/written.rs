//! Vectors that are written before they are read, by several threads at once.
//!
//! Zeroing a feature map first would cost as much time as many of the kernels that fill it.

/// Where several threads write, each its own part.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Out {
    start: *mut f32,
    len: usize,
}

// SAFETY: a pointer may be sent; whoever writes through it promises that parts do not overlap.
unsafe impl Send for Out {}
// SAFETY: as above.
unsafe impl Sync for Out {}

impl Out {
    /// All of a slice that stays borrowed while this is used.
    pub(crate) fn of(values: &mut [f32]) -> Self {
        Self {
            start: values.as_mut_ptr(),
            len: values.len(),
        }
    }

    /// The place of a value; as many values as are left may be written there.
    ///
    /// # Safety
    ///
    /// `at` is inside (or just behind the end), and no other thread touches what is written.
    #[inline(always)]
    pub(crate) unsafe fn at(self, at: usize) -> *mut f32 {
        debug_assert!(at <= self.len, "{at} of {}", self.len);
        // SAFETY: the caller's.
        unsafe { self.start.add(at) }
    }
}

/// A vector of `len` values that `write` writes.
///
/// # Safety
///
/// `write` writes every value.
pub(crate) unsafe fn written(len: usize, write: impl FnOnce(Out)) -> Vec<f32> {
    let mut values = Vec::<f32>::with_capacity(len);
    write(Out {
        start: values.as_mut_ptr(),
        len,
    });
    // SAFETY: the capacity is there, and the caller's `write` has written every value.
    unsafe { values.set_len(len) };
    values
}
