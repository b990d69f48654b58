//! The whole list of transforms of one sample: first everything is drawn, then applied.
//!
//! Drawing everything first keeps the application a pure function of the recipe, and it is known
//! before any voxel is read whether the larger initial patch is needed at all.
//!
//! Source: nnU-Net v2, `nnUNetTrainer.get_training_transforms` and `get_validation_transforms`.

use super::blur::Blur;
use super::brightness::Brightness;
use super::contrast::Contrast;
use super::crop::{copy_inside, crop_padded};
use super::error::Result;
use super::gamma::Gamma;
use super::low_resolution::LowResolution;
use super::mask::{mask_channels, outside_to_background};
use super::mirror::Mirror;
use super::noise::Noise;
use super::plan::AugmentationPlan;
use super::previous_stage::{Spoiling, with_previous_stage, with_spoilt_stage};
use super::random::fires;
use super::sample::{CaseArrays, Sample, TrainingSample, check_size};
use super::sampling::PatchBox;
use super::spatial::Spatial;
use super::targets::make_targets;
use ndarray::{Array4, Axis};
use rand::Rng;

/// All parameters of the augmentation of one sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    pub(super) spatial: Option<Spatial>,
    pub(super) noise: Option<Noise>,
    pub(super) blur: Option<Blur>,
    pub(super) brightness: Option<Brightness>,
    pub(super) contrast: Option<Contrast>,
    pub(super) low_resolution: Option<LowResolution>,
    pub(super) inverted_gamma: Option<Gamma>,
    pub(super) gamma: Option<Gamma>,
    pub(super) mirror: Mirror,
    pub(super) spoiling: Spoiling,
}

impl Recipe {
    /// Draws which transforms fire and with what parameters.
    ///
    /// # Determinism
    ///
    /// The same generator state and plan give the same recipe; parameters are drawn in the order
    /// of application.
    pub fn draw(plan: &AugmentationPlan, rng: &mut impl Rng) -> Self {
        let (p, n) = (*plan.probabilities(), plan.n_channels());
        let in_plane = plan.in_plane();
        Self {
            spatial: Spatial::draw(plan, rng),
            noise: fires(rng, p.noise).then(|| Noise::draw(rng)),
            blur: fires(rng, p.blur).then(|| Blur::draw(n, rng)),
            brightness: fires(rng, p.brightness).then(|| Brightness::draw(n, rng)),
            contrast: fires(rng, p.contrast).then(|| Contrast::draw(n, rng)),
            low_resolution: fires(rng, p.low_resolution)
                .then(|| LowResolution::draw(n, in_plane, rng)),
            inverted_gamma: fires(rng, p.inverted_gamma).then(|| Gamma::draw(n, true, rng)),
            gamma: fires(rng, p.gamma).then(|| Gamma::draw(n, false, rng)),
            mirror: Mirror::draw(plan, rng),
            spoiling: Spoiling::draw(plan.previous_labels().len(), &p, rng),
        }
    }

    /// Whether the sample is rotated or scaled, and so needs the initial patch.
    #[must_use]
    pub fn moves_voxels(&self) -> bool {
        self.spatial.is_some()
    }

    /// Applies the recipe to an initial patch.
    ///
    /// - `sample`: `plan.initial_patch()` voxels and `plan.n_channels()` channels.
    /// - result: `plan.patch()` voxels; labels without -1; in a cascade the masks of the previous
    ///   stage are the last channels.
    ///
    /// # Errors
    ///
    /// [`crate::augment::AugmentError`] if the sample has other voxels or channels.
    pub fn apply(&self, sample: &Sample, plan: &AugmentationPlan) -> Result<Sample> {
        let initial = plan.initial_patch();
        sample.check(plan.n_channels(), initial, is_cascade(plan))?;
        let patch = match self.spatial {
            Some(spatial) => spatial.apply(sample, plan.patch(), plan.in_plane()),
            None => {
                let whole = PatchBox {
                    lower: [0; 3],
                    size: initial,
                };
                crop_sample(sample.arrays(), &whole.centre(plan.patch()))?
            }
        };
        Ok(self.finish(patch, plan))
    }

    /// Applies the recipe to the box `initial` of a whole case.
    ///
    /// The result is that of [`Recipe::apply`] on the cropped box, but if nothing is rotated or
    /// scaled only the voxels of the final patch are read.
    ///
    /// # Errors
    ///
    /// [`crate::augment::AugmentError`] if the box is not an initial patch of the plan, the
    /// labels have other voxels than the image, or the image has other channels than the plan.
    pub fn apply_to_case(
        &self,
        case: CaseArrays<'_>,
        initial: &PatchBox,
        plan: &AugmentationPlan,
    ) -> Result<Sample> {
        check_size("box", plan.initial_patch(), initial.size)?;
        if self.moves_voxels() {
            return self.apply(&crop_sample(case, initial)?, plan);
        }
        let patch = crop_sample(case, &initial.centre(plan.patch()))?;
        patch.check(plan.n_channels(), plan.patch(), is_cascade(plan))?;
        Ok(self.finish(patch, plan))
    }

    /// Everything after the spatial transform.
    fn finish(&self, mut sample: Sample, plan: &AugmentationPlan) -> Sample {
        self.change_intensities(&mut sample.image);
        let mut sample = self.mirror.apply(sample);
        mask_channels(&mut sample, plan.masked_channels());
        outside_to_background(&mut sample.labels);
        if let Some(previous) = sample.previous.take() {
            let labels = plan.previous_labels();
            let image = sample.image.view();
            sample.image = with_spoilt_stage(image, &previous, labels, &self.spoiling);
        }
        sample
    }

    fn change_intensities(&self, image: &mut Array4<f32>) {
        if let Some(noise) = &self.noise {
            noise.apply(image);
        }
        if let Some(blur) = &self.blur {
            blur.apply(image);
        }
        if let Some(brightness) = &self.brightness {
            brightness.apply(image);
        }
        if let Some(contrast) = &self.contrast {
            contrast.apply(image);
        }
        if let Some(low_resolution) = &self.low_resolution {
            low_resolution.apply(image);
        }
        for gamma in [&self.inverted_gamma, &self.gamma].into_iter().flatten() {
            gamma.apply(image);
        }
    }
}

fn is_cascade(plan: &AugmentationPlan) -> bool {
    !plan.previous_labels().is_empty()
}

/// Cuts a box out of a case; image 0 and labels -1 outside.
///
/// # Errors
///
/// [`crate::augment::AugmentError`] if labels have other voxels than the image.
pub fn crop_sample(case: CaseArrays<'_>, region: &PatchBox) -> Result<Sample> {
    let CaseArrays {
        image,
        labels,
        previous,
    } = case;
    let (n_channels, z, y, x) = image.dim();
    check_size("label map", [z, y, x], labels.dim().into())?;
    if let Some(previous) = previous {
        check_size("previous stage", [z, y, x], previous.dim().into())?;
    }
    let [depth, height, width] = region.size;
    let mut cropped = Array4::zeros((n_channels, depth, height, width));
    for (source, target) in image.axis_iter(Axis(0)).zip(cropped.axis_iter_mut(Axis(0))) {
        copy_inside(source, region, target);
    }
    Ok(Sample {
        image: cropped,
        labels: crop_padded(labels, region, -1),
        previous: previous.map(|previous| crop_padded(previous, region, -1)),
    })
}

/// Augments an initial patch: draws a recipe and applies it.
///
/// # Errors
///
/// As [`Recipe::apply`].
///
/// # Determinism
///
/// The same generator state, plan and sample give the same bytes.
pub fn augment(sample: &Sample, plan: &AugmentationPlan, rng: &mut impl Rng) -> Result<Sample> {
    Recipe::draw(plan, rng).apply(sample, plan)
}

/// Makes a training sample: crop, augmentation and targets.
///
/// - `case`: the whole case.
/// - `initial`: from [`crate::augment::sample_box`] with the plan's initial patch.
///
/// # Errors
///
/// As [`Recipe::apply_to_case`].
pub fn training_sample(
    case: CaseArrays<'_>,
    initial: &PatchBox,
    plan: &AugmentationPlan,
    rng: &mut impl Rng,
) -> Result<TrainingSample> {
    let sample = Recipe::draw(plan, rng).apply_to_case(case, initial, plan)?;
    with_targets(sample, plan)
}

/// Makes a validation sample: crop and targets, nothing random.
///
/// - `region`: from [`crate::augment::sample_box`] with the final patch as the initial one.
///
/// # Errors
///
/// [`crate::augment::AugmentError`] if box, labels or channels do not fit.
pub fn validation_sample(
    case: CaseArrays<'_>,
    region: &PatchBox,
    plan: &AugmentationPlan,
) -> Result<TrainingSample> {
    check_size("box", plan.patch(), region.size)?;
    let mut sample = crop_sample(case, region)?;
    sample.check(plan.n_channels(), plan.patch(), is_cascade(plan))?;
    outside_to_background(&mut sample.labels);
    if let Some(previous) = sample.previous.take() {
        let (image, previous) = (sample.image.view(), previous.view());
        sample.image = with_previous_stage(image, previous, plan.previous_labels());
    }
    with_targets(sample, plan)
}

fn with_targets(sample: Sample, plan: &AugmentationPlan) -> Result<TrainingSample> {
    let targets = make_targets(
        &sample.labels,
        plan.targets(),
        plan.deep_supervision_scales(),
    )?;
    Ok(TrainingSample {
        image: sample.image,
        targets,
    })
}

#[cfg(test)]
mod tests;
