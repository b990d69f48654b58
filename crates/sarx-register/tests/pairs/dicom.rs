//! An uncompressed DICOM series of 16-bit slices as a volume; no more than the shared knee needs.

use dicom_object::{DefaultDicomObject, open_file};
use ndarray::Array3;
use sarx_core::{Grid, Size, Spacing, Volume};
use std::path::Path;

type Point = [f64; 3];

/// Reads all slices of a folder and stacks them along their normal.
pub fn series(folder: &Path) -> Volume<f32> {
    let mut slices: Vec<DefaultDicomObject> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| open_file(entry.unwrap().path()).unwrap())
        .collect();
    let columns = direction(&slices[0], 0);
    let rows = direction(&slices[0], 3);
    let normal = [
        columns[1] * rows[2] - columns[2] * rows[1],
        columns[2] * rows[0] - columns[0] * rows[2],
        columns[0] * rows[1] - columns[1] * rows[0],
    ];
    let height = |slice: &DefaultDicomObject| -> f64 {
        position(slice).iter().zip(normal).map(|(a, b)| a * b).sum()
    };
    slices.sort_by(|a, b| height(a).total_cmp(&height(b)));
    let (first, last) = (&slices[0], &slices[slices.len() - 1]);
    let n = slices.len();
    let across: Point =
        std::array::from_fn(|i| (position(last)[i] - position(first)[i]) / (n - 1) as f64);
    let thickness = across.iter().map(|v| v * v).sum::<f64>().sqrt();
    let stack = across.map(|v| v / thickness);
    let pixel = numbers(first, "PixelSpacing");
    let count = |name| {
        first
            .element_by_name(name)
            .unwrap()
            .to_int::<usize>()
            .unwrap()
    };
    let (height, width) = (count("Rows"), count("Columns"));
    let grid = Grid::new(
        Size::new([n, height, width]).unwrap(),
        Spacing::new([thickness, pixel[0], pixel[1]]).unwrap(),
        std::array::from_fn(|row| [columns[row], rows[row], stack[row]]),
        position(first),
    )
    .unwrap();
    let mut values = Vec::with_capacity(n * height * width);
    for slice in &slices {
        let pixels = slice.element_by_name("PixelData").unwrap();
        let pixels: Vec<u16> = pixels.to_multi_int().unwrap();
        values.extend(pixels.into_iter().map(f32::from));
    }
    Volume::new(
        Array3::from_shape_vec((n, height, width), values).unwrap(),
        grid,
    )
    .unwrap()
}

fn numbers(slice: &DefaultDicomObject, name: &str) -> Vec<f64> {
    slice
        .element_by_name(name)
        .unwrap()
        .to_multi_float64()
        .unwrap()
}

/// DICOM counts to the left and to the back; RAS+ counts to the right and to the front.
fn ras(lps: &[f64]) -> Point {
    [-lps[0], -lps[1], lps[2]]
}

fn position(slice: &DefaultDicomObject) -> Point {
    ras(&numbers(slice, "ImagePositionPatient"))
}

fn direction(slice: &DefaultDicomObject, from: usize) -> Point {
    ras(&numbers(slice, "ImageOrientationPatient")[from..from + 3])
}
