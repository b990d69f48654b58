//! What stands in the files.
#![expect(
    clippy::unwrap_used,
    reason = "a setup that fails is a test that fails"
)]

use sarx_core::{Grid, Size, Spacing, Volume};
use sarx_mesh::{MeshError, MeshSpec, Part, Space, Surface, surface_of, write_3mf, write_stl};
use std::io::Read;

fn cube() -> Surface {
    let grid = Grid {
        origin_mm: [10.0, 20.0, 30.0],
        ..Grid::axis_aligned(
            Size::new([4, 4, 4]).unwrap(),
            Spacing::new([2.0, 1.0, 1.0]).unwrap(),
        )
    };
    surface_of(&Volume::filled(grid, true), &MeshSpec::default()).unwrap()
}

#[test]
fn stl_holds_every_triangle_in_the_patient() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.stl");
    let surface = cube();
    for (space, note, sign) in [
        (Space::Lps, "SPACE=LPS", -1.0),
        (Space::Ras, "SPACE=RAS", 1.0),
    ] {
        write_stl(&path, &surface, space).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(bytes.len(), 84 + 50 * surface.triangles.len());
        assert!(std::str::from_utf8(&bytes[..80]).unwrap().contains(note));
        assert!(!bytes.starts_with(b"solid"));
        let n = u32::from_le_bytes(bytes[80..84].try_into().unwrap());
        assert_eq!(n as usize, surface.triangles.len());
        let number = |at: usize| f32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        let mut volume = 0.0;
        for (t, triangle) in surface.triangles.iter().enumerate() {
            let at = 84 + 50 * t;
            let p: [[f64; 3]; 4] = std::array::from_fn(|i| {
                std::array::from_fn(|a| f64::from(number(at + 12 * i + 4 * a)))
            });
            let v = surface.vertices_mm[triangle[0] as usize];
            for (found, expected) in p[1].iter().zip([sign * v[0], sign * v[1], v[2]]) {
                assert!((found - expected).abs() < 1e-5);
            }
            let [normal, a, b, c] = p;
            let cross = |u: [f64; 3], v: [f64; 3]| {
                [
                    u[1] * v[2] - u[2] * v[1],
                    u[2] * v[0] - u[0] * v[2],
                    u[0] * v[1] - u[1] * v[0],
                ]
            };
            let dot = |u: [f64; 3], v: [f64; 3]| u[0] * v[0] + u[1] * v[1] + u[2] * v[2];
            let side = |to: [f64; 3]| -> [f64; 3] { std::array::from_fn(|i| to[i] - a[i]) };
            assert!(
                dot(normal, cross(side(b), side(c))) > 0.0,
                "the normal points out"
            );
            volume += dot(a, cross(b, c)) / 6.0;
        }
        assert!((volume / 128.0 - 1.0).abs() < 1e-4, "{volume}");
    }
}

#[test]
fn three_mf_is_a_package_with_names_colours_and_every_triangle() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.3mf");
    let surface = cube();
    let part = |name| Part {
        name,
        rgba: [224, 64, 48, 255],
        surface: &surface,
    };
    write_3mf(
        &path,
        &[part("tumour <1> & \"tail\""), part("bone")],
        Space::Lps,
    )
    .unwrap();
    let mut archive = zip::ZipArchive::new(std::fs::File::open(&path).unwrap()).unwrap();
    let names: Vec<String> = archive.file_names().map(str::to_owned).collect();
    assert_eq!(
        names,
        ["[Content_Types].xml", "_rels/.rels", "3D/3dmodel.model"]
    );
    let mut model = String::new();
    archive
        .by_name("3D/3dmodel.model")
        .unwrap()
        .read_to_string(&mut model)
        .unwrap();
    assert!(model.contains(r#"unit="millimeter""#));
    assert!(model.contains(r#"name="tumour &lt;1&gt; &amp; &quot;tail&quot;""#));
    assert!(model.contains(r##"displaycolor="#E04030FF""##));
    assert_eq!(
        model.matches("<vertex ").count(),
        2 * surface.vertices_mm.len()
    );
    assert_eq!(
        model.matches("<triangle ").count(),
        2 * surface.triangles.len()
    );
    let first = std::fs::read(&path).unwrap();
    write_3mf(
        &path,
        &[part("tumour <1> & \"tail\""), part("bone")],
        Space::Lps,
    )
    .unwrap();
    assert_eq!(first, std::fs::read(&path).unwrap(), "the same bytes");
    assert!(matches!(
        write_3mf(&path, &[], Space::Lps),
        Err(MeshError::NoParts)
    ));
    let named = write_3mf(&path, &[part("a"), part("b\u{7}")], Space::Lps);
    assert!(matches!(named, Err(MeshError::Name { index: 1, .. })));
    let nowhere = write_stl(&folder.path().join("no/a.stl"), &surface, Space::Lps);
    assert!(matches!(nowhere, Err(MeshError::Write(_))));
}
