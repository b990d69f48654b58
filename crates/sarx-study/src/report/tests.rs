use super::*;
use crate::{Finding, Measure, Scores};
use sarx_core::{Grid, Size, Spacing};

fn case(name: &str, site: &str, dice: f64) -> CaseRow {
    let missed = dice == 0.0;
    let finding = if missed {
        Finding::Missed
    } else {
        Finding::Overlap
    };
    CaseRow {
        case: name.to_owned(),
        strata: vec![
            ("site".to_owned(), site.to_owned()),
            ("histology".to_owned(), "UPS".to_owned()),
        ],
        scores: Scores::none(finding)
            .with(Measure::Dice, dice)
            .with(Measure::Hd95Mm, if missed { f64::INFINITY } else { 4.25 }),
    }
}

fn input() -> ReportInput {
    let grid = Grid::axis_aligned(
        Size::new([3, 20, 20]).unwrap(),
        Spacing::new([5.0, 1.0, 1.0]).unwrap(),
    );
    let mut reference = LabelMap::filled(grid, 0);
    reference.voxels_mut()[[1, 10, 10]] = 1;
    ReportInput {
        title: "Study <A&B>".to_owned(),
        facts: vec![("seed".to_owned(), "<7>".to_owned())],
        paragraphs: vec!["No test case was seen in training.".to_owned()],
        cases: vec![
            case("<script>alert(1)</script>", "pelvis", 0.9),
            case("b\"2", "extremity", 0.0),
            case("c3", "", 0.7),
        ],
        by: vec!["site".to_owned(), "histology".to_owned()],
        training_curve: Some(TrainingCurve {
            epoch: vec![0, 1],
            train_loss: vec![0.1, -0.3],
            val_loss: vec![0.2, -0.2],
            pseudo_dice: vec![0.3, 0.5],
            ema: vec![0.3, 0.32],
        }),
        pictures: vec![CasePicture {
            heading: "best Dice".to_owned(),
            case: "<script>alert(1)</script>".to_owned(),
            image: reference.map(|&l| f32::from(l)),
            prediction: reference.clone(),
            reference,
        }],
        warnings: vec!["case \"x\" has no prediction".to_owned()],
    }
}

#[test]
fn the_page_holds_everything_and_loads_nothing() {
    let page = render(&input()).unwrap();
    for part in [
        "<!doctype html>",
        "No test case was seen in training.",
        "Results",
        "All cases",
        "By site",
        "By histology",
        "By site and histology",
        "Every case",
        "Training",
        "best Dice",
        "data:image/png;base64,",
        "<th scope=\"col\" class=\"num\">HD95, pooled (mm)</th>",
        "<code>hd95_pooled_mm</code>",
        "assd_masd_mm",
        "(not given)",
        "case &#34;x&#34; has no prediction",
        "Methods",
    ] {
        assert!(page.contains(part), "{part}");
    }
    for loads in [
        "src=\"http",
        "href=",
        "url(http",
        "@import",
        "<script",
        "<link",
    ] {
        assert!(!page.contains(loads), "{loads}");
    }
    // One picture per slice without and one with outlines; one figure per measure with values.
    assert_eq!(page.matches("<img ").count(), 6);
    assert_eq!(page.matches("alt=\"Case ").count(), 6);
    assert_eq!(page.matches("<svg").count(), 3 * 2 + 1);
    assert_eq!(
        page.matches("<svg").count(),
        page.matches("role=\"img\" aria-label").count()
    );
}

#[test]
fn quartiles_need_two_cases() {
    let one = ReportInput {
        cases: vec![case("a", "pelvis", 0.9)],
        pictures: Vec::new(),
        by: Vec::new(),
        ..input()
    };
    let page = render(&one).unwrap();
    assert!(page.contains("0.900") && !page.contains("0.900\u{2013}0.900"));
    assert!(!page.contains("<br>quartiles"));
    let page = render(&input()).unwrap();
    assert!(page.contains("<br>quartiles") && page.contains("0.350\u{2013}0.800"));
}

#[test]
fn names_from_files_are_escaped_everywhere() {
    let page = render(&input()).unwrap();
    assert!(page.contains("Study &#60;A&#38;B&#62;"));
    assert!(page.contains("&#60;script&#62;alert(1)"));
    assert!(page.contains("b&#34;2") && page.contains("&#60;7&#62;"));
}

#[test]
fn infinity_and_nan_are_shown_as_such() {
    let page = render(&input()).unwrap();
    assert!(page.contains('\u{221e}') && page.contains("n/a"));
    assert!(!page.contains("NaN") && !page.contains(">inf"));
    assert!(page.contains("1 of 3 lesions were missed"));
}

#[test]
fn a_report_of_nothing_or_of_an_unknown_case_is_an_error() {
    let empty = ReportInput {
        cases: Vec::new(),
        ..input()
    };
    assert!(matches!(
        render(&empty),
        Err(ReportError::Strata(StrataError::NoCases))
    ));
    let unknown = ReportInput {
        by: vec!["grade".to_owned()],
        ..input()
    };
    assert!(matches!(
        render(&unknown),
        Err(ReportError::Strata(StrataError::UnknownColumn { .. }))
    ));
    let mut stray = input();
    stray.pictures[0].case = "z".to_owned();
    assert!(matches!(
        render(&stray),
        Err(ReportError::UnknownCase { .. })
    ));
}

#[test]
fn best_median_and_worst_are_found_by_dice() {
    let mut cases = input().cases;
    cases.push(case("nan", "pelvis", f64::NAN));
    let name = |rank| case_at_rank(&cases, rank).map(|case| case.case.as_str());
    assert_eq!(name(CaseRank::Best), Some("<script>alert(1)</script>"));
    assert_eq!(name(CaseRank::Median), Some("c3"));
    assert_eq!(name(CaseRank::Worst), Some("b\"2"));
    assert!(case_at_rank(&[], CaseRank::Best).is_none());
}
