//! From the fields of an NRRD file to a header and the place of the voxels.

use super::fields::{Fields, number, vector, voxel_type};
use crate::geometry::{IDENTITY, LpsGeometry, norm};
use crate::header::RawHeader;
use crate::source::Source;
use crate::voxels::{Encoding, Layout};
use crate::{ByteOrder, Format, Header, ReadFault, VoxelType, data_file};
use std::path::Path;

/// The most axes that NRRD allows.
const MOST_AXES: usize = 16;

/// A space of x, y, z and time.
const MOST_SPACE: usize = 4;

/// The texts of the geometry fields as the file has them.
#[derive(Debug, Clone, Default)]
pub(crate) struct NrrdHeader {
    /// Fields of the space, to be written before those of the axes.
    pub(crate) of_space: Vec<(&'static str, String)>,
    /// Fields with one item for each of the three spatial axes; empty if there are fewer axes.
    pub(crate) of_axes: Vec<(&'static str, [String; 3])>,
    /// Fields of the space, to be written after those of the axes.
    pub(crate) after_axes: Vec<(&'static str, String)>,
}

/// What the header says about one axis.
#[derive(Debug, Clone, Default)]
struct Axis {
    size: usize,
    direction: Option<Vec<f64>>,
    spacing: Option<f64>,
    min: Option<f64>,
    on_nodes: bool,
    kind: Option<String>,
}

impl Axis {
    /// Kinds that say a coordinate and not a channel (teem, `nrrdKindIsDomain`).
    fn is_domain(&self) -> bool {
        match self.kind.as_deref() {
            None => true,
            Some(kind) => matches!(kind, "???" | "none" | "domain" | "space" | "time"),
        }
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
    let byte_order = byte_order(&fields, header.voxel_type)?;
    match fields.get(&["data file", "datafile"]) {
        Some(name) if name.starts_with("LIST") || name.contains('%') => {
            return Err(ReadFault::Unsupported {
                what: "one image in several files".into(),
            });
        }
        Some(name) => source = data_file::open(path, name)?,
        None if format == Format::NrrdHeader => {
            return Err(ReadFault::MissingField { field: "data file" });
        }
        None => {}
    }
    let source = at_voxels(source, &fields, layout.n_bytes(header.voxel_type))?;
    let encoding = Encoding {
        voxel_type: header.voxel_type,
        byte_order,
        scaling: None,
    };
    Ok((header, source, encoding, layout))
}

/// Passes over what lies before the voxels and starts to unpack.
fn at_voxels(
    mut source: Source,
    fields: &Fields,
    n_bytes: Option<u64>,
) -> Result<Source, ReadFault> {
    let count = |names: &[&str], field: &'static str| -> Result<i64, ReadFault> {
        let Some(text) = fields.get(names) else {
            return Ok(0);
        };
        text.parse()
            .map_err(|_| ReadFault::bad_field(field, text, "a whole number"))
    };
    let n_lines = count(&["line skip", "lineskip"], "line skip")?;
    let n_skipped = count(&["byte skip", "byteskip"], "byte skip")?;
    for done in 0..n_lines.max(0) {
        if source.line()?.is_none() {
            let (expected, found) = (n_lines as u64, done as u64);
            return Err(ReadFault::Truncated {
                part: "lines before the voxels",
                expected,
                found,
            });
        }
    }
    let encoding = fields.require("encoding")?.to_lowercase();
    let gzip = match encoding.as_str() {
        "raw" => false,
        "gzip" | "gz" => true,
        "ascii" | "text" | "txt" | "hex" | "bzip2" | "bz2" | "zrl" => {
            return Err(ReadFault::Unsupported {
                what: format!("NRRD encoding \"{encoding}\""),
            });
        }
        _ => return Err(ReadFault::bad_field("encoding", encoding, "raw or gzip")),
    };
    if gzip {
        source = source.unpack()?;
    }
    let part = "data before the voxels";
    match (n_skipped, n_bytes) {
        (0.., _) => source.skip(n_skipped as u64, part)?,
        // The voxels are the end of the file.
        (-1, Some(n_bytes)) if !gzip && n_bytes <= source.most_left() => {
            let before = source.most_left() - n_bytes;
            source.skip(before, part)?;
        }
        (-1, _) if !gzip => {}
        _ => {
            return Err(ReadFault::bad_field(
                "byte skip",
                n_skipped,
                "0 or more, or -1 for raw",
            ));
        }
    }
    Ok(source)
}

fn byte_order(fields: &Fields, voxel_type: VoxelType) -> Result<ByteOrder, ReadFault> {
    match fields.get(&["endian"]).map(str::to_lowercase).as_deref() {
        Some("little") => Ok(ByteOrder::Little),
        Some("big") => Ok(ByteOrder::Big),
        Some(other) => Err(ReadFault::bad_field("endian", other, "little or big")),
        None if voxel_type.n_bytes() == 1 => Ok(ByteOrder::Little),
        None => Err(ReadFault::MissingField { field: "endian" }),
    }
}

fn header(fields: &Fields, format: Format) -> Result<(Header, Layout), ReadFault> {
    let voxel_type = voxel_type(fields.require("type")?)?;
    let axes = axes(fields)?;
    let channel = channel_axis(&axes)?;
    let spatial: Vec<usize> = (0..axes.len()).filter(|&a| Some(a) != channel).collect();
    let grid = geometry(fields, &axes, &spatial)?.to_grid()?;
    let product = |range: &[Axis]| {
        range
            .iter()
            .try_fold(1usize, |product, axis| product.checked_mul(axis.size))
    };
    let layout = match channel {
        None => Layout {
            n_inner: grid.size.n_voxels(),
            n_channels: 1,
            n_outer: 1,
        },
        Some(at) => Layout {
            n_inner: product(&axes[..at]).unwrap_or(usize::MAX),
            n_channels: axes[at].size,
            n_outer: product(&axes[at + 1..]).unwrap_or(usize::MAX),
        },
    };
    let raw = RawHeader::Nrrd(texts(fields, axes.len(), &spatial)?);
    let header = Header {
        grid,
        voxel_type,
        n_channels: layout.n_channels,
        n_axes: spatial.len().min(3),
        format,
        raw,
    };
    Ok((header, layout))
}

fn axes(fields: &Fields) -> Result<Vec<Axis>, ReadFault> {
    let text = fields.require("dimension")?;
    let n_axes = text.parse().ok().filter(|n| (1..=MOST_AXES).contains(n));
    let n_axes = n_axes.ok_or_else(|| ReadFault::bad_field("dimension", text, "1 to 16 axes"))?;
    let sizes = fields
        .per_axis("sizes", &["sizes"], n_axes)?
        .ok_or(ReadFault::MissingField { field: "sizes" })?;
    let per_axis = |field, names: &[&str]| fields.per_axis(field, names, n_axes);
    let directions = per_axis("space directions", &["space directions"])?;
    let spacings = per_axis("spacings", &["spacings"])?;
    let mins = per_axis("axis mins", &["axis mins", "axismins"])?;
    let kinds = per_axis("kinds", &["kinds"])?;
    let centers = per_axis("centers", &["centers", "centerings"])?;
    let finite = |value: f64| Some(value).filter(|v| !v.is_nan());
    (0..n_axes)
        .map(|i| {
            let size = sizes[i].parse().ok().filter(|&n| n > 0).ok_or_else(|| {
                ReadFault::bad_field("sizes", &sizes[i], "at least one voxel on every axis")
            })?;
            let item = |list: &Option<Vec<String>>| list.as_ref().map(|list| list[i].clone());
            let scalar = |field, list: &Option<Vec<String>>| match item(list) {
                Some(text) => number(field, &text).map(finite),
                None => Ok(None),
            };
            let direction = match item(&directions) {
                Some(text) => vector("space directions", &text)?,
                None => None,
            };
            Ok(Axis {
                size,
                direction,
                spacing: scalar("spacings", &spacings)?,
                min: scalar("axis mins", &mins)?,
                on_nodes: item(&centers).is_some_and(|c| c.eq_ignore_ascii_case("node")),
                kind: item(&kinds).map(|kind| kind.to_lowercase()),
            })
        })
        .collect()
}

/// The axis along which the channels lie, if there is one.
fn channel_axis(axes: &[Axis]) -> Result<Option<usize>, ReadFault> {
    let with_direction = axes.iter().any(|axis| axis.direction.is_some());
    let mut channels = (0..axes.len())
        .filter(|&a| !axes[a].is_domain())
        .collect::<Vec<_>>();
    if channels.is_empty() && with_direction {
        channels = (0..axes.len())
            .filter(|&a| axes[a].direction.is_none())
            .collect();
    }
    if channels.is_empty() && axes.len() == 4 {
        channels = vec![3];
    }
    match (channels.as_slice(), axes.len() - channels.len()) {
        ([], 1..=3) => Ok(None),
        (&[channel], 1..=3) => Ok(Some(channel)),
        (found, n_spatial) => Err(ReadFault::Unsupported {
            what: format!(
                "an image of {n_spatial} axes in space and {} others",
                found.len()
            ),
        }),
    }
}

fn geometry(fields: &Fields, axes: &[Axis], spatial: &[usize]) -> Result<LpsGeometry, ReadFault> {
    let mut geometry = LpsGeometry {
        size: [1; 3],
        spacing_mm: [1.0; 3],
        axes: IDENTITY,
        origin_mm: [0.0; 3],
    };
    let sign = match fields.get(&["space"]).map(str::to_lowercase).as_deref() {
        Some("right-anterior-superior" | "ras") => [-1.0, -1.0, 1.0],
        Some("left-anterior-superior" | "las") => [1.0, -1.0, 1.0],
        _ => [1.0; 3],
    };
    for (i, &axis) in spatial.iter().enumerate() {
        let axis = &axes[axis];
        geometry.size[i] = axis.size;
        match &axis.direction {
            Some(direction) => {
                let vector = in_space("space directions", direction, spatial.len())?;
                let length = norm(vector);
                geometry.spacing_mm[i] = length;
                // Teem multiplies by the inverse; dividing gives other last digits.
                let scale = 1.0 / length;
                geometry.axes[i] = std::array::from_fn(|row| sign[row] * (vector[row] * scale));
            }
            None => {
                geometry.spacing_mm[i] = axis.spacing.unwrap_or(1.0);
            }
        }
    }
    let has_space = fields.get(&["space", "space dimension"]).is_some();
    if let Some(text) = fields.get(&["space origin"]).filter(|_| has_space) {
        if let Some(origin) = vector("space origin", text)? {
            let origin = in_space("space origin", &origin, spatial.len())?;
            geometry.origin_mm = std::array::from_fn(|row| sign[row] * origin[row]);
        }
    } else if !has_space {
        geometry.origin_mm = origin_of_mins(axes, spatial).unwrap_or([0.0; 3]);
    }
    Ok(geometry)
}

/// A vector with as many parts as there are axes in space, filled up with zeros. Of the four
/// parts in a space with time, the last one is dropped.
fn in_space(field: &'static str, vector: &[f64], n_axes: usize) -> Result<[f64; 3], ReadFault> {
    if vector.len() != n_axes && (n_axes, vector.len()) != (3, MOST_SPACE) {
        let found = format!("{vector:?}");
        return Err(ReadFault::bad_field(
            field,
            found,
            "as many numbers as axes in space",
        ));
    }
    Ok(std::array::from_fn(|i| {
        vector.get(i).copied().unwrap_or(0.0)
    }))
}

/// The centre of the first voxel from the axes' ends (teem, `nrrdOriginCalculate`), if every
/// axis has one.
fn origin_of_mins(axes: &[Axis], spatial: &[usize]) -> Option<[f64; 3]> {
    let mut origin = [0.0; 3];
    for (i, &axis) in spatial.iter().enumerate() {
        let axis = &axes[axis];
        let half = if axis.on_nodes {
            0.0
        } else {
            axis.spacing? / 2.0
        };
        origin[i] = axis.min? + half;
    }
    Some(origin)
}

/// Keeps the texts of the geometry.
fn texts(fields: &Fields, n_axes: usize, spatial: &[usize]) -> Result<NrrdHeader, ReadFault> {
    let with_time = fields.get(&["space dimension"]) == Some("4")
        || fields
            .get(&["space"])
            .is_some_and(|space| space.to_lowercase().contains("time"));
    let &[x, y, z] = spatial else {
        return Ok(NrrdHeader::default());
    };
    if with_time {
        return Ok(NrrdHeader::default());
    }
    let text = |field: &'static str| fields.get(&[field]).map(|v| (field, v.to_owned()));
    let per_axis = |field: &'static str, names: &[&str]| -> Result<_, ReadFault> {
        let items = fields.per_axis(field, names, n_axes)?;
        Ok(items.map(|items| (field, [x, y, z].map(|axis| items[axis].clone()))))
    };
    let of_axes = [
        per_axis("space directions", &["space directions"])?,
        per_axis("spacings", &["spacings"])?,
        per_axis("thicknesses", &["thicknesses"])?,
        per_axis("axis mins", &["axis mins", "axismins"])?,
        per_axis("axis maxs", &["axis maxs", "axismaxs"])?,
        per_axis("centers", &["centers", "centerings"])?,
        per_axis("units", &["units"])?,
    ];
    Ok(NrrdHeader {
        of_space: [text("space"), text("space dimension"), text("space units")]
            .into_iter()
            .flatten()
            .collect(),
        of_axes: of_axes.into_iter().flatten().collect(),
        after_axes: text("space origin")
            .into_iter()
            .chain(text("measurement frame"))
            .collect(),
    })
}
