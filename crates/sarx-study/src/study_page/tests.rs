use super::finding::findings;
use super::test_tables::heat_maps;
use super::*;
use crate::SlicePanel;
use crate::assemble::Alignment;
use crate::design::{AlignmentMethod, ModelKind};
use crate::policy::{
    PolicyModel, PolicyNetwork, PolicySpec, PolicyStratum, evaluate_policy, learn_policy,
};
use crate::results::fixture::{facts, row, rows, table};
use crate::results::scores::{Outcome, ScoreGrid, ScoreRow, StudySet};
use crate::results::tables::study_tables;
use crate::{Finding, SlicePictures};

fn curve() -> ModelCurve {
    ModelCurve {
        model: "a".to_owned(),
        fold: 3,
        curve: TrainingCurve {
            epoch: vec![0, 1],
            train_loss: vec![0.1, -0.3],
            val_loss: vec![0.2, -0.2],
            pseudo_dice: vec![0.3, 0.5],
            ema: vec![0.3, 0.32],
        },
    }
}

fn shown(model: &str, case: &str, kind: GalleryKind) -> GalleryCase {
    GalleryCase {
        kind,
        model: model.to_owned(),
        case: case.to_owned(),
        grid: ScoreGrid::Common,
        pictures: SlicePictures {
            panels: vec![SlicePanel {
                slice: 4,
                offset_mm: -5.0,
                plain_png: vec![1],
                outlined_png: vec![2, 3],
            }],
            size_px: [40, 30],
            letters: ['R', 'L', 'A', 'P'],
            n_slices: 9,
            field_mm: [80.0, 60.0],
        },
    }
}

fn methods() -> MethodsFacts {
    MethodsFacts {
        versions: vec![("sarx".to_owned(), "0.1.0".to_owned())],
        seeds: vec![("split".to_owned(), 12345)],
        preset: "plain".to_owned(),
        configuration: "3d_fullres".to_owned(),
        epochs: 1000,
        iterations_per_epoch: 250,
        folds: 2,
        alignment: "auto".to_owned(),
        ..MethodsFacts::default()
    }
}

fn spec() -> PolicySpec {
    PolicySpec {
        models: facts()
            .models
            .into_iter()
            .map(|model| PolicyModel {
                kind: ModelKind::Channels,
                networks: vec![PolicyNetwork {
                    name: model.name.clone(),
                    series: model.series.clone(),
                    folder: format!("models/{}/model", model.name),
                    configuration: "3d_fullres".to_owned(),
                    plans_hash: None,
                    folds: vec![0, 1],
                    weight: 1.0,
                }],
                name: model.name,
                series: model.series,
            })
            .collect(),
        strata: facts()
            .strata
            .into_iter()
            .map(|name| PolicyStratum {
                sites: Vec::new(),
                name,
            })
            .collect(),
        alignment: Alignment {
            method: AlignmentMethod::Auto,
            seed: 12345,
        },
        shrinkage_patients: 2.0,
    }
}

fn page_of(scores: &ScoreTable, gallery: &[GalleryCase]) -> Result<String, StudyPageError> {
    let tables = study_tables(scores, &facts()).unwrap();
    let policy = learn_policy(scores, &spec()).unwrap();
    let tested = evaluate_policy(scores, &spec(), 1).unwrap();
    render_study(&StudyPageInput {
        tables: &tables,
        scores,
        policy: Some((&policy, &tested)),
        methods: &methods(),
        curves: &[curve()],
        gallery,
        warnings: &["Model <b> failed once.".to_owned()],
    })
}

#[test]
fn the_page_holds_every_section_and_loads_nothing() {
    let gallery = [
        shown("a", "p5", GalleryKind::Missed),
        shown("a", "p3", GalleryKind::Best),
    ];
    let page = page_of(&table(), &gallery).unwrap();
    for part in [
        "<!doctype html>",
        "Small study",
        "All models, common grid",
        "without benign lesions",
        "By stratum, common grid",
        "By histology, common grid",
        "Best model by stratum",
        "Differences between models",
        "Differences between strata",
        "Bland-Altman plot of T1 axial",
        "Detection",
        "Best: p3",
        "Missed: p5",
        "slice 5 of 9, \u{2212}5.0 mm",
        "data:image/png;base64,AgM=",
        "Which model for which patient",
        "T1 axial, fold 3",
        "1000 epochs of 250 iterations",
        "CLAIM checklist",
        "for the authors",
        "<code>volume_error_percent</code>",
        "prefers-color-scheme: dark",
        "@media print",
        "Model &#60;b&#62; failed once.",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(page.find("Best: p3") < page.find("Missed: p5"));
    let outside = page.replace("http://www.w3.org/2000/svg", "");
    for loads in ["http:", "https:", "<script", "<link", "@import"] {
        assert!(!outside.contains(loads), "{loads}");
    }
    // Clip paths of figures are inside the page.
    let inner = page.matches("url(#").count();
    assert_eq!(page.matches("url(").count(), inner);
    let anchors = page.matches("href=\"#").count();
    assert_eq!(page.matches("href=").count(), anchors);
    for target in page.split("href=\"#").skip(1) {
        let (id, _) = target.split_once('"').unwrap();
        assert!(page.contains(&format!("id=\"{id}\"")), "{id}");
    }
    assert_eq!(
        page.matches("src=").count(),
        page.matches("src=\"data:").count()
    );
    assert_eq!(
        page.matches("<svg").count(),
        page.matches("role=\"img\"").count()
    );
    assert!(!page.contains("NaN") && !page.contains(">inf"));
}

#[test]
fn names_from_files_are_escaped() {
    let hostile = "<script>alert(1)</script>";
    let rows: Vec<ScoreRow> = rows()
        .into_iter()
        .map(|mut row| {
            if row.patient == "p3" {
                row.site = hostile.to_owned();
                row.case = hostile.to_owned();
            }
            row
        })
        .collect();
    let gallery = [shown("a", hostile, GalleryKind::Best)];
    let page = page_of(&ScoreTable::new(rows).unwrap(), &gallery).unwrap();
    assert!(!page.contains(hostile));
    assert!(page.contains("&#60;script&#62;alert(1)"));
    // The title of model b, in a table and in a figure.
    assert!(page.contains("T2_axial &#38; more") && page.contains("T2_axial &amp; more"));
    assert!(!page.contains("T2_axial & more"));
}

#[test]
fn a_picture_needs_scores_and_a_curve_needs_columns() {
    let stray = page_of(&table(), &[shown("a", "p99", GalleryKind::Best)]);
    assert!(matches!(stray, Err(StudyPageError::UnknownCase { .. })));
    let scores = table();
    let tables = study_tables(&scores, &facts()).unwrap();
    let mut short = curve();
    short.curve.ema.pop();
    let fault = render_study(&StudyPageInput {
        tables: &tables,
        scores: &scores,
        policy: None,
        methods: &methods(),
        curves: &[short],
        gallery: &[],
        warnings: &[],
    })
    .unwrap_err();
    assert_eq!(
        fault.to_string(),
        "the learning curve of a, fold 3, of the report cannot be drawn"
    );
}

#[test]
fn the_findings_are_what_the_numbers_say() {
    let found = findings(
        &study_tables(&table(), &facts()).unwrap(),
        StudySet::CrossValidation,
    );
    assert_eq!(
        found,
        [
            "In cross-validation T1 axial has the highest median Dice of 3 models (0.900 in the 5 patients that all models have); no difference from the next best, T2_axial & more (0.800), is shown (Wilcoxon with Holm, p\u{a0}=\u{a0}1.000).",
        ],
        "pelvis has few patients, so its leader is not named"
    );
    // Twenty patients whom a suits better by 0.1, and ten in the pelvis whom b suits by 0.05.
    let mut clear = Vec::new();
    for patient in 10..40 {
        let (site, a, b) = if patient < 30 {
            ("thigh", 0.9, 0.8)
        } else {
            ("pelvis", 0.75, 0.8)
        };
        let more = patient as f64 / 1e4;
        clear.push(row("a", patient, site, a + more, [9.0, 9.0]));
        clear.push(row("b", patient, site, b - more / 2.0, [9.0, 9.0]));
    }
    let found = findings(
        &study_tables(&ScoreTable::new(clear).unwrap(), &facts()).unwrap(),
        StudySet::CrossValidation,
    );
    assert!(
        found[0].starts_with(
            "In cross-validation T1 axial has the highest median Dice of 2 models (0.9"
        ),
        "{found:?}"
    );
    assert!(
        found[0].contains("more than the next best, T2_axial & more"),
        "{found:?}"
    );
    assert_eq!(found.len(), 2);
    assert!(
        found[1].starts_with(
            "In stratum pelvis it is T2_axial & more (0.798 in 10 patients; against T1 axial, p"
        ),
        "{found:?}"
    );
}

#[test]
fn without_shared_patients_nothing_is_claimed() {
    let mut apart = Vec::new();
    for patient in 1..=4 {
        apart.push(row("a", patient, "thigh", 0.9, [9.0, 9.0]));
        apart.push(row("b", patient + 5, "thigh", 0.8, [9.0, 9.0]));
    }
    for row in &mut apart {
        (row.benign, row.histology) = (false, "UPS".to_owned());
    }
    let scores = ScoreTable::new(apart).unwrap();
    let found = findings(
        &study_tables(&scores, &facts()).unwrap(),
        StudySet::CrossValidation,
    );
    assert_eq!(
        found,
        [
            "In cross-validation no patient has a score of all 2 models, so models are not compared (8 of 8 patients lack a row, 0 failed)."
        ]
    );
    let page = page_of(&scores, &[]).unwrap();
    assert!(page.contains("0 of 8 patients have a score of all 2 models") && !page.contains("NaN"));
}

#[test]
fn the_best_cell_of_a_line_is_the_strongest() {
    let tables = study_tables(&table(), &facts()).unwrap();
    let maps = heat_maps(&tables, StudySet::CrossValidation);
    let dice = &maps[0];
    assert_eq!(dice.metric, "Dice");
    let strengths = |line: usize| -> Vec<(&str, bool)> {
        let cells = dice.lines[line].cells.iter();
        cells.map(|c| (c.strength.as_str(), c.is_best)).collect()
    };
    // Extremity: 0.92, 0.82, 0.72; pelvis: 0.30, 0.60, 0.65.
    assert_eq!(
        strengths(1),
        [("1.00", true), ("0.50", false), ("0.00", false)]
    );
    assert_eq!(
        strengths(2),
        [("0.00", false), ("0.86", false), ("1.00", true)]
    );
    assert!(dice.lines[2].few && dice.lines[2].left_out == 1);
    // An infinite median has no colour.
    let hd95 = &maps[3].lines[2].cells;
    assert_eq!(
        (hd95[0].median.as_str(), hd95[0].strength.as_str()),
        ("\u{221e}", "0.00")
    );
}

#[test]
fn the_checklist_has_all_items_and_invents_nothing() {
    let tables = study_tables(&table(), &facts()).unwrap();
    let items = checklist(&tables, &methods());
    assert_eq!(items.len(), 44);
    assert!(
        items
            .iter()
            .zip(1..)
            .all(|(item, number)| item.number == number)
    );
    let filled = |number: usize| items[number - 1].filled.as_deref();
    assert_eq!(filled(23), Some("sarx 0.1.0."));
    assert_eq!(filled(32), Some("2-fold cross-validation of 7 patients."));
    assert!(filled(12).unwrap().contains("1 of 20 predictions failed"));
    // Not known: initial weights, checkpoint, external set, exclusions; ethics and readers are for the authors.
    for number in [5, 8, 11, 13, 16, 18, 21, 24, 26, 33, 34, 35, 40, 44] {
        assert_eq!(filled(number), None, "{number}");
    }
    let nothing = checklist(&tables, &MethodsFacts::default());
    assert_eq!(nothing[22].filled, None);
}

#[test]
fn the_methods_tell_what_is_known() {
    let tables = study_tables(&table(), &facts()).unwrap();
    let text = methods().paragraphs(&tables).join("\n");
    assert!(text.contains("7 patients, 1 of them with a benign lesion, took part in a 2-fold"));
    assert!(text.contains("T1 + T2 took t1 and t2 as channels on the grid of the first"));
    assert!(text.contains("trained for 1000 epochs of 250 iterations in every fold."));
    assert!(text.contains("500 draws, seed 7") && text.contains("Seeds: split 12345."));
    for unknown in ["Machine", "external", "weights", "registered,", "not taken"] {
        assert!(!text.contains(unknown), "{unknown}: {text}");
    }
    let more = MethodsFacts {
        folds_trained: vec![0, 2],
        initial_weights: Some("random".to_owned()),
        checkpoint: Some("final".to_owned()),
        excluded: vec![(1, "no image".to_owned())],
        ..methods()
    };
    let text = more.paragraphs(&tables).join("\n");
    assert!(text.contains("trained from random weights for") && text.contains("in fold 0 and 2."));
    assert!(text.contains("The final weights of each training were used."));
    assert!(text.contains("1 patient not taken: no image."));
}

#[test]
fn the_gallery_takes_every_case_once() {
    let scores = table();
    let of = |n_each| {
        let set = StudySet::CrossValidation;
        let cases = gallery_cases(&scores, "a", set, ScoreGrid::Common, n_each);
        let named = cases
            .into_iter()
            .map(|(kind, row)| (kind, row.case.clone()));
        named.collect::<Vec<_>>()
    };
    // By Dice: p3 .94, p2 .92, p1 and p7 .90, p6 .65, p4 .60; p5 is missed.
    let one = of(1);
    let names: Vec<(GalleryKind, &str)> = one.iter().map(|(k, c)| (*k, c.as_str())).collect();
    assert_eq!(
        names,
        [
            (GalleryKind::Best, "p3"),
            (GalleryKind::Median, "p7"),
            (GalleryKind::Worst, "p4"),
            (GalleryKind::Missed, "p5"),
        ]
    );
    let many = of(20);
    assert_eq!(many.len(), 7);
    assert_eq!(of(0), []);
    let only_missed = ScoreTable::new(vec![row("a", 1, "thigh", 0.0, [5.0, 0.0])]).unwrap();
    let set = StudySet::CrossValidation;
    let found = gallery_cases(&only_missed, "a", set, ScoreGrid::Common, 2);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].1.finding(), Some(Finding::Missed));
    assert!(
        rows()
            .iter()
            .any(|row| matches!(row.outcome, Outcome::Failed))
    );
}
