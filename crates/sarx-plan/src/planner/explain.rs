//! Why each number of the plans is what it is.

use super::preset::{MIN_BATCH, Preset};
use super::spacing::SpacingRule;
use super::{LOWRES_BELOW, LOWRES_MIN_GAIN, MASK_BELOW, PlanError, Planned, Sized};
use crate::dataset_json::DatasetJson;
use crate::fingerprint::Fingerprint;

/// Plans a dataset and tells the reasons in words, one paragraph per decision.
///
/// # Errors
///
/// [`PlanError`] as [`super::plan`].
pub fn explain(
    dataset_json: &DatasetJson,
    fingerprint: &Fingerprint,
    preset: &Preset,
) -> Result<String, PlanError> {
    let planned = Planned::new(dataset_json, fingerprint, preset)?;
    let mut paragraphs = vec![
        spacing(&planned),
        axes(&planned),
        size(&planned),
        normalization(&planned),
        stages(&planned),
    ];
    if let Some(full) = &planned.full {
        paragraphs.push(sized(
            "3d_fullres",
            &planned,
            full,
            planned.fullres.median_size.as_ref(),
        ));
    }
    if let Some(low) = &planned.low {
        paragraphs.push(sized(
            "3d_lowres",
            &planned,
            &low.sized,
            &low.scale.median_size,
        ));
    }
    paragraphs.push(sized(
        "2d",
        &planned,
        &planned.flat,
        &planned.fullres.median_size[1..],
    ));
    Ok(paragraphs.join("\n"))
}

fn spacing(planned: &Planned<'_>) -> String {
    let spacing = numbers(&planned.fullres.spacing_mm);
    let why = match planned.rule {
        SpacingRule::Given => "it was given".to_owned(),
        SpacingRule::Median => format!(
            "each axis has the median of {} cases; no axis is both more than 3 times coarser and \
             more than 3 times shorter than the others",
            planned.fingerprint.spacings_mm.len()
        ),
        SpacingRule::FineOnCoarseAxis { axis, median_mm } => format!(
            "each axis has the median of {} cases, but axis {axis} of the files is more than 3 \
             times coarser (median {} mm) and more than 3 times shorter than the others: it has \
             the 10th percentile, so that the finer cases are not blurred",
            planned.fingerprint.spacings_mm.len(),
            number(median_mm),
        ),
    };
    format!("target spacing: {spacing} mm, because {why}")
}

fn axes(planned: &Planned<'_>) -> String {
    let why = match (planned.preset.suppress_transpose, planned.forward) {
        (true, _) => "because transposing is switched off",
        (false, [0, 1, 2]) => "as in the files: their first axis is the coarsest, or none is",
        (false, _) => "so that the coarsest axis comes first and 2D slices lie in the fine plane",
    };
    format!("axis order: {:?}, {why}", planned.forward)
}

fn size(planned: &Planned<'_>) -> String {
    format!(
        "median case: {} voxels at the target spacing, after cropping to the nonzero region \
         (which leaves {} of the voxels of the median case)",
        numbers(&planned.fullres.median_size),
        percent(planned.fingerprint.median_relative_size_after_cropping),
    )
}

fn normalization(planned: &Planned<'_>) -> String {
    let (schemes, masks) = planned.normalization();
    let channels: Vec<String> = planned
        .dataset_json
        .channel_names()
        .iter()
        .zip(schemes.iter().zip(&masks))
        .map(|(name, (scheme, mask))| {
            let mask = if *mask {
                " inside the nonzero region"
            } else {
                ""
            };
            format!("{name:?} {}{mask}", scheme.class_name())
        })
        .collect();
    format!(
        "normalization: {}; the channel's name chooses the scheme, and the z-score leaves out \
         the background where cropping leaves less than {} of the voxels",
        channels.join(", "),
        percent(MASK_BELOW),
    )
}

fn stages(planned: &Planned<'_>) -> String {
    let Some(full) = &planned.full else {
        return "3D: not planned, because the cases are single slices".to_owned();
    };
    let median: f64 = planned.fullres.median_size.iter().product();
    let part = product(&full.patch) / median;
    match &planned.low {
        None if part >= LOWRES_BELOW => format!(
            "low resolution: not planned, because one patch of 3d_fullres holds {} of the median \
             case (at least {} is enough)",
            percent(part),
            percent(LOWRES_BELOW)
        ),
        None => format!(
            "low resolution: not planned, because the spacing at which a patch holds {} of the \
             case saves less than a factor of {LOWRES_MIN_GAIN} in voxels",
            percent(LOWRES_BELOW)
        ),
        Some(low) => format!(
            "low resolution: planned at {} mm, because one patch of 3d_fullres holds only {} of \
             the median case; the cascade refines its result",
            numbers(&low.scale.spacing_mm),
            percent(part),
        ),
    }
}

fn sized(name: &str, planned: &Planned<'_>, sized: &Sized, median: &[f64]) -> String {
    let n_axes = sized.patch.len();
    let mut text = format!("{name}: patch {}", edges(&sized.patch));
    let started = sized
        .tried
        .first()
        .map_or_else(String::new, |patch| edges(patch));
    text += &match sized.tried.len() {
        1 => format!(
            ", the median case ({}) padded, which fits at once",
            numbers(median)
        ),
        n => format!(
            ", shrunk in {} steps from {started} (always the axis that is longest compared with \
             the median case {}), until it fits {} GB",
            n - 1,
            numbers(median),
            number(planned.preset.memory_gb),
        ),
    };
    let strides: Vec<String> = sized
        .architecture
        .strides
        .iter()
        .map(|s| edges(s))
        .collect();
    let batch = sized.batch_size as f64;
    let batch_limit = if batch == sized.batch_by_memory {
        "what the memory holds".to_owned()
    } else if batch == sized.batch_by_dataset {
        format!(
            "{} of the dataset's voxels (the memory would hold {})",
            percent(planned.preset.max_dataset_covered),
            sized.batch_by_memory
        )
    } else {
        format!("the least allowed is {MIN_BATCH}")
    };
    text += &format!(
        "; {} stages, because axes are halved while 8 voxels are left and their spacing is less \
         than twice the finest (strides {}); features {:?}; batch {}: {batch_limit} ({:.0} \
         million feature map voxels per patch of {:.0} million for a batch of {})",
        sized.architecture.n_stages(),
        strides.join(" "),
        sized.architecture.features_per_stage,
        sized.batch_size,
        sized.estimate / 1e6,
        planned.preset.reference(n_axes) / 1e6,
        Preset::reference_batch(n_axes),
    );
    text
}

fn product(patch: &[usize]) -> f64 {
    patch.iter().map(|&edge| edge as f64).product()
}

fn edges(list: &[usize]) -> String {
    list.iter()
        .map(usize::to_string)
        .collect::<Vec<_>>()
        .join("x")
}

fn numbers(list: &[f64]) -> String {
    list.iter()
        .map(|&value| number(value))
        .collect::<Vec<_>>()
        .join("x")
}

/// At most three decimals, none where the number is whole.
fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn percent(part: f64) -> String {
    format!("{} %", number((part * 1000.0).round() / 10.0))
}
