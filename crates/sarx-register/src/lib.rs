//! Series of one patient brought together in patient space.
//!
//! Two series whose headers share a frame of reference are related by their headers alone: the identity
//! [`Rigid`] is their `fixed_from_moving`. Otherwise, or where the patient moved, [`register`] finds the rigid
//! motion between them. Either way [`resample_linear`], [`resample_nearest`] and [`resample_probabilities`]
//! put one series on the grid of the other, and [`coverage`] says where there is something to put.
//!
//! # How two series are registered
//!
//! 1. Slow changes of brightness, the coil's, are taken out of both images.
//! 2. Both are smoothed to 8, 4, 2 and 1 mm; axes with larger voxels stay as they are.
//! 3. The body is found on the coarsest level; only its points, and the air just around it, are compared.
//! 4. On the coarsest level Mattes' mutual information is climbed (BFGS with the exact slope) from where the
//!    headers put the images, from where the bodies' and the grids' centres coincide, and from seeded
//!    disturbances of these. The best places are climbed on the next level, the best of those on the next.
//! 5. The whole search is made twice with other starts and other points; if the two do not end at one place,
//!    twice more. The best place must have been found by another search too.
//! 6. Overlap, information gain, spread, turn and distance of the result are measured on points that no search
//!    has seen. A result beyond a limit of [`Limits`] is [`RegisterError::Unreliable`], with its reasons.
//!
//! `docs/registration.md` has the figures. Points and translations are RAS+ mm; arrays are `[z, y, x]`.

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
mod shading;
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
