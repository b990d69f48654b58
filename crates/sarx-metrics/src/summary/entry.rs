//! One case of `summary.json`.

use crate::{CaseScores, Emptiness, LabelOrRegion, LabelScores, ScoreFloat};
use sarx_core::{CaseId, Grid};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A case and its scores, before they become a document.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoredCase {
    /// The name of the case.
    pub case: CaseId,
    /// Where the prediction was read from.
    pub prediction_file: String,
    /// Where the reference was read from.
    pub reference_file: String,
    /// What [`crate::case_scores`] found.
    pub scores: CaseScores,
}

/// One case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaseEntry {
    /// The name of the case; absent in nnU-Net's own files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    /// The grid on which the case was measured; absent in nnU-Net's own files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grid: Option<GridEntry>,
    /// The scores of each label or region.
    pub metrics: BTreeMap<LabelOrRegion, LabelEntry>,
    /// Where the prediction was read from.
    pub prediction_file: String,
    /// Where the reference was read from.
    pub reference_file: String,
}

/// The native grid of a reference.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct GridEntry {
    /// Voxels per axis, `[z, y, x]`.
    pub size: [usize; 3],
    /// Voxel edges, mm, `[z, y, x]`.
    pub spacing_mm: [f64; 3],
    /// Columns are the unit vectors of x, y, z in RAS+ world.
    pub direction: [[f64; 3]; 3],
    /// Centre of the first voxel, RAS+ mm.
    pub origin_mm: [f64; 3],
}

/// The scores of one label or region in one case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LabelEntry {
    /// nnU-Net's Dice; NaN if both masks are empty.
    #[serde(rename = "Dice")]
    pub dice: ScoreFloat,
    /// nnU-Net's IoU; NaN if both masks are empty.
    #[serde(rename = "IoU")]
    pub iou: ScoreFloat,
    /// Voxels in both masks.
    #[serde(rename = "TP")]
    pub tp: u64,
    /// Voxels only in the prediction.
    #[serde(rename = "FP")]
    pub fp: u64,
    /// Voxels only in the reference.
    #[serde(rename = "FN")]
    pub fn_: u64,
    /// Voxels in neither mask.
    #[serde(rename = "TN")]
    pub tn: u64,
    /// Voxels of the prediction.
    pub n_pred: u64,
    /// Voxels of the reference.
    pub n_ref: u64,
    /// Which masks are empty; null if neither is.
    #[serde(default)]
    pub flag: Option<Emptiness>,
    /// Our columns, by the names of [`LabelScores::columns`].
    #[serde(flatten)]
    pub scores: BTreeMap<String, ScoreFloat>,
}

impl From<&ScoredCase> for CaseEntry {
    fn from(case: &ScoredCase) -> Self {
        let labels = case.scores.labels.iter();
        Self {
            case: Some(case.case.to_string()),
            grid: Some(GridEntry::from(&case.scores.grid)),
            metrics: labels
                .map(|(key, scores)| (key.clone(), scores.into()))
                .collect(),
            prediction_file: case.prediction_file.clone(),
            reference_file: case.reference_file.clone(),
        }
    }
}

impl From<&Grid> for GridEntry {
    fn from(grid: &Grid) -> Self {
        Self {
            size: grid.size.zyx(),
            spacing_mm: grid.spacing.zyx_mm(),
            direction: grid.direction,
            origin_mm: grid.origin_mm,
        }
    }
}

impl From<&LabelScores> for LabelEntry {
    fn from(scores: &LabelScores) -> Self {
        let (overlap, counts) = (&scores.overlap, &scores.overlap.counts);
        let columns = scores.columns().into_iter();
        Self {
            dice: ScoreFloat(overlap.dice_nnunet().unwrap_or(f64::NAN)),
            iou: ScoreFloat(overlap.iou_nnunet().unwrap_or(f64::NAN)),
            tp: counts.tp,
            fp: counts.fp,
            fn_: counts.fn_,
            tn: counts.tn,
            n_pred: counts.n_pred(),
            n_ref: counts.n_ref(),
            flag: scores.emptiness,
            scores: columns
                .map(|(name, value)| (name, ScoreFloat(value)))
                .collect(),
        }
    }
}
