//! A small study whose numbers can be checked by hand.

use super::scores::{LesionCounts, Outcome, ScoreGrid, ScoreRow, ScoreTable, StudySet};
use super::tables::{ModelFacts, StudyFacts};
use crate::{Finding, Measure, Scores};

/// A scored row in fold `patient % 2`; the site decides the stratum, a Dice of 0 is a miss.
pub(crate) fn row(model: &str, patient: usize, site: &str, dice: f64, ml: [f64; 2]) -> ScoreRow {
    let missed = dice == 0.0;
    let finding = if missed {
        Finding::Missed
    } else {
        Finding::Overlap
    };
    let distance_mm = if missed {
        f64::INFINITY
    } else {
        100.0 * (1.0 - dice)
    };
    let scores = Scores::none(finding)
        .with(Measure::Dice, dice)
        .with(Measure::F2, dice)
        .with(Measure::Precision, dice)
        .with(Measure::Recall, dice)
        .with(Measure::Hd95Mm, distance_mm)
        .with(Measure::AssdMm, distance_mm / 4.0)
        .with(Measure::Nsd2Mm, dice)
        .with(Measure::VolumeRefMl, ml[0])
        .with(Measure::VolumePredMl, ml[1]);
    let lesions = LesionCounts {
        reference: 1,
        found: usize::from(!missed),
        predicted: usize::from(!missed),
        false_alarms: 0,
    };
    ScoreRow {
        model: model.to_owned(),
        patient: format!("p{patient}"),
        case: format!("p{patient}"),
        set: StudySet::CrossValidation,
        fold: Some(patient % 2),
        grid: ScoreGrid::Common,
        site: site.to_owned(),
        stratum: stratum(site).to_owned(),
        histology: if patient == 5 { "myxoma" } else { "UPS" }.to_owned(),
        benign: patient == 5,
        outcome: Outcome::Scored {
            scores,
            lesions: Some(lesions),
        },
    }
}

fn stratum(site: &str) -> &str {
    match site {
        "thigh" | "calf" => "extremity",
        other => other,
    }
}

/// Three models and seven patients. `p6` lacks model `c`, and model `b` failed for `p7`.
pub(crate) fn rows() -> Vec<ScoreRow> {
    let dices = [
        ("thigh", [0.90, 0.80, 0.70]),
        ("thigh", [0.92, 0.82, 0.72]),
        ("calf", [0.94, 0.84, 0.74]),
        ("pelvis", [0.60, 0.70, 0.80]),
        ("pelvis", [0.00, 0.50, 0.50]),
    ];
    let mut rows = Vec::new();
    for (at, (site, dices)) in dices.into_iter().enumerate() {
        for (model, dice) in ["a", "b", "c"].into_iter().zip(dices) {
            let ml = [
                100.0,
                if dice == 0.0 {
                    0.0
                } else {
                    100.0 + 10.0 * at as f64
                },
            ];
            rows.push(row(model, at + 1, site, dice, ml));
        }
    }
    rows.push(row("a", 6, "pelvis", 0.65, [50.0, 40.0]));
    rows.push(row("b", 6, "pelvis", 0.75, [50.0, 40.0]));
    rows.push(row("a", 7, "calf", 0.90, [20.0, 20.0]));
    rows.push(ScoreRow {
        outcome: Outcome::Failed,
        ..row("b", 7, "calf", 0.5, [20.0, 20.0])
    });
    rows.push(row("c", 7, "calf", 0.80, [20.0, 20.0]));
    rows
}

pub(crate) fn table() -> ScoreTable {
    ScoreTable::new(rows()).unwrap()
}

pub(crate) fn facts() -> StudyFacts {
    let model = |name: &str, title: &str, series: &[&str]| ModelFacts {
        name: name.to_owned(),
        title: title.to_owned(),
        kind: if series.len() == 1 {
            "single"
        } else {
            "channels"
        }
        .to_owned(),
        series: series.iter().map(|&s| s.to_owned()).collect(),
    };
    StudyFacts {
        name: "Small study".to_owned(),
        models: vec![
            model("a", "T1 axial", &["t1"]),
            model("b", "T2_axial & more", &["t2"]),
            model("c", "T1 + T2", &["t1", "t2"]),
        ],
        strata: vec!["extremity".to_owned(), "pelvis".to_owned()],
        benign_histologies: vec!["myxoma".to_owned()],
        bootstrap_seed: 7,
        bootstrap_draws: 500,
        few_cases: 3,
    }
}
