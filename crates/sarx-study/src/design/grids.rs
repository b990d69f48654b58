//! References lie on the grid of their image: told from headers, before hours are spent.

use super::{Design, Patient};
use rayon::prelude::*;
use sarx_core::{Grid, GridMismatch};
use sarx_io::{Header, ReadError, read_header};
use sarx_plan::case_grid;
use std::path::{Path, PathBuf};

/// Corners may be this far apart, mm: header fields in 32-bit floats put them some hundredths apart. The
/// same as when cases are read.
const TOLERANCE_MM: f64 = 0.1;

/// Names of the array axes 0, 1, 2 in a file.
const AXES: [char; 3] = ['z', 'y', 'x'];
/// Names of the world axes: right, anterior, superior.
const WORLD: [char; 3] = ['R', 'A', 'S'];

/// An image or a reference that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cohort, line {line}: patient \"{patient}\", series \"{series}\": {kind}")]
pub struct GridFault {
    /// Line of the cohort, from 1.
    pub line: u64,
    /// The patient.
    pub patient: String,
    /// The series.
    pub series: String,
    /// What is wrong.
    pub kind: GridFaultKind,
}

/// What is wrong with an image or a reference, told from its header.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GridFaultKind {
    /// A header cannot be read.
    #[error("{0}")]
    Read(ReadError),
    /// Several channels in one file.
    #[error("the file has {found} channels; a series is one: {path:?}")]
    Channels {
        /// Channels of the file.
        found: usize,
        /// The file.
        path: PathBuf,
    },
    /// Another number of voxels.
    #[error(
        "the reference has {found} voxels along axis {axis}, but its image has {expected}: {path:?}"
    )]
    Size {
        /// `x`, `y` or `z` of the file; the first that differs, from z.
        axis: char,
        /// Voxels of the image.
        expected: usize,
        /// Voxels of the reference.
        found: usize,
        /// The reference.
        path: PathBuf,
    },
    /// Other voxel edges.
    #[error(
        "the reference has a spacing of {found_mm} mm along axis {axis}, but its image has {expected_mm} mm: {path:?}"
    )]
    Spacing {
        /// `x`, `y` or `z` of the file; the one that differs most.
        axis: char,
        /// Spacing of the image, mm.
        expected_mm: f64,
        /// Spacing of the reference, mm.
        found_mm: f64,
        /// The reference.
        path: PathBuf,
    },
    /// The first voxel elsewhere.
    #[error(
        "the reference begins at {found_mm:.3} mm along world axis {axis}, but its image at {expected_mm:.3} mm: {path:?}"
    )]
    Origin {
        /// World axis (RAS+): `R`, `A` or `S`; the one that differs most.
        axis: char,
        /// Origin of the image, mm.
        expected_mm: f64,
        /// Origin of the reference, mm.
        found_mm: f64,
        /// The reference.
        path: PathBuf,
    },
    /// An axis in another direction.
    #[error(
        "axis {axis} of the reference points to ({}) in right, anterior, superior, but that of its image to ({}): {path:?}",
        numbers(.found), numbers(.expected)
    )]
    Direction {
        /// `x`, `y` or `z` of the file; the one that differs most.
        axis: char,
        /// Unit vector of the image's axis, RAS+.
        expected: [f64; 3],
        /// Unit vector of the reference's axis, RAS+.
        found: [f64; 3],
        /// The reference.
        path: PathBuf,
    },
}

fn numbers(vector: &[f64; 3]) -> String {
    vector.map(|v| format!("{v:.4}")).join(", ")
}

impl Design {
    /// Reads the header of every image and reference: each is one channel, and every reference lies on the
    /// grid of its image. Faults are in the order of the patients and of their series.
    #[must_use]
    pub fn check_grids(&self) -> Vec<GridFault> {
        self.patients.par_iter().flat_map_iter(faults_of).collect()
    }
}

fn faults_of(patient: &Patient) -> Vec<GridFault> {
    let of_series = patient.series.iter().flat_map(|(series, files)| {
        let kinds = kinds(&files.image, files.label.as_deref());
        kinds.into_iter().map(|kind| GridFault {
            line: patient.line,
            patient: patient.id.to_string(),
            series: series.clone(),
            kind,
        })
    });
    of_series.collect()
}

/// What is wrong with an image and its reference; both headers are looked at in any case.
fn kinds(image: &Path, label: Option<&Path>) -> Vec<GridFaultKind> {
    let mut kinds = Vec::new();
    let mut header = |path: &Path| -> Option<Header> {
        match read_header(path) {
            Ok(header) if header.n_channels() == 1 => return Some(header),
            Ok(header) => kinds.push(GridFaultKind::Channels {
                found: header.n_channels(),
                path: path.to_owned(),
            }),
            Err(error) => kinds.push(GridFaultKind::Read(error)),
        }
        None
    };
    let expected = header(image);
    let found = label.and_then(&mut header);
    if let (Some(expected), Some(found), Some(label)) = (expected, found, label) {
        kinds.extend(mismatch(&case_grid(&expected), &case_grid(&found), label));
    }
    kinds
}

/// How the grid of a reference differs from that of its image, by axis.
fn mismatch(expected: &Grid, found: &Grid, label: &Path) -> Option<GridFaultKind> {
    let path = label.to_owned();
    let kind = match expected.require_same(found, TOLERANCE_MM).err()? {
        GridMismatch::Size { .. } => {
            let (expected, found) = (expected.size.zyx(), found.size.zyx());
            let at = (0..3).find(|&at| expected[at] != found[at])?;
            GridFaultKind::Size {
                axis: AXES[at],
                expected: expected[at],
                found: found[at],
                path,
            }
        }
        GridMismatch::Spacing { .. } => {
            let (expected, found) = (expected.spacing.zyx_mm(), found.spacing.zyx_mm());
            let at = largest(|at| (expected[at] - found[at]).abs() / expected[at]);
            GridFaultKind::Spacing {
                axis: AXES[at],
                expected_mm: expected[at],
                found_mm: found[at],
                path,
            }
        }
        // Positions, and whatever else may come to tell grids apart.
        _ => position(expected, found, path),
    };
    Some(kind)
}

/// Corners are apart: because of the origin if that alone is, else because of a direction.
fn position(expected: &Grid, found: &Grid, path: PathBuf) -> GridFaultKind {
    let (here, there) = (expected.origin_mm, found.origin_mm);
    let at = largest(|at| (here[at] - there[at]).abs());
    if (here[at] - there[at]).abs() > TOLERANCE_MM / 2.0 {
        return GridFaultKind::Origin {
            axis: WORLD[at],
            expected_mm: here[at],
            found_mm: there[at],
            path,
        };
    }
    // Columns of a direction are the file axes x, y, z, which are array axes 2, 1, 0.
    let column = |grid: &Grid, at: usize| [0, 1, 2].map(|row| grid.direction[row][2 - at]);
    let turned = |at: usize| -> f64 {
        let (a, b) = (column(expected, at), column(found, at));
        a.iter().zip(&b).map(|(a, b)| (a - b).powi(2)).sum()
    };
    let at = largest(turned);
    GridFaultKind::Direction {
        axis: AXES[at],
        expected: column(expected, at),
        found: column(found, at),
        path,
    }
}

/// The axis at which a measure is largest; of equal ones the first.
fn largest(measure: impl Fn(usize) -> f64) -> usize {
    (1..3).fold(0, |best, at| {
        if measure(at) > measure(best) {
            at
        } else {
            best
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use sarx_core::{Size, Spacing};

    fn grid() -> Grid {
        Grid::axis_aligned(
            Size::new([4, 5, 6]).unwrap(),
            Spacing::new([5.0, 1.0, 0.5]).unwrap(),
        )
    }

    fn told(found: Grid) -> String {
        let kind = mismatch(&grid(), &found, Path::new("l.nii.gz"));
        kind.map_or_else(String::new, |kind| kind.to_string())
    }

    #[test]
    fn a_mismatch_names_axis_expected_and_found() {
        assert_eq!(told(grid()), "");
        insta::assert_snapshot!(told(Grid { size: Size::new([4, 7, 8]).unwrap(), ..grid() }), @r#"the reference has 7 voxels along axis y, but its image has 5: "l.nii.gz""#);
        insta::assert_snapshot!(told(Grid { spacing: Spacing::new([5.5, 1.0, 0.7]).unwrap(), ..grid() }), @r#"the reference has a spacing of 0.7 mm along axis x, but its image has 0.5 mm: "l.nii.gz""#);
        insta::assert_snapshot!(told(Grid { origin_mm: [0.0, -3.25, 1.0], ..grid() }), @r#"the reference begins at -3.250 mm along world axis A, but its image at 0.000 mm: "l.nii.gz""#);
        let flipped = Grid {
            direction: [[-1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
            ..grid()
        };
        insta::assert_snapshot!(told(flipped), @r#"axis x of the reference points to (-1.0000, 0.0000, 0.0000) in right, anterior, superior, but that of its image to (1.0000, 0.0000, 0.0000): "l.nii.gz""#);
    }

    #[test]
    fn both_headers_are_looked_at_and_several_channels_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let image = folder.path().join("i.nrrd");
        let header = "NRRD0004\ntype: uchar\ndimension: 4\nspace: left-posterior-superior\nsizes: 2 2 2 2\n\
            kinds: vector domain domain domain\nspace directions: none (1,0,0) (0,1,0) (0,0,1)\n\
            space origin: (0,0,0)\nencoding: raw\n\n";
        let mut bytes = header.as_bytes().to_vec();
        bytes.extend([0; 16]);
        std::fs::write(&image, bytes).unwrap();
        let label = folder.path().join("l.nii.gz");
        std::fs::write(&label, "").unwrap();
        let kinds = kinds(&image, Some(&label));
        assert!(
            matches!(
                &kinds[..],
                [
                    GridFaultKind::Channels { found: 2, .. },
                    GridFaultKind::Read(_)
                ]
            ),
            "{kinds:?}"
        );
    }
}
