//! Who is told what happens in a run. Training itself knows no terminal.

use crate::EpochRecord;

/// Receives the events of a run, in order, from the training thread.
pub trait TrainObserver {
    /// An epoch begins; `total` iterations of training and validation are ahead.
    fn epoch_begins(&mut self, epoch: usize, total: usize);
    /// An iteration is done; `loss` is its training loss, `None` in validation.
    fn iteration(&mut self, loss: Option<f32>);
    /// An epoch is done and its checkpoint is written.
    fn epoch_ends(&mut self, record: &EpochRecord);
    /// Something the user should know and that does not stop the run.
    fn warn(&mut self, message: &str);
}

/// Ignores everything.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unobserved;

impl TrainObserver for Unobserved {
    fn epoch_begins(&mut self, _epoch: usize, _total: usize) {}
    fn iteration(&mut self, _loss: Option<f32>) {}
    fn epoch_ends(&mut self, _record: &EpochRecord) {}
    fn warn(&mut self, _message: &str) {}
}
