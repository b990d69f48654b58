//! Overlap and surface scores of segmentations, and the document that holds them.
//!
//! [`case_scores`] compares two label maps and gives one [`LabelScores`] per label or region:
//! voxel counts and [`Overlap`], [`SurfaceDistances`] between surface voxels, their
//! [`AreaWeightedDistances`] twin, and [`LesionDetection`]. [`Summary`] gathers the cases into
//! `summary.json`: nnU-Net's fields, ours beside them, and medians with exact intervals.
//!
//! # What the columns mean
//!
//! The same name means different numbers in different tools, so each is defined here once.
//!
//! - A *surface voxel* is a foreground voxel with a background voxel among its six neighbours;
//!   outside the image is background.
//! - `assd_mm`: mean over both directed lists joined (MetricsReloaded, MedPy since 0.5.2).
//! - `assd_masd_mm`: mean of the two directed means (MedPy up to 0.4).
//! - `hd95_mm`: the larger of the two directed 95th percentiles (MetricsReloaded).
//! - `hd95_pooled_mm`: one 95th percentile of both lists joined (MedPy).
//! - `nsd_*`: share of surface voxels of both masks within the tolerance of the other surface.
//! - `*_area_weighted*`: each piece of surface counts with its area, so that thick slices do not
//!   give in-plane outlines more weight.
//!
//! # Empty masks
//!
//! | reference, prediction | Dice, F2, IoU, NSD | distances | flag |
//! |---|---|---|---|
//! | both empty | 1 | 0 | `both_empty` |
//! | reference only | 0 | infinite | `missed` |
//! | prediction only | 0 | infinite | `false_alarm` |
//!
//! No case is ever dropped. nnU-Net itself gives NaN for the Dice and IoU of two empty masks and
//! drops them from its mean; `Dice` and `IoU` of `summary.json` follow it, because its own tools
//! read them, and `dice_empty_is_one` and `iou_empty_is_one` beside them follow the table.

mod aggregate;
mod area_weighted;
mod case_scores;
mod component_graph;
mod components;
mod confusion;
mod distance;
mod lesions;
mod mask_pair;
pub mod measure;
mod median_interval;
mod nearest;
mod overlap;
mod quantile;
mod region;
mod scan;
mod score_float;
pub mod stats;
mod summary;
mod surface;
mod surfel;

pub use aggregate::{Spread, group_by};
pub use area_weighted::AreaWeightedDistances;
pub use case_scores::{
    CaseScores, LabelScores, NsdScore, ScoreError, ScoreSpec, SurfaceScores, case_scores,
};
pub use component_graph::{ComponentGraph, ComponentGraphError};
pub use components::{Components, Connectivity, components};
pub use confusion::Counts;
pub use distance::{squared_distance_brute_force_mm2, squared_distance_mm2};
pub use lesions::LesionDetection;
pub use mask_pair::{Emptiness, MaskPair, MaskPairError};
pub use median_interval::{MedianInterval, median_interval};
pub use nearest::squared_distances_from_mm2;
pub use overlap::Overlap;
pub use quantile::{quantile, quantile_sorted};
pub use region::{LabelOrRegion, LabelOrRegionError};
pub use score_float::ScoreFloat;
pub use summary::{
    CaseEntry, GridEntry, IntervalEntry, LabelEntry, LabelMedians, NnunetMean, SCHEMA_VERSION,
    ScoredCase, SpreadEntry, Summary, SummaryError,
};
pub use surface::{SurfaceDistances, surface_voxels};
pub use surfel::{AmbiguousFaces, cell_polygons, surfel_areas_mm2, triangulations};
