use super::*;

fn floats(bytes: usize) -> Layout {
    Layout::from_size_align(bytes, 4).expect("a layout")
}

const MIB: usize = 1 << 20;

#[test]
fn blocks_are_reused_and_zeroed_when_asked() {
    let allocator = PooledAllocator::new();
    for bytes in [300_000, MIB, 5 * MIB, 33 * MIB] {
        // SAFETY: blocks are used inside their size and given back with their layout.
        unsafe {
            let first = allocator.alloc_zeroed(floats(bytes));
            assert!((0..bytes).step_by(4093).all(|at| *first.add(at) == 0));
            assert_eq!(first.align_offset(64), 0);
            first.write_bytes(7, bytes);
            allocator.dealloc(first, floats(bytes));
            let again = allocator.alloc(floats(bytes - 3));
            assert_eq!(again, first, "a block of the same class is taken again");
            assert_eq!(*again.add(bytes / 2), 7);
            allocator.dealloc(again, floats(bytes - 3));
            let zeroed = allocator.alloc_zeroed(floats(bytes));
            assert_eq!(zeroed, first);
            assert!((0..bytes).all(|at| *zeroed.add(at) == 0));
            allocator.dealloc(zeroed, floats(bytes));
        }
    }
    let statistics = allocator.statistics();
    assert_eq!((statistics.reused, statistics.fresh), (8, 4));
    assert_eq!(statistics.in_use, 0);
    assert!(statistics.pooled >= 39 * MIB && statistics.peak >= 33 * MIB);
    allocator.trim();
    assert_eq!(allocator.statistics().pooled, 0);
}

#[cfg(target_os = "linux")]
#[test]
fn large_blocks_fill_huge_pages() {
    let allocator = PooledAllocator::new();
    // SAFETY: given back with their layout.
    unsafe {
        let block = allocator.alloc(floats(9 * MIB));
        assert_eq!(block.align_offset(2 * MIB), 0);
        allocator.dealloc(block, floats(9 * MIB));
    }
}

#[test]
fn the_oldest_leave_a_full_pool() {
    let allocator = PooledAllocator::new();
    allocator.set_limit(Some(10 * MIB));
    let sizes = [MIB, 2 * MIB, 3 * MIB, 4 * MIB, 20 * MIB];
    // SAFETY: given back with their layouts.
    unsafe {
        let blocks = sizes.map(|bytes| allocator.alloc(floats(bytes)));
        assert_eq!(allocator.statistics().in_use, 30 * MIB);
        for (block, bytes) in blocks.into_iter().zip(sizes) {
            allocator.dealloc(block, floats(bytes));
            assert!(allocator.statistics().pooled <= 10 * MIB);
        }
        assert_eq!(
            allocator.statistics().pooled,
            10 * MIB,
            "20 MiB did not fit"
        );
        let fits = allocator.alloc(floats(8 * MIB));
        allocator.dealloc(fits, floats(8 * MIB));
        assert_eq!(
            allocator.statistics().pooled,
            8 * MIB,
            "the older ones left"
        );
    }
    allocator.set_limit(Some(0));
    assert_eq!(allocator.statistics().pooled, 0);
}

#[test]
fn alignments_that_the_pool_does_not_give_come_from_the_system() {
    let allocator = PooledAllocator::new();
    let layout = Layout::from_size_align(3 * MIB, 4096).expect("a layout");
    // SAFETY: given back with its layout.
    unsafe {
        let block = allocator.alloc(layout);
        assert_eq!(block.align_offset(4096), 0);
        allocator.dealloc(block, layout);
    }
    assert_eq!(allocator.statistics().fresh, 0);
}

#[test]
fn reallocation_keeps_what_is_there() {
    let allocator = PooledAllocator::new();
    let sizes = [
        1000,
        200_000,
        270_000,
        280_000,
        5 * MIB,
        300_000,
        100_000,
        10,
    ];
    // SAFETY: blocks are used inside their size and given back with their layout.
    unsafe {
        let mut held = sizes[0];
        let mut block = allocator.alloc(floats(held));
        (0..held).for_each(|at| block.add(at).write(at as u8));
        for bytes in sizes {
            block = allocator.realloc(block, floats(held), bytes);
            assert!((0..held.min(bytes)).all(|at| *block.add(at) == at as u8));
            (0..bytes).for_each(|at| block.add(at).write(at as u8));
            held = bytes;
        }
        allocator.dealloc(block, floats(held));
    }
    assert_eq!(allocator.statistics().in_use, 0);
}

/// A block and the byte that fills it.
struct Held {
    block: *mut u8,
    bytes: usize,
    mark: u8,
}

impl Held {
    /// Whether it still holds what was written, here and there and at the end.
    fn is_intact(&self) -> bool {
        let last = [0, self.bytes / 2, self.bytes - 1];
        let mut places = (0..self.bytes).step_by(64 * 1024 - 1).chain(last);
        // SAFETY: inside.
        places.all(|at| unsafe { *self.block.add(at) } == self.mark)
    }
}

/// Many requests of one thread; every block must keep what its user wrote.
fn churn(allocator: &PooledAllocator, seed: u64) {
    let mut numbers = crate::samples::noise(4 * 3000, seed).into_iter();
    let mut number = move |below: usize| {
        let unit = (numbers.next().expect("enough numbers") + 1.0) / 2.0;
        (f64::from(unit) * below as f64) as usize % below
    };
    let mut held = Vec::<Held>::new();
    for step in 0..3000 {
        let mark = (step % 251 + 1) as u8;
        let bytes = [200_000, 300_000, 600_000, 4_300_000][number(4)] + number(100_000);
        let which = number(held.len().max(8));
        // SAFETY: blocks are used inside their size and given back with their layout.
        unsafe {
            if which >= held.len() {
                let zeroed = step % 2 == 0;
                let block = if zeroed {
                    allocator.alloc_zeroed(floats(bytes))
                } else {
                    allocator.alloc(floats(bytes))
                };
                let new = Held {
                    block,
                    bytes,
                    mark: 0,
                };
                assert!(!zeroed || new.is_intact(), "not zero");
                block.write_bytes(mark, bytes);
                held.push(Held { mark, ..new });
            } else if step % 3 == 0 {
                let old = &mut held[which];
                assert!(old.is_intact(), "somebody else wrote here");
                old.block = allocator.realloc(old.block, floats(old.bytes), bytes);
                let kept = Held {
                    bytes: bytes.min(old.bytes),
                    ..*old
                };
                assert!(kept.is_intact(), "lost on the way");
                old.block.write_bytes(mark, bytes);
                (old.bytes, old.mark) = (bytes, mark);
            } else {
                let old = held.swap_remove(which);
                assert!(old.is_intact(), "somebody else wrote here");
                allocator.dealloc(old.block, floats(old.bytes));
            }
        }
    }
    for old in held {
        assert!(old.is_intact(), "somebody else wrote here");
        // SAFETY: as above.
        unsafe { allocator.dealloc(old.block, floats(old.bytes)) };
    }
}

#[test]
fn threads_do_not_disturb_each_other() {
    let allocator = PooledAllocator::new();
    allocator.set_limit(Some(12 * MIB));
    std::thread::scope(|scope| {
        for seed in 0..4 {
            let allocator = &allocator;
            scope.spawn(move || churn(allocator, seed + 1));
        }
    });
    let statistics = allocator.statistics();
    assert_eq!(statistics.in_use, 0);
    assert!(statistics.pooled <= 12 * MIB && statistics.reused > 1000);
    assert!(statistics.fresh > 100, "the limit was never met");
}
