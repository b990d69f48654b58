//! What a training run remembers between steps, and the step.

use crate::device::is_cpu;
use crate::{DeepSupervisionLoss, Sgd, SgdConfig, StepError, Unet, guarded, read_f32};
use burn::tensor::{Gradients, Int, Tensor};

/// The network in training and its optimizer.
///
/// # Determinism
///
/// Steps from equal states with equal inputs give equal bytes, whatever the number of threads;
/// a state that was exported ([`Unet::named_parameters`], [`Sgd::momentum`]) and imported again
/// goes on as if nothing had happened.
#[derive(Debug, Clone)]
pub struct TrainState {
    /// The network, on a device with gradients.
    pub unet: Unet,
    /// The optimizer with its momentum.
    pub optimizer: Sgd,
}

/// What one step found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepReport {
    /// The loss before the step.
    pub loss: f32,
    /// The L2 norm of all gradients before clipping.
    pub gradient_norm: f32,
}

impl TrainState {
    /// A state before the first step, with nnU-Net's optimizer.
    #[must_use]
    pub fn new(unet: Unet) -> Self {
        Self {
            unet,
            optimizer: Sgd::new(SgdConfig::default()),
        }
    }

    /// One training step: forward, loss, backward, clipping, update.
    ///
    /// # Shapes
    ///
    /// - images: `[batch, channels, z, y, x]`
    /// - targets `i`: `[batch, z_i, y_i, x_i]`, labels at the size of head `i`
    ///
    /// # Errors
    ///
    /// [`StepError`]; the state is then as before.
    ///
    /// # Panics
    ///
    /// If the network or the images are not on a device with gradients
    /// ([`crate::DeviceChoice::training`]).
    pub fn step(
        &mut self,
        images: Tensor<5>,
        targets: &[Tensor<4, Int>],
        loss: &DeepSupervisionLoss,
        learning_rate: f64,
    ) -> Result<StepReport, StepError> {
        let device = images.device();
        if is_cpu(&device) {
            return self.take_step(images, targets, loss, learning_rate);
        }
        let before = self.clone();
        let work = || {
            let report = self.take_step(images, targets, loss, learning_rate)?;
            // What was queued for the update is seen to fail here, not in the next step.
            device.sync().map_err(crate::DeviceFailure::from)?;
            Ok(report)
        };
        let result = guarded(&device, work).unwrap_or_else(|failure| Err(failure.into()));
        if result.is_err() {
            *self = before;
        }
        result
    }

    fn take_step(
        &mut self,
        images: Tensor<5>,
        targets: &[Tensor<4, Int>],
        loss: &DeepSupervisionLoss,
        learning_rate: f64,
    ) -> Result<StepReport, StepError> {
        let (loss_value, gradients) = self.gradients(images, targets, loss)?;
        let norm = Sgd::gradient_norm(&self.unet, &gradients)?;
        let gradient_norm = norm as f32;
        if !gradient_norm.is_finite() {
            return Err(StepError::NotFinite {
                loss: loss_value,
                gradient_norm,
            });
        }
        self.unet = self
            .optimizer
            .step(self.unet.clone(), gradients, norm, learning_rate);
        Ok(StepReport {
            loss: loss_value,
            gradient_norm,
        })
    }

    fn gradients(
        &self,
        images: Tensor<5>,
        targets: &[Tensor<4, Int>],
        loss: &DeepSupervisionLoss,
    ) -> Result<(f32, Gradients), StepError> {
        let [_, _, z, y, x] = images.dims();
        self.unet.config().check_patch([z, y, x])?;
        let loss = loss.forward(&self.unet.forward_deep(images), targets)?;
        let loss_value = scalar(loss.clone())?;
        if !loss_value.is_finite() {
            return Err(StepError::NotFinite {
                loss: loss_value,
                gradient_norm: f32::NAN,
            });
        }
        Ok((loss_value, loss.backward()))
    }

    /// The largest number of samples, below that of the batch, whose gradients the device has the
    /// memory for: found by halving, without a step. `None` if it is not even one.
    ///
    /// # Shapes
    ///
    /// As [`TrainState::step`].
    #[must_use]
    pub fn fitting_batch(
        &self,
        images: &Tensor<5>,
        targets: &[Tensor<4, Int>],
        loss: &DeepSupervisionLoss,
    ) -> Option<usize> {
        let device = images.device();
        let halves = |n: &usize| Some(n / 2).filter(|&n| n > 0);
        std::iter::successors(halves(&images.dims()[0]), halves).find(|&n| {
            device.memory_cleanup();
            let work = || {
                let part = |target: &Tensor<4, Int>| target.clone().narrow(0, 0, n);
                let targets: Vec<_> = targets.iter().map(part).collect();
                let images = images.clone().narrow(0, 0, n);
                let (_, gradients) = self.gradients(images, &targets, loss)?;
                Sgd::gradient_norm(&self.unet, &gradients)?;
                Ok::<_, StepError>(())
            };
            matches!(guarded(&device, work), Ok(Ok(())))
        })
    }

    /// The loss of a batch without a step and without recording gradients.
    ///
    /// Also returns the logits at full resolution, from which nnU-Net's validation counts.
    ///
    /// # Shapes
    ///
    /// - images: `[batch, channels, z, y, x]`, on a device without gradients
    /// - targets `i`: `[batch, z_i, y_i, x_i]`
    /// - result: the loss and `[batch, n_heads, z, y, x]`
    ///
    /// # Errors
    ///
    /// [`StepError::Patch`], [`StepError::TargetCount`], [`StepError::TargetShape`] or
    /// [`StepError::Device`].
    pub fn evaluate(
        &self,
        images: Tensor<5>,
        targets: &[Tensor<4, Int>],
        loss: &DeepSupervisionLoss,
    ) -> Result<(f32, Tensor<5>), StepError> {
        use burn::module::Module;
        let [_, _, z, y, x] = images.dims();
        self.unet.config().check_patch([z, y, x])?;
        let device = images.device();
        let work = || {
            let mut logits = self.unet.valid().forward_deep(images.inner());
            let loss = scalar(loss.forward(&logits, targets)?)?;
            Ok((loss, logits.swap_remove(0)))
        };
        guarded(&device, work).unwrap_or_else(|failure| Err(failure.into()))
    }
}

fn scalar(tensor: Tensor<1>) -> Result<f32, StepError> {
    Ok(read_f32(tensor)?.into_iter().sum())
}
