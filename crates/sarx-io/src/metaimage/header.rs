//! From the fields of a MetaImage file to a header and the place of the voxels.

use crate::geometry::{IDENTITY, LpsGeometry};
use crate::header::RawHeader;
use crate::source::Source;
use crate::voxels::{Encoding, Layout};
use crate::{ByteOrder, Format, Header, ReadFault, VoxelType, data_file};
use std::path::Path;

/// The most axes that MetaIO allows.
const MOST_AXES: usize = 10;

/// The texts of the geometry fields as the file has them; empty if the image is not 3D.
#[derive(Debug, Clone, Default)]
pub(crate) struct MetaImageHeader {
    pub(crate) fields: Vec<(&'static str, String)>,
}

/// Lines "name = value" of a header in the order of the file; the last one is the data file.
struct Fields(Vec<(String, String)>);

impl Fields {
    fn read(source: &mut Source, format: Format) -> Result<Self, ReadFault> {
        let mut fields = Vec::new();
        while let Some(line) = source.line()? {
            let Some((name, value)) = line.split_once('=') else {
                if line.trim().is_empty() {
                    continue;
                }
                let reason = "its header holds a line without \"=\"";
                return Err(ReadFault::NotThisFormat { format, reason });
            };
            fields.push((name.trim().to_owned(), value.trim().to_owned()));
            if name.trim() == "ElementDataFile" {
                return Ok(Self(fields));
            }
        }
        if fields.is_empty() {
            let reason = "it has no header of lines \"name = value\"";
            return Err(ReadFault::NotThisFormat { format, reason });
        }
        Err(ReadFault::MissingField {
            field: "ElementDataFile",
        })
    }

    fn get(&self, names: &[&str]) -> Option<&str> {
        let named = |(name, _): &&(String, String)| names.contains(&name.as_str());
        self.0.iter().find(named).map(|(_, value)| value.as_str())
    }

    fn require(&self, field: &'static str) -> Result<&str, ReadFault> {
        self.get(&[field]).ok_or(ReadFault::MissingField { field })
    }

    /// True or false; MetaIO looks at the first letter.
    fn flag(&self, names: &[&str]) -> bool {
        self.get(names)
            .is_some_and(|v| v.starts_with(['T', 't', '1']))
    }

    /// `n` numbers under the first of the names that is there.
    fn numbers(
        &self,
        field: &'static str,
        names: &[&str],
        n: usize,
    ) -> Result<Option<Vec<f64>>, ReadFault> {
        let Some(text) = self.get(names) else {
            return Ok(None);
        };
        let numbers: Option<Vec<f64>> = text
            .split_whitespace()
            .map(|part| part.parse().ok())
            .collect();
        let numbers = numbers.filter(|numbers| numbers.len() >= n);
        numbers.map(Some).ok_or_else(|| {
            ReadFault::bad_field(
                field,
                text,
                "one number for every axis (a matrix: its square)",
            )
        })
    }
}

/// Reads the header only.
pub(crate) fn parse(path: &Path, format: Format) -> Result<Header, ReadFault> {
    let mut source = Source::open(path, false)?;
    let fields = Fields::read(&mut source, format)?;
    header(&fields, format).map(|(header, _)| header)
}

/// Reads the header and goes to the first voxel.
pub(crate) fn open(
    path: &Path,
    format: Format,
) -> Result<(Header, Source, Encoding, Layout), ReadFault> {
    let mut source = Source::open(path, false)?;
    let fields = Fields::read(&mut source, format)?;
    let (header, layout) = header(&fields, format)?;
    let name = fields.require("ElementDataFile")?;
    if name.starts_with("LIST") || name.contains('%') {
        return Err(ReadFault::Unsupported {
            what: "one image in several files".into(),
        });
    }
    if !name.eq_ignore_ascii_case("local") {
        source = data_file::open(path, name)?;
    }
    let compressed = fields.flag(&["CompressedData"]);
    let n_skipped = match fields.get(&["HeaderSize"]) {
        None => 0,
        Some(text) => text
            .parse::<i64>()
            .map_err(|_| ReadFault::bad_field("HeaderSize", text, "a whole number"))?,
    };
    match (n_skipped, layout.n_bytes(header.voxel_type)) {
        (0.., _) => source.skip(n_skipped as u64, "data before the voxels")?,
        // The voxels are the end of the file.
        (-1, Some(n_bytes)) if !compressed && n_bytes <= source.most_left() => {
            let before = source.most_left() - n_bytes;
            source.skip(before, "data before the voxels")?;
        }
        (-1, _) if !compressed => {}
        _ => {
            return Err(ReadFault::bad_field(
                "HeaderSize",
                n_skipped,
                "0 or more, or -1",
            ));
        }
    }
    if compressed {
        source = source.unpack()?;
    }
    let big = fields.flag(&["BinaryDataByteOrderMSB", "ElementByteOrderMSB"]);
    let byte_order = if big {
        ByteOrder::Big
    } else {
        ByteOrder::Little
    };
    let encoding = Encoding {
        voxel_type: header.voxel_type,
        byte_order,
        scaling: None,
    };
    Ok((header, source, encoding, layout))
}

fn header(fields: &Fields, format: Format) -> Result<(Header, Layout), ReadFault> {
    if let Some(other) = fields.get(&["ObjectType"]).filter(|kind| *kind != "Image") {
        return Err(ReadFault::bad_field("ObjectType", other, "Image"));
    }
    if fields.get(&["BinaryData"]).is_some() && !fields.flag(&["BinaryData"]) {
        return Err(ReadFault::Unsupported {
            what: "MetaImage text data".into(),
        });
    }
    let text = fields.require("NDims")?;
    let n_axes = text.parse().ok().filter(|n| (1..=MOST_AXES).contains(n));
    let n_axes = n_axes.ok_or_else(|| ReadFault::bad_field("NDims", text, "1 to 10 axes"))?;
    let voxel_type = voxel_type(fields.require("ElementType")?)?;
    let sizes = sizes(fields, n_axes)?;
    let grid = geometry(fields, &sizes)?.to_grid()?;
    let n_elements =
        match fields.get(&["ElementNumberOfChannels"]) {
            None => 1,
            Some(text) => text.parse().ok().filter(|&n| n > 0).ok_or_else(|| {
                ReadFault::bad_field("ElementNumberOfChannels", text, "at least one")
            })?,
        };
    let further = sizes.iter().skip(3).filter(|&&n| n > 1).collect::<Vec<_>>();
    let n_voxels = grid.size.n_voxels();
    let layout = match (further.as_slice(), n_elements) {
        ([], 1) => Layout {
            n_inner: n_voxels,
            n_channels: 1,
            n_outer: 1,
        },
        ([], n) => Layout {
            n_inner: 1,
            n_channels: n,
            n_outer: n_voxels,
        },
        (&[&n], 1) => Layout {
            n_inner: n_voxels,
            n_channels: n,
            n_outer: 1,
        },
        _ => {
            let what = "an image of more than one axis beyond x, y, z".into();
            return Err(ReadFault::Unsupported { what });
        }
    };
    let raw = RawHeader::MetaImage(texts(fields, n_axes));
    Ok((
        Header {
            grid,
            voxel_type,
            n_channels: layout.n_channels,
            n_axes: n_axes.min(3),
            format,
            raw,
        },
        layout,
    ))
}

fn sizes(fields: &Fields, n_axes: usize) -> Result<Vec<usize>, ReadFault> {
    let text = fields.require("DimSize")?;
    let sizes: Option<Vec<usize>> = text
        .split_whitespace()
        .map(|n| n.parse().ok().filter(|&n| n > 0))
        .collect();
    sizes
        .filter(|sizes| sizes.len() == n_axes)
        .ok_or_else(|| ReadFault::bad_field("DimSize", text, "at least one voxel on every axis"))
}

fn geometry(fields: &Fields, sizes: &[usize]) -> Result<LpsGeometry, ReadFault> {
    let n = sizes.len();
    let spacing = match fields.numbers("ElementSpacing", &["ElementSpacing"], n)? {
        Some(spacing) => Some(spacing),
        None => fields.numbers("ElementSize", &["ElementSize"], n)?,
    };
    let origin = fields.numbers("Offset", &["Offset", "Position", "Origin"], n)?;
    let matrix_names = ["TransformMatrix", "Rotation", "Orientation"];
    let matrix = fields.numbers("TransformMatrix", &matrix_names, n * n)?;
    let mut geometry = LpsGeometry {
        size: [1; 3],
        spacing_mm: [1.0; 3],
        axes: IDENTITY,
        origin_mm: [0.0; 3],
    };
    for axis in 0..n.min(3) {
        geometry.size[axis] = sizes[axis];
        if let Some(spacing) = &spacing {
            geometry.spacing_mm[axis] = spacing[axis];
        }
        if let Some(origin) = &origin {
            geometry.origin_mm[axis] = origin[axis];
        }
        if let Some(matrix) = &matrix {
            geometry.axes[axis] =
                std::array::from_fn(|row| if row < n { matrix[axis * n + row] } else { 0.0 });
        }
    }
    Ok(geometry)
}

fn texts(fields: &Fields, n_axes: usize) -> MetaImageHeader {
    if n_axes != 3 {
        return MetaImageHeader::default();
    }
    let names: [(&'static str, &[&str]); 6] = [
        (
            "TransformMatrix",
            &["TransformMatrix", "Rotation", "Orientation"],
        ),
        ("Offset", &["Offset", "Position", "Origin"]),
        ("CenterOfRotation", &["CenterOfRotation"]),
        ("AnatomicalOrientation", &["AnatomicalOrientation"]),
        ("ElementSpacing", &["ElementSpacing"]),
        ("ElementSize", &["ElementSize"]),
    ];
    let fields = names
        .into_iter()
        .filter_map(|(name, names)| fields.get(names).map(|text| (name, text.to_owned())))
        .collect();
    MetaImageHeader { fields }
}

fn voxel_type(name: &str) -> Result<VoxelType, ReadFault> {
    Ok(match name.strip_suffix("_ARRAY").unwrap_or(name) {
        "MET_CHAR" => VoxelType::I8,
        "MET_UCHAR" => VoxelType::U8,
        "MET_SHORT" => VoxelType::I16,
        "MET_USHORT" => VoxelType::U16,
        // Four bytes in MetaIO whatever the machine.
        "MET_INT" | "MET_LONG" => VoxelType::I32,
        "MET_UINT" | "MET_ULONG" => VoxelType::U32,
        "MET_LONG_LONG" => VoxelType::I64,
        "MET_ULONG_LONG" => VoxelType::U64,
        "MET_FLOAT" => VoxelType::F32,
        "MET_DOUBLE" => VoxelType::F64,
        "MET_STRING" | "MET_ASCII_CHAR" | "MET_FLOAT_MATRIX" | "MET_OTHER" => {
            return Err(ReadFault::Unsupported {
                what: format!("ElementType {name}"),
            });
        }
        _ => {
            return Err(ReadFault::bad_field(
                "ElementType",
                name,
                "a number type of MetaImage",
            ));
        }
    })
}
