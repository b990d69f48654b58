//! Writes a report of made-up numbers and images: `cargo run --example report_sample -- out.html`.

use ndarray::Array3;
use sarx_core::{Grid, LabelMap, Size, Spacing, Volume};
use sarx_study::{
    CasePicture, CaseRank, CaseRow, Finding, Measure, ReportInput, Scores, TrainingCurve,
    case_at_rank, render,
};
use std::error::Error;

/// A number in [0, 1) that looks random and is always the same (a hash of two integers).
fn noise(a: usize, b: usize) -> f64 {
    let mut h = (a as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        ^ (b as u64).wrapping_mul(0xc2b2_ae3d_27d4_eb4f);
    h ^= h >> 29;
    h = h.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    h ^= h >> 32;
    (h >> 11) as f64 / (1u64 << 53) as f64
}

fn cases() -> Vec<CaseRow> {
    let sites = ["extremity", "extremity", "pelvis", "abdomen"];
    let histologies = [
        "leiomyosarcoma",
        "myxofibrosarcoma",
        "myxoid liposarcoma",
        "UPS",
        "myxoma",
    ];
    (0..46)
        .map(|i| {
            let missed = i == 17 || i == 38;
            let bad = noise(i, 1).powi(3);
            let dice = if missed {
                0.0
            } else {
                0.95 - 0.35 * bad - 0.03 * noise(i, 2)
            };
            let recall = if missed {
                0.0
            } else {
                (dice + 0.04 * noise(i, 3)).min(0.99)
            };
            let hd95 = if missed {
                f64::INFINITY
            } else {
                2.0 + 40.0 * bad + 3.0 * noise(i, 4)
            };
            let precision = if missed {
                0.0
            } else {
                dice * recall / (2.0 * recall - dice)
            };
            let finding = if missed {
                Finding::Missed
            } else {
                Finding::Overlap
            };
            let volume = 20.0 + 700.0 * noise(i, 6).powi(2);
            let scores = Scores::none(finding)
                .with(Measure::Dice, dice)
                .with(Measure::F2, 0.3 * dice + 0.7 * recall)
                .with(Measure::Precision, precision)
                .with(Measure::Recall, recall)
                .with(Measure::Hd95Mm, hd95)
                .with(Measure::Hd95PooledMm, 0.8 * hd95)
                .with(Measure::AssdMm, 0.3 * hd95)
                .with(Measure::AssdMasdMm, 0.32 * hd95)
                .with(Measure::Nsd2Mm, if missed { 0.0 } else { 0.9 - 0.5 * bad })
                .with(
                    Measure::NsdSlice,
                    if missed { 0.0 } else { 0.97 - 0.4 * bad },
                )
                .with(Measure::VolumeRefMl, volume)
                .with(
                    Measure::VolumePredMl,
                    if missed { 0.0 } else { volume * 1.04 },
                );
            CaseRow {
                case: format!("sts_{i:03}"),
                strata: vec![
                    ("site".to_owned(), sites[i % 4].to_owned()),
                    ("histology".to_owned(), histologies[(i * 3) % 5].to_owned()),
                ],
                scores,
            }
        })
        .collect()
}

/// A thigh-like ellipse with a bone and a bright lesion; the prediction is off by `error_mm`.
fn picture(heading: &str, row: &CaseRow, error_mm: f64) -> Result<CasePicture, Box<dyn Error>> {
    let (n_slices, n) = (24, 160);
    let grid = Grid::axis_aligned(
        Size::new([n_slices, n, n])?,
        Spacing::new([5.0, 1.25, 1.25])?,
    );
    let at = |z: usize, y: usize, x: usize| {
        [
            (z as f64 - 11.5) * 5.0,
            (y as f64 - 79.5) * 1.25,
            (x as f64 - 79.5) * 1.25,
        ]
    };
    let wobble = |[z, y, x]: [f64; 3]| 4.0 * (0.13 * y + 0.05 * z).sin() + 4.0 * (0.11 * x).cos();
    let lesion = |p: [f64; 3], off: f64| {
        let r = ((p[0] / 42.0).powi(2)
            + ((p[1] - 20.0 - off) / 26.0).powi(2)
            + ((p[2] + 22.0) / 33.0).powi(2))
        .sqrt();
        30.0 * (r - 1.0) + wobble(p) < off * 0.3
    };
    let image = Array3::from_shape_fn((n_slices, n, n), |(z, y, x)| {
        let p = at(z, y, x);
        let body = (p[1] / 78.0).powi(2) + (p[2] / 88.0).powi(2) < 1.0;
        let fat = (p[1] / 70.0).powi(2) + (p[2] / 80.0).powi(2) > 1.0;
        let bone = p[1].hypot(p[2] - 30.0) < 12.0;
        let base = match (body, lesion(p, 0.0), bone, fat) {
            (false, ..) => 10.0,
            (_, true, ..) => 420.0 + 60.0 * (0.2 * p[1]).sin() * (0.17 * p[2]).cos(),
            (_, _, true, _) => 60.0,
            (_, _, _, true) => 90.0,
            _ => 180.0 + 25.0 * (0.25 * p[2] + 0.1 * p[1]).sin(),
        };
        (base + 25.0 * (noise(z * n + y, x) - 0.5)) as f32
    });
    let labels = |off: Option<f64>| {
        Array3::from_shape_fn((n_slices, n, n), |(z, y, x)| {
            u16::from(off.is_some_and(|off| lesion(at(z, y, x), off)))
        })
    };
    Ok(CasePicture {
        heading: heading.to_owned(),
        case: row.case.clone(),
        image: Volume::new(image, grid)?,
        reference: LabelMap::new(labels(Some(0.0)), grid)?,
        prediction: LabelMap::new(labels((error_mm.is_finite()).then_some(error_mm)), grid)?,
    })
}

fn training_curve() -> TrainingCurve {
    let mut curve = TrainingCurve::default();
    for epoch in 0..200 {
        let t = 1.0 - (-(epoch as f64) / 35.0).exp();
        let dice = 0.9 * t + 0.04 * (noise(epoch, 9) - 0.5);
        let ema = curve
            .ema
            .last()
            .map_or(dice, |last| 0.9 * last + 0.1 * dice);
        curve.epoch.push(epoch);
        curve
            .train_loss
            .push(0.1 - 0.95 * t + 0.03 * noise(epoch, 7));
        curve
            .val_loss
            .push(0.12 - 0.88 * t + 0.05 * noise(epoch, 8));
        curve.pseudo_dice.push(dice);
        curve.ema.push(ema);
    }
    curve
}

fn main() -> Result<(), Box<dyn Error>> {
    let out = std::env::args()
        .nth(1)
        .ok_or("say where: report_sample OUT.html")?;
    let cases = cases();
    let ranks = [
        ("Best Dice", CaseRank::Best, 1.0),
        ("Median Dice", CaseRank::Median, 6.0),
        ("Worst Dice", CaseRank::Worst, f64::INFINITY),
    ];
    let mut pictures = Vec::new();
    for (heading, rank, error_mm) in ranks {
        let row = case_at_rank(&cases, rank).ok_or("no cases")?;
        pictures.push(picture(heading, row, error_mm)?);
    }
    let fact = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let input = ReportInput {
        title: "Sample report: made-up numbers and images".to_owned(),
        facts: vec![
            fact("cohort", "230 made-up cases, 46 held out for testing"),
            fact("plans", "nnUNetPlans, 3d_fullres, patch 32 x 192 x 192, batch 2"),
            fact("network", "plain U-Net, 6 stages, 31 million weights"),
            fact("epochs", "200 of 250 iterations"),
            fact("seed", "1234"),
            fact("device", "cpu, 16 threads"),
            fact("versions", "sarx 0.1.0"),
            fact("time: preprocessing", "3 min 12 s"),
            fact("time: training", "2 h 41 min"),
            fact("time: prediction", "38 s a case"),
        ],
        paragraphs: vec![
            "This page shows the layout of a report; every number and image in it is made up.".to_owned(),
            "The 46 test cases were set aside by patient before planning. No test case was seen in training, in planning, or in the choice of settings.".to_owned(),
        ],
        cases,
        by: vec!["site".to_owned(), "histology".to_owned()],
        training_curve: Some(training_curve()),
        pictures,
        warnings: vec!["1 reference case has no prediction and is not in the tables: \"sts_046\"".to_owned()],
    };
    std::fs::write(out, render(&input)?)?;
    Ok(())
}
