use super::*;

fn case(name: &str, site: &str, dice: f64, hd95_mm: f64) -> CaseRow {
    let finding = if hd95_mm.is_infinite() {
        Finding::Missed
    } else {
        Finding::Overlap
    };
    CaseRow {
        case: name.to_owned(),
        strata: vec![
            ("site".to_owned(), site.to_owned()),
            ("side, \"l/r\"".to_owned(), "l,r".to_owned()),
        ],
        scores: Scores::none(finding)
            .with(Measure::Dice, dice)
            .with(Measure::Hd95Mm, hd95_mm),
    }
}
use crate::Scores;

fn cohort() -> Vec<CaseRow> {
    // Extremity: 1..=10 tenths less; pelvis: three cases, one of them missed.
    let mut cases: Vec<CaseRow> = (1..=10)
        .map(|i| {
            case(
                &format!("e{i}"),
                "extremity",
                f64::from(i) / 10.0,
                f64::from(i),
            )
        })
        .collect();
    cases.extend([
        case("p1", "pelvis", 0.5, 12.0),
        case("p2", "pelvis", 0.0, f64::INFINITY),
        case("p3", "pelvis", 0.8, 4.0),
    ]);
    cases
}

#[test]
fn figures_of_a_table_by_hand() {
    let table = StrataTable::new(&cohort(), &["site".to_owned()]).unwrap();
    let [extremity, pelvis] = &table.strata[..] else {
        panic!("two sites")
    };
    assert_eq!(
        (extremity.values[0].as_str(), extremity.n_cases),
        ("extremity", 10)
    );
    let dice = extremity.spread(Measure::Dice);
    assert!((dice.median - 0.55).abs() < 1e-12);
    // Virtual ranks 2.25 and 6.75 of 0.1 to 1.0.
    assert!((dice.q1 - 0.325).abs() < 1e-12 && (dice.q3 - 0.775).abs() < 1e-12);
    assert!((dice.mean - 0.55).abs() < 1e-12);
    assert!(!extremity.is_few() && pelvis.is_few());
    assert_eq!((extremity.n_missed, pelvis.n_missed), (0, 1));
    // The missed case is the worst of three: the median is the larger finite distance.
    let hd95 = pelvis.spread(Measure::Hd95Mm);
    assert_eq!(
        (hd95.median, hd95.q3, hd95.n_infinite),
        (12.0, f64::INFINITY, 1)
    );
    assert_eq!((hd95.mean, hd95.median_interval), (f64::INFINITY, None));
}

#[test]
fn the_interval_of_the_median_is_the_binomial_one() {
    // Ten cases: P(at most 1 of 10 below the median) = (1 + 10) / 1024 = 0.0107 a side, and with
    // 2 of 10 it is 56 / 1024 = 0.055: the second and ninth value, covering 1 - 22 / 1024.
    let table = StrataTable::new(&cohort(), &["site".to_owned()]).unwrap();
    let interval = table.strata[0]
        .spread(Measure::Hd95Mm)
        .median_interval
        .unwrap();
    assert_eq!((interval.low, interval.high), (2.0, 9.0));
    assert!((interval.coverage - (1.0 - 22.0 / 1024.0)).abs() < 1e-12);
}

#[test]
fn no_column_is_one_line_of_all_cases() {
    let table = StrataTable::new(&cohort(), &[]).unwrap();
    assert_eq!((table.strata.len(), table.strata[0].n_cases), (1, 13));
    assert!(table.strata[0].values.is_empty());
}

#[test]
fn two_columns_make_a_line_per_pair_and_blanks_are_named() {
    let mut cases = cohort();
    cases[0].strata[0].1.clear();
    let columns = ["side, \"l/r\"".to_owned(), "site".to_owned()];
    let table = StrataTable::new(&cases, &columns).unwrap();
    let found: Vec<(&str, usize)> = table
        .strata
        .iter()
        .map(|s| (s.values[1].as_str(), s.n_cases))
        .collect();
    assert_eq!(found, [(NOT_GIVEN, 1), ("extremity", 9), ("pelvis", 3)]);
}

#[test]
fn nothing_and_unknown_columns_are_errors() {
    assert_eq!(StrataTable::new(&[], &[]), Err(StrataError::NoCases));
    let error = StrataTable::new(&cohort()[..1], &["sight".to_owned()]).unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"no case has the column "sight"; columns are "side, \"l/r\"", "site""#
    );
}

#[test]
fn csv_is_long_quoted_and_keeps_infinity() {
    let columns = ["side, \"l/r\"".to_owned(), "site".to_owned()];
    let csv = StrataTable::new(&cohort(), &columns).unwrap().to_csv();
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    assert_eq!(&reader.headers().unwrap()[0], "side, \"l/r\"");
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 2 * Measure::ALL.len());
    let hd95 = rows
        .iter()
        .find(|r| &r[1] == "pelvis" && &r[7] == "hd95_mm")
        .unwrap();
    assert_eq!(
        [&hd95[0], &hd95[2], &hd95[3], &hd95[4]],
        ["l,r", "3", "true", "1"]
    );
    // median, q1, q3, and no interval for three cases
    assert_eq!(
        [&hd95[11], &hd95[12], &hd95[13], &hd95[14]],
        ["12", "8", "inf", ""]
    );
    assert!(
        csv.lines().all(|line| !line.contains("hd95,")),
        "no bare HD95"
    );
}

#[test]
fn json_reads_back() {
    let table = StrataTable::new(&cohort(), &["site".to_owned()]).unwrap();
    let text = table.to_json().unwrap();
    let document: StrataDocument = serde_json::from_str(&text).unwrap();
    assert_eq!(document.schema_version, 1);
    let pelvis = &document.strata[1];
    assert_eq!((pelvis.few_cases, pelvis.n_missed), (true, 1));
    assert_eq!(pelvis.scores["hd95_mm"].q3.0, f64::INFINITY);
    assert!(pelvis.scores["f2"].median.0.is_nan());
}
