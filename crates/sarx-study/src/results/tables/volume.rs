//! Whether the predicted volumes agree with those of the reference.

use super::group::sets;
use super::{Cases, Group, Population, StudyFacts};
use crate::Measure;
use crate::results::scores::{ScoreGrid, ScoreRow, ScoreTable, StudySet};
use sarx_metrics::ScoreFloat;
use sarx_metrics::stats::{bland_altman, icc, spearman};
use serde::{Deserialize, Serialize};

/// The volumes of one model on the common grid.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VolumeAgreement {
    /// Cross-validation or external set.
    pub set: StudySet,
    /// The model.
    pub model: String,
    /// Patients with both volumes; a missed lesion has a predicted volume of 0.
    pub n: usize,
    /// Patients of the set without a row of this model.
    pub n_missing: usize,
    /// Patients that could not be predicted.
    pub n_failed: usize,
    /// Scored patients without a volume.
    pub n_undefined: usize,
    /// Whether there are fewer than can carry an agreement.
    pub few: bool,
    /// Mean of prediction minus reference, ml.
    pub bias_ml: ScoreFloat,
    /// 95 % interval of the bias, ml.
    pub bias_interval_ml: [ScoreFloat; 2],
    /// Limits of agreement, ml: bias minus and plus 1.96 standard deviations.
    pub limits_ml: [ScoreFloat; 2],
    /// 95 % interval of the lower limit, ml.
    pub lower_interval_ml: [ScoreFloat; 2],
    /// 95 % interval of the upper limit, ml.
    pub upper_interval_ml: [ScoreFloat; 2],
    /// ICC(2,1).
    pub icc: ScoreFloat,
    /// Its 95 % interval.
    pub icc_interval: [ScoreFloat; 2],
    /// Patients with Dice and a reference volume.
    pub n_dice: usize,
    /// Spearman's correlation of Dice with the volume of the reference.
    pub dice_by_volume_rho: ScoreFloat,
    /// Its p-value.
    pub dice_by_volume_p: ScoreFloat,
}

/// By set and model.
pub(super) fn volumes(scores: &ScoreTable, facts: &StudyFacts) -> Vec<VolumeAgreement> {
    let mut table = Vec::new();
    for set in sets(scores) {
        let models = facts.models.iter();
        table.extend(models.map(|model| agreement(scores, facts, set, &model.name)));
    }
    table
}

/// The pairs of two measures that rows have, in their order.
fn pairs(rows: &[&ScoreRow], x: Measure, y: Measure) -> (Vec<f64>, Vec<f64>) {
    rows.iter()
        .map(|row| (row.score(x), row.score(y)))
        .filter(|(x, y)| x.is_finite() && y.is_finite())
        .unzip()
}

fn agreement(
    scores: &ScoreTable,
    facts: &StudyFacts,
    set: StudySet,
    model: &str,
) -> VolumeAgreement {
    let cases = Cases {
        set,
        population: Population::All,
        group: Group::All,
    };
    let rows = cases.rows(scores, model, ScoreGrid::Common);
    let n_failed = rows.iter().filter(|row| row.is_failed()).count();
    let (reference, predicted) = pairs(&rows, Measure::VolumeRefMl, Measure::VolumePredMl);
    let (dice, volume) = pairs(&rows, Measure::Dice, Measure::VolumeRefMl);
    let nan = ScoreFloat(f64::NAN);
    let both = |[low, high]: [f64; 2]| [ScoreFloat(low), ScoreFloat(high)];
    // Too few patients, or volumes that are all alike, have no agreement: the figures stay empty.
    let limits = bland_altman(&reference, &predicted).ok();
    let of_limits = |f: &dyn Fn(&sarx_metrics::stats::BlandAltman) -> [f64; 2]| {
        limits.as_ref().map_or([nan; 2], |limits| both(f(limits)))
    };
    let icc = icc(&reference, &predicted).ok();
    let by_volume = spearman(&dice, &volume).ok();
    VolumeAgreement {
        set,
        model: model.to_owned(),
        n: reference.len(),
        n_missing: cases.patients(scores).len() - rows.len(),
        n_failed,
        n_undefined: rows.len() - n_failed - reference.len(),
        few: reference.len() < facts.few_cases,
        bias_ml: limits.as_ref().map_or(nan, |l| ScoreFloat(l.bias)),
        bias_interval_ml: of_limits(&|l| l.bias_interval),
        limits_ml: of_limits(&|l| [l.lower, l.upper]),
        lower_interval_ml: of_limits(&|l| l.lower_interval),
        upper_interval_ml: of_limits(&|l| l.upper_interval),
        icc: icc.as_ref().map_or(nan, |icc| ScoreFloat(icc.icc)),
        icc_interval: icc.map_or([nan; 2], |icc| both([icc.low, icc.high])),
        n_dice: dice.len(),
        dice_by_volume_rho: by_volume.as_ref().map_or(nan, |s| ScoreFloat(s.rho)),
        dice_by_volume_p: by_volume.map_or(nan, |s| ScoreFloat(s.p)),
    }
}
