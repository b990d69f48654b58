//! From the fingerprint to the plans.
//!
//! [`plan`] is a pure function: the same fingerprint, dataset.json and [`Preset`] give the same
//! plans, and for nnU-Net's presets the plans that nnU-Net writes. [`explain`] says in words why
//! each number is what it is.
//!
//! Source: nnU-Net v2 `default_experiment_planner.py`, `plan_experiment`.

mod error;
mod estimate;
mod explain;
mod patch;
mod preset;
mod spacing;
#[cfg(test)]
mod tests;
mod topology;

pub use error::PlanError;
pub use explain::explain;
pub use preset::Preset;

use crate::dataset_json::DatasetJson;
use crate::fingerprint::Fingerprint;
use crate::plans::{Configuration, NormalizationScheme, Plans, PlansDraft, Resampling};
use error::MAX_EDGE;
use patch::{Sized, Target, fit};
use spacing::SpacingRule;

/// Below this part of the median case in one patch, a low resolution stage is planned.
const LOWRES_BELOW: f64 = 0.25;
/// By how much the spacing grows in each try.
const LOWRES_STEP: f64 = 1.03;
/// A low resolution stage must have at least so many times fewer voxels.
const LOWRES_MIN_GAIN: f64 = 2.0;
/// Below this median fraction of voxels left by cropping, background is left out of the z-score.
const MASK_BELOW: f64 = 0.75;

/// Plans a dataset.
///
/// - `dataset_name`: as `Dataset701_T1ax`.
///
/// # Errors
///
/// [`PlanError`] if fingerprint and dataset.json do not belong together, a value is out of its
/// range, or no patch fits the memory.
pub fn plan(
    dataset_name: &str,
    dataset_json: &DatasetJson,
    fingerprint: &Fingerprint,
    preset: &Preset,
) -> Result<Plans, PlanError> {
    Planned::new(dataset_json, fingerprint, preset)?.into_plans(dataset_name)
}

/// The plans before they are written down, with what is needed to explain them.
struct Planned<'a> {
    dataset_json: &'a DatasetJson,
    fingerprint: &'a Fingerprint,
    preset: &'a Preset,
    rule: SpacingRule,
    forward: [usize; 3],
    fullres: Scale,
    full: Option<Sized>,
    low: Option<Lowres>,
    flat: Sized,
}

/// A spacing with the median size at it, plans order.
#[derive(Debug, Clone, Copy)]
struct Scale {
    spacing_mm: [f64; 3],
    median_size: [f64; 3],
}

struct Lowres {
    scale: Scale,
    sized: Sized,
}

impl<'a> Planned<'a> {
    fn new(
        dataset_json: &'a DatasetJson,
        fingerprint: &'a Fingerprint,
        preset: &'a Preset,
    ) -> Result<Self, PlanError> {
        check(dataset_json, fingerprint, preset)?;
        let (target_mm, rule) = match preset.target_spacing_mm {
            Some(given) => (given, SpacingRule::Given),
            None => spacing::target_spacing(fingerprint),
        };
        let forward = match preset.suppress_transpose {
            true => [0, 1, 2],
            false => spacing::transpose_forward(target_mm),
        };
        let median = spacing::median_size_at(fingerprint, target_mm);
        let fullres = Scale {
            spacing_mm: forward.map(|axis| target_mm[axis]),
            median_size: forward.map(|axis| median[axis]),
        };
        let n_training = dataset_json.n_training() as f64;
        let dataset_voxels = fullres.median_size.iter().product::<f64>() * n_training;
        let n_outputs = dataset_json.labels().n_entries();
        let full = match fullres.median_size[0] == 1.0 {
            true => None,
            false => Some(fit(
                preset,
                Target {
                    spacing_mm: &fullres.spacing_mm,
                    median_size: &fullres.median_size,
                    dataset_voxels,
                    n_outputs,
                },
            )?),
        };
        let low = match &full {
            Some(full) => plan_lowres(preset, fullres, &full.patch, (n_training, n_outputs))?,
            None => None,
        };
        let flat = fit(
            preset,
            Target {
                spacing_mm: &fullres.spacing_mm[1..],
                median_size: &fullres.median_size[1..],
                // The voxels of the volumes, although patches are slices; so in nnU-Net.
                dataset_voxels,
                n_outputs,
            },
        )?;
        Ok(Self {
            dataset_json,
            fingerprint,
            preset,
            rule,
            forward,
            fullres,
            full,
            low,
            flat,
        })
    }

    fn into_plans(self, dataset_name: &str) -> Result<Plans, PlanError> {
        let median_spacing = spacing::median_per_axis(&self.fingerprint.spacings_mm, |s| s);
        let median_size =
            spacing::median_per_axis(&self.fingerprint.sizes_after_crop, |n| n as f64);
        let mut plans = Plans::from_draft(PlansDraft {
            dataset_name: dataset_name.to_owned(),
            plans_name: self.preset.plans_name.clone(),
            original_median_spacing_mm: self.forward.map(|axis| median_spacing[axis]),
            original_median_size: self
                .forward
                .map(|axis| median_size[axis].round_ties_even() as usize),
            image_reader_writer: self.dataset_json.image_reader().class_name().to_owned(),
            transpose_forward: self.forward,
            transpose_backward: spacing::inverse(self.forward),
            planner: self.preset.planner_class.to_owned(),
            foreground_intensities: self.fingerprint.foreground_intensities.clone(),
        })?;
        let has_low = self.low.is_some();
        let scale = self.fullres;
        let flat = self.configuration(
            "2d",
            &scale.spacing_mm[1..],
            &scale.median_size[1..],
            &self.flat,
        );
        plans.insert(&Configuration {
            batch_dice: true,
            ..flat
        })?;
        if let Some(Lowres { scale, sized }) = &self.low {
            let low = self.configuration("3d_lowres", &scale.spacing_mm, &scale.median_size, sized);
            let next_stages = vec!["3d_cascade_fullres".to_owned()];
            plans.insert(&Configuration {
                batch_dice: false,
                next_stages,
                ..low
            })?;
        }
        if let Some(full) = &self.full {
            let full =
                self.configuration("3d_fullres", &scale.spacing_mm, &scale.median_size, full);
            plans.insert(&Configuration {
                batch_dice: has_low,
                ..full
            })?;
        }
        if has_low {
            plans.insert_heir("3d_cascade_fullres", "3d_fullres", "3d_lowres");
        }
        Ok(plans)
    }

    fn configuration(
        &self,
        name: &str,
        spacing_mm: &[f64],
        median_size: &[f64],
        sized: &Sized,
    ) -> Configuration {
        let order = |order| Resampling {
            order,
            order_z: 0,
            force_separate_z: None,
        };
        let (normalization, use_mask_for_norm) = self.normalization();
        Configuration {
            name: name.to_owned(),
            data_identifier: self.preset.data_identifier(name),
            batch_size: sized.batch_size,
            patch_size: sized.patch.clone(),
            median_size: median_size.to_vec(),
            spacing_mm: spacing_mm.to_vec(),
            normalization,
            use_mask_for_norm,
            resample_data: order(3),
            resample_labels: order(1),
            resample_probabilities: order(1),
            architecture: sized.architecture.clone(),
            batch_dice: false,
            previous_stage: None,
            next_stages: Vec::new(),
        }
    }

    fn normalization(&self) -> (Vec<NormalizationScheme>, Vec<bool>) {
        let schemes: Vec<_> = self
            .dataset_json
            .channel_names()
            .iter()
            .map(|name| NormalizationScheme::for_channel(name))
            .collect();
        let cropped = self.fingerprint.median_relative_size_after_cropping < MASK_BELOW;
        let masks = schemes
            .iter()
            .map(|scheme| cropped && scheme.can_use_mask())
            .collect();
        (schemes, masks)
    }
}

/// Coarsens the spacing until a patch holds a quarter of the median case. Axes that are more
/// than twice finer than the coarsest go first, until all are alike.
fn plan_lowres(
    preset: &Preset,
    fullres: Scale,
    fullres_patch: &[usize],
    (n_training, n_outputs): (f64, usize),
) -> Result<Option<Lowres>, PlanError> {
    let full_voxels: f64 = fullres.median_size.iter().product();
    let mut patch_voxels: f64 = fullres_patch.iter().map(|&edge| edge as f64).product();
    let mut median_voxels = full_voxels;
    let mut spacing_mm = fullres.spacing_mm;
    let mut found = None;
    while patch_voxels / median_voxels < LOWRES_BELOW {
        let coarsest = spacing_mm.into_iter().fold(0.0, f64::max);
        let fine = spacing_mm.map(|edge| coarsest / edge > 2.0);
        let all = !fine.contains(&true);
        for (edge, fine) in spacing_mm.iter_mut().zip(fine) {
            if all || fine {
                *edge *= LOWRES_STEP;
            }
        }
        let size: [f64; 3] = std::array::from_fn(|axis| {
            fullres.spacing_mm[axis] / spacing_mm[axis] * fullres.median_size[axis]
        });
        median_voxels = size.iter().product();
        let scale = Scale {
            spacing_mm,
            median_size: size.map(f64::round_ties_even),
        };
        if scale.median_size.contains(&0.0) {
            return Err(PlanError::EmptyPatch {
                median_size: scale.median_size.to_vec(),
            });
        }
        let target = Target {
            spacing_mm: &scale.spacing_mm,
            median_size: &scale.median_size,
            dataset_voxels: median_voxels * n_training,
            n_outputs,
        };
        let sized = fit(preset, target)?;
        patch_voxels = sized.patch.iter().map(|&edge| edge as f64).product();
        found = Some(Lowres { scale, sized });
    }
    Ok(found.filter(|_| full_voxels / median_voxels >= LOWRES_MIN_GAIN))
}

fn check(
    dataset_json: &DatasetJson,
    fingerprint: &Fingerprint,
    preset: &Preset,
) -> Result<(), PlanError> {
    if fingerprint.spacings_mm.is_empty()
        || fingerprint.spacings_mm.len() != fingerprint.sizes_after_crop.len()
    {
        return Err(PlanError::NoCases);
    }
    let positive = |v: f64| v.is_finite() && v > 0.0;
    let cases = fingerprint
        .spacings_mm
        .iter()
        .zip(&fingerprint.sizes_after_crop);
    for (case_index, (&spacing_mm, &size)) in cases.enumerate() {
        let sound = spacing_mm.iter().all(|&edge| positive(edge))
            && size.iter().all(|edge| (1..=MAX_EDGE).contains(edge));
        if !sound {
            return Err(PlanError::BadCase {
                case_index,
                spacing_mm,
                size,
            });
        }
    }
    let (expected, found) = (
        dataset_json.n_channels(),
        fingerprint.foreground_intensities.len(),
    );
    if expected != found {
        return Err(PlanError::ChannelCount { expected, found });
    }
    if let Some(found) = preset
        .target_spacing_mm
        .filter(|s| !s.iter().all(|&v| positive(v)))
    {
        return Err(PlanError::TargetSpacing { found });
    }
    if !is_plans_name(&preset.plans_name) {
        let found = preset.plans_name.clone();
        return Err(PlanError::PlansName { found });
    }
    let bad = |what| PlanError::BadPreset {
        preset: preset.name,
        what,
    };
    if !(positive(preset.memory_gb) && positive(preset.reference_memory_gb)) {
        return Err(bad("memory"));
    }
    if !(positive(preset.reference_2d) && positive(preset.reference_3d)) {
        return Err(bad("reference"));
    }
    if preset.base_features == 0 || preset.max_features_2d == 0 || preset.max_features_3d == 0 {
        return Err(bad("number of features"));
    }
    Ok(())
}

/// Whether plans of this name can be a file and a folder.
fn is_plans_name(name: &str) -> bool {
    let sound = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    !name.is_empty() && !name.starts_with('.') && name.chars().all(sound)
}
