//! Series of one patient brought together in patient space.
//!
//! Two series whose headers share a frame of reference are related by their headers alone: the identity
//! [`Rigid`] is their `target_from_source`, and [`resample_linear`], [`resample_nearest`] and
//! [`resample_probabilities`] put one on the grid of the other.

mod body;
mod climb;
mod error;
mod information;
mod level;
mod quality;
mod register;
mod resample;
mod rigid;
mod samples;
mod search;
mod spec;
mod vector;

pub use error::{RegisterError, Side};
pub use quality::{Doubt, Quality};
pub use register::{DISTURBANCE_MM, Registration, register};
pub use resample::{
    ResampleError, coverage, resample_linear, resample_nearest, resample_probabilities,
};
pub use rigid::{Rigid, RigidError, TargetError};
pub use spec::{Limits, RegisterSpec};
