//! Why each number of the plans is what it is, for people.
//!
//! One paragraph per decision, in the order in which they are made: spacing, axes, size,
//! normalization, low resolution, then each configuration (in `configuration`). Text only; every
//! number comes from the planning itself.

mod configuration;

use super::preset::Preset;
use super::spacing::{SpacingRule, median_per_axis};
use super::{LOWRES_BELOW, LOWRES_MIN_GAIN, MASK_BELOW, PlanError, Planned};
use crate::dataset_json::DatasetJson;
use crate::fingerprint::Fingerprint;
use configuration::Explained;

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
        low_resolution(&planned),
    ];
    let scale = &planned.fullres;
    let explained = |name, spacing_mm, median_size, sized| Explained {
        name,
        planned: &planned,
        spacing_mm,
        median_size,
        sized,
    };
    if let Some(full) = &planned.full {
        let full = explained("3d_fullres", &scale.spacing_mm, &scale.median_size, full);
        paragraphs.push(full.text());
    }
    if let Some(low) = &planned.low {
        let (spacing_mm, size) = (&low.scale.spacing_mm, &low.scale.median_size);
        paragraphs.push(explained("3d_lowres", spacing_mm, size, &low.sized).text());
        paragraphs.push(
            "3d_cascade_fullres: 3d_fullres again, with the labels that 3d_lowres predicts as \
             further input channels"
                .to_owned(),
        );
    }
    let (spacing_mm, size) = (&scale.spacing_mm[1..], &scale.median_size[1..]);
    paragraphs.push(explained("2d", spacing_mm, size, &planned.flat).text());
    Ok(paragraphs.join("\n"))
}

/// Spacing in the axis order of the files, where the rule is applied.
fn spacing(planned: &Planned<'_>) -> String {
    let backward = super::spacing::inverse(planned.forward);
    let spacing_mm = backward.map(|axis| planned.fullres.spacing_mm[axis]);
    let spacings = &planned.fingerprint.spacings_mm;
    let n_cases = spacings.len();
    let why = match planned.rule {
        SpacingRule::Given => format!(
            "it was given (the medians of {} are {})",
            counted(n_cases, "case"),
            numbers(&median_per_axis(spacings, |s| s))
        ),
        SpacingRule::Median => format!(
            "each axis has the median of {}; no axis is both more than 3 times coarser and more \
             than 3 times shorter than the others",
            counted(n_cases, "case")
        ),
        SpacingRule::FineOnCoarseAxis {
            axis,
            median_mm,
            raised,
        } => {
            let median = number(median_mm);
            let chosen = if raised {
                "the 10th percentile would be finer than the other axes, so it is made as coarse \
                 as the coarser of them"
            } else {
                "it has the 10th percentile, so that cases with finer slices are not blurred"
            };
            format!(
                "each axis has the median of {}, but {} is more than 3 times coarser (median \
                 {median} mm) and more than 3 times shorter than the others: {chosen}",
                counted(n_cases, "case"),
                file_axis(axis),
            )
        }
    };
    format!(
        "target spacing: {} mm along z, y, x of the files, because {why}",
        numbers(&spacing_mm)
    )
}

fn axes(planned: &Planned<'_>) -> String {
    let order = planned.forward.map(file_axis_letter).join(", ");
    let why = match (planned.preset.suppress_transpose, planned.forward) {
        (true, _) => "because transposing is switched off",
        (false, [0, 1, 2]) => "as in the files, because no other axis is coarser than their first",
        (false, _) => "so that the coarsest axis comes first and 2D slices lie in the fine plane",
    };
    format!(
        "axis order: {:?} (axes 0, 1, 2 from here on are {order} of the files), {why}",
        planned.forward
    )
}

fn size(planned: &Planned<'_>) -> String {
    let relative = planned.fingerprint.median_relative_size_after_cropping;
    format!(
        "median case: {} voxels at the target spacing, after cropping to the nonzero region \
         (which leaves {} of the voxels of the median case)",
        numbers(&planned.fullres.median_size),
        percent(relative),
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
    let relative = planned.fingerprint.median_relative_size_after_cropping;
    let why = match (
        schemes.iter().any(|scheme| scheme.can_use_mask()),
        relative < MASK_BELOW,
    ) {
        (false, _) => String::new(),
        (true, true) => format!(
            "; the z-score leaves out the background, because cropping leaves {} of the voxels, \
             less than {}",
            percent(relative),
            percent(MASK_BELOW)
        ),
        (true, false) => format!(
            "; the z-score takes the background along, because cropping leaves {} of the voxels, \
             not less than {}",
            percent(relative),
            percent(MASK_BELOW)
        ),
    };
    format!(
        "normalization: {} (the channel's name chooses the scheme){why}",
        channels.join(", ")
    )
}

fn low_resolution(planned: &Planned<'_>) -> String {
    let Some(full) = &planned.full else {
        return "3D: not planned, because the cases are single slices".to_owned();
    };
    let median: f64 = planned.fullres.median_size.iter().product();
    let part = product(&full.patch) / median;
    let enough = percent(LOWRES_BELOW);
    match &planned.low {
        None if part >= LOWRES_BELOW => format!(
            "low resolution: not planned, because one patch of 3d_fullres holds {} of the voxels \
             of the median case (at least {enough} is enough)",
            percent(part)
        ),
        None => format!(
            "low resolution: not planned, because one patch of 3d_fullres holds {} of the voxels of \
             the median case, less than {enough}, but coarser voxels of which it holds {enough} \
             would be fewer by less than a factor of {LOWRES_MIN_GAIN}",
            percent(part)
        ),
        Some(low) => format!(
            "low resolution: planned, because one patch of 3d_fullres holds only {} of the voxels of \
             the median case, less than {enough}; the spacing grows by 3 % at a time (first the axes \
             that are more than twice finer than the coarsest, then all) until a patch holds \
             {enough}: {} mm, {} voxels, {} times fewer than at full resolution",
            percent(part),
            numbers(&low.scale.spacing_mm),
            numbers(&low.scale.median_size),
            number_of(median / low.scale.median_size.iter().product::<f64>(), 1),
        ),
    }
}

fn file_axis_letter(axis: usize) -> &'static str {
    ["z", "y", "x"][axis]
}

fn file_axis(axis: usize) -> String {
    format!("{} of the files", file_axis_letter(axis))
}

fn counted(n: usize, noun: &str) -> String {
    if n == 1 {
        format!("1 {noun}")
    } else {
        format!("{n} {noun}s")
    }
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
    number_of(value, 3)
}

fn number_of(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    if !text.contains('.') {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn percent(part: f64) -> String {
    format!("{} %", number_of(part * 100.0, 1))
}
