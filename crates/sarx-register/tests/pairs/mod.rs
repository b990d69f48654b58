//! Pairs of series with a known motion between them: what the recovery of motions is measured on.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    unreachable_pub,
    dead_code,
    reason = "test material for several programs; it reports by panicking"
)]

mod dicom;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sarx_core::{Grid, Silent, Volume};
use sarx_phantom::{CohortSpec, MatrixSize, Series, series_motion, write_cohort};
use sarx_register::{Rigid, TargetError};

/// Two series of one patient.
pub struct Pair {
    pub name: String,
    pub fixed: Volume<f32>,
    pub moving: Volume<f32>,
    /// Where a point of the fixed series is in the moving one, RAS+ mm.
    pub moving_from_fixed: Rigid,
    /// Whether that is known; else it is what the headers say, and the patient may have moved a little.
    pub is_exact: bool,
}

/// The pair after the patient moved once more before the moving series: only its header changes.
pub struct Moved {
    pub moving: Volume<f32>,
    pub fixed_from_moving: Rigid,
}

impl Pair {
    pub fn moved(&self, motion: &Rigid) -> Moved {
        let grid = motion.moved(self.moving.grid());
        Moved {
            moving: Volume::new(self.moving.voxels().clone(), grid).unwrap(),
            fixed_from_moving: motion.after(&self.moving_from_fixed).inverse(),
        }
    }

    /// How far a result is from the truth over the whole fixed grid.
    pub fn error(&self, moved: &Moved, found: &Rigid) -> TargetError {
        let truth = moved.fixed_from_moving.inverse();
        found.inverse().target_error(&truth, self.fixed.grid())
    }

    /// The same in voxels of the fixed grid, the median.
    pub fn error_voxels(&self, moved: &Moved, found: &Rigid) -> f64 {
        self.voxels_apart(&found.inverse(), &moved.fixed_from_moving.inverse())
    }

    /// How far a `moving_from_fixed` is from another: the median over the fixed grid of the distances in the fixed
    /// space, in voxels: each axis counts in its own edges.
    pub fn voxels_apart(&self, found: &Rigid, expected: &Rigid) -> f64 {
        let grid = self.fixed.grid();
        let last = grid.size.zyx().map(|n| (n - 1) as f64);
        let voxel_from_world = grid.affine().inverse().unwrap();
        let there_and_back = expected.inverse().after(found);
        let mut distances: Vec<f64> = (0..9usize.pow(3))
            .map(|k| {
                let index = [k / 81, k / 9 % 9, k % 9];
                let [z, y, x] = std::array::from_fn(|a| last[a] * index[a] as f64 / 8.0);
                let world = there_and_back.apply(grid.world_from_index([z, y, x]));
                let back = voxel_from_world.apply(world);
                let square = |(a, b): (&f64, f64)| (a - b).powi(2);
                back.iter().zip([x, y, z]).map(square).sum::<f64>().sqrt()
            })
            .collect();
        distances.sort_by(f64::total_cmp);
        distances[distances.len() / 2]
    }

    /// Smallest edge, geometric mean of the edges, and largest edge of the fixed voxels, mm.
    pub fn voxel_mm(&self) -> [f64; 3] {
        let [z, y, x] = self.fixed.grid().spacing.zyx_mm();
        [x.min(y).min(z), (x * y * z).cbrt(), x.max(y).max(z)]
    }

    /// Random turns of up to 10 degrees about the middle of the moving series and shifts of up to 15 mm; the
    /// last is exactly that large.
    pub fn motions(&self, n: usize, seed: u64) -> Vec<Rigid> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        (1..=n)
            .map(|k| {
                let (deg, mm): (f64, f64) =
                    (rng.random_range(2.0..10.0), rng.random_range(3.0..15.0));
                let (deg, mm) = if k == n { (10.0, 15.0) } else { (deg, mm) };
                let turn = direction(&mut rng).map(|v| v * deg.to_radians());
                let shift = direction(&mut rng).map(|v| v * mm);
                Rigid::about(middle(self.moving.grid()), turn, shift).unwrap()
            })
            .collect()
    }
}

pub fn middle(grid: &Grid) -> [f64; 3] {
    grid.world_from_index(grid.size.zyx().map(|n| 0.5 * (n - 1) as f64))
}

/// Uniform on the sphere.
fn direction(rng: &mut ChaCha8Rng) -> [f64; 3] {
    loop {
        let v = [(); 3].map(|()| rng.random_range(-1.0f64..1.0));
        let length = v.iter().map(|v| v * v).sum::<f64>().sqrt();
        if length > 0.1 && length <= 1.0 {
            return v.map(|v| v / length);
        }
    }
}

/// Pairs of series of phantom patients, whose small motions between series are known.
pub fn phantom(matrix: MatrixSize, n_patients: usize, pairs: &[(Series, Series)]) -> Vec<Pair> {
    let spec = CohortSpec {
        n_patients,
        seed: 20,
        matrix,
        held_out: 0,
        series: Series::ALL.to_vec(),
    };
    let folder = tempfile::tempdir().unwrap();
    let summary = write_cohort(folder.path(), &spec, &Silent).unwrap();
    let image = |series: Series, patient: usize| {
        let (_, dataset) = summary.datasets.iter().find(|(s, _)| *s == series).unwrap();
        let path = dataset.join(format!("imagesTr/sts_{patient:03}_0000.nii.gz"));
        sarx_io::read_image(&path).unwrap().volume
    };
    let scene = |series, patient| {
        Rigid::from_affine(&series_motion(&spec, patient, series).unwrap()).unwrap()
    };
    let mut found = Vec::new();
    for patient in 0..n_patients {
        for &(fixed, moving) in pairs {
            found.push(Pair {
                name: format!("phantom {patient}, {fixed} and {moving}"),
                fixed: image(fixed, patient),
                moving: image(moving, patient),
                moving_from_fixed: scene(moving, patient)
                    .inverse()
                    .after(&scene(fixed, patient)),
                is_exact: true,
            });
        }
    }
    found
}

/// T1 and T2 of a neck; how the patient moved between them is not known.
pub fn neck() -> Option<Pair> {
    let folder = sarx_testkit::shared("data/neck_multicontrast")?;
    let image = |name| sarx_io::read_image(&folder.join(name)).unwrap().volume;
    Some(Pair {
        name: "neck, T1 and T2".to_owned(),
        fixed: image("t1w.nii.gz"),
        moving: image("t2.nii.gz"),
        moving_from_fixed: Rigid::identity(),
        is_exact: false,
    })
}

/// The first and the last echo of one acquisition of a knee.
pub fn knee() -> Option<Pair> {
    let folder = sarx_testkit::shared("data/knee_sagittal_dicom")?;
    Some(Pair {
        name: "knee, echoes 1 and 7".to_owned(),
        fixed: dicom::series(&folder.join("echo1")),
        moving: dicom::series(&folder.join("echo7")),
        moving_from_fixed: Rigid::identity(),
        is_exact: true,
    })
}
