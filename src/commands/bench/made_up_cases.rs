//! A folder of references and predictions as a study of large images has them, the same on every machine.
//!
//! A tumour is an ellipsoid whose surface waves in a few random directions; its prediction is moved, stretched and
//! waves otherwise. Some references have a second lesion, some predictions an island, some predictions hold
//! nothing, and some are not there.

use crate::console::Console;
use anyhow::{Context, Result, bail};
use ndarray::Array3;
use rayon::prelude::*;
use sarx_core::{Grid, NumpyRandom, Progress, Size, Spacing, Volume};
use serde_json::{Value, json};
use std::path::Path;

/// The version of the rule by which cases are made.
const VERSION: u32 = 1;
/// Of so many cases one has a second lesion, an island, an empty prediction, none.
const ONE_SECOND_LESION_IN: u32 = 10;
const ONE_ISLAND_IN: u32 = 6;
const ONE_EMPTY_IN: usize = 60;
const ONE_MISSING_IN: usize = 75;
/// Waves of a surface and the height of all together, of the radius.
const N_WAVES: usize = 6;
const WAVE_HEIGHT: f64 = 0.18;

/// What the folder holds. Lengths in mm, axes `[z, y, x]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct MadeUpCases {
    pub(super) n_cases: usize,
    pub(super) size: [usize; 3],
    pub(super) spacing_mm: [f64; 3],
    /// Least and largest volume of a tumour; between them evenly in the logarithm.
    pub(super) volume_ml: [f64; 2],
}

/// An ellipsoid with a waving surface.
#[derive(Debug, Clone)]
struct Lump {
    centre_mm: [f64; 3],
    radii_mm: [f64; 3],
    waves: [Wave; N_WAVES],
}

/// Height of the surface along a direction: `height * sin(direction . unit vector + phase)`.
#[derive(Debug, Clone, Copy)]
struct Wave {
    direction: [f64; 3],
    phase: f64,
    height: f64,
}

impl MadeUpCases {
    /// The name of a case.
    pub(super) fn name(case: usize) -> String {
        format!("case_{case:04}")
    }

    /// Makes `references/` and `predictions/`, or checks that those that are there are of the same numbers. Whether
    /// they were there.
    pub(super) fn write_or_check(&self, folder: &Path, console: &Console) -> Result<bool> {
        let wanted = self.document();
        let record = folder.join("made_up.json");
        if record.exists() {
            let found: Value = serde_json::from_str(&std::fs::read_to_string(&record)?)
                .with_context(|| format!("cannot read: {:?}", record.display().to_string()))?;
            if found == wanted {
                return Ok(true);
            }
            bail!(
                "the folder holds other cases; name another, or say what it was made with: {:?}",
                record.display().to_string()
            );
        }
        for part in ["references", "predictions"] {
            let part = folder.join(part);
            std::fs::create_dir_all(&part).with_context(|| {
                format!("cannot make the folder: {:?}", part.display().to_string())
            })?;
        }
        console.begin("make up cases", self.n_cases as u64);
        (0..self.n_cases).into_par_iter().try_for_each(|case| {
            let written = self.write(case, folder);
            console.advance(1);
            written
        })?;
        console.finish();
        // Last, so that it means that the folder is whole.
        sarx_io::write_json(&record, &wanted)?;
        Ok(false)
    }

    fn document(&self) -> Value {
        json!({
            "version": VERSION,
            "cases": self.n_cases,
            "size": self.size,
            "spacing_mm": self.spacing_mm,
            "volume_ml": self.volume_ml,
        })
    }

    fn write(&self, case: usize, folder: &Path) -> Result<()> {
        let grid = Grid::axis_aligned(Size::new(self.size)?, Spacing::new(self.spacing_mm)?);
        let file = format!("{}.nii.gz", Self::name(case));
        let mut draw = Draw(NumpyRandom::new(u32::try_from(case)?));
        let tumour = self.tumour(&mut draw)?;
        let mut reference = Array3::zeros(self.size);
        self.add(&tumour, &mut reference);
        let mut prediction = Array3::zeros(self.size);
        self.add(&draw.prediction_of(&tumour), &mut prediction);
        if draw.one_in(ONE_SECOND_LESION_IN) {
            self.add(&draw.satellite_of(&tumour), &mut reference);
        }
        if draw.one_in(ONE_ISLAND_IN) {
            self.add(&draw.satellite_of(&tumour), &mut prediction);
        }
        let path = folder.join("references").join(&file);
        sarx_io::write_labels(&path, &Volume::new(reference, grid)?, None)?;
        if case % ONE_MISSING_IN == ONE_MISSING_IN - 1 {
            return Ok(());
        }
        if case % ONE_EMPTY_IN == ONE_EMPTY_IN - 1 {
            prediction.fill(0);
        }
        let path = folder.join("predictions").join(&file);
        Ok(sarx_io::write_labels(
            &path,
            &Volume::new(prediction, grid)?,
            None,
        )?)
    }

    /// A tumour somewhere in the image, wholly inside.
    fn tumour(&self, draw: &mut Draw) -> Result<Lump> {
        let [least, largest] = self.volume_ml.map(f64::ln);
        let volume_ml = draw.between(least, largest).exp();
        let mean_mm = (volume_ml * 1000.0 * 0.75 / std::f64::consts::PI).cbrt();
        let stretch = [(); 3].map(|()| draw.between(-0.25, 0.25));
        let middle = stretch.iter().sum::<f64>() / 3.0;
        let radii_mm = stretch.map(|stretch| mean_mm * (stretch - middle).exp());
        let mut centre_mm = [0.0; 3];
        for axis in 0..3 {
            let edge_mm = self.size[axis] as f64 * self.spacing_mm[axis];
            let reach_mm = radii_mm[axis] * (1.0 + WAVE_HEIGHT);
            if 2.0 * reach_mm > edge_mm {
                bail!(
                    "a tumour of {volume_ml:.0} ml does not fit into {edge_mm:.0} mm; ask for smaller ones"
                );
            }
            centre_mm[axis] = draw.between(reach_mm, edge_mm - reach_mm);
        }
        Ok(Lump {
            centre_mm,
            radii_mm,
            waves: draw.waves(),
        })
    }

    /// Sets the voxels of a lump to 1.
    fn add(&self, lump: &Lump, mask: &mut Array3<u16>) {
        let range = |axis: usize| {
            let reach_mm = lump.radii_mm[axis] * (1.0 + WAVE_HEIGHT);
            let voxel = |mm: f64| (mm / self.spacing_mm[axis]).max(0.0) as usize;
            let last = voxel(lump.centre_mm[axis] + reach_mm) + 1;
            voxel(lump.centre_mm[axis] - reach_mm)..last.min(self.size[axis])
        };
        for z in range(0) {
            for y in range(1) {
                for x in range(2) {
                    let at = [z, y, x];
                    let at_mm =
                        std::array::from_fn(|axis| (at[axis] as f64 + 0.5) * self.spacing_mm[axis]);
                    if lump.holds(at_mm) {
                        mask[at] = 1;
                    }
                }
            }
        }
    }
}

impl Lump {
    fn holds(&self, at_mm: [f64; 3]) -> bool {
        let scaled: [f64; 3] =
            std::array::from_fn(|axis| (at_mm[axis] - self.centre_mm[axis]) / self.radii_mm[axis]);
        let radius = scaled.iter().map(|part| part * part).sum::<f64>().sqrt();
        // Within the lowest valley and beyond the highest wave no direction matters.
        if radius <= 1.0 - WAVE_HEIGHT || radius >= 1.0 + WAVE_HEIGHT {
            return radius < 1.0;
        }
        let height = |wave: &Wave| {
            let along: f64 = (0..3)
                .map(|axis| wave.direction[axis] * scaled[axis] / radius)
                .sum();
            wave.height * (along + wave.phase).sin()
        };
        radius <= 1.0 + self.waves.iter().map(height).sum::<f64>()
    }
}

/// Random numbers of one case.
struct Draw(NumpyRandom);

impl Draw {
    /// Evenly between two numbers.
    fn between(&mut self, least: f64, most: f64) -> f64 {
        least + (most - least) * f64::from(self.0.next_u32()) / (f64::from(u32::MAX) + 1.0)
    }

    fn one_in(&mut self, n: u32) -> bool {
        self.0.next_u32().is_multiple_of(n)
    }

    /// Waves from coarse to fine whose heights sum to [`WAVE_HEIGHT`].
    fn waves(&mut self) -> [Wave; N_WAVES] {
        let total: f64 = (1..=N_WAVES).map(|n| 1.0 / n as f64).sum();
        std::array::from_fn(|at| {
            let n = (at + 1) as f64;
            Wave {
                direction: [(); 3].map(|()| self.between(-3.0 * n, 3.0 * n)),
                phase: self.between(0.0, std::f64::consts::TAU),
                height: WAVE_HEIGHT / n / total,
            }
        })
    }

    /// The same tumour a little elsewhere and a little otherwise: its fine waves are new.
    fn prediction_of(&mut self, tumour: &Lump) -> Lump {
        let mut waves = self.waves();
        waves[..2].copy_from_slice(&tumour.waves[..2]);
        Lump {
            centre_mm: tumour.centre_mm.map(|mm| mm + self.between(-4.0, 4.0)),
            radii_mm: tumour.radii_mm.map(|mm| mm * self.between(0.88, 1.12)),
            waves,
        }
    }

    /// A small lump beside the tumour.
    fn satellite_of(&mut self, tumour: &Lump) -> Lump {
        let side = if self.one_in(2) { 1.0 } else { -1.0 };
        let [z, y, x] = tumour.centre_mm;
        let away_mm = 1.5 * tumour.radii_mm[2] + self.between(10.0, 40.0);
        Lump {
            centre_mm: [z, y, x + side * away_mm],
            radii_mm: [self.between(6.0, 12.0); 3],
            waves: self.waves(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASES: MadeUpCases = MadeUpCases {
        n_cases: 8,
        size: [20, 60, 64],
        spacing_mm: [5.0, 2.0, 2.0],
        volume_ml: [20.0, 60.0],
    };

    #[test]
    fn tumours_have_their_volume_and_predictions_resemble_them() {
        for case in 0..8 {
            let mut draw = Draw(NumpyRandom::new(case));
            let tumour = CASES.tumour(&mut draw).unwrap();
            let prediction = draw.prediction_of(&tumour);
            let [tumour, prediction] = [tumour, prediction].map(|lump| {
                let mut mask = Array3::zeros(CASES.size);
                CASES.add(&lump, &mut mask);
                mask
            });
            let n = |mask: &Array3<u16>| f64::from(mask.iter().map(|&v| u32::from(v)).sum::<u32>());
            let ml = n(&tumour) * 0.02;
            assert!((15.0..80.0).contains(&ml), "{case}: {ml}");
            let dice = 2.0 * n(&(&tumour * &prediction)) / (n(&tumour) + n(&prediction));
            assert!((0.5..0.98).contains(&dice), "{case}: {dice}");
        }
        let large = MadeUpCases {
            volume_ml: [4000.0, 5000.0],
            ..CASES
        };
        assert!(large.tumour(&mut Draw(NumpyRandom::new(0))).is_err());
    }

    #[test]
    fn a_folder_is_made_once_and_only_of_its_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let console = Console::new(true);
        assert!(!CASES.write_or_check(folder.path(), &console).unwrap());
        assert!(CASES.write_or_check(folder.path(), &console).unwrap());
        let other = MadeUpCases {
            n_cases: 9,
            ..CASES
        };
        assert!(other.write_or_check(folder.path(), &console).is_err());
    }
}
