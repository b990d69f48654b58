//! Logits of a preprocessed image: all folds, all mirrorings, all tiles.

use crate::{SlidingWindowError, WindowOptions, sliding_window};
use ndarray::{Array4, Array5, ArrayView4, Axis, concatenate};
use sarx_model::{ModelError, ModelFolder, WeightsKind};
use sarx_nn::{Device, DeviceFailure, OpPath, Tensor, Unet, guarded, image_tensor, read_f32};
use sarx_plan::Fold;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Voxels of the tiles that a 2D network is given at once, about: as many as a 3D patch has. One
/// slice alone would leave most threads without work.
const VOXELS_AT_ONCE: usize = 1 << 21;
/// Slices at once, at most.
const MOST_SLICES: usize = 16;

/// How to predict.
#[derive(Debug, Clone, PartialEq)]
pub struct PredictOptions {
    /// Folds whose logits are averaged; empty for all numbered folds that the model has, or
    /// `all` where that is the only one.
    pub folds: Vec<Fold>,
    /// Which weights of each fold.
    pub weights: WeightsKind,
    /// Average over images mirrored along the axes that the model allows
    /// ([`ModelFolder::mirror_axes`]); nnU-Net: yes.
    pub mirroring: bool,
    /// Distance of tiles as a fraction of the patch, `(0, 1]`; nnU-Net: 0.5.
    pub step: f64,
}

impl Default for PredictOptions {
    fn default() -> Self {
        Self {
            folds: Vec::new(),
            weights: WeightsKind::Final,
            mirroring: true,
            step: 0.5,
        }
    }
}

/// The networks of a model, ready to predict.
#[derive(Debug)]
pub struct Predictor {
    folds: Vec<Fold>,
    networks: Vec<Unet>,
    device: Device,
    window: WindowOptions,
    mirrorings: Vec<Vec<isize>>,
    /// Tiles that a GPU has the memory for; fewer once it ran out of it.
    most_tiles: AtomicUsize,
    notices: Mutex<Vec<String>>,
}

impl Predictor {
    /// Loads the weights of all folds.
    ///
    /// # Errors
    ///
    /// [`ModelError`] if a fold has no weights or they do not fit the plans.
    pub fn load(
        model: &ModelFolder,
        options: &PredictOptions,
        device: Device,
    ) -> Result<Self, ModelError> {
        let folds = Self::folds_of(model, options)?;
        let load = |&fold: &Fold| model.load_fold(fold, options.weights, &device);
        let networks = folds.iter().map(load).collect::<Result<_, _>>()?;
        let n_heads = model.unet_config().n_heads;
        let mut predictor = Self::new(networks, device, model.patch(), n_heads, options);
        if options.mirroring {
            // Tensors have batch and channel in front.
            let axes = model
                .mirror_axes()
                .into_iter()
                .map(|axis| axis as isize + 2);
            predictor.mirrorings = subsets(&axes.collect::<Vec<_>>());
        }
        Ok(Self { folds, ..predictor })
    }

    /// The folds that [`Self::load`] loads.
    ///
    /// # Errors
    ///
    /// [`ModelError`] if the model has none.
    pub fn folds_of(
        model: &ModelFolder,
        options: &PredictOptions,
    ) -> Result<Vec<Fold>, ModelError> {
        if options.folds.is_empty() {
            Ok(cross_validated(model.folds(options.weights)?))
        } else {
            Ok(options.folds.clone())
        }
    }

    /// Takes networks that are already there, all on `device` and of one architecture. They may be
    /// mirrored along all axes.
    #[must_use]
    pub fn new(
        networks: Vec<Unet>,
        device: Device,
        patch: [usize; 3],
        n_heads: usize,
        options: &PredictOptions,
    ) -> Self {
        // A patch of one slice is a 2D network: its slices are not mirrored against each other.
        let axes: &[isize] = if patch[0] == 1 { &[3, 4] } else { &[2, 3, 4] };
        let mirrorings = if options.mirroring {
            subsets(axes)
        } else {
            vec![Vec::new()]
        };
        let window = WindowOptions {
            patch,
            step: options.step,
            n_heads,
            tiles_at_once: tiles_at_once(patch),
        };
        Self {
            folds: Vec::new(),
            networks: networks.into_iter().map(Unet::prepared).collect(),
            device,
            window,
            mirrorings,
            most_tiles: AtomicUsize::new(usize::MAX),
            notices: Mutex::default(),
        }
    }

    /// What the user should know of the prediction so far, once.
    #[must_use]
    pub fn take_notices(&self) -> Vec<String> {
        let mut notices = self.notices.lock().unwrap_or_else(|e| e.into_inner());
        std::mem::take(&mut notices)
    }

    /// The folds that were loaded; none for networks that did not come from a model folder.
    #[must_use]
    pub fn folds(&self) -> &[Fold] {
        &self.folds
    }

    /// Logits of a whole image, averaged over folds and mirrorings before any softmax.
    ///
    /// # Shapes
    ///
    /// - `image`: `[channels, z, y, x]` on the target grid
    /// - result: `[heads, z, y, x]` of the same size
    ///
    /// `after_tile` is called with the number of tiles of all folds together; it returns false to
    /// stop.
    ///
    /// # Errors
    ///
    /// A bad step, [`SlidingWindowError::Stopped`], or [`SlidingWindowError::Network`] if a GPU
    /// fails; one that has too little memory for several tiles is given fewer
    /// ([`Predictor::take_notices`] says so).
    pub fn logits(
        &self,
        image: ArrayView4<'_, f32>,
        mut after_tile: impl FnMut(usize) -> bool,
    ) -> Result<Array4<f32>, SlidingWindowError<DeviceFailure>> {
        let n_folds = self.networks.len();
        let mut sum: Option<Array4<f32>> = None;
        for network in &self.networks {
            let logits = sliding_window(
                image,
                &self.window,
                |tiles| self.tile_logits(network, tiles),
                |n_tiles| after_tile(n_tiles * n_folds),
            )?;
            sum = Some(match sum {
                None => logits,
                Some(sum) => sum + logits,
            });
        }
        let mut logits = sum.unwrap_or_else(|| unreachable!("a model has at least one fold"));
        if n_folds > 1 {
            logits /= n_folds as f32;
        }
        Ok(logits)
    }

    /// Mean of the logits over all mirrorings of some tiles, `[tiles, .., z, y, x]`, in as many
    /// parts as the memory of a GPU asks for.
    fn tile_logits(
        &self,
        network: &Unet,
        tiles: Array5<f32>,
    ) -> Result<Array5<f32>, DeviceFailure> {
        let n_tiles = tiles.len_of(Axis(0));
        let most = self.most_tiles.load(Ordering::Relaxed);
        if n_tiles > most {
            let parts = tiles.axis_chunks_iter(Axis(0), most);
            let logits = parts
                .map(|part| self.tile_logits(network, part.to_owned()))
                .collect::<Result<Vec<_>, _>>()?;
            let views: Vec<_> = logits.iter().map(|part| part.view()).collect();
            return Ok(concatenate(Axis(0), &views)
                .unwrap_or_else(|_| unreachable!("all tiles have the size of the patch")));
        }
        let may_shrink = n_tiles > 1 && OpPath::of(&self.device) == OpPath::Composed;
        let again = may_shrink.then(|| tiles.clone());
        match (self.network_logits(network, tiles), again) {
            (Err(failure), Some(tiles)) if failure.is_out_of_memory() => {
                let fewer = n_tiles / 2;
                self.most_tiles.store(fewer, Ordering::Relaxed);
                let notice = format!("{n_tiles} tiles at once: {failure}; going on with {fewer}");
                self.notices
                    .lock()
                    .unwrap_or_else(|e| e.into_inner())
                    .push(notice);
                self.device.memory_cleanup();
                self.tile_logits(network, tiles)
            }
            (result, _) => result,
        }
    }

    fn network_logits(
        &self,
        network: &Unet,
        tiles: Array5<f32>,
    ) -> Result<Array5<f32>, DeviceFailure> {
        guarded(&self.device, || self.mean_logits(network, tiles)).flatten()
    }

    fn mean_logits(
        &self,
        network: &Unet,
        tiles: Array5<f32>,
    ) -> Result<Array5<f32>, DeviceFailure> {
        let (n, c, z, y, x) = tiles.dim();
        // `sliding_window` hands out tiles in standard layout without offset.
        let tile = image_tensor(
            tiles.into_raw_vec_and_offset().0,
            [n, c, z, y, x],
            &self.device,
        );
        let mirrored = self
            .mirrorings
            .iter()
            .map(|axes| flip(network.forward(flip(tile.clone(), axes)), axes));
        let sum = mirrored.reduce(|a: Tensor<5>, b| a + b);
        let sum = sum.unwrap_or_else(|| unreachable!("there is always the identity"));
        let mean = sum / self.mirrorings.len() as f64;
        let values = read_f32(mean)?;
        Ok(
            Array5::from_shape_vec([n, self.window.n_heads, z, y, x], values)
                .unwrap_or_else(|_| unreachable!("a network keeps the size of its input")),
        )
    }
}

fn tiles_at_once([z, y, x]: [usize; 3]) -> usize {
    if z > 1 {
        return 1;
    }
    (VOXELS_AT_ONCE / (y * x).max(1)).clamp(1, MOST_SLICES)
}

/// The folds of a cross-validation; a model of all cases joins them only when asked for.
fn cross_validated(folds: Vec<Fold>) -> Vec<Fold> {
    let numbered: Vec<Fold> = folds
        .iter()
        .copied()
        .filter(|&fold| fold != Fold::All)
        .collect();
    if numbered.is_empty() { folds } else { numbered }
}

/// Mirrors along each of the axes; along none it is the tensor itself.
fn flip(tensor: Tensor<5>, axes: &[isize]) -> Tensor<5> {
    axes.iter()
        .fold(tensor, |tensor, &axis| tensor.flip([axis]))
}

/// All subsets of the axes, the empty one first.
fn subsets(axes: &[isize]) -> Vec<Vec<isize>> {
    (0..1usize << axes.len())
        .map(|set| {
            axes.iter()
                .enumerate()
                .filter(|(i, _)| set >> i & 1 == 1)
                .map(|(_, &a)| a)
                .collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_of_all_cases_does_not_join_the_folds_by_itself() {
        let (first, all) = (Fold::Index(0), Fold::All);
        assert_eq!(cross_validated(vec![first, all]), [first]);
        assert_eq!(cross_validated(vec![all]), [all]);
    }

    #[test]
    fn three_axes_give_eight_mirrorings() {
        assert_eq!(subsets(&[]), [Vec::<isize>::new()]);
        let found = subsets(&[2, 3, 4]);
        assert_eq!(found.len(), 8);
        assert!(found[0].is_empty());
        assert_eq!(found[7], [2, 3, 4]);
    }
}
