//! A whole study of made-up scores: `cargo run -p sarx-study --example made_up_study -- OUT`.
//!
//! Writes `OUT/scores.csv`, reads it back, and makes the tables, the policy and the report from it.
//! `--patients N` and `--models M` (2 to 7) set the size; 60 patients and 4 models if not given. The numbers are
//! invented by a fixed rule and mean nothing.

use ndarray::Array3;
use sarx_core::{Grid, LabelMap, Size, Spacing, Volume};
use sarx_study::assemble::Alignment;
use sarx_study::design::{AlignmentMethod, ModelKind};
use sarx_study::policy::{
    DEFAULT_SHRINKAGE_PATIENTS, PolicyModel, PolicyNetwork, PolicySpec, PolicyStratum,
    evaluate_policy, learn_policy,
};
use sarx_study::results::scores::{
    LesionCounts, Outcome, ScoreGrid, ScoreRow, ScoreTable, StudySet,
};
use sarx_study::results::tables::{ModelFacts, StudyFacts, study_tables};
use sarx_study::results::write::write_tables;
use sarx_study::study_page::{
    AlignmentCounts, GalleryCase, MethodsFacts, ModelCurve, StudyPageInput, gallery_cases,
    render_study,
};
use sarx_study::{Finding, Measure, Scores, SlicePictures, TrainingCurve, slice_pictures};
use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

type Fault = Box<dyn Error>;

type MadeUpModel = (
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
    [f64; 2],
);

/// Name, title, kind, series, and how much worse it is than the best, outside and in the pelvis.
const MODELS: [MadeUpModel; 7] = [
    ("t1_axial", "T1 axial", "single", &["t1_axial"], [0.0, 0.65]),
    ("t2_axial", "T2 axial", "single", &["t2_axial"], [0.45, 0.0]),
    (
        "t1_t2",
        "T1 + T2 axial",
        "channels",
        &["t1_axial", "t2_axial"],
        [0.10, 0.35],
    ),
    (
        "planes_late",
        "T1 axial + sagittal, late",
        "late",
        &["t1_axial", "t1_sagittal"],
        [0.05, 0.6],
    ),
    (
        "t1_sagittal",
        "T1 sagittal",
        "single",
        &["t1_sagittal"],
        [0.15, 0.7],
    ),
    (
        "planes_pooled",
        "T1 planes pooled",
        "pooled",
        &["t1_axial", "t1_sagittal"],
        [0.20, 0.7],
    ),
    (
        "planes_early",
        "T1 axial + sagittal, early",
        "early",
        &["t1_axial", "t1_sagittal"],
        [0.25, 0.7],
    ),
];

/// Site, stratum and how many of ten patients have it.
const SITES: [(&str, &str, usize); 5] = [
    ("thigh", "extremity", 4),
    ("calf", "extremity", 2),
    ("upper arm", "extremity", 1),
    ("pelvis", "pelvis", 2),
    ("abdominal wall", "trunk", 1),
];

const HISTOLOGIES: [&str; 5] = [
    "UPS",
    "leiomyosarcoma",
    "myxoid liposarcoma",
    "myxofibrosarcoma",
    "myxoma",
];

/// A number in [0, 1) that looks random and is always the same (a hash of two integers).
fn noise(a: usize, b: usize) -> f64 {
    let mut h = (a as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        ^ (b as u64).wrapping_mul(0xc2b2_ae3d_27d4_eb4f);
    for _ in 0..2 {
        h ^= h >> 29;
        h = h.wrapping_mul(0xbf58_476d_1ce4_e5b9);
        h ^= h >> 32;
    }
    (h >> 11) as f64 / (1u64 << 53) as f64
}

/// About normal, mean 0 and deviation 1: the sum of twelve uniform numbers less six.
fn normal(a: usize, b: usize) -> f64 {
    (0..12).map(|i| noise(a, 1000 * b + i)).sum::<f64>() - 6.0
}

struct Size2 {
    patients: usize,
    models: usize,
}

fn rows(size: &Size2) -> Vec<ScoreRow> {
    let mut rows = Vec::new();
    for patient in 0..size.patients {
        let has = |series: &&str| match *series {
            "t1_axial" => noise(patient, 1) < 0.97,
            "t2_axial" => noise(patient, 2) < 0.92,
            _ => noise(patient, 3) < 0.80,
        };
        for (at, (name, _, kind, series, _)) in MODELS[..size.models].iter().enumerate() {
            let usable = if *kind == "pooled" {
                series.iter().any(&has)
            } else {
                series.iter().all(&has)
            };
            if !usable {
                continue;
            }
            rows.push(row(patient, at, ScoreGrid::Common, None));
            if *kind == "pooled" {
                let own = series.iter().filter(|s| has(s));
                rows.extend(own.map(|s| row(patient, at, ScoreGrid::Native, Some(s))));
            } else if *kind != "late" {
                rows.push(row(patient, at, ScoreGrid::Native, None));
            }
            debug_assert!(!name.is_empty());
        }
    }
    rows
}

fn row(patient: usize, model: usize, grid: ScoreGrid, series: Option<&str>) -> ScoreRow {
    let (name, ..) = MODELS[model];
    let of_ten = patient * 7 % 10;
    let mut seen = 0;
    let (site, stratum, _) = SITES
        .into_iter()
        .find(|(_, _, n)| {
            seen += n;
            of_ten < seen
        })
        .unwrap_or(SITES[0]);
    let histology = HISTOLOGIES[(noise(patient, 4) * 5.0) as usize % 5];
    let is_external = noise(patient, 5) < 0.2;
    let id = format!("sts_{patient:03}");
    ScoreRow {
        model: name.to_owned(),
        case: series.map_or_else(|| id.clone(), |series| format!("{id}__{series}")),
        patient: id,
        set: if is_external {
            StudySet::External
        } else {
            StudySet::CrossValidation
        },
        fold: (!is_external).then_some((noise(patient, 6) * 5.0) as usize),
        grid,
        site: site.to_owned(),
        stratum: stratum.to_owned(),
        histology: histology.to_owned(),
        benign: histology == "myxoma",
        outcome: outcome(patient, model, grid, stratum == "pelvis"),
    }
}

fn outcome(patient: usize, model: usize, grid: ScoreGrid, in_pelvis: bool) -> Outcome {
    if noise(patient, 100 + model) < 0.006 {
        return Outcome::Failed;
    }
    let seed = 200 + 10 * model + usize::from(grid == ScoreGrid::Native);
    let worse = MODELS[model].4[usize::from(in_pelvis)];
    let difficulty = 0.55 * normal(patient, 7) + 0.25 * normal(patient, seed);
    let dice = (1.0 - 0.105 * (worse + difficulty).exp()).clamp(0.12, 0.985);
    let volume_ml = (4.6 + 1.2 * normal(patient, 8)).exp().clamp(1.5, 4000.0);
    let missed = volume_ml < 60.0 && noise(patient, seed + 500) < 0.05 + 0.1 * worse;
    let n_lesions = 1 + usize::from(noise(patient, 9) < 0.1);
    let scores = if missed {
        missed_scores(volume_ml)
    } else {
        scores(patient, seed, dice, volume_ml)
    };
    let extra = usize::from(!missed && noise(patient, seed + 600) < 0.12);
    let found = if missed {
        0
    } else {
        n_lesions - usize::from(n_lesions > 1 && noise(patient, seed + 700) < 0.3)
    };
    Outcome::Scored {
        scores,
        lesions: Some(LesionCounts {
            reference: n_lesions,
            found,
            predicted: found + extra,
            false_alarms: extra,
        }),
    }
}

fn missed_scores(volume_ml: f64) -> Scores {
    let zero = [
        Measure::Dice,
        Measure::F2,
        Measure::Precision,
        Measure::Recall,
        Measure::Nsd2Mm,
        Measure::NsdSlice,
        Measure::VolumePredMl,
    ];
    let infinite = [
        Measure::Hd95Mm,
        Measure::Hd95PooledMm,
        Measure::AssdMm,
        Measure::AssdMasdMm,
    ];
    let none = Scores::none(Finding::Missed).with(Measure::VolumeRefMl, volume_ml);
    let zeros = zero.into_iter().fold(none, |s, m| s.with(m, 0.0));
    infinite
        .into_iter()
        .fold(zeros, |s, m| s.with(m, f64::INFINITY))
}

fn scores(patient: usize, seed: usize, dice: f64, volume_ml: f64) -> Scores {
    let lean = 0.5 * (1.0 - dice) * normal(patient, seed + 1);
    // Below this recall no precision gives the Dice.
    let least = dice / (2.0 - dice) + 0.005;
    let recall = (dice + lean.clamp(-0.8 * (1.0 - dice), 0.8 * (1.0 - dice))).clamp(least, 0.995);
    let precision = (dice * recall / (2.0 * recall - dice)).clamp(0.01, 1.0);
    let radius_mm = (volume_ml * 1000.0 / 4.19).cbrt();
    let hd95_mm = 0.8 + radius_mm * (1.0 - dice) * (1.2 + 0.8 * noise(patient, seed + 2));
    let assd_mm = 0.25 * hd95_mm + 0.3;
    let nsd = (1.08 - 0.16 * assd_mm).clamp(0.05, 0.995);
    Scores::none(Finding::Overlap)
        .with(Measure::Dice, dice)
        .with(
            Measure::F2,
            5.0 * precision * recall / (4.0 * precision + recall),
        )
        .with(Measure::Precision, precision)
        .with(Measure::Recall, recall)
        .with(Measure::Hd95Mm, hd95_mm)
        .with(Measure::Hd95PooledMm, 0.85 * hd95_mm)
        .with(Measure::AssdMm, assd_mm)
        .with(Measure::AssdMasdMm, 1.04 * assd_mm)
        .with(Measure::Nsd2Mm, nsd)
        .with(Measure::NsdSlice, (nsd + 0.08).min(1.0))
        .with(Measure::VolumeRefMl, volume_ml)
        .with(Measure::VolumePredMl, volume_ml * recall / precision)
}

/// A thigh-like ellipse with a bone and a bright lesion; the prediction is moved by `error_mm`, or empty.
fn pictures(seed: usize, error_mm: Option<f64>) -> Result<SlicePictures, Fault> {
    let (n_slices, n) = (16, 128);
    let grid = Grid::axis_aligned(Size::new([n_slices, n, n])?, Spacing::new([5.0, 1.5, 1.5])?);
    let at = |z: usize, y: usize, x: usize| {
        [
            (z as f64 - 7.5) * 5.0,
            (y as f64 - 63.5) * 1.5,
            (x as f64 - 63.5) * 1.5,
        ]
    };
    let place = 12.0 * (noise(seed, 31) - 0.5);
    let lesion = |p: [f64; 3], off: f64| {
        let wobble = 4.0 * (0.13 * p[1] + 0.05 * p[0]).sin() + 4.0 * (0.11 * p[2]).cos();
        let r = ((p[0] / 32.0).powi(2)
            + ((p[1] - 18.0 - off - place) / 24.0).powi(2)
            + ((p[2] + 22.0 + place) / 31.0).powi(2))
        .sqrt();
        30.0 * (r - 1.0) + wobble < 0.3 * off
    };
    let image = Array3::from_shape_fn((n_slices, n, n), |(z, y, x)| {
        let p = at(z, y, x);
        let body = (p[1] / 78.0).powi(2) + (p[2] / 88.0).powi(2);
        let bone = p[1].hypot(p[2] - 30.0) < 12.0;
        let base = match (body < 1.0, lesion(p, 0.0), bone, body > 0.82) {
            (false, ..) => 10.0,
            (_, true, ..) => 400.0 + 60.0 * (0.2 * p[1]).sin() * (0.17 * p[2]).cos(),
            (_, _, true, _) => 60.0,
            (_, _, _, true) => 90.0,
            _ => 190.0,
        };
        (base + 30.0 * (noise(seed, (z * n + y) * n + x) - 0.5)) as f32
    });
    let image = Volume::new(image, grid)?;
    let mask = |off: Option<f64>| -> Result<LabelMap, Fault> {
        let voxels = Array3::from_shape_fn((n_slices, n, n), |(z, y, x)| {
            u8::from(off.is_some_and(|off| lesion(at(z, y, x), off))).into()
        });
        Ok(LabelMap::new(voxels, grid)?)
    };
    Ok(slice_pictures(&image, &mask(Some(0.0))?, &mask(error_mm)?)?)
}

fn gallery(scores: &ScoreTable) -> Result<Vec<GalleryCase>, Fault> {
    let mut gallery = Vec::new();
    for model in ["t1_axial", "t2_axial"] {
        let set = StudySet::CrossValidation;
        for (kind, row) in gallery_cases(scores, model, set, ScoreGrid::Common, 1) {
            let dice = row.score(Measure::Dice);
            let error_mm = (row.finding() == Some(Finding::Overlap)).then_some(45.0 * (1.0 - dice));
            let seed: usize = row.patient.trim_start_matches("sts_").parse()?;
            gallery.push(GalleryCase {
                kind,
                model: model.to_owned(),
                case: row.case.clone(),
                grid: ScoreGrid::Common,
                pictures: pictures(seed, error_mm)?,
            });
        }
    }
    Ok(gallery)
}

fn curve(model: usize, fold: usize) -> ModelCurve {
    let epochs = 200;
    let seed = 900 + 10 * model + fold;
    let progress = |epoch: usize| 1.0 - (-(epoch as f64) / 45.0).exp();
    let loss =
        |epoch: usize, low: f64| 0.1 - low * progress(epoch) + 0.05 * (noise(epoch, seed) - 0.5);
    let dice = |epoch: usize| 0.86 * progress(epoch) + 0.06 * (noise(epoch, seed + 3) - 0.5);
    let mut ema = 0.0;
    ModelCurve {
        model: MODELS[model].0.to_owned(),
        fold,
        curve: TrainingCurve {
            epoch: (0..epochs).collect(),
            train_loss: (0..epochs).map(|e| loss(e, 0.95)).collect(),
            val_loss: (0..epochs)
                .map(|e| loss(e, 0.82) + 0.06 * (noise(e, seed + 5) - 0.5))
                .collect(),
            pseudo_dice: (0..epochs).map(|e| dice(e).max(0.0)).collect(),
            ema: (0..epochs)
                .map(|e| {
                    ema = 0.9 * ema + 0.1 * dice(e).max(0.0);
                    ema
                })
                .collect(),
        },
    }
}

fn facts(size: &Size2) -> StudyFacts {
    StudyFacts {
        name: "Sequences and planes for soft-tissue sarcoma (made-up numbers)".to_owned(),
        models: MODELS[..size.models]
            .iter()
            .map(|(name, title, kind, series, _)| ModelFacts {
                name: (*name).to_owned(),
                title: (*title).to_owned(),
                kind: (*kind).to_owned(),
                series: series.iter().map(|s| (*s).to_owned()).collect(),
            })
            .collect(),
        strata: ["extremity", "pelvis", "trunk"].map(str::to_owned).into(),
        benign_histologies: vec!["myxoma".to_owned()],
        bootstrap_seed: 12345,
        bootstrap_draws: 2000,
        few_cases: 10,
    }
}

fn methods() -> MethodsFacts {
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    MethodsFacts {
        versions: vec![pair("sarx", env!("CARGO_PKG_VERSION"))],
        machine: vec![pair("device", "none, these numbers are made up")],
        seeds: vec![("split".to_owned(), 12345), ("training".to_owned(), 7)],
        preset: "plain".to_owned(),
        configuration: "3d_fullres".to_owned(),
        epochs: 200,
        iterations_per_epoch: 250,
        folds: 5,
        folds_trained: Vec::new(),
        initial_weights: Some("random".to_owned()),
        checkpoint: Some("final".to_owned()),
        external_rule: Some("column set is test".to_owned()),
        alignment: "auto".to_owned(),
        aligned: Some(AlignmentCounts {
            by_header: 131,
            registered: 22,
            failed: 1,
        }),
        common_grid: ["t1_axial", "t1_sagittal", "t2_axial"]
            .map(str::to_owned)
            .into(),
        excluded: vec![(3, "no series with a segmentation".to_owned())],
    }
}

/// A model as its study would have made it; a late fusion of one network per series.
fn policy_model(facts: &ModelFacts) -> PolicyModel {
    let kinds = [
        ModelKind::Single,
        ModelKind::Channels,
        ModelKind::Early,
        ModelKind::Pooled,
        ModelKind::Late,
    ];
    let kind = kinds.into_iter().find(|kind| kind.name() == facts.kind);
    let kind = kind.unwrap_or(ModelKind::Channels);
    let network = |name: &str, series: &[String]| PolicyNetwork {
        name: name.to_owned(),
        series: series.to_vec(),
        folder: format!("models/{name}/model"),
        configuration: "3d_fullres".to_owned(),
        plans_hash: None,
        folds: (0..5).collect(),
        weight: 1.0,
    };
    let members = facts.series.iter();
    let networks = match kind {
        ModelKind::Late => members
            .map(|series| network(series, std::slice::from_ref(series)))
            .collect(),
        _ => vec![network(&facts.name, &facts.series)],
    };
    PolicyModel {
        name: facts.name.clone(),
        kind,
        series: facts.series.clone(),
        networks,
    }
}

fn policy_spec(facts: &StudyFacts) -> PolicySpec {
    let strata = facts.strata.iter().map(|stratum| {
        let own = SITES.iter().filter(|(_, of, _)| of == stratum);
        PolicyStratum {
            name: stratum.clone(),
            sites: own.map(|(site, ..)| (*site).to_owned()).collect(),
        }
    });
    PolicySpec {
        models: facts.models.iter().map(policy_model).collect(),
        strata: strata.collect(),
        alignment: Alignment {
            method: AlignmentMethod::Auto,
            seed: 12345,
        },
        shrinkage_patients: DEFAULT_SHRINKAGE_PATIENTS,
    }
}

fn main() -> Result<(), Fault> {
    let mut arguments = std::env::args().skip(1);
    let mut size = Size2 {
        patients: 60,
        models: 4,
    };
    let mut out = None;
    while let Some(argument) = arguments.next() {
        let mut number = || -> Result<usize, Fault> {
            Ok(arguments.next().ok_or("a number is missing")?.parse()?)
        };
        match argument.as_str() {
            "--patients" => size.patients = number()?,
            "--models" => size.models = number()?.clamp(2, MODELS.len()),
            folder => out = Some(PathBuf::from(folder)),
        }
    }
    let out = out.ok_or("say where to write: made_up_study OUT [--patients N] [--models M]")?;
    std::fs::create_dir_all(&out)?;
    ScoreTable::new(rows(&size))?.write(&out.join("scores.csv"))?;

    let mut stdout = std::io::stdout();
    let start = Instant::now();
    let mut tell = |what: &str| writeln!(stdout, "{:7.2} s  {what}", start.elapsed().as_secs_f64());
    let scores = ScoreTable::read(&out.join("scores.csv"))?;
    tell(&format!("{} rows read", scores.rows().len()))?;
    let facts = facts(&size);
    let tables = study_tables(&scores, &facts)?;
    tell("tables computed")?;
    let n_files = write_tables(&tables, &out.join("tables"))?.len();
    tell(&format!("{n_files} files of tables written"))?;
    let spec = policy_spec(&facts);
    let policy = learn_policy(&scores, &spec)?;
    policy.write(&out.join("policy.json"))?;
    let tested = evaluate_policy(&scores, &spec, facts.bootstrap_seed)?;
    tell("policy made and tested")?;
    let gallery = gallery(&scores)?;
    tell("pictures drawn")?;
    let curves: Vec<ModelCurve> = (0..size.models).map(|model| curve(model, 0)).collect();
    let page = render_study(&StudyPageInput {
        tables: &tables,
        scores: &scores,
        policy: Some((&policy, &tested)),
        methods: &methods(),
        curves: &curves,
        gallery: &gallery,
        warnings: &["All numbers and pictures of this page are made up.".to_owned()],
    })?;
    std::fs::write(out.join("report.html"), &page)?;
    tell(&format!(
        "report of {:.1} MB written",
        page.len() as f64 / 1e6
    ))?;
    Ok(())
}
