use super::*;
use sarx_core::{Grid, Spacing};

fn grid(size: [usize; 3], spacing: [f64; 3]) -> Grid {
    Grid::axis_aligned(Size::new(size).unwrap(), Spacing::new(spacing).unwrap())
}

/// A bright block on dark; axis-aligned RAS, so the picture is flipped on both axes.
fn block(grid: Grid, lower: [usize; 3], upper: [usize; 3]) -> LabelMap {
    let mut map = LabelMap::filled(grid, 0);
    map.voxels_mut()
        .slice_mut(ndarray::s![
            lower[0]..upper[0],
            lower[1]..upper[1],
            lower[2]..upper[2]
        ])
        .fill(1);
    map
}

fn pixels(png: &[u8]) -> (usize, usize, Vec<u8>) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(png))
        .read_info()
        .unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut bytes).unwrap();
    (info.width as usize, info.height as usize, bytes)
}

#[test]
fn outlines_lie_on_the_edges_of_the_block_in_their_colours() {
    // 96 x 96 mm in a plane of 1 mm voxels: the picture has exactly 4 px per mm.
    let grid = grid([3, 96, 96], [5.0, 1.0, 1.0]);
    let reference = block(grid, [1, 24, 24], [2, 72, 72]);
    let prediction = LabelMap::filled(grid, 0);
    let image = reference.map(|&l| f32::from(l));
    let found = slice_pictures(&image, &reference, &prediction).unwrap();
    assert_eq!(
        found.panels.iter().map(|p| p.slice).collect::<Vec<_>>(),
        [0, 1, 2]
    );
    assert_eq!(found.panels[1].offset_mm, 0.0);
    assert_eq!(found.panels[0].offset_mm, -5.0);
    // Extent 48 mm with a margin of 20 % on each side: 67.2 mm of 96.
    assert!((found.field_mm[0] - 67.2).abs() < 1e-9);
    let (width, height, rgb) = pixels(&found.panels[1].outlined_png);
    assert_eq!(
        ([width, height], [width, height]),
        (found.size_px, [384, 384])
    );
    let at = |r: usize, c: usize| [0, 1, 2].map(|k| rgb[3 * (r * width + c) + k]);
    // The block's edge is 9.6 mm from the border of the field: px 54.86, between 54 and 55.
    assert_eq!(at(192, 54), REFERENCE_RGB);
    assert_eq!(at(54, 192), REFERENCE_RGB);
    assert_eq!(at(192, 192), [255; 3]);
    assert_eq!(at(192, 10), [0; 3]);
    // No outline on the slice without reference.
    let (_, _, plain) = pixels(&found.panels[0].outlined_png);
    assert!(plain.iter().all(|&v| v == 0));
}

#[test]
fn both_lines_show_where_they_coincide() {
    let grid = grid([1, 96, 96], [5.0, 1.0, 1.0]);
    let reference = block(grid, [0, 24, 24], [1, 72, 72]);
    let image = reference.map(|_| 0.0f32);
    let found = slice_pictures(&image, &reference, &reference).unwrap();
    assert_eq!(found.panels.len(), 1);
    let (width, _, rgb) = pixels(&found.panels[0].outlined_png);
    let row: Vec<[u8; 3]> = (48..62)
        .map(|c| [0, 1, 2].map(|k| rgb[3 * (192 * width + c) + k]))
        .collect();
    // The edge at px 54.36 (of pixel centres): orange in the middle, blue on both sides.
    let near =
        |pixel: [u8; 3], color: [u8; 3]| pixel.iter().zip(color).all(|(&p, c)| p.abs_diff(c) < 60);
    let orange: Vec<usize> = (0..row.len())
        .filter(|&i| near(row[i], PREDICTION_RGB))
        .collect();
    let blue: Vec<usize> = (0..row.len())
        .filter(|&i| near(row[i], REFERENCE_RGB))
        .collect();
    assert!(!orange.is_empty() && !blue.is_empty(), "{row:?}");
    assert!(
        blue.iter().any(|&b| b < orange[0]) || blue.iter().any(|&b| b > orange[0]),
        "{row:?}"
    );
}

#[test]
fn the_aspect_ratio_of_the_voxels_is_kept() {
    // Sagittal-like: 40 rows of 2 mm, 160 columns of 0.5 mm: 80 x 80 mm.
    let grid = grid([3, 40, 160], [6.0, 2.0, 0.5]);
    let empty = LabelMap::filled(grid, 0);
    let image = Volume::filled(grid, 1.0f32);
    let found = slice_pictures(&image, &empty, &empty).unwrap();
    assert_eq!((found.size_px, found.field_mm), ([384, 384], [80.0, 80.0]));
    assert_eq!(found.letters, ['R', 'L', 'A', 'P']);
    assert_eq!(found.panels[1].slice, 1);
    let flat = self::grid([3, 10, 160], [6.0, 2.0, 0.5]);
    let empty = LabelMap::filled(flat, 0);
    let found = slice_pictures(&Volume::filled(flat, 1.0f32), &empty, &empty).unwrap();
    assert_eq!(found.size_px, [384, 96]);
}

#[test]
fn the_largest_slice_stands_between_two_halfway_to_the_ends() {
    let grid = grid([20, 32, 32], [5.0, 1.0, 1.0]);
    let mut reference = block(grid, [4, 10, 10], [17, 14, 14]);
    reference
        .voxels_mut()
        .slice_mut(ndarray::s![8, 8..20, 8..20])
        .fill(1);
    let image = Volume::filled(grid, 1.0f32);
    let slices = |r: &LabelMap, p: &LabelMap| -> Vec<usize> {
        slice_pictures(&image, r, p)
            .unwrap()
            .panels
            .iter()
            .map(|p| p.slice)
            .collect()
    };
    let empty = LabelMap::filled(grid, 0);
    assert_eq!(slices(&reference, &empty), [6, 8, 12]);
    // A false alarm is shown at the prediction, emptiness in the middle.
    assert_eq!(slices(&empty, &block(grid, [0, 0, 0], [1, 2, 2])), [0, 1]);
    assert_eq!(slices(&empty, &empty), [9, 10, 11]);
}

#[test]
fn the_window_ignores_outliers_and_values_that_are_not_finite() {
    let grid = grid([1, 10, 100], [1.0; 3]);
    let mut image = Volume::filled(grid, 0.0f32);
    for (at, value) in image.voxels_mut().iter_mut().enumerate() {
        *value = at as f32;
    }
    image.voxels_mut()[[0, 9, 99]] = f32::INFINITY;
    assert_eq!(window(&image), (10.0, 988.0));
    image.voxels_mut().fill(f32::NAN);
    assert_eq!(window(&image), (0.0, 1.0));
}

#[test]
fn a_segmentation_of_another_size_is_refused() {
    let image = Volume::filled(grid([2, 3, 4], [1.0; 3]), 0.0f32);
    let good = LabelMap::filled(*image.grid(), 0);
    let bad = LabelMap::filled(grid([2, 3, 5], [1.0; 3]), 0);
    let error = slice_pictures(&image, &good, &bad).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the prediction has 2x3x5 voxels but the image has 2x3x4; both must lie on one grid"
    );
}
