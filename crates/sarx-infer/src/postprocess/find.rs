//! Which rules help: nnU-Net's search, on counts that follow from one pass over the voxels.
//!
//! Step A keeps the largest component of all foreground. It is accepted if the mean Dice over the
//! foreground rises and that of no label or region falls. Step B, with more than one label or
//! region, keeps the largest component of each in the order of dataset.json, on top of what was
//! accepted so far, and is accepted if its own mean Dice rises. Comparisons with an undefined mean
//! are false: a label that is undefined blocks nothing, and an undefined foreground mean is never
//! better.
//!
//! Source: nnU-Net v2 `determine_postprocessing`. It writes and scores all images again for every
//! trial; here a case is read once and becomes a [`ComponentGraph`]. The plain way is the tests'.

use super::{KeepLargest, PostprocessError, PostprocessingRules};
use rayon::prelude::*;
use sarx_core::{CaseId, Label, Progress};
use sarx_metrics::{ComponentGraph, LabelOrRegion, NnunetMean};
use sarx_plan::label_files;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// Where to look for rules that help.
#[derive(Debug, Clone, Copy)]
pub struct FindRequest<'a> {
    /// Folder of predictions.
    pub prediction: &'a Path,
    /// Folder of references of the same names.
    pub reference: &'a Path,
    /// Ending of the files of both, with its dot.
    pub file_ending: &'a str,
    /// What is scored, and cleaned one by one, in the order of dataset.json.
    pub labels_or_regions: &'a [LabelOrRegion],
    /// All foreground labels; what step A cleans together.
    pub foreground: &'a [Label],
    /// Voxels where the reference holds this label count nowhere.
    pub ignore: Option<Label>,
    /// How many cases are in memory at a time.
    pub cases_at_once: NonZeroUsize,
    /// Becomes true when the work should stop after the current cases.
    pub stop: &'a AtomicBool,
}

/// Means over cases, as nnU-Net takes them.
#[derive(Debug, Clone, PartialEq)]
pub struct FolderMeans {
    /// Mean over labels or regions of their means.
    pub foreground: NnunetMean,
    /// Mean of each label or region.
    pub labels: Vec<(LabelOrRegion, NnunetMean)>,
}

/// A rule that was tried.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// The rule.
    pub rule: KeepLargest,
    /// Mean Dice before: of the foreground for step A, of the label or region for step B.
    pub dice_before: f64,
    /// The same after.
    pub dice_after: f64,
    /// Whether the rule was taken.
    pub accepted: bool,
}

/// Rules, and the scores that speak for them.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundPostprocessing {
    /// Accepted rules in their order.
    pub rules: PostprocessingRules,
    /// Every rule that was tried, in order.
    pub trials: Vec<Trial>,
    /// Means of the predictions as they are.
    pub before: FolderMeans,
    /// Means with the rules.
    pub after: FolderMeans,
    /// Number of cases.
    pub n_cases: usize,
    /// References without a prediction; the search should see the whole cross-validation.
    pub not_predicted: Vec<CaseId>,
}

/// Finds the rules that help on a folder of predictions.
///
/// # Errors
///
/// [`PostprocessError`] if a prediction has no reference, a pair cannot be read or compared, or
/// the work is stopped. Rules found on a part of the cases would be other rules.
///
/// # Determinism
///
/// The result does not depend on the number of threads.
pub fn find_postprocessing(
    request: &FindRequest<'_>,
    progress: &dyn Progress,
) -> Result<FoundPostprocessing, PostprocessError> {
    let holds_background = |what: &&LabelOrRegion| what.contains(0);
    if let Some(region) = request.labels_or_regions.iter().find(holds_background) {
        let region = region.clone();
        return Err(PostprocessError::RegionHoldsBackground { region });
    }
    let predictions = label_files(request.prediction, request.file_ending)?;
    let references = label_files(request.reference, request.file_ending)?;
    let missing: Vec<CaseId> = predictions
        .keys()
        .filter(|case| !references.contains_key(case))
        .cloned()
        .collect();
    if !missing.is_empty() {
        return Err(PostprocessError::NoReference {
            missing,
            n_predictions: predictions.len(),
            path: request.reference.to_owned(),
        });
    }
    let pairs: Vec<(&CaseId, &PathBuf, &PathBuf)> = predictions
        .iter()
        .filter_map(|(case, prediction)| Some((case, prediction, references.get(case)?)))
        .collect();
    progress.begin("find components", pairs.len() as u64);
    let lanes = request.cases_at_once.get();
    let mut graphs: Vec<(usize, Result<ComponentGraph, PostprocessError>)> = (0..lanes)
        .into_par_iter()
        .with_max_len(1)
        .flat_map_iter(|lane| {
            (lane..pairs.len()).step_by(lanes).map(|at| {
                let graph = graph_of(pairs[at], request);
                progress.advance(1);
                (at, graph)
            })
        })
        .collect();
    progress.finish();
    graphs.sort_by_key(|(at, _)| *at);
    let graphs = graphs
        .into_iter()
        .map(|(_, graph)| graph)
        .collect::<Result<Vec<_>, _>>()?;
    let mut found = determine(graphs, request.labels_or_regions, request.foreground);
    found.not_predicted = references
        .into_keys()
        .filter(|case| !predictions.contains_key(case))
        .collect();
    Ok(found)
}

fn graph_of(
    (case, prediction, reference): (&CaseId, &PathBuf, &PathBuf),
    request: &FindRequest<'_>,
) -> Result<ComponentGraph, PostprocessError> {
    if request.stop.load(Ordering::Relaxed) {
        return Err(PostprocessError::Stopped);
    }
    let read = |path: &Path| {
        sarx_io::read_labels(path).map_err(|source| PostprocessError::Read {
            case: case.clone(),
            source,
        })
    };
    let (reference, predicted) = (read(reference)?, read(prediction)?);
    ComponentGraph::new(&reference.labels, &predicted.labels, request.ignore).map_err(|source| {
        PostprocessError::Compare {
            case: case.clone(),
            source,
            path: prediction.clone(),
        }
    })
}

/// The search itself, on cases that are already components.
#[must_use]
pub fn determine(
    graphs: Vec<ComponentGraph>,
    labels_or_regions: &[LabelOrRegion],
    foreground: &[Label],
) -> FoundPostprocessing {
    let before = FolderMeans::of(&graphs, labels_or_regions);
    let mut search = Search {
        labels_or_regions,
        now: before.clone(),
        n_cases: graphs.len(),
        graphs,
        trials: Vec::new(),
    };
    let all = foreground.iter().copied().map(LabelOrRegion::Label);
    search.try_all_foreground(KeepLargest { of: all.collect() });
    if labels_or_regions.len() > 1 {
        for (index, what) in labels_or_regions.iter().enumerate() {
            search.try_one(index, what.clone());
        }
    }
    let accepted = search.trials.iter().filter(|trial| trial.accepted);
    FoundPostprocessing {
        rules: PostprocessingRules {
            steps: accepted.map(|trial| trial.rule.clone()).collect(),
        },
        trials: search.trials,
        before,
        after: search.now,
        n_cases: search.n_cases,
        not_predicted: Vec::new(),
    }
}

/// The accepted state, and what was tried to get there.
struct Search<'a> {
    labels_or_regions: &'a [LabelOrRegion],
    graphs: Vec<ComponentGraph>,
    now: FolderMeans,
    trials: Vec<Trial>,
    n_cases: usize,
}

impl Search<'_> {
    fn try_all_foreground(&mut self, rule: KeepLargest) {
        let dice = |means: &FolderMeans| means.foreground.dice.0;
        let accept = |now: &FolderMeans, then: &FolderMeans| {
            let mut pairs = now.labels.iter().zip(&then.labels);
            dice(then) > dice(now) && !pairs.any(|(now, then)| then.1.dice.0 < now.1.dice.0)
        };
        self.try_rule(rule, dice, accept);
    }

    fn try_one(&mut self, index: usize, what: LabelOrRegion) {
        let dice = |means: &FolderMeans| means.labels[index].1.dice.0;
        let rule = KeepLargest { of: vec![what] };
        self.try_rule(rule, dice, |now, then| dice(then) > dice(now));
    }

    fn try_rule(
        &mut self,
        rule: KeepLargest,
        dice: impl Fn(&FolderMeans) -> f64,
        accept: impl Fn(&FolderMeans, &FolderMeans) -> bool,
    ) {
        let mut cleaned = self.graphs.clone();
        for graph in &mut cleaned {
            graph.keep_largest(&rule.of);
        }
        let then = FolderMeans::of(&cleaned, self.labels_or_regions);
        let accepted = accept(&self.now, &then);
        self.trials.push(Trial {
            rule,
            dice_before: dice(&self.now),
            dice_after: dice(&then),
            accepted,
        });
        if accepted {
            self.graphs = cleaned;
            self.now = then;
        }
    }
}

impl FolderMeans {
    /// The means of cases as they are now.
    fn of(graphs: &[ComponentGraph], labels_or_regions: &[LabelOrRegion]) -> Self {
        let labels: Vec<(LabelOrRegion, NnunetMean)> = labels_or_regions
            .iter()
            .map(|what| {
                let counts = graphs.iter().map(|graph| graph.counts(what));
                (what.clone(), NnunetMean::over_counts(counts))
            })
            .collect();
        Self {
            foreground: NnunetMean::over_labels(labels.iter().map(|(_, mean)| *mean)),
            labels,
        }
    }
}
