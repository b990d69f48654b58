//! A seeded phantom cohort of soft-tissue sarcomas.
//!
//! Real sarcoma MRI may not be shipped with a program; this crate paints it instead. Each
//! patient is a continuous scene in the patient's millimetres: an anatomy (limb, pelvis,
//! abdomen, trunk wall), one tumour with the look of its histology, oedema. A scanner then
//! takes three series of that scene, each on its own grid and after a small motion: T1 axial,
//! T1 sagittal (fat-suppressed, contrast-enhanced) and T2 axial (fat-suppressed). The result
//! lies on disk as three nnU-Net raw datasets and one `cohort.csv`.
//!
//! The same [`CohortSpec`] gives the same bytes, whatever the number of threads.

mod anatomy;
mod cohort;
mod dataset;
mod error;
mod examination;
mod histology;
mod noise;
mod patient;
mod placement;
mod prescription;
mod render;
mod scanner;
mod scene;
mod seeding;
mod series;
mod shapes;
mod tissue;
mod tumour;
mod tumour_look;

pub use cohort::{CohortSpec, CohortSummary, MatrixSize, series_motion, write_cohort};
pub use error::PhantomError;
pub use histology::Histology;
pub use patient::{Laterality, Sex, Site};
pub use series::{Sequence, Series};
