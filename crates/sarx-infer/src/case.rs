//! One case from native images to a native label map, with probabilities where they are wanted.

use crate::{Air, PredictError, Predictor, SlidingWindowError};
use ndarray::parallel::prelude::*;
use ndarray::{Array3, Array4, ArrayView4};
use sarx_core::{Grid, Label, LabelMap, Volume};
use sarx_model::{ModelFolder, heads};
use sarx_nn::DeviceFailure;
use sarx_preprocess::augment::with_previous_stage;
use sarx_preprocess::{
    NativePrediction, PreprocessSpec, Properties, labels_from_logits, preprocess,
    probabilities_to_native,
};

/// A case on the target grid, ready for the network.
#[derive(Debug, Clone, PartialEq)]
pub struct PreparedCase {
    /// `[c, z, y, x]`; in a cascade with the masks of the previous stage as its last channels.
    pub image: Array4<f32>,
    /// Grid of the images.
    pub grid: Grid,
    /// How the images came to the target grid.
    pub properties: Properties,
    /// Where the air is, if tiles of air are to be skipped.
    pub air: Option<Air>,
}

/// What the network says of a case.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseLogits {
    /// `[heads, z, y, x]` on the target grid, all finite.
    pub logits: Array4<f32>,
    /// Grid of the images.
    pub grid: Grid,
    /// How the images came to the target grid.
    pub properties: Properties,
    /// Tiles of air that the network was not asked about, of all folds together.
    pub skipped_tiles: usize,
}

/// What a case became.
#[derive(Debug, Clone, PartialEq)]
pub struct CasePrediction {
    /// Labels on the grid of the images.
    pub labels: LabelMap,
    /// `[heads, z, y, x]` on the same grid, if they were asked for; the labels are then theirs.
    pub probabilities: Option<Array4<f32>>,
    /// How the images came to the target grid.
    pub properties: Properties,
    /// Tiles of air that the network was not asked about, of all folds together.
    pub skipped_tiles: usize,
}

/// Segments the images of one case: [`prepare_case`], [`PreparedCase::logits`] and
/// [`CaseLogits::to_native`] in turn.
///
/// # Shapes
///
/// - `channels`: one volume per channel of dataset.json, all on one grid
/// - `previous`: exactly for a cascade: what the previous stage predicted, on the same grid
/// - result: labels on that grid
///
/// `after_tile` is called with the number of tiles in all; it returns false to stop.
///
/// # Errors
///
/// [`PredictError`] if the images do not fit the model or the prediction is stopped.
pub fn predict_case(
    model: &ModelFolder,
    predictor: &Predictor,
    channels: &[Volume<f32>],
    previous: Option<&LabelMap>,
    with_probabilities: bool,
    after_tile: impl FnMut(usize) -> bool,
) -> Result<CasePrediction, PredictError> {
    prepare_case(model, channels, previous, predictor.skips_air())?
        .logits(predictor, after_tile)?
        .to_native(model, with_probabilities)
}

/// Brings the images of one case to the target grid.
///
/// - `channels`, `previous`: as for [`predict_case`]
/// - `skip_air`: also look for air
///
/// # Errors
///
/// [`PredictError`] if the images do not fit the model.
pub fn prepare_case(
    model: &ModelFolder,
    channels: &[Volume<f32>],
    previous: Option<&LabelMap>,
    skip_air: bool,
) -> Result<PreparedCase, PredictError> {
    let grid = *channels.first().ok_or(PredictError::NoChannels)?.grid();
    let channels: Vec<&Volume<f32>> = channels.iter().collect();
    require_previous(model, previous.is_some())?;
    // Foreground is looked for in training only.
    let spec = PreprocessSpec {
        foreground: Vec::new(),
        ..model.preprocess_spec().clone()
    };
    let case = preprocess(&channels, previous, &spec)?;
    let image = match &case.labels {
        None => case.image,
        Some(previous) => {
            with_previous_stage(case.image.view(), previous.view(), model.previous_labels())
        }
    };
    let properties = case.properties;
    let air = skip_air
        .then(|| Air::of_case(&channels, previous, &properties, &heads(model.dataset())))
        .transpose()?;
    Ok(PreparedCase {
        image,
        grid,
        properties,
        air,
    })
}

impl PreparedCase {
    /// Asks the network; the image is given up.
    ///
    /// # Errors
    ///
    /// As [`predict_logits`].
    pub fn logits(
        self,
        predictor: &Predictor,
        after_tile: impl FnMut(usize) -> bool,
    ) -> Result<CaseLogits, PredictError> {
        let image = self.image.view();
        let (logits, skipped_tiles) =
            finite(predictor.logits_without_air(image, self.air.as_ref(), after_tile))?;
        Ok(CaseLogits {
            logits,
            grid: self.grid,
            properties: self.properties,
            skipped_tiles,
        })
    }
}

impl CaseLogits {
    /// Brings the logits back to the grid of the images and decides.
    ///
    /// # Errors
    ///
    /// [`PredictError`] if logits and model do not belong together.
    pub fn to_native(
        self,
        model: &ModelFolder,
        with_probabilities: bool,
    ) -> Result<CasePrediction, PredictError> {
        let (heads, spec) = (heads(model.dataset()), model.preprocess_spec());
        let (logits, properties) = (self.logits.view(), &self.properties);
        let (labels, probabilities) = if with_probabilities {
            let native = probabilities_to_native(logits, &heads, properties, spec)?;
            (native.labels, Some(native.probabilities))
        } else {
            (labels_from_logits(logits, &heads, properties, spec)?, None)
        };
        Ok(CasePrediction {
            labels: Volume::new(labels, self.grid)?,
            probabilities,
            properties: self.properties,
            skipped_tiles: self.skipped_tiles,
        })
    }
}

/// Refuses a cascade without labels of its previous stage, and such labels without a cascade.
pub(crate) fn require_previous(model: &ModelFolder, given: bool) -> Result<(), PredictError> {
    let configuration = || model.configuration().name.clone();
    match (&model.configuration().previous_stage, given) {
        (Some(previous), false) => Err(PredictError::NoPreviousStage {
            configuration: configuration(),
            previous: previous.clone(),
        }),
        (None, true) => Err(PredictError::NoCascade {
            configuration: configuration(),
        }),
        _ => Ok(()),
    }
}

/// Segments an image that is already on the target grid, and brings the labels back to the
/// native size (`[z, y, x]` of the file).
///
/// - `image`: in a cascade with the masks of the previous stage as its last channels
///
/// # Errors
///
/// As [`predict_case`].
pub fn predict_preprocessed(
    model: &ModelFolder,
    predictor: &Predictor,
    image: ArrayView4<'_, f32>,
    properties: &Properties,
    after_tile: impl FnMut(usize) -> bool,
) -> Result<Array3<Label>, PredictError> {
    let logits = predict_logits(predictor, image, after_tile)?;
    let (heads, spec) = (heads(model.dataset()), model.preprocess_spec());
    Ok(labels_from_logits(logits.view(), &heads, properties, spec)?)
}

/// As [`predict_preprocessed`], with the probabilities of every head; the labels are theirs.
///
/// # Errors
///
/// As [`predict_case`].
pub fn predict_probabilities(
    model: &ModelFolder,
    predictor: &Predictor,
    image: ArrayView4<'_, f32>,
    properties: &Properties,
    after_tile: impl FnMut(usize) -> bool,
) -> Result<NativePrediction, PredictError> {
    let logits = predict_logits(predictor, image, after_tile)?;
    let (heads, spec) = (heads(model.dataset()), model.preprocess_spec());
    Ok(probabilities_to_native(
        logits.view(),
        &heads,
        properties,
        spec,
    )?)
}

/// Logits of an image that is already on the target grid, all finite.
///
/// # Errors
///
/// [`PredictError`] if the tile step is bad, the network gives no numbers, or the prediction is
/// stopped.
pub fn predict_logits(
    predictor: &Predictor,
    image: ArrayView4<'_, f32>,
    after_tile: impl FnMut(usize) -> bool,
) -> Result<Array4<f32>, PredictError> {
    let logits = predictor.logits_without_air(image, None, after_tile);
    Ok(finite(logits)?.0)
}

/// Logits and the number of skipped tiles, if the logits are numbers.
fn finite(
    logits: Result<(Array4<f32>, usize), SlidingWindowError<DeviceFailure>>,
) -> Result<(Array4<f32>, usize), PredictError> {
    let (logits, skipped_tiles) = logits.map_err(|error| match error {
        SlidingWindowError::Tiling(error) => PredictError::Tiling(error),
        SlidingWindowError::Network(failure) => PredictError::Device(failure),
        SlidingWindowError::Stopped => PredictError::Stopped,
    })?;
    if !logits.par_iter().all(|logit| logit.is_finite()) {
        return Err(PredictError::NotFinite);
    }
    Ok((logits, skipped_tiles))
}
