//! One case from native images to a native label map, with probabilities where they are wanted.

use crate::{PredictError, Predictor, SlidingWindowError};
use ndarray::{Array3, Array4, ArrayView4};
use sarx_core::{Label, LabelMap, Volume};
use sarx_model::{ModelFolder, heads};
use sarx_preprocess::augment::with_previous_stage;
use sarx_preprocess::{
    NativePrediction, PreprocessSpec, Properties, labels_from_logits, preprocess,
    probabilities_to_native,
};

/// What a case became.
#[derive(Debug, Clone, PartialEq)]
pub struct CasePrediction {
    /// Labels on the grid of the images.
    pub labels: LabelMap,
    /// `[heads, z, y, x]` on the same grid, if they were asked for; the labels are then theirs.
    pub probabilities: Option<Array4<f32>>,
    /// How the images came to the target grid.
    pub properties: Properties,
}

/// Segments the images of one case.
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
    let (image, properties) = (image.view(), &case.properties);
    let (labels, probabilities) = if with_probabilities {
        let native = predict_probabilities(model, predictor, image, properties, after_tile)?;
        (native.labels, Some(native.probabilities))
    } else {
        let labels = predict_preprocessed(model, predictor, image, properties, after_tile)?;
        (labels, None)
    };
    Ok(CasePrediction {
        labels: Volume::new(labels, grid)?,
        probabilities,
        properties: case.properties,
    })
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
    let logits = predictor
        .logits(image, after_tile)
        .map_err(|error| match error {
            SlidingWindowError::Tiling(error) => PredictError::Tiling(error),
            SlidingWindowError::Network(failure) => PredictError::Device(failure),
            SlidingWindowError::Stopped => PredictError::Stopped,
        })?;
    if !logits.iter().all(|logit| logit.is_finite()) {
        return Err(PredictError::NotFinite);
    }
    Ok(logits)
}
