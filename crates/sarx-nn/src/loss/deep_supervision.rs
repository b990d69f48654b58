//! The loss of all heads together.

use super::cross_entropy::{binary_cross_entropy, cross_entropy};
use super::dice::soft_dice;
use super::target::Target;
use crate::{OpPath, StepError, ops};
use burn::tensor::{Int, Tensor, activation};

/// What the loss depends on besides logits and labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LossConfig {
    /// Meaning of the heads.
    pub target: Target,
    /// Voxels with this label count nowhere.
    pub ignore_label: Option<i64>,
    /// Whether Dice pools its sums over the batch.
    pub batch_dice: bool,
}

/// Dice plus cross-entropy, summed over the heads with falling weights.
#[derive(Debug, Clone, PartialEq)]
pub struct DeepSupervisionLoss {
    /// The loss of one head.
    pub config: LossConfig,
    /// Weight per head, full resolution first. Heads of weight 0 are not looked at, so their
    /// parameters have no gradient and stay as they are.
    pub weights: Vec<f64>,
    /// Which implementation runs (regions have only one).
    pub op_path: OpPath,
}

/// Weights `1, 1/2, 1/4, ..` with the last (lowest resolution) set to 0, normalised to sum 1.
///
/// A single output keeps weight 1 (nnU-Net would divide zero by zero).
///
/// # Source
///
/// nnU-Net v2, `nnUNetTrainer._build_loss`.
#[must_use]
pub fn deep_supervision_weights(n_outputs: usize) -> Vec<f64> {
    let n_used = if n_outputs > 1 {
        n_outputs - 1
    } else {
        n_outputs
    };
    let raw = |i: usize| {
        if i < n_used {
            0.5f64.powi(i as i32)
        } else {
            0.0
        }
    };
    let sum: f64 = (0..n_outputs).map(raw).sum();
    (0..n_outputs).map(|i| raw(i) / sum).collect()
}

impl DeepSupervisionLoss {
    /// nnU-Net's weights for `n_outputs` heads.
    #[must_use]
    pub fn new(config: LossConfig, n_outputs: usize) -> Self {
        Self {
            config,
            weights: deep_supervision_weights(n_outputs),
            op_path: OpPath::default(),
        }
    }

    /// The same loss on another implementation of it.
    #[must_use]
    pub fn with_op_path(self, op_path: OpPath) -> Self {
        Self { op_path, ..self }
    }

    /// The loss, a scalar that can be differentiated.
    ///
    /// # Shapes
    ///
    /// - logits `i`: `[batch, n_heads, z_i, y_i, x_i]`, full resolution first
    /// - targets `i`: `[batch, z_i, y_i, x_i]`, labels
    /// - result: `[1]`
    ///
    /// # Errors
    ///
    /// [`StepError::TargetCount`] or [`StepError::TargetShape`] if targets do not match.
    ///
    /// # Panics
    ///
    /// If the logits do not have as many channels as [`Target::n_heads`].
    pub fn forward(
        &self,
        logits: &[Tensor<5>],
        targets: &[Tensor<4, Int>],
    ) -> Result<Tensor<1>, StepError> {
        self.check(logits, targets)?;
        let heads = self.weights.iter().zip(logits).zip(targets);
        let losses =
            heads
                .filter(|((weight, _), _)| **weight != 0.0)
                .map(|((weight, logits), target)| {
                    self.config
                        .forward(logits.clone(), target.clone(), self.op_path)
                        * *weight
                });
        let total = losses.reduce(|sum, loss| sum + loss);
        total.ok_or(StepError::TargetCount {
            expected: self.weights.len(),
            found: 0,
        })
    }

    fn check(&self, logits: &[Tensor<5>], targets: &[Tensor<4, Int>]) -> Result<(), StepError> {
        let expected = self.weights.len();
        for found in [logits.len(), targets.len()] {
            if found != expected {
                return Err(StepError::TargetCount { expected, found });
            }
        }
        for (head, (logits, target)) in logits.iter().zip(targets).enumerate() {
            let [batch, _, z, y, x] = logits.dims();
            let (expected, found) = ([batch, z, y, x], target.dims());
            if found != expected {
                return Err(StepError::TargetShape {
                    head,
                    found,
                    expected,
                });
            }
        }
        Ok(())
    }
}

impl LossConfig {
    /// The loss of one head, a scalar.
    ///
    /// # Shapes
    ///
    /// - logits: `[batch, n_heads, z, y, x]`
    /// - target: `[batch, z, y, x]`, labels
    /// - result: `[1]`
    ///
    /// # Panics
    ///
    /// If the logits do not have as many channels as [`Target::n_heads`].
    #[must_use]
    pub fn forward(&self, logits: Tensor<5>, target: Tensor<4, Int>, path: OpPath) -> Tensor<1> {
        let [batch, heads, z, y, x] = logits.dims();
        let expected = self.target.n_heads();
        assert_eq!(
            heads, expected,
            "logits have {heads} channels, the loss expects {expected}"
        );
        let voxels = z * y * x;
        let logits: Tensor<3> = logits.reshape([batch, heads, voxels]);
        let labels: Tensor<3, Int> = target.reshape([batch, 1, voxels]);
        if path == OpPath::Fused
            && let Target::Labels { .. } = self.target
        {
            return ops::fused_label_loss(logits, labels, self.ignore_label, self.batch_dice);
        }
        // Constants stay off the autodiff graph until they meet the logits.
        let counted = self
            .ignore_label
            .map(|ignored| labels.clone().not_equal_elem(ignored).float());
        let mut member = self.target.membership(&labels).float();
        if let Some(counted) = &counted {
            member = member * counted.clone();
        }
        match &self.target {
            Target::Labels { .. } => self.labels_loss(logits, member, counted),
            Target::Regions { .. } => self.regions_loss(logits, member, counted),
        }
    }

    fn labels_loss(
        &self,
        logits: Tensor<3>,
        member: Tensor<3>,
        counted: Option<Tensor<3>>,
    ) -> Tensor<1> {
        let [batch, heads, voxels] = logits.dims();
        let n_counted = match &counted {
            None => (batch * voxels) as f64,
            Some(counted) => f64::from(counted.clone().sum().into_scalar::<f32>()),
        };
        let log_probabilities = activation::log_softmax(logits, 1);
        let cross_entropy = cross_entropy(log_probabilities.clone(), member.clone(), n_counted);
        let foreground = |x: Tensor<3>| x.narrow(1, 1, heads - 1);
        let mut probabilities = foreground(log_probabilities).exp();
        if let Some(counted) = counted {
            probabilities = probabilities * counted;
        }
        cross_entropy + soft_dice(probabilities, foreground(member), self.batch_dice)
    }

    fn regions_loss(
        &self,
        logits: Tensor<3>,
        member: Tensor<3>,
        counted: Option<Tensor<3>>,
    ) -> Tensor<1> {
        let mut probabilities = activation::sigmoid(logits.clone());
        if let Some(counted) = &counted {
            probabilities = probabilities * counted.clone();
        }
        let dice = soft_dice(probabilities, member.clone(), self.batch_dice);
        binary_cross_entropy(logits, member, counted) + dice
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_halve_and_the_last_is_zero() {
        assert_eq!(deep_supervision_weights(3), [2.0 / 3.0, 1.0 / 3.0, 0.0]);
        assert_eq!(deep_supervision_weights(1), [1.0]);
        let five = deep_supervision_weights(5);
        assert_eq!(five[4], 0.0);
        assert!((five.iter().sum::<f64>() - 1.0).abs() < 1e-15);
        assert!((five[0] / five[3] - 8.0).abs() < 1e-12);
    }
}
