//! Measurements against the shape features that pyradiomics publishes for its own test case.
use sarx_metrics::measure::{
    Border, SlicePlane, longest_diameter, mask_of_label, mesh_plane_diameter, mesh_shape,
    principal_axes, slice_diameter, volume_ml,
};
use sarx_testkit::shared;

#[test]
fn a_brain_tumour_measures_what_pyradiomics_published() {
    let Some(folder) = shared("data/brain_tumour_nrrd") else {
        return;
    };
    let labels = sarx_io::read_labels(&folder.join("brain1_label.nrrd"))
        .unwrap()
        .labels;
    let mask = mask_of_label(&labels, 1);
    let csv = std::fs::read_to_string(folder.join("baseline_shape.csv")).unwrap();
    let published = |feature: &str| -> f64 {
        let name = format!("original_shape_{feature},");
        let line = csv.lines().find(|l| l.starts_with(&name)).unwrap();
        line.split(',').nth(1).unwrap().parse().unwrap()
    };
    let in_slices = |axis| {
        mesh_plane_diameter(&mask, SlicePlane::Array(axis))
            .unwrap()
            .length_mm
    };
    // Within the slices themselves, where pyradiomics has nothing; checked with NumPy.
    let recist = slice_diameter(&mask, SlicePlane::Acquisition, Border::FaceMiddles).unwrap();
    assert!((recist.longest.length_mm - 47.969_004_478_152_35).abs() < 1e-9);
    // SimpleITK 2.5, LabelShapeStatistics, Feret diameter: between voxel centres.
    let feret = longest_diameter(&mask, Border::Centres).unwrap().length_mm;
    assert!((feret - 65.536_614_587_286_22).abs() < 1e-9, "{feret}");
    // diagnostics_Mask-original_CenterOfMass, which is LPS+.
    let centre = principal_axes(&mask).unwrap().centre_mm;
    let published_lps = [
        46.473_044_325_598_45,
        16.518_518_098_863_908,
        15.529_610_829_103_234,
    ];
    for (found, expected) in [-centre[0], -centre[1], centre[2]]
        .iter()
        .zip(published_lps)
    {
        assert!((found - expected).abs() < 1e-4, "{found} {expected}");
    }
    let mesh = mesh_shape(&mask).unwrap();
    let [major, minor, least] = principal_axes(&mask).unwrap().lengths_mm;
    for (feature, found, by) in [
        ("VoxelVolume", volume_ml(&mask) * 1000.0, 1e-9),
        ("Maximum2DDiameterSlice", in_slices(0), 1e-9),
        ("Maximum2DDiameterColumn", in_slices(1), 1e-9),
        ("Maximum2DDiameterRow", in_slices(2), 1e-9),
        (
            "Maximum3DDiameter",
            longest_diameter(&mask, Border::FaceMiddles)
                .unwrap()
                .length_mm,
            1e-9,
        ),
        ("MajorAxisLength", major, 1e-9),
        ("MinorAxisLength", minor, 1e-9),
        ("LeastAxisLength", least, 1e-9),
        // Polygons of five or six corners are cut differently into triangles.
        ("MeshVolume", mesh.mesh_volume_ml * 1000.0, 1e-3),
        ("SurfaceArea", mesh.surface_area_mm2, 1e-3),
    ] {
        let published = published(feature);
        println!(
            "{feature}: {found} {published} {:.2e}",
            found / published - 1.0
        );
        assert!(
            (found / published - 1.0).abs() <= by,
            "{feature}: {found} {published}"
        );
    }
}
