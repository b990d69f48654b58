//! Three stages on three threads: cases are read and preprocessed, seen by the network, and brought back
//! and written.
//!
//! A case is handed over when the next stage is ready for it, so at any time each stage has one case at
//! most, and cases stay in their order. The network has the threads of the program; the other stages have
//! few of their own, so that they do not take those away, except before the first and after the last case,
//! when the network is at rest. No result depends on the number of threads.

use super::previous::{self, Input, Seen};
use super::writer::{Writer, output};
use super::{FolderRequest, STEPS};
use crate::{CaseLogits, PredictError, Predictor, PreparedCase, prepare_case};
use sarx_core::{CaseId, Progress, Volume};
use sarx_io::Header;
use sarx_model::heads;
use sarx_plan::{CaseFiles, CaseReader};
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// A case on its way, in the order of the request.
pub(super) struct Item<T> {
    pub(super) id: CaseId,
    /// The last one of the request.
    pub(super) is_last: bool,
    pub(super) outcome: Outcome<T>,
}

/// What became of a case so far.
pub(super) enum Outcome<T> {
    /// Its segmentation is there.
    Kept,
    /// It cannot be begun.
    NoInput(PredictError),
    /// A stage failed.
    Failed(PredictError),
    /// The next stage may go on.
    Done(T),
}

/// A case for the network.
struct Ready {
    input: Input,
    header: Header,
    case: PreparedCase,
    warning: Option<String>,
}

/// A case to write.
pub(super) struct Segmented {
    pub(super) input: Input,
    pub(super) header: Header,
    pub(super) logits: CaseLogits,
}

/// Takes all cases of the writer's request through the stages; the network runs on the calling thread.
///
/// # Errors
///
/// [`PredictError::Stopped`], a record that cannot be written, or a thread that cannot be started.
pub(super) fn run(
    writer: &mut Writer<'_>,
    predictor: &Predictor,
    progress: &dyn Progress,
) -> Result<(), PredictError> {
    let request = writer.request;
    let reader = Reader {
        request,
        seen: writer.seen.clone(),
        skip_air: predictor.skips_air(),
        pool: SidePool::start(request, "reads")?,
    };
    let writer_pool = SidePool::start(request, "writes")?;
    // Becomes true when the writer cannot go on.
    let is_given_up = &AtomicBool::new(false);
    let network = Network {
        request,
        predictor,
        progress,
        is_given_up,
    };
    thread::scope(|scope| {
        let (to_network, from_reader) = sync_channel(0);
        let (to_writer, from_network) = sync_channel(0);
        let spawned = thread::Builder::new()
            .name("cases to read".to_owned())
            .spawn_scoped(scope, move || reader.run(&to_network));
        spawned.map_err(|error| cannot_start("reads", &error))?;
        let written = thread::Builder::new()
            .name("cases to write".to_owned())
            .spawn_scoped(scope, move || {
                let written = writer.run(from_network, &writer_pool);
                is_given_up.store(written.is_err(), Ordering::Relaxed);
                written
            });
        let written = written.map_err(|error| cannot_start("writes", &error))?;
        // Both ends of the channels are gone after this, and the other threads come to an end.
        let seen = network.run(from_reader, to_writer);
        written
            .join()
            .unwrap_or_else(|panic| resume_unwind(panic))?;
        seen
    })
}

fn cannot_start(stage: &'static str, error: &dyn std::error::Error) -> PredictError {
    PredictError::Thread {
        stage,
        reason: error.to_string(),
    }
}

/// The first stage.
struct Reader<'a> {
    request: &'a FolderRequest<'a>,
    seen: Seen,
    skip_air: bool,
    pool: SidePool,
}

impl Reader<'_> {
    /// Reads case after case until all are read or nobody wants them.
    fn run(&self, to_network: &SyncSender<Item<Ready>>) {
        let mut network_rests = true;
        let n_cases = self.request.cases.len();
        for (i, files) in self.request.cases.iter().enumerate() {
            let outcome = self.pool.run(network_rests, || self.read(files));
            network_rests &= !matches!(outcome, Outcome::Done(_));
            let item = Item {
                id: files.id.clone(),
                is_last: i + 1 == n_cases,
                outcome,
            };
            if to_network.send(item).is_err() {
                return;
            }
        }
    }

    fn read(&self, files: &CaseFiles) -> Outcome<Ready> {
        let input = match previous::input(self.request, files) {
            Ok(input) => input,
            Err(error) => return Outcome::NoInput(error),
        };
        let heads = heads(self.request.model.dataset());
        let may_keep = self.request.keep_existing && self.seen.is_unchanged(&input);
        if may_keep && output(self.request, &heads).is_done(&files.id) {
            return Outcome::Kept;
        }
        match self.prepare(input) {
            Ok(ready) => Outcome::Done(ready),
            Err(error) => Outcome::Failed(error),
        }
    }

    fn prepare(&self, input: Input) -> Result<Ready, PredictError> {
        let model = self.request.model;
        let read = CaseReader::new(model.dataset()).read_case(&input.files)?;
        let warning = warning_of_orientation(self.request, &read.channels[0], &input.files.id);
        let case = prepare_case(model, &read.channels, read.labels.as_ref(), self.skip_air)?;
        Ok(Ready {
            input,
            header: read.header,
            case,
            warning,
        })
    }
}

/// A model that has only seen axial slices should not silently be given sagittal ones.
fn warning_of_orientation(
    request: &FolderRequest<'_>,
    image: &Volume<f32>,
    case: &CaseId,
) -> Option<String> {
    let found = image.grid().slice_axis().to_string();
    let manifest = request.model.manifest();
    if manifest.slice_axes.is_empty() || manifest.slice_axes.contains_key(&found) {
        return None;
    }
    let usual = manifest.usual_slice_axis().unwrap_or("other");
    Some(format!(
        "case \"{case}\" has {found} slices; the model was trained on {usual} ones only"
    ))
}

/// The second stage, which the user sees.
struct Network<'a> {
    request: &'a FolderRequest<'a>,
    predictor: &'a Predictor,
    progress: &'a dyn Progress,
    is_given_up: &'a AtomicBool,
}

impl Network<'_> {
    /// Sees case after case; stopped, or given up by the writer, it takes no more.
    fn run(
        &self,
        cases: Receiver<Item<Ready>>,
        to_writer: SyncSender<Item<Segmented>>,
    ) -> Result<(), PredictError> {
        for item in cases {
            let outcome = match item.outcome {
                Outcome::Done(ready) => match self.segment(ready) {
                    Ok(segmented) => Outcome::Done(segmented),
                    Err(PredictError::Stopped) => return Err(PredictError::Stopped),
                    Err(error) => Outcome::Failed(error),
                },
                other => {
                    self.progress.advance(STEPS);
                    match other {
                        Outcome::NoInput(error) => Outcome::NoInput(error),
                        Outcome::Failed(error) => Outcome::Failed(error),
                        _ => Outcome::Kept,
                    }
                }
            };
            let item = Item {
                id: item.id,
                is_last: item.is_last,
                outcome,
            };
            if to_writer.send(item).is_err() {
                // The writer says why.
                break;
            }
        }
        Ok(())
    }

    fn segment(&self, ready: Ready) -> Result<Segmented, PredictError> {
        if let Some(warning) = &ready.warning {
            self.progress.warn(warning);
        }
        let (mut n_done, mut shown) = (0, 0);
        let logits = ready.case.logits(self.predictor, |n_tiles| {
            n_done += 1;
            let now = STEPS * n_done / n_tiles as u64;
            self.progress.advance(now - shown);
            shown = now;
            let is_over = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
            !is_over(self.request.stop) && !is_over(self.is_given_up)
        });
        // A case that fails halfway still counts as looked at.
        self.progress.advance(STEPS - shown);
        for notice in self.predictor.take_notices() {
            self.progress.warn(&notice);
        }
        Ok(Segmented {
            input: ready.input,
            header: ready.header,
            logits: logits?,
        })
    }
}

/// The threads of a stage beside the network.
pub(super) struct SidePool(Option<rayon::ThreadPool>);

impl SidePool {
    /// One thread for every four of the program. None of its own where there is nothing beside which it
    /// could work, or the user asks for a single thread.
    fn start(request: &FolderRequest<'_>, stage: &'static str) -> Result<Self, PredictError> {
        let n_threads = rayon::current_num_threads();
        if n_threads == 1 || request.cases.len() < 2 {
            return Ok(Self(None));
        }
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads((n_threads / 4).max(1))
            .thread_name(move |i| format!("{stage} cases {i}"))
            .build()
            .map_err(|error| cannot_start(stage, &error))?;
        Ok(Self(Some(pool)))
    }

    /// Works on these threads, or on all of the program if the network rests.
    pub(super) fn run<R: Send>(&self, network_rests: bool, work: impl FnOnce() -> R + Send) -> R {
        match &self.0 {
            Some(pool) if !network_rests => pool.install(work),
            _ => work(),
        }
    }
}
