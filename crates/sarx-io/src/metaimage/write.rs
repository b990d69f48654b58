//! The text of a MetaImage header.

use super::MetaImageHeader;
use crate::VoxelType;
use crate::geometry::LpsGeometry;
use sarx_core::Grid;
use std::fmt::Write;

/// The whole header, for zlib data of `n_compressed` bytes in the same file (`data_file` is
/// "LOCAL") or another.
pub(crate) fn header_text(
    grid: &Grid,
    voxel_type: VoxelType,
    like: Option<&MetaImageHeader>,
    (data_file, n_compressed): (&str, usize),
) -> String {
    let computed;
    let fields = match like.filter(|like| !like.fields.is_empty()) {
        Some(like) => like,
        None => {
            computed = of_grid(grid);
            &computed
        }
    };
    let [z, y, x] = grid.size.zyx();
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        // Writing to a text cannot fail.
        _ = writeln!(text, "{name} = {value}");
    };
    line("ObjectType", "Image");
    line("NDims", "3");
    line("BinaryData", "True");
    line("BinaryDataByteOrderMSB", "False");
    line("CompressedData", "True");
    line("CompressedDataSize", &n_compressed.to_string());
    for (name, value) in &fields.fields {
        line(name, value);
    }
    line("DimSize", &format!("{x} {y} {z}"));
    line("ElementType", voxel_type_name(voxel_type));
    line("ElementDataFile", data_file);
    text
}

/// Numbers are written with the fewest digits that read back to the same bits.
fn of_grid(grid: &Grid) -> MetaImageHeader {
    let geometry = LpsGeometry::of(grid);
    let numbers = |values: &[f64]| {
        values
            .iter()
            .map(f64::to_string)
            .collect::<Vec<_>>()
            .join(" ")
    };
    MetaImageHeader {
        fields: vec![
            ("TransformMatrix", numbers(geometry.axes.as_flattened())),
            ("Offset", numbers(&geometry.origin_mm)),
            ("CenterOfRotation", "0 0 0".into()),
            ("ElementSpacing", numbers(&geometry.spacing_mm)),
        ],
    }
}

fn voxel_type_name(voxel_type: VoxelType) -> &'static str {
    match voxel_type {
        VoxelType::U8 => "MET_UCHAR",
        VoxelType::I8 => "MET_CHAR",
        VoxelType::U16 => "MET_USHORT",
        VoxelType::I16 => "MET_SHORT",
        VoxelType::U32 => "MET_UINT",
        VoxelType::I32 => "MET_INT",
        VoxelType::U64 => "MET_ULONG_LONG",
        VoxelType::I64 => "MET_LONG_LONG",
        VoxelType::F32 => "MET_FLOAT",
        VoxelType::F64 => "MET_DOUBLE",
    }
}
