//! Order, bounds, errors and an end of the loader.

use super::*;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

#[derive(Debug, thiserror::Error, PartialEq)]
#[error("case {0} is broken")]
struct Broken(u64);

fn options(workers: usize, ahead: usize, batches: Range<u64>) -> LoaderOptions {
    let at_least_one = |n| NonZeroUsize::new(n).unwrap();
    LoaderOptions {
        workers: at_least_one(workers),
        ahead: at_least_one(ahead),
        batches,
    }
}

/// Slower for some numbers, so that workers overtake each other.
fn slow_for_thirds(batch: u64) -> Result<u64, Broken> {
    if batch.is_multiple_of(3) {
        std::thread::sleep(Duration::from_millis(3));
    }
    Ok(batch * 10)
}

#[test]
fn batches_come_in_order_from_any_number_of_workers() {
    for workers in [1, 2, 5] {
        let mut loader = BatchLoader::start(&options(workers, 4, 7..40), slow_for_thirds).unwrap();
        for batch in 7..40 {
            assert_eq!(loader.next_batch().unwrap().unwrap(), batch * 10);
        }
        assert!(loader.next_batch().is_none());
        assert!(loader.next_batch().is_none());
    }
}

#[test]
fn workers_never_run_further_ahead_than_allowed() {
    let started = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&started);
    let make = move |_| {
        seen.fetch_add(1, Ordering::SeqCst);
        Ok::<(), Broken>(())
    };
    let mut loader = BatchLoader::start(&options(4, 3, 0..u64::MAX), make).unwrap();
    for delivered in 0..20u64 {
        std::thread::sleep(Duration::from_millis(1));
        assert!(started.load(Ordering::SeqCst) <= delivered + 3);
        loader.next_batch().unwrap().unwrap();
    }
}

#[test]
fn errors_and_panics_arrive_in_their_place() {
    let make = |batch| match batch {
        2 => Err(Broken(77)),
        4 => panic!("index {batch} out of range"),
        _ => Ok(batch),
    };
    let mut loader = BatchLoader::start(&options(2, 8, 0..6), make).unwrap();
    let mut outcomes = Vec::new();
    while let Some(outcome) = loader.next_batch() {
        outcomes.push(outcome);
    }
    assert_eq!(outcomes.len(), 6);
    assert!(matches!(
        outcomes[2],
        Err(LoaderError::Batch {
            batch: 2,
            source: Broken(77)
        })
    ));
    let panic = outcomes[4].as_ref().unwrap_err();
    assert_eq!(
        panic.to_string(),
        "the worker that made batch 4 panicked: index 4 out of range; this is a bug"
    );
    assert!(
        [0, 1, 3, 5]
            .iter()
            .all(|&i| matches!(outcomes[i], Ok(n) if n == i as u64))
    );
}

#[test]
fn dropping_the_loader_ends_its_threads() {
    let alive = Arc::new(());
    let inside = Arc::clone(&alive);
    let make = move |batch| {
        let _held = &inside;
        slow_for_thirds(batch)
    };
    let mut loader = BatchLoader::start(&options(3, 2, 0..u64::MAX), make).unwrap();
    loader.next_batch().unwrap().unwrap();
    drop(loader);
    assert_eq!(
        Arc::strong_count(&alive),
        1,
        "a worker still holds its closure"
    );
}

#[test]
fn waiting_is_measured() {
    let released = Arc::new(AtomicBool::new(false));
    let gate = Arc::clone(&released);
    let make = move |batch| {
        if batch == 0 {
            std::thread::sleep(Duration::from_millis(30));
            gate.store(true, Ordering::SeqCst);
        }
        Ok::<u64, Broken>(batch)
    };
    let mut loader = BatchLoader::start(&options(1, 2, 0..2), make).unwrap();
    loader.next_batch().unwrap().unwrap();
    assert!(released.load(Ordering::SeqCst));
    // The consumer came at once and waited for nearly all of the 30 ms.
    assert!(loader.waited() > Duration::from_millis(5));
    let share = loader.idle_share();
    assert!(share > 0.0 && share <= 1.0);
}
