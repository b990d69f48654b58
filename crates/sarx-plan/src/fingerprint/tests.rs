//! Fingerprints of real files against those that nnU-Net measured.

use super::measure::{few_at_a_time, measure_with_limit};
use super::*;
use crate::case::CaseReader;
use crate::dataset::Dataset;
use sarx_core::Silent;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

/// nnU-Net's statistics are of samples: 1.6 to 10 million draws per case, so a mean or deviation
/// is off by about 1e-4 of the deviation, and its sums are in 32-bit floats.
const SAMPLING_NOISE: f64 = 1e-3;

fn open(cohort: &str) -> Option<(PathBuf, Dataset)> {
    let folder = sarx_testkit::shared(&format!("oracle/{cohort}"))?;
    let dataset = Dataset::open(&folder.join("raw"), &|_| None).unwrap();
    Some((folder, dataset))
}

#[test]
fn equals_nnunets_within_sampling_noise() {
    for cohort in ["t1_axial", "t1_axial_varied"] {
        let Some((folder, dataset)) = open(cohort) else {
            return;
        };
        let expected = Fingerprint::read(&folder.join("dataset_fingerprint.json")).unwrap();
        let reader = CaseReader::new(dataset.json());
        let found = measure(&dataset, &reader, &Silent).unwrap();
        assert_eq!(found.spacings_mm, expected.spacings_mm);
        assert_eq!(found.sizes_after_crop, expected.sizes_after_crop);
        assert_eq!(
            found.median_relative_size_after_cropping,
            expected.median_relative_size_after_cropping
        );
        let (f, e) = (
            &found.foreground_intensities[0],
            &expected.foreground_intensities[0],
        );
        println!("{cohort}\n  exact   {f:?}\n  nnU-Net {e:?}");
        for (name, found, expected) in [
            ("mean", f.mean, e.mean),
            ("std", f.std, e.std),
            ("median", f.median, e.median),
            ("0.5", f.percentile_00_5, e.percentile_00_5),
            ("99.5", f.percentile_99_5, e.percentile_99_5),
        ] {
            let limit = SAMPLING_NOISE * e.std;
            // Intensities are whole numbers: a percentile may fall on the neighbour.
            let limit = if name == "mean" || name == "std" {
                limit
            } else {
                limit.max(1.0)
            };
            assert!(
                (found - expected).abs() <= limit,
                "{cohort} {name}: {found} {expected}"
            );
        }
        assert!(
            f.min <= e.min && f.max >= e.max,
            "exact extremes enclose sampled ones"
        );
    }
}

#[test]
fn two_passes_and_any_number_of_threads_give_the_same() {
    let Some((_, dataset)) = open("t1_axial_varied") else {
        return;
    };
    let reader = CaseReader::new(dataset.json());
    let one_pass = measure(&dataset, &reader, &Silent).unwrap();
    let two_passes = measure_with_limit(&dataset, &reader, &Silent, 50).unwrap();
    assert_eq!(one_pass, two_passes);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .unwrap();
    assert_eq!(
        pool.install(|| measure(&dataset, &reader, &Silent))
            .unwrap(),
        one_pass
    );
}

/// Counts itself while it exists.
struct Counted<'a>(usize, &'a AtomicUsize);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.1.fetch_sub(1, Ordering::SeqCst);
    }
}

#[test]
fn no_more_cases_exist_at_a_time_than_there_are_threads() {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(3)
        .build()
        .unwrap();
    let (alive, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let items: Vec<usize> = (0..100).collect();
    let mut order = Vec::new();
    let make = |&item: &usize| {
        let now = alive.fetch_add(1, Ordering::SeqCst) + 1;
        most.fetch_max(now, Ordering::SeqCst);
        Counted(item, &alive)
    };
    pool.install(|| few_at_a_time(&items, make, |made| order.push(made.0)));
    assert_eq!(order, items);
    assert!(most.load(Ordering::SeqCst) <= 3);
    assert_eq!(alive.load(Ordering::SeqCst), 0);
}
