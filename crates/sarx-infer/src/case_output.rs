//! The files of a segmented case: label map, and probabilities where they are kept.

use crate::{NnunetProperties, PredictError, ProbabilityFormat};
use ndarray::{Array3, ArrayView4};
use sarx_core::{CaseId, Label, Volume};
use sarx_io::Header;
use sarx_preprocess::{Heads, Properties};
use std::path::{Path, PathBuf};

/// Where segmented cases are written, and how.
#[derive(Debug, Clone, Copy)]
pub struct CaseOutput<'a> {
    /// The folder, which exists.
    pub folder: &'a Path,
    /// Ending of label maps, with its dot.
    pub file_ending: &'a str,
    /// How probabilities are kept; `None` keeps none.
    pub probabilities: Option<ProbabilityFormat>,
    /// What the heads of the probabilities mean.
    pub heads: &'a Heads,
}

impl CaseOutput<'_> {
    /// The label map of a case.
    #[must_use]
    pub fn label_path(&self, case: &CaseId) -> PathBuf {
        self.folder.join(format!("{case}{}", self.file_ending))
    }

    /// Whether everything that is asked for lies there.
    #[must_use]
    pub fn is_done(&self, case: &CaseId) -> bool {
        let probabilities = self.probabilities.map(|f| f.path(self.folder, case));
        self.label_path(case).exists() && probabilities.is_none_or(|path| path.exists())
    }

    /// Writes a case. Probabilities come first, so that no label map lies without those it was made of, and
    /// older ones that are not its own are removed.
    ///
    /// # Shapes
    ///
    /// - `labels`: `[z, y, x]` of the file that `header` is of
    /// - `probabilities`: `[heads, z, y, x]` of the same; written if the format is set
    ///
    /// # Errors
    ///
    /// [`PredictError`] if a file cannot be written or the size is not that of the header.
    pub fn write(
        &self,
        case: &CaseId,
        labels: Array3<Label>,
        probabilities: Option<ArrayView4<'_, f32>>,
        properties: &Properties,
        header: &Header,
    ) -> Result<(), PredictError> {
        if let (Some(format), Some(values)) = (self.probabilities, probabilities) {
            format.write(&format.path(self.folder, case), values, self.heads)?;
            NnunetProperties::new(header.grid(), properties).write_pickle(&self.pickle(case))?;
        }
        self.remove_old_probabilities(case);
        // The grid of a 2D file has no thickness, that of the case has.
        let labels = Volume::new(labels, *header.grid())?;
        sarx_io::write_labels(&self.label_path(case), &labels, Some(header))?;
        Ok(())
    }

    /// Probabilities that are not those of the segmentation beside them would enter an ensemble unseen.
    fn remove_old_probabilities(&self, case: &CaseId) {
        let old = ProbabilityFormat::ALL
            .into_iter()
            .filter(|&format| Some(format) != self.probabilities)
            .map(|format| format.path(self.folder, case));
        let pickle = self.probabilities.is_none().then(|| self.pickle(case));
        for path in old.chain(pickle) {
            // Most often there is none.
            std::fs::remove_file(path).ok();
        }
    }

    fn pickle(&self, case: &CaseId) -> PathBuf {
        self.folder.join(format!("{case}.pkl"))
    }
}
