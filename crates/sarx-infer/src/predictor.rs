//! Logits of a preprocessed image: all folds, all mirrorings, all tiles.

use crate::air::Air;
use crate::mirror::{add_mirrored, push_mirrored};
use crate::sliding_window::Window;
use crate::{SlidingWindowError, WindowOptions};
use ndarray::{Array4, Array5, ArrayView4, ArrayView5, Axis, Zip, concatenate};
use sarx_model::{ModelError, ModelFolder, WeightsKind};
use sarx_nn::{
    Device, DeviceFailure, OpPath, Precision, PrecisionError, Unet, guarded, image_tensor, read_f32,
};
use sarx_plan::Fold;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Voxels of the tiles that a 2D network is given at once, about: as many as a 3D patch has. One
/// slice alone would leave most threads without work.
const VOXELS_AT_ONCE: usize = 1 << 21;
/// Voxels of mirrored copies of a tile that a network is given at once, about: small patches leave threads
/// waiting for each other, and large ones need the memory. Two patches of 16 x 64 x 64 at once take 6% less
/// CPU time than one after the other; more gain nothing.
const MIRRORED_VOXELS_AT_ONCE: usize = 1 << 17;
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
    /// Take tiles that hold only air for background instead of asking the network; nnU-Net: no.
    pub skip_air: bool,
    /// In what precision the CPU kernels multiply; nnU-Net on a CPU: 32 bits.
    pub precision: Precision,
}

impl Default for PredictOptions {
    fn default() -> Self {
        Self {
            folds: Vec::new(),
            weights: WeightsKind::Final,
            mirroring: true,
            step: 0.5,
            skip_air: false,
            precision: Precision::F32,
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
    /// Which of z, y and x are mirrored, the identity first.
    mirrorings: Vec<[bool; 3]>,
    skip_air: bool,
    /// Tiles that a GPU has the memory for; fewer once it ran out of it.
    most_tiles: AtomicUsize,
    notices: Mutex<Vec<String>>,
}

impl Predictor {
    /// Loads the weights of all folds.
    ///
    /// # Errors
    ///
    /// [`ModelError`] if a fold has no weights or they do not fit the plans, or if the device does not
    /// have the precision.
    pub fn load(
        model: &ModelFolder,
        options: &PredictOptions,
        device: Device,
    ) -> Result<Self, ModelError> {
        let folds = Self::folds_of(model, options)?;
        let load = |&fold: &Fold| model.load_fold(fold, options.weights, &device);
        let networks = folds.iter().map(load).collect::<Result<_, _>>()?;
        let n_heads = model.unet_config().n_heads;
        let mut predictor = Self::new(networks, device, model.patch(), n_heads, options)?;
        if options.mirroring {
            predictor.mirrorings = subsets(&model.mirror_axes());
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
    ///
    /// # Errors
    ///
    /// [`PrecisionError`] if the device does not have the precision.
    pub fn new(
        networks: Vec<Unet>,
        device: Device,
        patch: [usize; 3],
        n_heads: usize,
        options: &PredictOptions,
    ) -> Result<Self, PrecisionError> {
        // A patch of one slice is a 2D network: its slices are not mirrored against each other.
        let axes: &[usize] = if patch[0] == 1 { &[1, 2] } else { &[0, 1, 2] };
        let mirrorings = subsets(if options.mirroring { axes } else { &[] });
        let window = WindowOptions {
            patch,
            step: options.step,
            n_heads,
            tiles_at_once: tiles_at_once(patch),
        };
        let prepared = |network: Unet| network.prepared(options.precision);
        Ok(Self {
            folds: Vec::new(),
            networks: networks
                .into_iter()
                .map(prepared)
                .collect::<Result<_, _>>()?,
            device,
            window,
            mirrorings,
            skip_air: options.skip_air,
            most_tiles: AtomicUsize::new(usize::MAX),
            notices: Mutex::default(),
        })
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

    /// Whether tiles that hold only air are taken for background.
    #[must_use]
    pub fn skips_air(&self) -> bool {
        self.skip_air
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
        after_tile: impl FnMut(usize) -> bool,
    ) -> Result<Array4<f32>, SlidingWindowError<DeviceFailure>> {
        Ok(self.logits_without_air(image, None, after_tile)?.0)
    }

    /// As [`Self::logits`]; tiles that hold only air are taken for background. Also the number of
    /// those tiles, of all folds together.
    ///
    /// # Errors
    ///
    /// As [`Self::logits`].
    pub fn logits_without_air(
        &self,
        image: ArrayView4<'_, f32>,
        air: Option<&Air>,
        mut after_tile: impl FnMut(usize) -> bool,
    ) -> Result<(Array4<f32>, usize), SlidingWindowError<DeviceFailure>> {
        let n_folds = self.networks.len();
        let size = [1, 2, 3].map(|axis| image.len_of(Axis(axis)));
        let is_air = |tile| air.is_some_and(|air| air.holds(tile, size));
        let window = Window::lay(image, &self.window, is_air)?;
        let of_air = air.map_or(&[][..], Air::logits);
        let mut sum = window.zeros();
        // The logits of one fold; the first one's are the beginning of the sum.
        let mut of_fold: Option<Array4<f32>> = None;
        for (fold, network) in self.networks.iter().enumerate() {
            let logits = match fold {
                0 => &mut sum,
                _ => {
                    let logits = of_fold.get_or_insert_with(|| window.zeros());
                    logits.fill(0.0);
                    logits
                }
            };
            window.average(
                logits,
                of_air,
                |tiles| self.tile_logits(network, tiles.view()),
                |n_tiles| after_tile(n_tiles * n_folds),
            )?;
            if let Some(logits) = &of_fold {
                Zip::from(&mut sum)
                    .and(logits)
                    .par_for_each(|sum, logit| *sum += logit);
            }
        }
        if n_folds > 1 {
            sum.par_mapv_inplace(|sum| sum / n_folds as f32);
        }
        Ok((window.of_image(sum), window.n_skipped() * n_folds))
    }

    /// Mean of the logits over all mirrorings of some tiles, `[tiles, .., z, y, x]`, in as many
    /// parts as the memory of a GPU asks for.
    fn tile_logits(
        &self,
        network: &Unet,
        tiles: ArrayView5<'_, f32>,
    ) -> Result<Array5<f32>, DeviceFailure> {
        let n_tiles = tiles.len_of(Axis(0));
        let most = self.most_tiles.load(Ordering::Relaxed);
        if n_tiles > most {
            let parts = tiles.axis_chunks_iter(Axis(0), most);
            let logits = parts
                .map(|part| self.tile_logits(network, part))
                .collect::<Result<Vec<_>, _>>()?;
            let views: Vec<_> = logits.iter().map(|part| part.view()).collect();
            return Ok(concatenate(Axis(0), &views)
                .unwrap_or_else(|_| unreachable!("all tiles have the size of the patch")));
        }
        let may_shrink = n_tiles > 1 && OpPath::of(&self.device) == OpPath::Composed;
        let logits = guarded(&self.device, || self.mean_logits(network, tiles)).flatten();
        match logits {
            Err(failure) if may_shrink && failure.is_out_of_memory() => {
                let fewer = n_tiles / 2;
                self.most_tiles.store(fewer, Ordering::Relaxed);
                let notice = format!("{n_tiles} tiles at once: {failure}; going on with {fewer}");
                let mut notices = self.notices.lock().unwrap_or_else(|e| e.into_inner());
                notices.push(notice);
                drop(notices);
                self.device.memory_cleanup();
                self.tile_logits(network, tiles)
            }
            result => result,
        }
    }

    fn mean_logits(
        &self,
        network: &Unet,
        tiles: ArrayView5<'_, f32>,
    ) -> Result<Array5<f32>, DeviceFailure> {
        let (n, c, z, y, x) = tiles.dim();
        let mut sum = Array5::zeros([n, self.window.n_heads, z, y, x]);
        let at_once = (MIRRORED_VOXELS_AT_ONCE / (n * z * y * x).max(1)).max(1);
        for group in self.mirrorings.chunks(at_once) {
            let mut values = Vec::with_capacity(group.len() * tiles.len());
            for &axes in group {
                push_mirrored(&mut values, tiles, axes);
            }
            let batch = image_tensor(values, [group.len() * n, c, z, y, x], &self.device);
            let logits = read_f32(network.forward(batch))?;
            for (logits, &axes) in logits.chunks_exact(sum.len()).zip(group) {
                add_mirrored(&mut sum, logits, axes);
            }
        }
        if self.mirrorings.len() > 1 {
            let n_mirrorings = self.mirrorings.len() as f32;
            sum.par_mapv_inplace(|sum| sum / n_mirrorings);
        }
        Ok(sum)
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

/// All subsets of the axes, the empty one first; each says which of z, y and x are mirrored.
fn subsets(axes: &[usize]) -> Vec<[bool; 3]> {
    (0..1usize << axes.len())
        .map(|set| {
            let mut mirrored = [false; 3];
            for (i, &axis) in axes.iter().enumerate() {
                mirrored[axis] = set >> i & 1 == 1;
            }
            mirrored
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
        assert_eq!(subsets(&[]), [[false; 3]]);
        let found = subsets(&[0, 1, 2]);
        assert_eq!(found.len(), 8);
        assert_eq!(found[0], [false; 3]);
        assert_eq!(found[1], [true, false, false]);
        assert_eq!(found[7], [true; 3]);
    }
}
