//! One case from native images to a native label map.

use crate::{PredictError, Predictor, SlidingWindowError};
use ndarray::ArrayView4;
use sarx_core::{Label, LabelMap, Volume};
use sarx_model::{ModelFolder, heads};
use sarx_preprocess::{Properties, labels_from_logits, preprocess};

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
    after_tile: impl FnMut(usize) -> bool,
) -> Result<LabelMap, PredictError> {
    let grid = *channels.first().ok_or(PredictError::NoChannels)?.grid();
    let channels: Vec<&Volume<f32>> = channels.iter().collect();
    let case = preprocess(&channels, None, model.preprocess_spec())?;
    let labels = predict_preprocessed(
        model,
        predictor,
        case.image.view(),
        &case.properties,
        after_tile,
    )?;
    Ok(Volume::new(labels, grid)?)
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
) -> Result<ndarray::Array3<Label>, PredictError> {
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
    let spec = model.preprocess_spec();
    Ok(labels_from_logits(
        logits.view(),
        &heads(model.dataset()),
        properties,
        spec,
    )?)
}
