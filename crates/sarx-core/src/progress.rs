//! How long work tells its caller where it is, without knowing about terminals.

/// Receives progress. Implementations must be cheap: `advance` may be called from many threads.
pub trait Progress: Sync {
    /// A stage of `total` steps begins. Stages do not nest.
    fn begin(&self, stage: &str, total: u64);
    /// `n` more steps are done.
    fn advance(&self, n: u64);
    /// The stage is over.
    fn finish(&self);
    /// Something the user should know and that does not stop the work.
    fn warn(&self, message: &str);
}

/// Ignores everything.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _stage: &str, _total: u64) {}
    fn advance(&self, _n: u64) {}
    fn finish(&self) {}
    fn warn(&self, _message: &str) {}
}
