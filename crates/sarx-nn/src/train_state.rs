//! What a training run remembers between steps, and the step.

use crate::{DeepSupervisionLoss, Sgd, SgdConfig, StepError, Unet};
use burn::tensor::{Int, Tensor};

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
        let [_, _, z, y, x] = images.dims();
        self.unet.config().check_patch([z, y, x])?;
        let loss = loss.forward(&self.unet.forward_deep(images), targets)?;
        let loss_value = loss.clone().into_scalar::<f32>();
        if !loss_value.is_finite() {
            return Err(StepError::NotFinite {
                loss: loss_value,
                gradient_norm: f32::NAN,
            });
        }
        let gradients = loss.backward();
        let norm = Sgd::gradient_norm(&self.unet, &gradients);
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
    /// [`StepError::Patch`], [`StepError::TargetCount`] or [`StepError::TargetShape`].
    pub fn evaluate(
        &self,
        images: Tensor<5>,
        targets: &[Tensor<4, Int>],
        loss: &DeepSupervisionLoss,
    ) -> Result<(f32, Tensor<5>), StepError> {
        use burn::module::Module;
        let [_, _, z, y, x] = images.dims();
        self.unet.config().check_patch([z, y, x])?;
        let mut logits = self.unet.valid().forward_deep(images.inner());
        let loss = loss.forward(&logits, targets)?.into_scalar::<f32>();
        Ok((loss, logits.swap_remove(0)))
    }
}
