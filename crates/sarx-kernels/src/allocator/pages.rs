//! Blocks from the system and back.

use super::classes::Class;
use std::alloc::{GlobalAlloc as _, Layout, System};

/// What every block is aligned to: a line of the cache, a vector of 512 bits.
pub(super) const ALIGNMENT: usize = 64;

fn layout(class: Class) -> Layout {
    // SAFETY: a power of two, and sizes that are multiples of it far below `isize::MAX`.
    unsafe { Layout::from_size_align_unchecked(class.bytes, ALIGNMENT) }
}

/// A block that nobody has used, or null. It is zero if `zeroed`.
pub(super) fn fresh(class: Class, zeroed: bool) -> *mut u8 {
    #[cfg(target_os = "linux")]
    if class.bytes >= huge::FROM {
        return huge::fresh(class.bytes);
    }
    // SAFETY: the layout has a size.
    unsafe {
        if zeroed {
            System.alloc_zeroed(layout(class))
        } else {
            System.alloc(layout(class))
        }
    }
}

/// Gives a block back to the system.
///
/// # Safety
///
/// The block came from [`fresh`] with this class and nobody uses it.
pub(super) unsafe fn give_back(block: *mut u8, class: Class) {
    #[cfg(target_os = "linux")]
    if class.bytes >= huge::FROM {
        // SAFETY: the caller's.
        unsafe { huge::give_back(block, class.bytes) };
        return;
    }
    // SAFETY: the caller's.
    unsafe { System.dealloc(block, layout(class)) };
}

/// Blocks in pages of 2 MiB: one page fault instead of 512.
#[cfg(target_os = "linux")]
mod huge {
    use libc::{
        MADV_HUGEPAGE, MAP_ANONYMOUS, MAP_FAILED, MAP_PRIVATE, PROT_READ, PROT_WRITE, madvise,
        mmap, munmap,
    };
    use std::ptr::null_mut;

    /// Bytes from which on blocks are mapped.
    pub(super) const FROM: usize = 4 << 20;
    const PAGE: usize = 2 << 20;

    /// A mapping, zero as the kernel makes it, or null.
    pub(super) fn fresh(bytes: usize) -> *mut u8 {
        let Some(with_slack) = bytes.checked_add(PAGE) else {
            return null_mut();
        };
        // SAFETY: a new mapping; what is unmapped lies in it, in front of and behind the block.
        unsafe {
            let start = mmap(
                null_mut(),
                with_slack,
                PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS,
                -1,
                0,
            );
            if start == MAP_FAILED {
                return null_mut();
            }
            let before = start.align_offset(PAGE);
            let block = start.byte_add(before);
            if before > 0 {
                munmap(start, before);
            }
            if before < PAGE {
                munmap(block.byte_add(bytes), PAGE - before);
            }
            // A kernel without huge pages refuses, and nothing is lost.
            madvise(block, bytes, MADV_HUGEPAGE);
            block.cast()
        }
    }

    /// # Safety
    ///
    /// A block of this size from [`fresh`] that nobody uses.
    pub(super) unsafe fn give_back(block: *mut u8, bytes: usize) {
        // SAFETY: the caller's.
        unsafe { munmap(block.cast(), bytes) };
    }
}
