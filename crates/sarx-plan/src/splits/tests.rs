use super::*;

fn cases(n: usize) -> Vec<CaseId> {
    (0..n)
        .map(|i| CaseId::new(format!("case_{i:03}")).unwrap())
        .collect()
}

fn numbers(cases: &[CaseId]) -> Vec<usize> {
    cases
        .iter()
        .map(|case| case.as_str()[5..].parse().unwrap())
        .collect()
}

fn validation(n: usize) -> Vec<Vec<usize>> {
    let splits = Splits::five_fold(&cases(n)).unwrap();
    splits.check(&cases(n)).unwrap();
    for split in splits.folds() {
        assert_eq!(split.train.len() + split.val.len(), n);
    }
    splits
        .folds()
        .iter()
        .map(|split| numbers(&split.val))
        .collect()
}

/// sklearn.model_selection.KFold(5, shuffle=True, random_state=12345).split(numpy.arange(n))
#[test]
fn folds_equal_scikit_learns() {
    assert_eq!(
        validation(6),
        [vec![3, 5], vec![4], vec![0], vec![1], vec![2]]
    );
    assert_eq!(validation(10), [[0, 7], [3, 9], [4, 6], [1, 8], [2, 5]]);
    assert_eq!(
        validation(20),
        [
            [3, 8, 13, 16],
            [0, 10, 12, 15],
            [6, 7, 11, 17],
            [9, 14, 18, 19],
            [1, 2, 4, 5]
        ]
    );
    assert_eq!(
        validation(43),
        [
            vec![2, 8, 15, 19, 21, 24, 31, 32, 35],
            vec![0, 3, 4, 5, 12, 25, 30, 33, 38],
            vec![6, 7, 10, 11, 13, 17, 20, 26, 28],
            vec![9, 14, 16, 18, 22, 23, 27, 39],
            vec![1, 29, 34, 36, 37, 40, 41, 42]
        ]
    );
    // 281 cases: h = (h * 1000003 + i) mod (2^31 - 1) over all folds in order.
    let folds = validation(281);
    assert_eq!(
        folds.iter().map(Vec::len).collect::<Vec<_>>(),
        [57, 56, 56, 56, 56]
    );
    let hash = folds
        .iter()
        .flatten()
        .fold(0u64, |h, &i| (h * 1_000_003 + i as u64) % ((1 << 31) - 1));
    assert_eq!(hash, 653_742_673);
}

#[test]
fn folds_do_not_depend_on_the_order_of_the_cases() {
    let mut reversed = cases(17);
    reversed.reverse();
    assert_eq!(
        Splits::five_fold(&reversed).unwrap(),
        Splits::five_fold(&cases(17)).unwrap()
    );
}

#[test]
fn folds_equal_nnunets_file_and_survive_writing() {
    let Some(path) = sarx_testkit::shared("oracle/t1_axial/splits_final.json") else {
        return;
    };
    let cases: Vec<CaseId> = (0..10)
        .map(|i| CaseId::new(format!("sts_7_{i:03}")).unwrap())
        .collect();
    let made = Splits::five_fold(&cases).unwrap();
    assert_eq!(Splits::read(&path).unwrap(), made);
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("splits_final.json");
    made.write(&copy).unwrap();
    assert_eq!(Splits::read(&copy).unwrap(), made);
}

#[test]
fn a_missing_fold_is_no_random_split() {
    let splits = Splits::five_fold(&cases(10)).unwrap();
    let error = splits.fold(Fold::Index(5), &cases(10)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "fold 5 does not exist: splits hold folds 0 to 4; to train on every case say \"all\""
    );
    let all = splits.fold(Fold::All, &cases(10)).unwrap();
    assert_eq!((all.train.len(), all.val.len()), (10, 10));
}

#[test]
fn names_of_folds() {
    assert_eq!("3".parse::<Fold>().unwrap(), Fold::Index(3));
    assert_eq!("all".parse::<Fold>().unwrap().to_string(), "all");
    assert!(matches!(
        "-1".parse::<Fold>(),
        Err(SplitsError::FoldName { .. })
    ));
}

#[test]
fn custom_splits_are_checked() {
    let read = |text: &str| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("splits_final.json");
        std::fs::write(&path, text).unwrap();
        Splits::read(&path)
    };
    let check = |text: &str| {
        read(text)
            .unwrap()
            .check(&cases(3))
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        check(r#"[{"train": ["case_000", "case_001"], "val": ["case_001"]}]"#),
        "fold 0 has case_001 both in train and in val"
    );
    assert_eq!(
        check(r#"[{"train": ["case_000"], "val": ["x"]}]"#),
        "fold 0 names x, which the dataset does not have"
    );
    assert_eq!(
        check(r#"[{"train": ["case_000", "case_000"], "val": []}]"#),
        "fold 0 lists \"case_000\" twice in train"
    );
    assert_eq!(
        check(r#"[{"train": [], "val": ["case_000"]}]"#),
        "fold 0 has no training case"
    );
    assert!(matches!(read("[]"), Err(SplitsError::Empty { .. })));
    assert!(matches!(
        read(r#"[{"train": ["../x"], "val": []}]"#),
        Err(SplitsError::CaseName { .. })
    ));
    assert!(matches!(
        read(r#"[{"train": []}]"#),
        Err(SplitsError::Document(_))
    ));
    assert!(matches!(
        Splits::five_fold(&cases(4)),
        Err(SplitsError::TooFewCases { found: 4, .. })
    ));
}
