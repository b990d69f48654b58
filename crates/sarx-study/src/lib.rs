//! Evaluation of folders, tables by stratum, figures and the report.
//!
//! Predictions are compared with references by [`evaluate_folders`], which leaves the scores
//! themselves to `sarx-metrics`. The scored cases become [`CaseRow`]s with their [`Cohort`]
//! columns as strata, [`StrataTable`] summarizes them overall and by stratum, and
//! [`render`] writes one self-contained HTML page with the tables, figures and pictures.

pub mod assemble;
mod case_row;
mod cohort;
mod contour;
mod csv_text;
pub mod design;
mod evaluate;
mod figure;
mod measure;
mod number_text;
pub mod policy;
mod report;
pub mod results;
mod slice_picture;
mod slice_view;
mod strata;
pub mod study_page;

pub use case_row::{CaseRow, Finding, Scores};
pub use cohort::{Cohort, CohortError, CohortRow};
pub use evaluate::{
    CaseError, CaseFailure, EvaluateError, EvaluateSpec, Evaluation, evaluate_folders,
};
pub use figure::{
    BlandAltmanPlot, BoxGroup, FigureError, RainCloud, TrainingCurve, bland_altman_svg,
    box_plot_svg, rain_cloud_svg, training_curve_svg,
};
pub use measure::{Better, Measure};
pub use report::{CasePicture, CaseRank, ReportError, ReportInput, case_at_rank, render};
pub use slice_picture::{
    PREDICTION_RGB, REFERENCE_RGB, SlicePanel, SlicePictureError, SlicePictures, slice_pictures,
};
pub use strata::{
    FEW_CASES, NOT_GIVEN, STRATA_SCHEMA_VERSION, StrataDocument, StrataError, StrataRow,
    StrataScore, StrataTable, Stratum,
};
