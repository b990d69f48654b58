//! `sarx bench evaluate`: scores of a pair of masks that are in memory.

use super::shape::LobedBall;
use super::{Stopwatch, report, three};
use crate::args::BenchEvaluateArgs;
use crate::console::Console;
use crate::outcome::Outcome;
use anyhow::{Context, Result};
use sarx_core::{Grid, LabelMap, Size, Spacing, Volume};
use sarx_metrics::{LabelOrRegion, MaskPair, Overlap, ScoreSpec, SurfaceDistances, case_scores};
use serde_json::json;
use std::path::Path;

pub(super) fn run(args: &BenchEvaluateArgs, console: &Console) -> Result<Outcome> {
    let size = three("--size", &args.size)?;
    let spacing_mm = three("--spacing", &args.spacing)?;
    let spacing = Spacing::new(spacing_mm)?;
    let grid = Grid::axis_aligned(Size::new(size)?, spacing);
    let ball = LobedBall::in_grid(size, spacing_mm, args.volume_ml)?;
    let prediction = ball.changed([3.0, -2.0, 4.0], 1.05);
    let [reference, prediction] =
        [ball, prediction].map(|ball| Volume::new(ball.mask(size, spacing_mm), grid));
    let (reference, prediction) = (reference?, prediction?);
    if let Some(folder) = &args.write_inputs {
        write(folder, &reference, &prediction)?;
    }
    let tumour = LabelOrRegion::Label(1);
    let watch = Stopwatch {
        rounds: args.rounds,
        console,
    };
    let (three_scores, scores) = watch.time("Dice, ASSD, HD95", || {
        let pair = MaskPair::of_labels(&reference, &prediction, &tumour, None);
        let overlap = Overlap::new(pair.counts(), spacing);
        let surface = SurfaceDistances::of(&pair);
        let ml = [overlap.volume_ref_ml, overlap.volume_pred_ml];
        Ok(json!({
            "dice": overlap.dice(),
            "assd_mm": surface.assd_mm(),
            "hd95_mm": surface.hd95_mm(),
            "hd95_pooled_mm": surface.hd95_pooled_mm(),
            "volume_ref_ml": ml[0],
            "volume_pred_ml": ml[1],
        }))
    })?;
    let spec = ScoreSpec::new(vec![tumour.clone()]);
    let (all_scores, _) = watch.time("every score", || {
        Ok(case_scores(&reference, &prediction, &spec)?)
    })?;
    let details = json!({"size": size, "spacing_mm": spacing_mm, "scores": scores});
    Ok(report(
        "evaluate",
        args.rounds,
        &[three_scores, all_scores],
        details,
    ))
}

fn write(folder: &Path, reference: &LabelMap, prediction: &LabelMap) -> Result<()> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder: {:?}", folder.display().to_string()))?;
    sarx_io::write_labels(&folder.join("reference.nii.gz"), reference, None)?;
    sarx_io::write_labels(&folder.join("prediction.nii.gz"), prediction, None)?;
    Ok(())
}
