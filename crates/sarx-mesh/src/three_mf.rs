//! 3MF: a zip of XML that knows units, names and colours, and several parts.
//!
//! The core specification asks printers' files to lie in the positive octant. Ours stay where the
//! patient is, so that parts of several files fit together; programs that print move them.
//!
//! Source: 3MF Consortium, "3D Manufacturing Format, Core Specification", version 1.3.

use crate::{MeshError, Space, Surface};
use sarx_io::write_atomic;
use std::io::{self, Write};
use std::path::Path;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// A named part of a 3MF file.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// What a program shows in its list.
    pub name: &'a str,
    /// Red, green, blue and opacity.
    pub rgba: [u8; 4],
    /// Its surface.
    pub surface: &'a Surface,
}

const CONTENT_TYPES: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="model" ContentType="application/vnd.ms-package.3dmanufacturing-3dmodel+xml"/></Types>
"#;
const RELATIONS: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Target="/3D/3dmodel.model" Id="rel0" Type="http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"/></Relationships>
"#;
/// The resource with the colours; parts are numbered after it.
const COLOURS_ID: usize = 1;

/// Writes surfaces as parts of one 3MF file, in millimetres.
///
/// The same parts give the same bytes.
///
/// # Errors
///
/// [`MeshError::NoParts`], [`MeshError::Name`] or [`MeshError::Write`].
pub fn write_3mf(path: &Path, parts: &[Part<'_>], space: Space) -> Result<(), MeshError> {
    if parts.is_empty() {
        return Err(MeshError::NoParts);
    }
    if let Some((index, part)) = (0..)
        .zip(parts)
        .find(|(_, part)| part.name.chars().any(is_no_xml))
    {
        return Err(MeshError::Name {
            index,
            name: part.name.to_owned(),
        });
    }
    write_atomic(path, |out| {
        let mut archive = ZipWriter::new(out);
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(DateTime::default());
        archive.start_file("[Content_Types].xml", options)?;
        archive.write_all(CONTENT_TYPES.as_bytes())?;
        archive.start_file("_rels/.rels", options)?;
        archive.write_all(RELATIONS.as_bytes())?;
        // XML of a surface of 2^32 vertices would pass the limits of a plain zip.
        archive.start_file("3D/3dmodel.model", options.large_file(true))?;
        let mut model = io::BufWriter::new(&mut archive);
        write_model(&mut model, parts, space)?;
        model.flush()?;
        drop(model);
        archive.finish()?;
        Ok(())
    })?;
    Ok(())
}

fn write_model(out: &mut impl Write, parts: &[Part<'_>], space: Space) -> io::Result<()> {
    writeln!(out, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    writeln!(
        out,
        r#"<model unit="millimeter" xml:lang="en-US" xmlns="http://schemas.microsoft.com/3dmanufacturing/core/2015/02">"#
    )?;
    writeln!(out, r#"<metadata name="Application">sarx</metadata>"#)?;
    writeln!(
        out,
        r#"<metadata name="Description">{} patient coordinates, mm</metadata>"#,
        space.note()
    )?;
    writeln!(out, r#"<resources><basematerials id="{COLOURS_ID}">"#)?;
    for part in parts {
        let [r, g, b, a] = part.rgba;
        writeln!(
            out,
            r##"<base name="{}" displaycolor="#{r:02X}{g:02X}{b:02X}{a:02X}"/>"##,
            escaped(part.name)
        )?;
    }
    writeln!(out, "</basematerials>")?;
    for (index, part) in parts.iter().enumerate() {
        write_part(out, index, part, space)?;
    }
    writeln!(out, "</resources><build>")?;
    for index in 0..parts.len() {
        writeln!(out, r#"<item objectid="{}"/>"#, COLOURS_ID + 1 + index)?;
    }
    writeln!(out, "</build></model>")
}

fn write_part(out: &mut impl Write, index: usize, part: &Part<'_>, space: Space) -> io::Result<()> {
    writeln!(
        out,
        r#"<object id="{}" type="model" name="{}" pid="{COLOURS_ID}" pindex="{index}"><mesh><vertices>"#,
        COLOURS_ID + 1 + index,
        escaped(part.name)
    )?;
    for &vertex in &part.surface.vertices_mm {
        let [x, y, z] = space.from_ras(vertex);
        // A tenth of a micrometre.
        writeln!(out, r#"<vertex x="{x:.4}" y="{y:.4}" z="{z:.4}"/>"#)?;
    }
    writeln!(out, "</vertices><triangles>")?;
    for [a, b, c] in &part.surface.triangles {
        writeln!(out, r#"<triangle v1="{a}" v2="{b}" v3="{c}"/>"#)?;
    }
    writeln!(out, "</triangles></mesh></object>")
}

/// Characters that XML 1.0 has no way to write.
fn is_no_xml(c: char) -> bool {
    c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}')
}

fn escaped(name: &str) -> String {
    name.chars().fold(String::new(), |mut text, c| {
        match c {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '"' => text.push_str("&quot;"),
            c => text.push(c),
        }
        text
    })
}
