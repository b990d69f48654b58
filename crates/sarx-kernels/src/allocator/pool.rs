//! Free blocks, by size and by age, in lists that live in the blocks themselves.

use super::classes::{CLASSES, Class};
use std::ptr::null_mut;

/// What the first bytes of a free block hold.
struct Node {
    class: Class,
    /// Given back before this one.
    older: *mut Node,
    /// Given back after this one.
    newer: *mut Node,
    /// The same among blocks of this size.
    older_alike: *mut Node,
    newer_alike: *mut Node,
}

/// Free blocks and the sums over all blocks.
pub(super) struct Pool {
    newest: *mut Node,
    oldest: *mut Node,
    /// Per size, the newest.
    newest_alike: [*mut Node; CLASSES],
    /// Bytes of free blocks.
    pub(super) pooled: usize,
    /// Bytes of blocks that somebody uses.
    pub(super) in_use: usize,
    /// The most that these have been.
    pub(super) peak: usize,
    /// The most that `pooled` may be; none for an eighth of the peak and a bit.
    pub(super) limit: Option<usize>,
    /// Blocks that came out of the pool.
    pub(super) reused: u64,
    /// Blocks that came from the system.
    pub(super) fresh: u64,
}

// SAFETY: free blocks are the pool's alone.
unsafe impl Send for Pool {}

/// What may be pooled whatever the peak.
const LIMIT_AT_LEAST: usize = 256 << 20;

impl Pool {
    pub(super) const fn new() -> Self {
        Self {
            newest: null_mut(),
            oldest: null_mut(),
            newest_alike: [null_mut(); CLASSES],
            pooled: 0,
            in_use: 0,
            peak: 0,
            limit: None,
            reused: 0,
            fresh: 0,
        }
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
            .unwrap_or_else(|| LIMIT_AT_LEAST.saturating_add(self.peak / 8))
    }

    /// Takes in a free block.
    ///
    /// # Safety
    ///
    /// The block has the size of its class, is aligned for a [`Node`], and is the pool's from now on.
    pub(super) unsafe fn push(&mut self, block: *mut u8, class: Class) {
        let node = block.cast::<Node>();
        let alike = &mut self.newest_alike[class.index];
        // SAFETY: the block is ours and large enough; the lists hold free blocks only.
        unsafe {
            node.write(Node {
                class,
                older: self.newest,
                newer: null_mut(),
                older_alike: *alike,
                newer_alike: null_mut(),
            });
            if let Some(older) = self.newest.as_mut() {
                older.newer = node;
            } else {
                self.oldest = node;
            }
            if let Some(older) = alike.as_mut() {
                older.newer_alike = node;
            }
        }
        self.newest = node;
        *alike = node;
        self.pooled += class.bytes;
    }

    /// The block of this size that was used last: most of it may still be in a cache.
    pub(super) fn pop(&mut self, class: Class) -> Option<*mut u8> {
        let node = self.newest_alike[class.index];
        // SAFETY: null or a free block of ours.
        unsafe { self.unlink(node) }.map(|(block, _)| block)
    }

    /// The block that nobody has wanted for longest, if there is more than the limit allows.
    pub(super) fn pop_beyond(&mut self, limit: usize) -> Option<(*mut u8, Class)> {
        if self.pooled <= limit {
            return None;
        }
        // SAFETY: null or a free block of ours.
        unsafe { self.unlink(self.oldest) }
    }

    /// # Safety
    ///
    /// `node` is null or in the lists.
    unsafe fn unlink(&mut self, node: *mut Node) -> Option<(*mut u8, Class)> {
        // SAFETY: the caller's; neighbours are in the lists too, and no reference to them is alive.
        unsafe {
            let Node {
                class,
                older,
                newer,
                older_alike,
                newer_alike,
            } = node.as_ref().map(|node| std::ptr::read(node))?;
            match newer.as_mut() {
                Some(newer) => newer.older = older,
                None => self.newest = older,
            }
            match older.as_mut() {
                Some(older) => older.newer = newer,
                None => self.oldest = newer,
            }
            match newer_alike.as_mut() {
                Some(newer) => newer.older_alike = older_alike,
                None => self.newest_alike[class.index] = older_alike,
            }
            if let Some(older) = older_alike.as_mut() {
                older.newer_alike = newer_alike;
            }
            self.pooled -= class.bytes;
            Some((node.cast(), class))
        }
    }
}
