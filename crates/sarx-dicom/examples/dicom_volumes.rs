//! Writes every sound volume of a DICOM folder or archive as NIfTI, and says what is wrong with
//! the others; segmentations and structure sets become label maps: `cargo run -p sarx-dicom --example dicom_volumes -- INPUT OUTPUT_FOLDER [keep]`.
//!
//! With `keep` padding values stay as they are stored, as other readers leave them. Files are
//! numbered, never named after what the headers say.
#![expect(clippy::print_stdout, reason = "an example talks to its user")]

use sarx_core::Label;
use sarx_dicom::{
    Index, Limits, Loaded, Location, Padding, Segmentation, StructureSet, index, recognize, stacks,
};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(input), Some(output)) = (arguments.next(), arguments.next()) else {
        return Err("give an input and an output folder".into());
    };
    let padding = match arguments.next() {
        Some(word) if word == "keep" => Padding::Keep,
        _ => Padding::Background,
    };
    let (input, output) = (PathBuf::from(input), PathBuf::from(output));
    let limits = Limits::default();
    let started = Instant::now();
    let index = index(&input, &limits)?;
    println!(
        "{} patients, {} series, {} objects, {} no DICOM, {} copies, {} faults ({:.2} s)",
        index.patients.len(),
        index.series().count(),
        index.n_instances(),
        index.foreign.len(),
        index.copies.len(),
        index.faults.len(),
        started.elapsed().as_secs_f64()
    );
    for fault in &index.faults {
        println!("fault: {fault}");
    }
    let mut volumes = Vec::new();
    let mut reading = Duration::ZERO;
    for (s, series) in index.series().enumerate() {
        for (v, stack) in stacks(series).iter().enumerate() {
            let name = format!("series{s:03}_{v:03}");
            let found = recognize(&stack.acquisition(series));
            println!(
                "{name}: {} {}, fat suppressed {}, contrast {}, confidence {:.2} ({})",
                found.weighting,
                found.plane,
                found.fat_suppressed,
                found.contrast,
                found.confidence,
                found.evidence.join("; ")
            );
            for note in &stack.notes {
                println!("{name}: note: {note}");
            }
            let started_stack = Instant::now();
            match stack.load(series, padding, &limits) {
                Ok(loaded) => {
                    reading += started_stack.elapsed();
                    let grid = *loaded.image.grid();
                    println!(
                        "{name}: {} voxels of {}, {} padded{}",
                        grid.size,
                        grid.spacing,
                        loaded.n_padding,
                        if loaded.mirrored { ", mirrored" } else { "" }
                    );
                    let path = output.join(format!("{name}.nii"));
                    sarx_io::write_image(&path, &loaded.image, None)?;
                    let source = serde_json::to_vec_pretty(&loaded.source)?;
                    std::fs::write(output.join(format!("{name}.json")), source)?;
                    volumes.push(loaded);
                }
                Err(error) => println!("{name}: {error}"),
            }
        }
    }
    references(&index, &volumes, &output, &limits)?;
    println!(
        "done after {:.2} s, of which {:.2} s to read pixels; the rest is sorting and writing",
        started.elapsed().as_secs_f64(),
        reading.as_secs_f64()
    );
    Ok(())
}

/// Writes every segment and every structure as a mask.
fn references(
    index: &Index,
    volumes: &[Loaded],
    output: &Path,
    limits: &Limits,
) -> Result<(), Box<dyn Error>> {
    for (s, series) in index.series().enumerate() {
        for (i, instance) in series.instances.iter().enumerate() {
            let name = |kind: &str, n| format!("series{s:03}_{i:03}_{kind}{n}");
            match series.modality.as_str() {
                "SEG" => segments(&instance.location, output, &name, limits)?,
                "RTSTRUCT" => structures(&instance.location, volumes, output, &name, limits)?,
                _ => {}
            }
        }
    }
    Ok(())
}

type Name<'a> = dyn Fn(&str, i64) -> String + 'a;

fn segments(
    location: &Location,
    output: &Path,
    name: &Name<'_>,
    limits: &Limits,
) -> Result<(), Box<dyn Error>> {
    let segmentation = Segmentation::read(location, limits)?;
    let grid = segmentation.own_grid()?;
    for segment in &segmentation.segments {
        let mask = segmentation.mask(segment.number, 0.5, &grid)?;
        let name = name("segment", segment.number.into());
        println!("{name}: {} voxels of {}", grid.size, grid.spacing);
        let labels = mask.voxels.map(|&marked| Label::from(marked));
        sarx_io::write_labels(&output.join(format!("{name}.nii")), &labels, None)?;
    }
    Ok(())
}

fn structures(
    location: &Location,
    volumes: &[Loaded],
    output: &Path,
    name: &Name<'_>,
    limits: &Limits,
) -> Result<(), Box<dyn Error>> {
    let set = StructureSet::read(location, limits)?;
    let own = |v: &&Loaded| Some(&v.source.series_instance_uid) == set.source_series_uid.as_ref();
    let Some(volume) = volumes.iter().find(own) else {
        println!("{}: its series is not here", name("structure", 0));
        return Ok(());
    };
    for structure in &set.structures {
        let name = name("structure", structure.number);
        match set.mask(structure.number, volume.image.grid()) {
            Ok(mask) => {
                println!(
                    "{name}: {} contours, {} voxels outside",
                    structure.contours.len(),
                    mask.n_outside
                );
                let labels = mask.voxels.map(|&marked| Label::from(marked));
                sarx_io::write_labels(&output.join(format!("{name}.nii")), &labels, None)?;
            }
            Err(error) => println!("{name}: {error}"),
        }
    }
    Ok(())
}
