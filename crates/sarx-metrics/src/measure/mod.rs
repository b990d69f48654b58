//! The size of a lesion, where it lies against other structures, and how sure its volume is.
//!
//! A lesion is a [`Mask`] on its grid, which may be oblique and have any voxel shape. Every result
//! is in the patient: RAS+ millimetres, millilitres.
//!
//! # Definitions
//!
//! The same name means different numbers in different tools, so each is defined here once.
//!
//! | figure | definition | in pyradiomics |
//! |---|---|---|
//! | volume | number of voxels times the volume of one | `VoxelVolume` |
//! | longest diameter in a slice (RECIST 1.1) | largest distance between two border points of one slice | - |
//! | mesh plane diameter | the same over the planes of slices and those half-way between two | `Maximum2DDiameterSlice` |
//! | its perpendicular | longest line at right angles to it in that slice, between outermost crossings of the outline | - |
//! | longest diameter | largest distance between two border points | `Maximum3DDiameter` |
//! | extent | distance between the two planes across a direction that hold the mask | - |
//! | principal axes | four standard deviations of the voxel centres | `MajorAxisLength` and so on |
//! | mesh volume, surface area | of the marching-cubes mesh, not smoothed | `MeshVolume`, `SurfaceArea` |
//!
//! What a border point is, [`Border`] says. The default are the middles of the voxel faces, as in
//! pyradiomics and the IBSI; viewers whose callipers snap to voxel centres give one voxel less.
//!
//! Each fast path has its plain one beside it, and the tests hold them together.

mod border;
mod border_distance;
mod contact_angle;
mod diameter;
mod error;
mod extent;
mod hull;
mod lesion;
mod margin;
mod mask;
mod mesh_shape;
mod reach;
mod slice_diameter;
mod structure;
#[cfg(test)]
mod tests;
mod volume_interval;

pub use border::Border;
pub use contact_angle::{ContactClass, VesselContact, VesselSection, vessel_contact};
pub use diameter::{longest_diameter, longest_diameter_brute_force, mesh_plane_diameter};
pub use error::MeasureError;
pub use extent::{Extent, PrincipalAxes, extent_along, principal_axes};
pub use lesion::{
    LabelMeasures, LesionBox, LesionMeasures, MeasureSpec, measure_lesions, measure_mask, volume_ml,
};
pub use margin::{MarginShells, Shell, USUAL_MARGINS_MM, margin_shells};
pub use mask::{Line, Mask, SlicePlane, mask_of_label};
pub use mesh_shape::{MeshShape, mesh_shape};
pub use slice_diameter::{SliceDiameter, slice_diameter, slice_diameter_brute_force};
pub use structure::{
    ContactArea, StructureDistance, contact_area, structure_distance, structure_gap_brute_force_mm,
};
pub use volume_interval::{VolumeCalibration, VolumeInterval, VolumePair, least_cases};
