//! References lie on the grid of their image: told from headers, before hours are spent.

use super::Design;
use rayon::prelude::*;
use sarx_core::GridMismatch;
use sarx_io::{ReadError, read_header};
use sarx_plan::case_grid;
use std::path::PathBuf;

/// Corners may be this far apart, mm: files round.
const TOLERANCE_MM: f64 = 0.1;

/// A reference that does not fit its image.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GridFault {
    /// A header cannot be read.
    #[error("patient \"{patient}\", series \"{series}\": {source}")]
    Read {
        /// The patient.
        patient: String,
        /// The series.
        series: String,
        /// Why.
        source: Box<ReadError>,
    },
    /// Another grid.
    #[error(
        "patient \"{patient}\", series \"{series}\": the reference is on another grid than the image: {source}: {path:?}"
    )]
    Other {
        /// The patient.
        patient: String,
        /// The series.
        series: String,
        /// What differs.
        source: Box<GridMismatch>,
        /// The reference.
        path: PathBuf,
    },
}

impl Design {
    /// Compares the grid of every reference with that of its image, from headers alone.
    #[must_use]
    pub fn check_grids(&self) -> Vec<GridFault> {
        let pairs = self.patients.iter().flat_map(|patient| {
            patient.series.iter().filter_map(move |(series, files)| {
                Some((
                    patient.id.as_str(),
                    series.as_str(),
                    &files.image,
                    files.label.as_ref()?,
                ))
            })
        });
        let pairs: Vec<_> = pairs.collect();
        let faults = pairs
            .par_iter()
            .filter_map(|(patient, series, image, label)| {
                let read = |path: &PathBuf| {
                    read_header(path).map_err(|source| GridFault::Read {
                        patient: (*patient).to_owned(),
                        series: (*series).to_owned(),
                        source: Box::new(source),
                    })
                };
                let (image, found) = match (read(image), read(label)) {
                    (Ok(image), Ok(label)) => (image, label),
                    (Err(fault), _) | (_, Err(fault)) => return Some(fault),
                };
                let source = case_grid(&image)
                    .require_same(&case_grid(&found), TOLERANCE_MM)
                    .err()?;
                let source = Box::new(source);
                Some(GridFault::Other {
                    patient: (*patient).to_owned(),
                    series: (*series).to_owned(),
                    source,
                    path: (*label).clone(),
                })
            });
        faults.collect()
    }
}
