//! One case from native images to a native label map, with probabilities where they are wanted.

use crate::{PredictError, Predictor, SlidingWindowError};
use ndarray::{Array3, Array4, ArrayView4};
use sarx_core::{Label, LabelMap, Volume};
use sarx_model::{ModelFolder, heads};
use sarx_preprocess::{
    NativePrediction, Properties, labels_from_logits, preprocess, probabilities_to_native,
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
    with_probabilities: bool,
    after_tile: impl FnMut(usize) -> bool,
) -> Result<CasePrediction, PredictError> {
    let grid = *channels.first().ok_or(PredictError::NoChannels)?.grid();
    let channels: Vec<&Volume<f32>> = channels.iter().collect();
    let case = preprocess(&channels, None, model.preprocess_spec())?;
    let (image, properties) = (case.image.view(), &case.properties);
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

/// Segments an image that is already on the target grid, and brings the labels back to the
/// native size (`[z, y, x]` of the file).
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
    let logits = finite_logits(predictor, image, after_tile)?;
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
    let logits = finite_logits(predictor, image, after_tile)?;
    let (heads, spec) = (heads(model.dataset()), model.preprocess_spec());
    Ok(probabilities_to_native(
        logits.view(),
        &heads,
        properties,
        spec,
    )?)
}

fn finite_logits(
    predictor: &Predictor,
    image: ArrayView4<'_, f32>,
    after_tile: impl FnMut(usize) -> bool,
) -> Result<Array4<f32>, PredictError> {
    let logits = predictor
        .logits(image, after_tile)
        .map_err(|error| match error {
            SlidingWindowError::Tiling(error) => PredictError::Tiling(error),
            SlidingWindowError::Network(never) => match never {},
            SlidingWindowError::Stopped => PredictError::Stopped,
        })?;
    if !logits.iter().all(|logit| logit.is_finite()) {
        return Err(PredictError::NotFinite);
    }
    Ok(logits)
}
