use super::*;
use crate::{Finding, Measure};
use sarx_core::{Grid, LabelMap, Silent, Size, Spacing};
use sarx_io::write_labels;
use std::sync::Mutex;
use tempfile::TempDir;

struct Folders {
    reference: TempDir,
    prediction: TempDir,
}

fn block(n_x: usize, lower: usize, upper: usize) -> LabelMap {
    let size = Size::new([4, 8, n_x]).unwrap();
    let grid = Grid::axis_aligned(size, Spacing::new([3.0, 1.0, 1.0]).unwrap());
    let mut map = LabelMap::filled(grid, 0);
    map.voxels_mut()
        .slice_mut(ndarray::s![1..3, 2..6, lower..upper])
        .fill(1);
    map
}

impl Folders {
    fn new() -> Self {
        Self {
            reference: TempDir::new().unwrap(),
            prediction: TempDir::new().unwrap(),
        }
    }

    fn put(&self, case: &str, reference: Option<LabelMap>, prediction: Option<LabelMap>) {
        for (folder, map) in [(&self.reference, reference), (&self.prediction, prediction)] {
            if let Some(map) = map {
                write_labels(&folder.path().join(format!("{case}.nii.gz")), &map, None).unwrap();
            }
        }
    }

    fn evaluate(&self, spec: &EvaluateSpec) -> Result<Evaluation, EvaluateError> {
        evaluate_folders(self.reference.path(), self.prediction.path(), spec, &Silent)
    }
}

fn spec() -> EvaluateSpec {
    EvaluateSpec::new(ScoreSpec::new(vec![LabelOrRegion::Label(1)]), ".nii.gz")
}

fn names<'a>(cases: impl IntoIterator<Item = &'a CaseId>) -> Vec<&'a str> {
    cases.into_iter().map(CaseId::as_str).collect()
}

#[test]
fn every_pair_is_scored_with_figures_by_hand() {
    let folders = Folders::new();
    folders.put("b_shifted", Some(block(12, 2, 6)), Some(block(12, 3, 7)));
    folders.put("a_perfect", Some(block(12, 2, 6)), Some(block(12, 2, 6)));
    folders.put("c_missed", Some(block(12, 2, 6)), Some(block(12, 0, 0)));
    folders.put("d_elsewhere", Some(block(12, 2, 4)), Some(block(12, 8, 10)));
    std::fs::write(folders.reference.path().join("notes.txt"), "not a case").unwrap();
    let found = folders.evaluate(&spec()).unwrap();
    assert!(found.is_complete() && found.unmatched.is_empty());
    let scores = found.scores_of(&LabelOrRegion::Label(1));
    assert_eq!(
        names(scores.iter().map(|(case, _)| case)),
        ["a_perfect", "b_shifted", "c_missed", "d_elsewhere"]
    );
    let dice: Vec<f64> = scores.iter().map(|(_, s)| s.get(Measure::Dice)).collect();
    // Shifted by one of four columns: three quarters of both blocks overlap.
    assert_eq!(dice, [1.0, 0.75, 0.0, 0.0]);
    let finding: Vec<Finding> = scores.iter().map(|(_, s)| s.finding).collect();
    assert_eq!(
        finding,
        [
            Finding::Overlap,
            Finding::Overlap,
            Finding::Missed,
            Finding::NoOverlap
        ]
    );
    assert_eq!(scores[2].1.get(Measure::Hd95Mm), f64::INFINITY);
    assert!(scores[3].1.get(Measure::Hd95Mm).is_finite());
    // 2 x 4 x 4 voxels of 3 mm³.
    assert!((scores[0].1.get(Measure::VolumeRefMl) - 0.096).abs() < 1e-12);
    assert!(scores_of_nothing(&found).is_empty());
    assert_eq!(found.summary().unwrap().metric_per_case.len(), 4);
}

fn scores_of_nothing(found: &Evaluation) -> Vec<(CaseId, Scores)> {
    found.scores_of(&LabelOrRegion::Label(7))
}

#[test]
fn missing_predictions_stop_the_evaluation_or_are_named() {
    let folders = Folders::new();
    folders.put("x1", Some(block(12, 2, 6)), Some(block(12, 2, 6)));
    folders.put("x2", Some(block(12, 2, 6)), None);
    folders.put("x3", None, Some(block(12, 2, 6)));
    let error = folders.evaluate(&spec()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "1 of 2 reference cases have no prediction: \"x2\"; nothing was scored (to score the rest say `--allow-missing`)"
    );
    let found = folders
        .evaluate(&EvaluateSpec {
            allow_missing: true,
            ..spec()
        })
        .unwrap();
    assert_eq!(names(&found.missing), ["x2"]);
    assert_eq!(names(&found.unmatched), ["x3"]);
    assert_eq!(found.scored.len(), 1);
    assert!(!found.is_complete());
}

#[test]
fn a_case_that_fails_is_named_and_the_others_are_scored() {
    let folders = Folders::new();
    folders.put("good", Some(block(12, 2, 6)), Some(block(12, 2, 6)));
    folders.put("other_grid", Some(block(12, 2, 6)), Some(block(13, 2, 6)));
    folders.put("broken", Some(block(12, 2, 6)), None);
    std::fs::write(folders.prediction.path().join("broken.nii.gz"), b"no image").unwrap();
    let found = folders.evaluate(&spec()).unwrap();
    assert_eq!(found.scored.len(), 1);
    assert_eq!(
        names(found.failed.iter().map(|f| &f.case)),
        ["broken", "other_grid"]
    );
    assert!(matches!(found.failed[0].source, CaseError::Prediction(_)));
    assert!(matches!(
        found.failed[1].source,
        CaseError::Score(ScoreError::Grid { .. })
    ));
    assert_eq!(
        found.failed[1].to_string(),
        "case \"other_grid\" was not scored"
    );
}

#[test]
fn folders_without_cases_are_errors() {
    let folders = Folders::new();
    assert!(matches!(
        folders.evaluate(&spec()),
        Err(EvaluateError::NoReference { .. })
    ));
    let no_ending = EvaluateSpec {
        file_ending: String::new(),
        ..spec()
    };
    assert!(matches!(
        folders.evaluate(&no_ending),
        Err(EvaluateError::NoEnding)
    ));
    let nowhere = evaluate_folders(
        Path::new("/no/such"),
        folders.prediction.path(),
        &spec(),
        &Silent,
    );
    assert!(matches!(
        nowhere,
        Err(EvaluateError::Folder {
            what: "references",
            ..
        })
    ));
}

/// Counts how far the work came.
#[derive(Default)]
struct Count(Mutex<(u64, u64)>);

impl Progress for Count {
    fn begin(&self, _stage: &str, total: u64) {
        self.0.lock().unwrap().0 = total;
    }
    fn advance(&self, n: u64) {
        self.0.lock().unwrap().1 += n;
    }
    fn finish(&self) {}
    fn warn(&self, _message: &str) {}
}

#[test]
fn the_result_does_not_depend_on_how_many_cases_are_done_at_once() {
    let folders = Folders::new();
    for i in 0..5 {
        folders.put(
            &format!("x{i}"),
            Some(block(12, 2, 6)),
            Some(block(12, 2 + i % 3, 6)),
        );
    }
    let run = |at_once: usize| {
        let count = Count::default();
        let spec = EvaluateSpec {
            cases_at_once: NonZeroUsize::new(at_once).unwrap(),
            ..spec()
        };
        let (r, p) = (folders.reference.path(), folders.prediction.path());
        let found = evaluate_folders(r, p, &spec, &count).unwrap().scored;
        assert_eq!(*count.0.lock().unwrap(), (5, 5));
        found
    };
    assert_eq!(run(1), run(3));
    assert_eq!(run(1), run(9));
}
