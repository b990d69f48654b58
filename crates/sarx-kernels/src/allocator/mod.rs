//! A global allocator that keeps large blocks for reuse.
//!
//! A fresh feature map of 33 MB costs 8000 page faults, as much time as the convolution that fills
//! it. So blocks of 256 KiB and more come in sizes ([`classes`]) and, when they are freed, wait in a
//! pool for the next request of their size; what nobody has wanted for longest goes back to the
//! system when the pool outgrows its limit. Blocks are aligned to 64 bytes; on Linux those of 4 MiB
//! and more to 2 MiB, in huge pages. Everything smaller goes straight to [`System`].

mod classes;
mod pages;
mod pool;

use classes::Class;
use pool::Pool;
use std::{
    alloc::{GlobalAlloc, Layout, System},
    fmt,
    ptr::null_mut,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// An allocator with a pool of large blocks, for `#[global_allocator]`.
pub struct PooledAllocator {
    pool: Mutex<Pool>,
}

/// What an allocator has in large blocks (those of 256 KiB and more).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AllocatorStatistics {
    /// Bytes of blocks in use, with what rounding added.
    pub in_use: usize,
    /// The most that these have been.
    pub peak: usize,
    /// Bytes of free blocks that wait in the pool.
    pub pooled: usize,
    /// Requests that the pool served.
    pub reused: u64,
    /// Requests that the system served.
    pub fresh: u64,
}

impl Default for PooledAllocator {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for PooledAllocator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PooledAllocator")
            .field(&self.statistics())
            .finish()
    }
}

impl PooledAllocator {
    /// An allocator with an empty pool.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            pool: Mutex::new(Pool::new()),
        }
    }

    /// Bytes in use and in the pool.
    #[must_use]
    pub fn statistics(&self) -> AllocatorStatistics {
        let pool = self.pool();
        AllocatorStatistics {
            in_use: pool.in_use,
            peak: pool.peak,
            pooled: pool.pooled,
            reused: pool.reused,
            fresh: pool.fresh,
        }
    }

    /// Sets how many bytes the pool may hold; `None` for an eighth of the peak and 256 MiB, as it is
    /// at first.
    pub fn set_limit(&self, bytes: Option<usize>) {
        let limit = {
            let mut pool = self.pool();
            pool.limit = bytes;
            pool.limit()
        };
        self.shrink_to(limit);
    }

    /// Gives all that is in the pool back to the system.
    pub fn trim(&self) {
        self.shrink_to(0);
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        // Nothing below the lock panics, and the lists are whole even if it did.
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives back what is too much. System calls are made without the lock.
    fn shrink_to(&self, limit: usize) {
        loop {
            let beyond = self.pool().pop_beyond(limit);
            let Some((block, class)) = beyond else { break };
            // SAFETY: the block came from `fresh` with its class and has left the pool.
            unsafe { pages::give_back(block, class) };
        }
    }

    /// A block, and whether it is known to be zero if `zeroed` is asked for; null if there is none.
    fn take(&self, class: Class, zeroed: bool) -> (*mut u8, bool) {
        let pooled = {
            let mut pool = self.pool();
            let block = pool.pop(class);
            match block {
                Some(_) => pool.reused += 1,
                None => pool.fresh += 1,
            }
            pool.in_use += class.bytes;
            pool.peak = pool.peak.max(pool.in_use);
            block
        };
        if let Some(block) = pooled {
            return (block, false);
        }
        let mut block = pages::fresh(class, zeroed);
        if block.is_null() {
            self.trim();
            block = pages::fresh(class, zeroed);
        }
        if block.is_null() {
            self.pool().in_use -= class.bytes;
        }
        (block, zeroed)
    }

    /// # Safety
    ///
    /// The block came from [`Self::take`] with this class and nobody uses it.
    unsafe fn put(&self, block: *mut u8, class: Class) {
        let limit = {
            let mut pool = self.pool();
            pool.in_use -= class.bytes;
            let limit = pool.limit();
            if class.bytes <= limit {
                // SAFETY: the caller's.
                unsafe { pool.push(block, class) };
                (pool.pooled > limit).then_some(limit)
            } else {
                drop(pool);
                // SAFETY: the caller's.
                unsafe { pages::give_back(block, class) };
                None
            }
        };
        if let Some(limit) = limit {
            self.shrink_to(limit);
        }
    }
}

impl Drop for PooledAllocator {
    fn drop(&mut self) {
        self.trim();
    }
}

/// The class of a request, or none if it is for the system. Depends on the layout alone, so that
/// blocks are given back the way they came.
fn class(layout: Layout) -> Option<Class> {
    if layout.align() > pages::ALIGNMENT {
        return None;
    }
    Class::of(layout.size())
}

// SAFETY: blocks are as large and as aligned as asked for, belong to one user at a time, and go back
// the way they came. Nothing here allocates or unwinds.
unsafe impl GlobalAlloc for PooledAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match class(layout) {
            Some(class) => self.take(class, false).0,
            // SAFETY: the caller's.
            None => unsafe { System.alloc(layout) },
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let Some(class) = class(layout) else {
            // SAFETY: the caller's.
            return unsafe { System.alloc_zeroed(layout) };
        };
        let (block, zero) = self.take(class, true);
        if !zero {
            // SAFETY: a block from the pool, at least as large.
            unsafe { block.write_bytes(0, layout.size()) };
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        match class(layout) {
            // SAFETY: the caller's.
            Some(class) => unsafe { self.put(block, class) },
            // SAFETY: the caller's.
            None => unsafe { System.dealloc(block, layout) },
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller says that the new size is one of a layout with this alignment.
        let new_layout = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        match (class(layout), class(new_layout)) {
            // SAFETY: the caller's.
            (None, None) => unsafe { System.realloc(block, layout, new_size) },
            (old, new) if old == new => block,
            _ => {
                // SAFETY: the new block is another one; as much is copied as both hold.
                unsafe {
                    let moved = self.alloc(new_layout);
                    if moved.is_null() {
                        return null_mut();
                    }
                    moved.copy_from_nonoverlapping(block, layout.size().min(new_size));
                    self.dealloc(block, layout);
                    moved
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
