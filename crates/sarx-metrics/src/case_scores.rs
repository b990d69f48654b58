//! All scores of one case.

use crate::{
    AreaWeightedDistances, Connectivity, Emptiness, LabelOrRegion, LesionDetection, MaskPair,
    Overlap, SurfaceDistances,
};
use sarx_core::{Grid, GridMismatch, Label, LabelMap};

/// What is scored, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreSpec {
    /// Each gets its own scores.
    pub labels_or_regions: Vec<LabelOrRegion>,
    /// Voxels where the reference holds this label belong to no mask and no count.
    pub ignore: Option<Label>,
    /// Tolerances of the normalized surface distance, mm. One slice thickness is always added.
    pub nsd_tolerances_mm: Vec<f64>,
    /// What holds a lesion together.
    pub lesion_connectivity: Connectivity,
    /// How far apart corresponding corners of the two grids may be, mm: what the rounding of
    /// headers to `f32` can do.
    pub grid_tolerance_mm: f64,
}

/// Why a case could not be scored.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ScoreError {
    /// Reference and prediction are not on one grid.
    #[error(
        "the prediction does not lie on the grid of the reference; resample it to that grid first"
    )]
    Grid {
        /// How the grids differ.
        #[source]
        source: GridMismatch,
    },
    /// Nothing to score.
    #[error("no label or region was named; name at least one to score")]
    NothingToScore,
    /// A region that no voxel can be in.
    #[error("region {position} of those to score has no labels; a region needs at least one")]
    EmptyRegion {
        /// Index into the list of labels or regions.
        position: usize,
    },
    /// The ignore label is part of what is scored.
    #[error(
        "label {ignore} is the ignore label but also part of {scored}; ignored voxels cannot be scored"
    )]
    IgnoreScored {
        /// The ignore label.
        ignore: Label,
        /// The label or region that holds it.
        scored: LabelOrRegion,
    },
    /// A tolerance that is no distance.
    #[error("a surface tolerance is {found} mm; it must be a finite number, zero or more")]
    Tolerance {
        /// What was given, mm.
        found: f64,
    },
}

/// The scores of one case, in the order of the spec.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseScores {
    /// The grid of the reference, on which everything was measured.
    pub grid: Grid,
    /// One entry per label or region.
    pub labels: Vec<(LabelOrRegion, LabelScores)>,
}

/// The scores of one label or region in one case.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelScores {
    /// Counts, overlap and volumes.
    pub overlap: Overlap,
    /// Which masks are empty; `None` if neither is.
    pub emptiness: Option<Emptiness>,
    /// Scores of surface voxels.
    pub surface: SurfaceScores,
    /// Normalized surface distance at each tolerance; one slice thickness comes last.
    pub nsd: Vec<NsdScore>,
    /// Detection by lesion.
    pub lesions: LesionDetection,
}

/// Surface distances, mm; the crate's page defines the names.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SurfaceScores {
    /// Mean of both directed lists joined.
    pub assd_mm: f64,
    /// Mean of the two directed means.
    pub assd_masd_mm: f64,
    /// Largest distance.
    pub hd_mm: f64,
    /// Larger of the two directed 95th percentiles.
    pub hd95_mm: f64,
    /// 95th percentile of both lists joined.
    pub hd95_pooled_mm: f64,
    /// 95th percentile from reference to prediction.
    pub hd95_ref_to_pred_mm: f64,
    /// 95th percentile from prediction to reference.
    pub hd95_pred_to_ref_mm: f64,
    /// Mean over the area of both surfaces.
    pub assd_area_weighted_mm: f64,
    /// Larger of the two directed distances that 95 % of the area does not exceed.
    pub hd95_area_weighted_mm: f64,
}

/// Normalized surface distance at one tolerance.
#[derive(Debug, Clone, PartialEq)]
pub struct NsdScore {
    /// How a column is named: `2mm`, or `slice` for one slice thickness.
    pub name: String,
    /// The tolerance, mm.
    pub tolerance_mm: f64,
    /// Share of surface voxels within it.
    pub nsd: f64,
    /// Share of surface area within it.
    pub nsd_area_weighted: f64,
}

impl ScoreSpec {
    /// The usual settings: no ignore label, tolerance 2 mm, lesions of 26 neighbours.
    #[must_use]
    pub fn new(labels_or_regions: Vec<LabelOrRegion>) -> Self {
        Self {
            labels_or_regions,
            ignore: None,
            nsd_tolerances_mm: vec![2.0],
            lesion_connectivity: Connectivity::Corners,
            grid_tolerance_mm: 0.01,
        }
    }

    /// Sets the ignore label.
    #[must_use]
    pub fn with_ignore(self, ignore: Option<Label>) -> Self {
        Self { ignore, ..self }
    }

    fn check(&self) -> Result<(), ScoreError> {
        if self.labels_or_regions.is_empty() {
            return Err(ScoreError::NothingToScore);
        }
        if let Some(position) = self
            .labels_or_regions
            .iter()
            .position(|r| r.labels().is_empty())
        {
            return Err(ScoreError::EmptyRegion { position });
        }
        if let Some(ignore) = self.ignore
            && let Some(scored) = self.labels_or_regions.iter().find(|r| r.contains(ignore))
        {
            return Err(ScoreError::IgnoreScored {
                ignore,
                scored: scored.clone(),
            });
        }
        match self
            .nsd_tolerances_mm
            .iter()
            .find(|t| !(t.is_finite() && **t >= 0.0))
        {
            Some(&found) => Err(ScoreError::Tolerance { found }),
            None => Ok(()),
        }
    }
}

/// Scores a prediction against the reference of its case, on the reference's grid.
///
/// # Errors
///
/// [`ScoreError`] if the two are not on one grid or the spec makes no sense.
///
/// # Examples
///
/// ```
/// use sarx_core::{Grid, Size, Spacing, Volume};
/// use sarx_metrics::{LabelOrRegion, ScoreSpec, case_scores};
///
/// let grid = Grid::axis_aligned(Size::new([4, 4, 4])?, Spacing::new([5.0, 1.0, 1.0])?);
/// let mut reference = Volume::filled(grid, 0);
/// reference.voxels_mut()[[1, 1, 1]] = 1;
/// let mut prediction = Volume::filled(grid, 0);
/// prediction.voxels_mut()[[2, 1, 1]] = 1;
///
/// let spec = ScoreSpec::new(vec![LabelOrRegion::Label(1)]);
/// let scores = case_scores(&reference, &prediction, &spec)?;
/// let (_, tumour) = &scores.labels[0];
/// assert_eq!(tumour.overlap.dice(), 0.0);
/// assert_eq!(tumour.surface.hd95_mm, 5.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn case_scores(
    reference: &LabelMap,
    prediction: &LabelMap,
    what: &ScoreSpec,
) -> Result<CaseScores, ScoreError> {
    what.check()?;
    reference
        .grid()
        .require_same(prediction.grid(), what.grid_tolerance_mm)
        .map_err(|source| ScoreError::Grid { source })?;
    let labels = what
        .labels_or_regions
        .iter()
        .map(|region| {
            (
                region.clone(),
                label_scores(reference, prediction, region, what),
            )
        })
        .collect();
    Ok(CaseScores {
        grid: *reference.grid(),
        labels,
    })
}

fn label_scores(
    reference: &LabelMap,
    prediction: &LabelMap,
    region: &LabelOrRegion,
    what: &ScoreSpec,
) -> LabelScores {
    let spacing = reference.grid().spacing;
    let pair = MaskPair::of_labels(reference, prediction, region, what.ignore);
    let surface = SurfaceDistances::of(&pair);
    let weighted = AreaWeightedDistances::of(&pair);
    let slice_mm = spacing.zyx_mm().into_iter().fold(0.0, f64::max);
    let tolerances = what
        .nsd_tolerances_mm
        .iter()
        .map(|&mm| (format!("{mm}mm"), mm));
    let nsd = tolerances
        .chain([("slice".to_owned(), slice_mm)])
        .map(|(name, tolerance_mm)| NsdScore {
            name,
            tolerance_mm,
            nsd: surface.nsd(tolerance_mm),
            nsd_area_weighted: weighted.nsd(tolerance_mm),
        })
        .collect();
    LabelScores {
        overlap: Overlap::new(pair.counts(), spacing),
        emptiness: pair.emptiness(),
        surface: SurfaceScores::new(&surface, &weighted),
        nsd,
        lesions: LesionDetection::of(&pair, what.lesion_connectivity),
    }
}

impl SurfaceScores {
    fn new(surface: &SurfaceDistances, weighted: &AreaWeightedDistances) -> Self {
        Self {
            assd_mm: surface.assd_mm(),
            assd_masd_mm: surface.assd_masd_mm(),
            hd_mm: surface.hd_mm(),
            hd95_mm: surface.hd95_mm(),
            hd95_pooled_mm: surface.hd95_pooled_mm(),
            hd95_ref_to_pred_mm: surface.ref_to_pred_quantile_mm(0.95),
            hd95_pred_to_ref_mm: surface.pred_to_ref_quantile_mm(0.95),
            assd_area_weighted_mm: weighted.assd_mm(),
            hd95_area_weighted_mm: weighted.hd95_mm(),
        }
    }
}

impl LabelScores {
    /// Every score that is ours, by the name of its column; counts and nnU-Net's own two ratios
    /// are in [`Overlap`].
    #[must_use]
    pub fn columns(&self) -> Vec<(String, f64)> {
        let (o, s, l) = (&self.overlap, &self.surface, &self.lesions);
        let mut columns: Vec<(String, f64)> = [
            ("dice_empty_is_one", o.dice()),
            ("iou_empty_is_one", o.iou()),
            ("F2", o.f2()),
            ("precision", o.precision()),
            ("recall", o.recall()),
            ("volume_ref_ml", o.volume_ref_ml),
            ("volume_pred_ml", o.volume_pred_ml),
            ("volume_error_ml", o.volume_error_ml()),
            ("volume_error_abs_ml", o.volume_error_ml().abs()),
            ("volume_error_frac", o.volume_error_frac()),
            ("assd_mm", s.assd_mm),
            ("assd_masd_mm", s.assd_masd_mm),
            ("hd_mm", s.hd_mm),
            ("hd95_mm", s.hd95_mm),
            ("hd95_pooled_mm", s.hd95_pooled_mm),
            ("hd95_ref_to_pred_mm", s.hd95_ref_to_pred_mm),
            ("hd95_pred_to_ref_mm", s.hd95_pred_to_ref_mm),
            ("assd_area_weighted_mm", s.assd_area_weighted_mm),
            ("hd95_area_weighted_mm", s.hd95_area_weighted_mm),
            ("n_lesions_ref", l.n_ref as f64),
            ("n_lesions_detected", l.n_detected as f64),
            ("n_lesions_pred", l.n_pred as f64),
            ("n_lesions_false", l.n_false as f64),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        for nsd in &self.nsd {
            columns.push((format!("nsd_{}", nsd.name), nsd.nsd));
            columns.push((
                format!("nsd_area_weighted_{}", nsd.name),
                nsd.nsd_area_weighted,
            ));
        }
        columns
    }
}
