//! One patient's visit: a scene, a scanner, and the series taken of it.

use crate::histology::Histology;
use crate::patient::Patient;
use crate::prescription::prescribe;
use crate::render::{Acquisition, render};
use crate::scanner::Scanner;
use crate::scene::{Scene, Survey};
use crate::seeding::{Stream, stream};
use crate::shapes::{Point, rotation};
use crate::tissue::Palette;
use crate::{MatrixSize, Sequence, Series};
use rand::RngExt;
use sarx_core::{Affine, Grid, GridError, LabelMap, Volume};

/// A patient on the table.
#[derive(Debug, Clone)]
pub(crate) struct Examination {
    seed: u64,
    index: usize,
    pub(crate) patient: Patient,
    pub(crate) scanner: Scanner,
    pub(crate) survey: Survey,
    scene: Scene,
    /// Obliquity of all slices, degrees about x, y, z.
    tilt: Point,
    /// T1 and T2.
    palettes: [Palette; 2],
}

impl Examination {
    /// Draws patient `index` of the cohort of `seed` and all that the series share.
    pub(crate) fn draw(seed: u64, index: usize, histology: Histology) -> Self {
        let patient = Patient::draw(seed, index, histology);
        let scene = Scene::draw(seed, index, &patient);
        let mut rng = stream(seed, index, Stream::Palette, 0);
        let palettes = [Sequence::T1, Sequence::T2].map(|s| Palette::draw(s, &mut rng));
        let scanner = Scanner::draw(&mut rng);
        // Half of the examinations are angled to the limb or the pelvis.
        let oblique = rng.random_bool(0.5);
        let tilt = if oblique {
            [(); 3].map(|()| rng.random_range(-4.0..4.0))
        } else {
            [0.0; 3]
        };
        let survey = scene.survey();
        Self {
            seed,
            index,
            patient,
            scanner,
            survey,
            scene,
            tilt,
            palettes,
        }
    }

    /// Takes one series: the image as stored, and the tumour on the same grid.
    ///
    /// # Errors
    ///
    /// [`GridError`] if the prescription makes no grid.
    pub(crate) fn take(
        &self,
        series: Series,
        matrix: MatrixSize,
    ) -> Result<(Volume<f32>, LabelMap), GridError> {
        let (grid, acquisition) = self.plan(series, matrix)?;
        let palette = match series.sequence() {
            Sequence::T1 => &self.palettes[0],
            Sequence::T2 => &self.palettes[1],
        };
        Ok(render(&self.scene, &grid, &acquisition, palette))
    }

    /// Where the patient lay during one series: `scene_from_world`, RAS+ mm; a turn and a shift.
    ///
    /// # Errors
    ///
    /// [`GridError`] if the prescription makes no grid.
    pub(crate) fn motion(&self, series: Series, matrix: MatrixSize) -> Result<Affine, GridError> {
        let (_, acquisition) = self.plan(series, matrix)?;
        let centre = self.scene.tumour_centre();
        let place = |p: Point| acquisition.moved(centre, p);
        let offset = place([0.0; 3]);
        Ok(Affine(std::array::from_fn(|row| {
            let [a, b, c] = acquisition.turn[row];
            [a, b, c, offset[row]]
        })))
    }

    /// Draws the grid of a series and what its acquisition is like.
    fn plan(&self, series: Series, matrix: MatrixSize) -> Result<(Grid, Acquisition), GridError> {
        let part = series as usize;
        let mut rng = stream(self.seed, self.index, Stream::Scan, part);
        let grid = prescribe(
            series,
            matrix,
            (&self.scanner, &self.survey, self.tilt),
            &mut rng,
        )?;
        let acquisition = Acquisition {
            seed: self.seed,
            patient: self.index,
            series,
            background: self.scanner.background,
            gain: self.scanner.gain(series.sequence()) * rng.random_range(0.85..1.2),
            noise: self.scanner.noise(series.sequence(), &mut rng),
            shading: self.scanner.shading * rng.random_range(0.7..1.2),
            coil: [(); 3].map(|()| rng.random_range(-1.0..1.0)),
            fat_failure: if rng.random_bool(self.scanner.failing_fat) {
                rng.random_range(1.2..3.2)
            } else {
                rng.random_range(0.1..0.4)
            },
            field_shift: [(); 3].map(|()| rng.random_range(-400.0..400.0)),
            turn: rotation([(); 3].map(|()| rng.random_range(-1.2..1.2))),
            shift: [(); 3].map(|()| rng.random_range(-2.2..2.2)),
        };
        Ok((grid, acquisition))
    }
}
