//! From a grid, or from another file's header, to the bytes before the voxels.

use super::NiftiHeader;
use super::fields::NIFTI1;
use super::orientation::{is_orthogonal, quaternion};
use crate::{Format, VoxelType, WriteFault};
use sarx_core::Grid;

/// Millimetres and seconds, as ITK writes.
const UNITS: u8 = 2 | 8;

/// Coordinates of the scanner, as ITK writes.
const SCANNER: i16 = 1;

/// The header and the empty list of extensions, up to the first voxel.
///
/// With `like`, every field is copied but those of the stored numbers. Without, the header is a
/// NIfTI-1 with sform and, where the axes are orthogonal, qform.
pub(crate) fn header_bytes(
    grid: &Grid,
    voxel_type: VoxelType,
    like: Option<(&NiftiHeader, usize)>,
    format: Format,
) -> Result<Vec<u8>, WriteFault> {
    let mut header = match like {
        Some((like, n_channels)) => {
            let mut header = like.clone();
            if n_channels > 1 {
                keep_three_axes(&mut header);
            }
            header
        }
        None => of_grid(grid, format)?,
    };
    header.set_voxels(voxel_type);
    let mut bytes = header.bytes().to_vec();
    bytes.resize(header.layout().first_voxel, 0);
    Ok(bytes)
}

fn keep_three_axes(header: &mut NiftiHeader) {
    header.set_dim(0, 3);
    for axis in 4..8 {
        header.set_dim(axis, 1);
    }
    header.clear_intent();
}

fn of_grid(grid: &Grid, format: Format) -> Result<NiftiHeader, WriteFault> {
    let [z, y, x] = grid.size.zyx();
    let most = NiftiHeader::longest_axis(&NIFTI1);
    if let Some((axis, &found)) = [x, y, z].iter().enumerate().find(|&(_, &n)| n > most) {
        return Err(WriteFault::TooLong {
            format,
            axis,
            found,
            most,
        });
    }
    let mut header = NiftiHeader::empty(&NIFTI1);
    for (i, n) in [3, x, y, z, 1, 1, 1, 1].into_iter().enumerate() {
        header.set_dim(i, n);
    }
    let [sz, sy, sx] = grid.spacing.zyx_mm();
    for (i, edge) in [1.0, sx, sy, sz].into_iter().enumerate() {
        header.set_pixdim(i, edge);
    }
    let matrix = grid.affine().0;
    header.set_srow(matrix);
    header.set_form_codes(0, SCANNER);
    if is_orthogonal(&matrix) {
        let axes = std::array::from_fn(|axis| std::array::from_fn(|r| grid.direction[r][axis]));
        let ([b, c, d], qfac) = quaternion(axes);
        let [ox, oy, oz] = grid.origin_mm;
        header.set_quatern([b, c, d, ox, oy, oz]);
        header.set_pixdim(0, qfac);
        header.set_form_codes(SCANNER, SCANNER);
    }
    header.set_units(UNITS);
    Ok(header)
}
