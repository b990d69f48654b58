//! The learning rate that falls to zero along a power curve.

/// The learning rate of an epoch: `initial * (1 - epoch / n_epochs) ^ 0.9`.
///
/// Zero at and after `n_epochs`.
///
/// # Source
///
/// nnU-Net v2, `training/lr_scheduler/polylr.py`, `PolyLRScheduler`: the rate is set once at the
/// start of each epoch, epochs count from 0.
///
/// ```
/// assert_eq!(sarx_nn::poly_lr(0.01, 0, 1000), 0.01);
/// assert!((sarx_nn::poly_lr(0.01, 500, 1000) - 0.00535886731268146).abs() < 1e-16);
/// assert_eq!(sarx_nn::poly_lr(0.01, 1000, 1000), 0.0);
/// ```
#[must_use]
pub fn poly_lr(initial: f64, epoch: usize, n_epochs: usize) -> f64 {
    if epoch >= n_epochs {
        return 0.0;
    }
    initial * (1.0 - epoch as f64 / n_epochs as f64).powf(0.9)
}
