//! Memory for large arrays: aligned to cache lines, on huge pages where the system has them, and not
//! written before its first use.
//!
//! A page fault costs about as much as convolving the page, and a network needs the same scratch in
//! every layer; so scratch goes back to a pool.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::sync::Mutex;

/// Bytes of a cache line, and of a vector.
const LINE: usize = 64;

/// Bytes of a huge page; smaller arrays do not ask for one.
const HUGE_PAGE: usize = 2 << 20;

/// Floats at an address that is a multiple of 64, of 2 MiB if there are that many.
#[derive(Debug)]
pub(crate) struct Buffer {
    start: NonNull<f32>,
    len: usize,
}

// SAFETY: the buffer owns its memory.
unsafe impl Send for Buffer {}
// SAFETY: as above; shared access only reads.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// Memory for `len` floats that nobody has written yet.
    pub(crate) fn uninitialised(len: usize) -> Self {
        let layout = Self::layout(len);
        // SAFETY: the layout's size is not zero.
        let start = unsafe { alloc(layout) };
        let Some(start) = NonNull::new(start.cast()) else {
            handle_alloc_error(layout);
        };
        let buffer = Self { start, len };
        ask_for_huge_pages(buffer.start.as_ptr(), len);
        buffer
    }

    fn layout(len: usize) -> Layout {
        let bytes = len.max(1).saturating_mul(size_of::<f32>());
        let align = if bytes >= HUGE_PAGE { HUGE_PAGE } else { LINE };
        // More than the address space is a size that no shape of a real array reaches.
        Layout::from_size_align(bytes, align)
            .unwrap_or_else(|_| handle_alloc_error(Layout::new::<f32>()))
    }

    /// Floats that fit.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The first float, to read what was written through [`Buffer::as_mut_ptr`].
    pub(crate) fn as_ptr(&self) -> *const f32 {
        self.start.as_ptr()
    }

    /// The first float, to write.
    pub(crate) fn as_mut_ptr(&mut self) -> *mut f32 {
        self.start.as_ptr()
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout.
        unsafe { dealloc(self.start.as_ptr().cast(), Self::layout(self.len)) };
    }
}

/// A vector of `len` floats, all of which `write` writes.
///
/// # Safety
///
/// `write` initialises the whole slice.
pub(crate) unsafe fn written_vec(
    len: usize,
    write: impl FnOnce(&mut [MaybeUninit<f32>]),
) -> Vec<f32> {
    let mut values = Vec::with_capacity(len);
    ask_for_huge_pages(values.as_mut_ptr(), len);
    write(&mut values.spare_capacity_mut()[..len]);
    // SAFETY: the caller's promise.
    unsafe { values.set_len(len) };
    values
}

/// Advises the system to back whole huge pages inside of an array with huge pages. It may not.
fn ask_for_huge_pages(start: *mut f32, len: usize) {
    #[cfg(target_os = "linux")]
    {
        let begin = (start as usize).next_multiple_of(HUGE_PAGE);
        let end = (start as usize + len * size_of::<f32>()) / HUGE_PAGE * HUGE_PAGE;
        if begin < end {
            // SAFETY: whole pages inside of one allocation; the advice changes no contents. Its
            // failure changes nothing either.
            let _advised = unsafe {
                libc::madvise(
                    start.byte_add(begin - start as usize).cast(),
                    end - begin,
                    libc::MADV_HUGEPAGE,
                )
            };
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (start, len);
}

/// Memory that returns to the pool when it goes out of scope.
#[derive(Debug)]
pub(crate) struct Scratch(Option<Buffer>);

/// Buffers that nobody uses now, those that came last at the end.
static POOL: Mutex<Vec<Buffer>> = Mutex::new(Vec::new());

/// Floats that the pool keeps at most: 256 MiB, more than the transformed weights of a layer of 320
/// channels, which training makes anew at every step.
const KEPT: usize = 64 << 20;

impl Scratch {
    /// Room for `len` floats of any value.
    pub(crate) fn take(len: usize) -> Self {
        let mut pool = POOL.lock().unwrap_or_else(|e| e.into_inner());
        // A buffer of twice the length is left for somebody who needs it.
        let fitting = len..=2 * len + HUGE_PAGE / size_of::<f32>();
        let fits = (0..pool.len())
            .filter(|&i| fitting.contains(&pool[i].len()))
            .min_by_key(|&i| pool[i].len());
        let taken = fits.map(|i| pool.remove(i));
        drop(pool);
        Self(Some(taken.unwrap_or_else(|| Buffer::uninitialised(len))))
    }

    /// The first float, to read what was written through [`Scratch::as_mut_ptr`].
    pub(crate) fn as_ptr(&self) -> *const f32 {
        self.0.as_ref().map_or(std::ptr::null(), Buffer::as_ptr)
    }

    /// The first float, to write.
    pub(crate) fn as_mut_ptr(&mut self) -> *mut f32 {
        self.0
            .as_mut()
            .map_or(std::ptr::null_mut(), Buffer::as_mut_ptr)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let Some(buffer) = self.0.take() else { return };
        let mut pool = POOL.lock().unwrap_or_else(|e| e.into_inner());
        pool.push(buffer);
        let mut kept: usize = pool.iter().map(Buffer::len).sum();
        while kept > KEPT {
            kept -= pool.remove(0).len();
        }
    }
}

/// A place that several threads write, each its own part.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shared(pub(crate) *mut f32);

// SAFETY: whoever makes one sees to it that no float is written by two threads.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    /// The address, by a method so that closures capture the whole.
    pub(crate) fn get(self) -> *mut f32 {
        self.0
    }
}
