//! How much a file may ask for before it is refused.
//!
//! Every length in a file is held against what the file really has, so memory is bounded by the
//! input itself; these limits bound what a small input can unfold to.

/// Bounds of reading; [`Limits::default`] suits any archive of a hospital.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of one file before its pixel data.
    pub header_bytes: u64,
    /// Most bytes that a deflated data set or one frame may unpack to.
    pub unpacked_bytes: u64,
    /// Deepest nesting of sequences.
    pub depth: usize,
    /// Most files in a folder or entries in an archive.
    pub n_files: usize,
    /// Most bytes that all entries of an archive may unpack to.
    pub archive_bytes: u64,
    /// Most unpacked bytes per byte of an archive, once more than [`Limits::RATIO_FROM_BYTES`] come out.
    pub archive_ratio: u64,
}

impl Limits {
    /// Archives that unpack to less than this are never called bombs: empty images pack very well.
    pub const RATIO_FROM_BYTES: u64 = 64 << 20;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_bytes: 256 << 20,
            unpacked_bytes: 4 << 30,
            depth: 32,
            n_files: 2_000_000,
            archive_bytes: 256 << 30,
            archive_ratio: 200,
        }
    }
}
