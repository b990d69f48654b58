//! The one place that says which pickles of nnU-Net's are written.
//!
//! nnU-Net keeps two things as Python pickles: `CASE.pkl` beside probabilities, which its own
//! ensembling asks for, and `postprocessing.pkl`, the rules. sarx needs neither. A writer of pickles
//! is given to prediction and clean-up from here; this build has none, so none is written.

use sarx_infer::{PostprocessingRules, PropertiesWriter};
use std::io;
use std::path::Path;

/// Writes rules as nnU-Net's `(functions, arguments)`.
pub(crate) type RulesWriter = fn(&Path, &PostprocessingRules) -> io::Result<()>;

/// What writes `CASE.pkl`.
pub(crate) fn properties_writer() -> Option<PropertiesWriter> {
    None
}

/// What writes `postprocessing.pkl`.
pub(crate) fn rules_writer() -> Option<RulesWriter> {
    None
}
