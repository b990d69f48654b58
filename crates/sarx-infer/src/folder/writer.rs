//! The last stage: logits become files, and the record tells what became of the cases.

use super::previous::{Input, Seen};
use super::stages::{Item, Outcome, Segmented, SidePool};
use super::{FolderPrediction, FolderRequest, record};
use crate::{CaseOutput, PredictError};
use sarx_preprocess::Heads;
use serde_json::Value;
use std::sync::mpsc::Receiver;

/// The state of a folder that is being segmented.
pub(super) struct Writer<'a> {
    pub(super) request: &'a FolderRequest<'a>,
    pub(super) heads: Heads,
    pub(super) made_by: Value,
    pub(super) seen: Seen,
    pub(super) result: FolderPrediction,
}

impl Writer<'_> {
    /// Takes cases in their order until there are no more; only a record that cannot be written is an error.
    pub(super) fn run(
        &mut self,
        cases: Receiver<Item<Segmented>>,
        pool: &SidePool,
    ) -> Result<(), PredictError> {
        for Item {
            id,
            is_last,
            outcome,
        } in cases
        {
            let segmented = match outcome {
                Outcome::Kept => {
                    self.result.kept.push(id);
                    continue;
                }
                Outcome::NoInput(error) => {
                    self.result.failed.push((id, error));
                    continue;
                }
                Outcome::Failed(error) => Err(error),
                Outcome::Done(segmented) => Ok(segmented),
            };
            // Before files are written over that the record speaks of.
            if self.seen.forget(&id) {
                self.write_record(false)?;
            }
            // When the last case is written the network is at rest.
            match segmented.and_then(|case| pool.run(is_last, || self.write(case))) {
                Ok((input, skipped_tiles)) => {
                    if self.request.options.skip_air {
                        self.result.skipped_tiles.push((id.clone(), skipped_tiles));
                    }
                    self.result.done.push(id);
                    // At once, so that a killed run knows what its cases were made of.
                    if self.seen.keep(input) {
                        self.write_record(false)?;
                    }
                }
                Err(error) => self.result.failed.push((id, error)),
            }
        }
        Ok(())
    }

    /// Writes a case; what it was made of, and its skipped tiles.
    fn write(&self, case: Segmented) -> Result<(Input, usize), PredictError> {
        let with_probabilities = self.request.probabilities.is_some();
        let native = case
            .logits
            .to_native(self.request.model, with_probabilities)?;
        let probabilities = native.probabilities.as_ref();
        output(self.request, &self.heads).write(
            &case.input.files.id,
            native.labels.into_voxels(),
            probabilities.map(|values| values.view()),
            &native.properties,
            &case.header,
        )?;
        Ok((case.input, native.skipped_tiles))
    }

    pub(super) fn write_record(&self, complete: bool) -> Result<(), PredictError> {
        let (made_by, result) = (&self.made_by, &self.result);
        record::write(self.request, made_by, result, &self.seen, complete)
    }
}

/// Where the files of cases go.
pub(super) fn output<'a>(request: &FolderRequest<'a>, heads: &'a Heads) -> CaseOutput<'a> {
    CaseOutput {
        folder: request.output,
        file_ending: request.model.dataset().file_ending(),
        probabilities: request.probabilities,
        heads,
    }
}
