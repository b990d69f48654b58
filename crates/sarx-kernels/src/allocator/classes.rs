//! Sizes of blocks: eight per power of two, so at most an eighth of a block is spare.

/// Requests below this go straight to the system.
pub(super) const SMALLEST: usize = 256 * 1024;

/// The logarithms of the smallest and the largest size.
const LOG_SMALLEST: u32 = SMALLEST.ilog2();
const LOG_LARGEST: u32 = if usize::BITS == 64 { 46 } else { 30 };

/// Sizes.
pub(super) const CLASSES: usize = ((LOG_LARGEST - LOG_SMALLEST) * 8 + 1) as usize;

/// A size of blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Class {
    /// Among all sizes, the smallest first.
    pub(super) index: usize,
    /// Bytes of a block.
    pub(super) bytes: usize,
}

impl Class {
    /// The smallest size that holds `bytes`; none for requests that are not for the pool.
    pub(super) fn of(bytes: usize) -> Option<Self> {
        if !(SMALLEST..=1 << LOG_LARGEST).contains(&bytes) {
            return None;
        }
        let log = bytes.ilog2();
        let eighths = bytes.div_ceil(1 << (log - 3));
        Some(Self {
            index: ((log - LOG_SMALLEST) * 8) as usize + eighths - 8,
            bytes: eighths << (log - 3),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_hold_what_is_asked_with_an_eighth_to_spare() {
        let mut last = None::<Class>;
        let mut bytes = SMALLEST;
        while bytes < 1 << 40 {
            for bytes in [bytes - 1, bytes, bytes + 1] {
                let Some(class) = Class::of(bytes) else {
                    assert!(bytes < SMALLEST);
                    continue;
                };
                assert!(class.bytes >= bytes && class.bytes - bytes <= bytes / 8);
                assert_eq!(Class::of(class.bytes), Some(class));
                assert_eq!(class.bytes % 4096, 0);
                if let Some(last) = last {
                    let next = class.index - last.index;
                    assert!(next < 2 && (next == 0) == (last.bytes == class.bytes));
                }
                last = Some(class);
            }
            bytes += bytes / 37;
        }
        let largest = 1 << LOG_LARGEST;
        assert_eq!(
            Class::of(largest).map(|class| class.index + 1),
            Some(CLASSES)
        );
        assert_eq!(Class::of(largest + 1), None);
        assert_eq!(Class::of(SMALLEST).map(|class| class.index), Some(0));
    }
}
