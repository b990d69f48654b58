//! The text of an NRRD header.

use super::NrrdHeader;
use crate::VoxelType;
use crate::geometry::LpsGeometry;
use sarx_core::Grid;
use std::fmt::Write;

/// The whole header up to the blank line, for gzip data.
///
/// With `like` its geometry fields are copied; without, the space is LPS as SimpleITK writes it.
/// `data_file` names the voxels' file of a detached header.
pub(crate) fn header_text(
    grid: &Grid,
    voxel_type: VoxelType,
    like: Option<&NrrdHeader>,
    data_file: Option<&str>,
) -> String {
    let computed;
    let fields = match like.filter(|like| !like.of_axes.is_empty()) {
        Some(like) => like,
        None => {
            computed = of_grid(grid);
            &computed
        }
    };
    let [z, y, x] = grid.size.zyx();
    let mut text = String::from("NRRD0005\n");
    let mut line = |name: &str, value: &str| {
        // Writing to a text cannot fail.
        _ = writeln!(text, "{name}: {value}");
    };
    line("type", voxel_type_name(voxel_type));
    line("dimension", "3");
    for (name, value) in &fields.of_space {
        line(name, value);
    }
    line("sizes", &format!("{x} {y} {z}"));
    for (name, items) in &fields.of_axes {
        line(name, &items.join(" "));
    }
    line("kinds", "domain domain domain");
    line("endian", "little");
    line("encoding", "gzip");
    for (name, value) in &fields.after_axes {
        line(name, value);
    }
    if let Some(name) = data_file {
        line("data file", name);
    }
    text.push('\n');
    text
}

/// Numbers are written with the fewest digits that read back to the same bits.
fn of_grid(grid: &Grid) -> NrrdHeader {
    let geometry = LpsGeometry::of(grid);
    let vector = |v: [f64; 3]| format!("({},{},{})", v[0], v[1], v[2]);
    let directions = std::array::from_fn(|axis| {
        vector(geometry.axes[axis].map(|part| part * geometry.spacing_mm[axis]))
    });
    NrrdHeader {
        of_space: vec![("space", "left-posterior-superior".into())],
        of_axes: vec![("space directions", directions)],
        after_axes: vec![("space origin", vector(geometry.origin_mm))],
    }
}

fn voxel_type_name(voxel_type: VoxelType) -> &'static str {
    match voxel_type {
        VoxelType::U8 => "unsigned char",
        VoxelType::I8 => "signed char",
        VoxelType::U16 => "unsigned short",
        VoxelType::I16 => "short",
        VoxelType::U32 => "unsigned int",
        VoxelType::I32 => "int",
        VoxelType::U64 => "unsigned long long int",
        VoxelType::I64 => "long long int",
        VoxelType::F32 => "float",
        VoxelType::F64 => "double",
    }
}
