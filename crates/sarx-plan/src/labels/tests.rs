use super::*;

type Entries = Vec<(String, LabelValue)>;

fn one(name: &str, label: Label) -> (String, LabelValue) {
    (name.to_owned(), LabelValue::One(label))
}

fn union(name: &str, labels: &[Label]) -> (String, LabelValue) {
    (name.to_owned(), LabelValue::Union(labels.to_vec()))
}

fn brats() -> Entries {
    vec![
        one("background", 0),
        union("whole", &[1, 2, 3]),
        union("core", &[2, 3]),
        one("necrosis", 3),
        one("ignore", 4),
    ]
}

#[test]
fn labels_have_a_head_each_and_background_too() {
    let scheme = LabelScheme::new(vec![one("tumour", 1), one("background", 0)], None).unwrap();
    assert_eq!(scheme.n_heads(), 2);
    assert_eq!(scheme.foreground_labels(), [1]);
    assert_eq!(scheme.foreground()[0].name, "tumour");
    assert!(!scheme.has_regions() && scheme.regions_class_order().is_empty());
    assert!(scheme.declares(1) && !scheme.declares(2));
}

#[test]
fn regions_have_a_head_each_without_background_and_ignore() {
    let scheme = LabelScheme::new(brats(), Some(vec![1, 2, 3])).unwrap();
    assert_eq!(scheme.n_heads(), 3);
    assert_eq!(scheme.n_entries(), 5);
    assert_eq!(scheme.all_labels(), [0, 1, 2, 3]);
    assert_eq!(scheme.ignore_label(), Some(4));
    assert!(scheme.declares(4));
    let keys: Vec<String> = scheme
        .foreground()
        .iter()
        .map(|r| r.value.to_string())
        .collect();
    assert_eq!(keys, ["(1, 2, 3)", "(2, 3)", "3"]);
    assert_eq!(scheme.name(1), "1", "no entry names label 1 alone");
}

#[test]
fn lists_of_one_label_are_no_regions() {
    let scheme = LabelScheme::new(vec![one("background", 0), union("a", &[1])], None).unwrap();
    assert!(!scheme.has_regions());
    assert_eq!(scheme.name(1), "a");
    assert_eq!(LabelValue::Union(vec![1]).to_string(), "(1,)");
}

#[test]
fn every_broken_rule_has_its_error() {
    let background = || one("background", 0);
    let cases: Vec<(Entries, Option<Vec<Label>>, LabelsError)> = vec![
        (
            vec![one("0", 0), one("a", 1)],
            None,
            LabelsError::NoBackground {
                found: vec!["0".into(), "a".into()],
            },
        ),
        (
            vec![one("background", 1)],
            None,
            LabelsError::BackgroundNotZero { found: 1 },
        ),
        (
            vec![union("background", &[0])],
            None,
            LabelsError::BackgroundIsList { found: vec![0] },
        ),
        (
            vec![background(), one("a", 1), one("ignore", 3)],
            None,
            LabelsError::IgnoreNotLast {
                expected: 2,
                found: 3,
            },
        ),
        (
            vec![background(), one("a", 1), union("ignore", &[2])],
            None,
            LabelsError::IgnoreIsList { found: vec![2] },
        ),
        (brats(), None, LabelsError::NoRegionOrder { n_regions: 3 }),
        (
            brats(),
            Some(vec![1, 2]),
            LabelsError::RegionOrderLength {
                expected: 3,
                found: 2,
            },
        ),
        (
            brats(),
            Some(vec![1, 2, 9]),
            LabelsError::RegionOrderUndeclared {
                found: 9,
                declared: vec![0, 1, 2, 3],
            },
        ),
        (
            vec![background(), one("a", 1), one("b", 3)],
            None,
            LabelsError::NotConsecutive {
                missing: 2,
                found: vec![0, 1, 3],
            },
        ),
        (
            vec![background(), one("a", 1), one("a", 2)],
            None,
            LabelsError::DuplicateName { name: "a".into() },
        ),
        (
            vec![background(), union("a", &[])],
            None,
            LabelsError::EmptyRegion { name: "a".into() },
        ),
        (vec![background()], None, LabelsError::NoForeground),
    ];
    for (entries, order, expected) in cases {
        assert_eq!(LabelScheme::new(entries, order).unwrap_err(), expected);
    }
}
