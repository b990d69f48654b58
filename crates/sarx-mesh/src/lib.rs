//! Closed surfaces of masks in patient millimetres, and the files that surgeons load.
//!
//! [`surface_of`] lays a surface around a mask (marching cubes), smooths it, and gives each piece of it
//! the volume of its voxels again. What comes out is always a closed, oriented manifold: every edge
//! belongs to two triangles that run along it in opposite directions ([`require_closed`] checks it).
//! [`write_stl`] and [`write_3mf`] write it, in the [`Space`] that the reader expects.
//!
//! # Coordinates
//!
//! A [`Surface`] is in RAS+ millimetres like everything in sarx. Files are in LPS+ by default: the
//! patient's coordinates of DICOM, which is also what 3D Slicer takes a mesh file without a note for.
//! Our STL files carry 3D Slicer's note (`SPACE=LPS`) in their header, so that it reads the other right,
//! too.

mod closed;
mod error;
mod extract;
mod fit_volume;
mod smooth;
mod space;
mod stl;
mod surface;
mod three_mf;

pub use closed::{NotClosed, require_closed};
pub use error::MeshError;
pub use smooth::Smoothing;
pub use space::Space;
pub use stl::write_stl;
pub use surface::{MeshSpec, Surface, surface_of};
pub use three_mf::{Part, write_3mf};
