//! Buffers that are used again: fresh memory costs a page fault every 4 KiB.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

/// Buffers kept for the next operation.
const MAX_KEPT: usize = 6;

static KEPT: Mutex<Vec<Vec<f32>>> = Mutex::new(Vec::new());

/// Values left over from anything, returned to the pool when dropped.
pub(super) struct Scratch(Vec<f32>);

impl Scratch {
    /// `len` values without a meaning: whoever takes them writes them before reading.
    pub(super) fn take(len: usize) -> Self {
        let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = (0..kept.len()).filter(|&i| kept[i].capacity() >= len);
        let best = fits.min_by_key(|&i| kept[i].capacity());
        let found = best.map(|i| kept.swap_remove(i));
        drop(kept);
        let mut values = found.unwrap_or_default();
        if values.capacity() < len {
            values = vec![0.0; len];
        }
        values.resize(len, 0.0);
        Self(values)
    }
}

impl Deref for Scratch {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.0
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push(std::mem::take(&mut self.0));
        if kept.len() > MAX_KEPT {
            // The smallest is the cheapest to make again.
            let smallest = (0..kept.len()).min_by_key(|&i| kept[i].capacity());
            if let Some(smallest) = smallest {
                kept.swap_remove(smallest);
            }
        }
    }
}
