//! Writes the surface of a label of an image as STL and 3MF: `mesh_of_mask LABELS LABEL FOLDER`.

use sarx_mesh::{MeshSpec, Part, Space, surface_of, write_3mf, write_stl};
use sarx_metrics::measure::mask_of_label;
use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, labels, label, folder] = &arguments[..] else {
        return Err("usage: mesh_of_mask LABELS LABEL FOLDER".into());
    };
    let labels = sarx_io::read_labels(Path::new(labels))?.labels;
    let surface = surface_of(
        &mask_of_label(&labels, label.parse()?),
        &MeshSpec::default(),
    )?;
    let folder = Path::new(folder);
    write_stl(&folder.join("lesion.stl"), &surface, Space::Lps)?;
    let lesion = Part {
        name: "lesion",
        rgba: [224, 64, 48, 255],
        surface: &surface,
    };
    write_3mf(&folder.join("lesion.3mf"), &[lesion], Space::Lps)?;
    Ok(())
}
