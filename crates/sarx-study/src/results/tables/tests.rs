use super::*;
use crate::results::fixture::{facts, row, rows, table};
use crate::results::scores::{Outcome, ScoreGrid, StudySet};

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-4, "{found} is not {expected}");
}

fn tables() -> StudyTables {
    study_tables(&table(), &facts()).unwrap()
}

fn cases(population: Population, group: Group) -> Cases {
    Cases {
        set: StudySet::CrossValidation,
        population,
        group,
    }
}

fn stratum(name: &str) -> Group {
    Group::Stratum(name.to_owned())
}

fn summary<'a>(tables: &'a StudyTables, cases: &Cases, model: &str) -> &'a SummaryRow {
    tables
        .summaries
        .iter()
        .find(|row| row.cases == *cases && row.model == model && row.grid == ScoreGrid::Common)
        .unwrap()
}

#[test]
fn the_main_table_by_hand() {
    let tables = tables();
    let all = summary(&tables, &cases(Population::All, Group::All), "a");
    // 0, 0.6, 0.65, 0.9, 0.9, 0.92, 0.94
    let dice = all.cell(StudyMetric::Dice).unwrap();
    assert_eq!((all.n_patients, all.n_missing, all.n_failed), (7, 0, 0));
    assert_eq!((all.n_missed, dice.n, dice.n_infinite), (1, 7, 0));
    close(dice.median.0, 0.9);
    close(dice.q1.0, 0.625);
    close(dice.q3.0, 0.91);
    // Seven values: the interval of the median is from the least to the largest.
    assert_eq!((dice.median_low.0, dice.median_high.0), (0.0, 0.94));
    close(dice.mean.0, 4.91 / 7.0);
    assert!(dice.mean_low.0 < dice.mean.0 && dice.mean.0 < dice.mean_high.0);
    // HD95 is 100 (1 - dice), infinite where missed: 6, 8, 10, 10, 35, 40, inf
    let hd95 = all.cell(StudyMetric::Hd95Mm).unwrap();
    assert_eq!((hd95.n, hd95.n_infinite), (7, 1));
    close(hd95.median.0, 10.0);
    close(hd95.mean.0, 109.0 / 6.0);
    // Volumes: 100 against 100, 110, 120, 130 and 0; 50 against 40; 20 against 20.
    let error = all.cell(StudyMetric::VolumeErrorPercent).unwrap();
    close(error.mean.0, (10.0 + 20.0 + 30.0 + 100.0 + 20.0) / 7.0);
}

#[test]
fn failures_missing_patients_and_few_cases_are_counted() {
    let tables = tables();
    let everyone = cases(Population::All, Group::All);
    let [b, c] = ["b", "c"].map(|model| summary(&tables, &everyone, model));
    assert_eq!(
        (b.n_patients, b.n_cases, b.n_failed, b.n_missing),
        (7, 7, 1, 0)
    );
    assert_eq!(b.cell(StudyMetric::Dice).unwrap().n, 6);
    assert_eq!((c.n_patients, c.n_failed, c.n_missing), (6, 0, 1));
    let pelvis = summary(&tables, &cases(Population::All, stratum("pelvis")), "c");
    assert_eq!(
        (pelvis.n_patients, pelvis.n_missing, pelvis.few),
        (2, 1, true)
    );
    assert!(!summary(&tables, &cases(Population::All, stratum("pelvis")), "a").few);
    // Without the myxoma of p5, whose lesion model a missed.
    let malignant = summary(&tables, &cases(Population::WithoutBenign, Group::All), "a");
    assert_eq!((malignant.n_patients, malignant.n_missed), (6, 0));
    let myxoma = Group::Histology("myxoma".to_owned());
    assert_eq!(
        summary(&tables, &cases(Population::All, myxoma), "a").n_cases,
        1
    );
    let detection = tables.detection.iter().find(|d| d.model == "b").unwrap();
    assert_eq!((detection.n_cases, detection.n_failed), (7, 1));
    assert_eq!((tables.n_rows, tables.n_failed), (20, 1));
}

#[test]
fn models_are_compared_on_the_patients_that_all_have() {
    let tables = tables();
    let comparison = |group: Group| {
        let wanted = cases(Population::All, group);
        let found = tables.between_models.iter().find(|c| c.cases == wanted);
        found.unwrap()
    };
    let all = comparison(Group::All);
    assert_eq!(all.models, ["a", "b", "c"]);
    assert_eq!(
        (all.n_patients, all.n_compared, all.n_missing, all.n_failed),
        (7, 5, 1, 1)
    );
    let dice = all.metric(StudyMetric::Dice).unwrap();
    // Ranks of a, b, c: three times 1 2 3, once 3 2 1, once 3 1.5 1.5 (the best is 1).
    let ranks: Vec<f64> = dice.levels.iter().map(|level| level.mean_rank.0).collect();
    close(ranks[0], 9.0 / 5.0);
    close(ranks[1], 9.5 / 5.0);
    close(ranks[2], 11.5 / 5.0);
    // Friedman with ties: 12 / (5 3 4) (9^2 + 9.5^2 + 11.5^2) - 60 = 0.7, by 1 - 6 / (5 24) = 0.95.
    let friedman = dice.friedman.unwrap();
    close(friedman.chi_squared.0, 0.7 / 0.95);
    assert_eq!(friedman.degrees, [2, 8]);
    close(friedman.f.0, 4.0 * (0.7 / 0.95) / (10.0 - 0.7 / 0.95));
    // a - b: 0.1, 0.1, 0.1, -0.1, -0.5.
    let pair = dice.pair("b", "a").unwrap();
    assert_eq!((pair.a.as_str(), pair.b.as_str(), pair.n), ("a", "b", 5));
    let extremity = comparison(stratum("extremity"));
    assert_eq!((extremity.n_compared, extremity.n_failed), (3, 1));
    let dice = extremity.metric(StudyMetric::Dice).unwrap();
    // Three differences of one sign: p is 2 / 2^3, and Holm makes it 3 times that.
    for (one, other, difference) in [("a", "b", 0.1), ("a", "c", 0.2), ("b", "c", 0.1)] {
        let pair = dice.pair(one, other).unwrap();
        close(pair.p.0, 0.25);
        close(pair.p_holm.0, 0.75);
        close(pair.rank_biserial.0, 1.0);
        close(pair.difference.0, difference);
    }
    // All patients rank the models alike.
    let friedman = dice.friedman.unwrap();
    close(friedman.chi_squared.0, 6.0);
    assert!(friedman.f.0.is_infinite());
}

#[test]
fn infinite_distances_are_the_worst_rank_and_no_difference() {
    let tables = tables();
    let pelvis = cases(Population::All, stratum("pelvis"));
    let comparison = tables
        .between_models
        .iter()
        .find(|c| c.cases == pelvis)
        .unwrap();
    assert_eq!((comparison.n_patients, comparison.n_compared), (3, 2));
    let hd95 = comparison.metric(StudyMetric::Hd95Mm).unwrap();
    let pair = hd95.pair("a", "b").unwrap();
    // 40 - 30, and infinity - 50.
    assert_eq!((pair.n, pair.n_infinite), (2, 1));
    close(pair.difference.0, 10.0);
    close(pair.rank_biserial.0, 1.0);
    let best = tables
        .best_models
        .iter()
        .find(|b| b.cases == pelvis && b.metric == StudyMetric::Hd95Mm)
        .unwrap();
    assert_eq!((best.n, best.n_left_out, best.few), (2, 1, true));
    // Medians of c: 20 and 50, of b: 30 and 50, of a: 40 and infinity.
    let order: Vec<&str> = best.best_first.iter().map(|l| l.model.as_str()).collect();
    assert_eq!(order, ["c", "b", "a"]);
    assert_eq!(best.best_first[2].n_infinite, 1);
    close(best.best_first[2].mean.0, 40.0);
}

#[test]
fn pairs_without_a_difference_have_no_evidence_and_no_patients_have_no_p() {
    let mut same = Vec::new();
    for patient in 1..=4 {
        for model in ["a", "b"] {
            same.push(row(model, patient, "thigh", 0.8, [10.0, 10.0]));
        }
    }
    let tables = study_tables(&ScoreTable::new(same).unwrap(), &facts()).unwrap();
    let of = |group| {
        let wanted = cases(Population::All, group);
        tables
            .between_models
            .iter()
            .find(|c| c.cases == wanted)
            .unwrap()
    };
    let all = of(Group::All);
    assert_eq!(
        (&all.models[..], &all.left_out[..]),
        (&["a".to_owned(), "b".to_owned()][..], &["c".to_owned()][..])
    );
    let dice = all.metric(StudyMetric::Dice).unwrap();
    assert!(dice.friedman.is_none() && dice.untested.is_some());
    let pair = dice.pair("a", "b").unwrap();
    assert_eq!(
        (pair.n_equal, pair.p.0, pair.p_holm.0, pair.rank_biserial.0),
        (4, 1.0, 1.0, 0.0)
    );
    let nobody = of(stratum("pelvis"));
    assert_eq!(
        (nobody.n_patients, nobody.n_compared, nobody.models.len()),
        (0, 0, 0)
    );
    let best = tables
        .best_models
        .iter()
        .find(|b| b.cases == nobody.cases)
        .unwrap();
    assert!(best.best().is_none());
}

#[test]
fn strata_are_compared_within_a_model() {
    let tables = tables();
    let a = &tables.between_strata[0];
    assert_eq!(a.model, "a");
    let n: Vec<usize> = a.strata.iter().map(|s| s.n).collect();
    assert_eq!(n, [4, 3]);
    let dice = a.metric(StudyMetric::Dice).unwrap();
    // 0.90 0.90 0.92 0.94 above 0 0.60 0.65: rank sums 22 and 6, one tie of two.
    let h = 12.0 / 56.0 * (22.0 * 22.0 / 4.0 + 36.0 / 3.0) - 24.0;
    let test = dice.kruskal_wallis.unwrap();
    close(test.h.0, h / (1.0 - 6.0 / 336.0));
    assert_eq!(test.degrees, 1);
    assert_eq!(dice.pairs.len(), 1);
    close(dice.pairs[0].cliffs_delta.0, 1.0);
    close(dice.pairs[0].p_holm.0, test.p.0);
    let b = &tables.between_strata[1];
    assert_eq!((b.strata[0].n, b.strata[0].n_failed), (3, 1));
    let c = &tables.between_strata[2];
    assert_eq!((c.strata[1].n, c.strata[1].n_missing), (2, 1));
}

#[test]
fn volumes_and_detection_by_hand() {
    let tables = tables();
    let a = &tables.volumes[0];
    // Differences 0 10 20 30 -100 -10 0.
    assert_eq!((a.model.as_str(), a.n, a.few), ("a", 7, false));
    close(a.bias_ml.0, -50.0 / 7.0);
    let sd = ((11500.0 - 2500.0 / 7.0) / 6.0_f64).sqrt();
    close(a.limits_ml[0].0, -50.0 / 7.0 - 1.96 * sd);
    close(a.limits_ml[1].0, -50.0 / 7.0 + 1.96 * sd);
    let b = &tables.volumes[1];
    assert_eq!((b.n, b.n_failed, b.n_missing), (6, 1, 0));
    let detection = tables.detection.iter().find(|d| d.model == "a").unwrap();
    let found = detection.found;
    assert_eq!((found.count, found.of, detection.lesions_missed), (6, 7, 1));
    // Wilson's interval of 6 of 7.
    close(found.low.0, 0.4869);
    close(found.high.0, 0.9743);
    assert_eq!(
        (
            detection.complete_misses.count,
            detection.complete_misses.of
        ),
        (1, 7)
    );
    let nothing = Share::new(0, 0);
    assert!(nothing.share.0.is_nan() && nothing.low.0.is_nan());
}

#[test]
fn the_cohort_is_counted_by_patient() {
    let tables = tables();
    let [cohort] = &tables.cohort[..] else {
        panic!("one set");
    };
    assert_eq!(
        (cohort.n_patients, cohort.n_benign, cohort.n_with_failure),
        (7, 1, 1)
    );
    let sites: Vec<(&str, usize)> = cohort
        .sites
        .iter()
        .map(|s| (s.site.as_str(), s.n))
        .collect();
    assert_eq!(sites, [("calf", 2), ("thigh", 2), ("pelvis", 3)]);
    let lines: Vec<(&str, &[usize], usize)> = cohort
        .histologies
        .iter()
        .map(|line| (line.histology.as_str(), &line.by_site[..], line.n))
        .collect();
    assert_eq!(
        lines,
        [("UPS", &[2, 2, 2][..], 6), ("myxoma", &[0, 0, 1][..], 1)]
    );
    let folds: Vec<usize> = cohort.folds.iter().map(|fold| fold.n).collect();
    assert_eq!(folds, [3, 4]);
}

#[test]
fn native_grids_and_the_external_set_are_tables_of_their_own() {
    let mut more = rows();
    for series in ["t1", "t2"] {
        let mut native = row("a", 8, "", 0.5, [10.0, 12.0]);
        native.grid = ScoreGrid::Native;
        native.case = format!("p8__{series}");
        (native.set, native.fold) = (StudySet::External, None);
        more.push(native);
    }
    let tables = study_tables(&ScoreTable::new(more).unwrap(), &facts()).unwrap();
    let external = Cases {
        set: StudySet::External,
        population: Population::All,
        group: Group::All,
    };
    let native: Vec<&SummaryRow> = tables
        .summaries
        .iter()
        .filter(|row| row.cases == external)
        .collect();
    assert_eq!(
        native.len(),
        3,
        "no rows on the common grid, so no table of it"
    );
    assert_eq!((native[0].n_cases, native[0].n_patients), (2, 1));
    assert_eq!((native[1].n_cases, native[1].n_missing), (0, 1));
    let comparison = tables.between_models.iter().find(|c| c.cases == external);
    assert_eq!(comparison.unwrap().n_patients, 1);
    assert_eq!(comparison.unwrap().left_out, ["a", "b", "c"]);
    let strata: Vec<&str> = tables
        .between_strata
        .iter()
        .find(|s| s.set == StudySet::External)
        .unwrap()
        .strata
        .iter()
        .map(|s| s.stratum.as_str())
        .collect();
    assert_eq!(strata, ["extremity", "pelvis", "(not given)"]);
}

#[test]
fn the_document_is_read_back_and_another_version_is_refused() {
    let json = tables().to_json().unwrap();
    let back = StudyTables::parse(&json).unwrap();
    assert_eq!(back.to_json().unwrap(), json);
    assert!(json.contains("\"metric\": \"nsd_2mm\""));
    let newer = json.replacen("\"schema_version\": 1", "\"schema_version\": 2", 1);
    assert_eq!(
        StudyTables::parse(&newer).unwrap_err().to_string(),
        "the tables have version 2; this program knows version 1; make them again"
    );
}

#[test]
fn scores_that_do_not_fit_the_study_are_refused() {
    let error = |change: fn(&mut StudyFacts)| {
        let mut facts = facts();
        change(&mut facts);
        study_tables(&table(), &facts).unwrap_err()
    };
    assert_eq!(
        error(|f| drop(f.models.pop())).to_string(),
        "the scores hold model \"c\", but the models of the study are a, b"
    );
    assert!(matches!(
        error(|f| drop(f.strata.pop())),
        TablesError::UnknownStratum { .. }
    ));
    assert!(matches!(
        error(|f| f.benign_histologies.clear()),
        TablesError::Benign { found: true, .. }
    ));
    assert!(matches!(
        error(|f| f.models[1].name = "a".to_owned()),
        TablesError::ModelTwice { .. }
    ));
    assert!(matches!(
        error(|f| f.bootstrap_draws = 10),
        TablesError::Draws { found: 10 }
    ));
}

#[test]
fn the_numbers_do_not_hang_on_the_order_of_the_rows() {
    let mut reversed = rows();
    reversed.reverse();
    let found = study_tables(&ScoreTable::new(reversed).unwrap(), &facts()).unwrap();
    // Not assert_eq: the documents are long.
    assert!(found.to_json().unwrap() == tables().to_json().unwrap());
    assert!(rows().iter().any(|row| row.outcome == Outcome::Failed));
}
