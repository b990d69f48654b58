//! Batches made ahead on threads and handed out strictly in order.
//!
//! Workers take batch numbers one after the other and finish in any order; the consumer gets
//! batch `n` before batch `n + 1` whatever happens. A worker may be at most `ahead` batches
//! before the consumer, which bounds the memory. A batch must be a function of its number, so
//! the number of workers changes nothing but the speed.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How many threads work, how far ahead, and on which batches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoaderOptions {
    /// Threads that make batches.
    pub workers: NonZeroUsize,
    /// Most batches that are in work or waiting at any time.
    pub ahead: NonZeroUsize,
    /// Numbers of the batches; starts anywhere, `first..u64::MAX` never ends in practice.
    pub batches: Range<u64>,
}

/// Why a batch could not be delivered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoaderError<E: std::error::Error + 'static> {
    /// No thread could be started.
    #[error("cannot start worker thread {worker} of {workers} that make batches")]
    Spawn {
        /// The thread, counted from 0.
        worker: usize,
        /// Threads asked for.
        workers: usize,
        /// What the operating system said.
        source: io::Error,
    },
    /// The batch could not be made.
    #[error("batch {batch} could not be made")]
    Batch {
        /// Number of the batch.
        batch: u64,
        /// Why.
        source: E,
    },
    /// The code that makes batches has a bug.
    #[error("the worker that made batch {batch} panicked: {message}; this is a bug")]
    Panicked {
        /// Number of the batch.
        batch: u64,
        /// The panic's message.
        message: String,
    },
}

/// Makes batches ahead; see [`LoaderOptions`].
///
/// Dropping it stops the workers and waits for the batches that they are at.
pub struct BatchLoader<B, E: std::error::Error + 'static> {
    shared: Arc<Shared<B, E>>,
    threads: Vec<JoinHandle<()>>,
    started: Instant,
    waited: Duration,
}

type Outcome<B, E> = Result<B, LoaderError<E>>;

struct Shared<B, E: std::error::Error + 'static> {
    state: Mutex<State<B, E>>,
    /// Told when a batch is finished.
    finished: Condvar,
    /// Told when there is room for a further batch, or no more work.
    room: Condvar,
    ahead: u64,
    end: u64,
}

struct State<B, E: std::error::Error + 'static> {
    /// The next batch that a worker takes.
    next_to_make: u64,
    /// The next batch that the consumer gets.
    next_to_deliver: u64,
    done: BTreeMap<u64, Outcome<B, E>>,
    stopped: bool,
}

impl<B, E> BatchLoader<B, E>
where
    B: Send + 'static,
    E: std::error::Error + Send + 'static,
{
    /// Starts the workers.
    ///
    /// - `make`: gives the batch of a number; called from several threads at once, each number
    ///   once.
    ///
    /// # Errors
    ///
    /// [`LoaderError::Spawn`] if a thread cannot be started.
    pub fn start<F>(options: &LoaderOptions, make: F) -> Result<Self, LoaderError<E>>
    where
        F: Fn(u64) -> Result<B, E> + Send + Sync + 'static,
    {
        let state = State {
            next_to_make: options.batches.start,
            next_to_deliver: options.batches.start,
            done: BTreeMap::new(),
            stopped: false,
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            finished: Condvar::new(),
            room: Condvar::new(),
            ahead: options.ahead.get() as u64,
            end: options.batches.end,
        });
        let make = Arc::new(make);
        let mut loader = Self {
            shared,
            threads: Vec::new(),
            started: Instant::now(),
            waited: Duration::ZERO,
        };
        let workers = options.workers.get();
        for worker in 0..workers {
            let (shared, make) = (Arc::clone(&loader.shared), Arc::clone(&make));
            let thread = std::thread::Builder::new()
                .name(format!("batch worker {worker}"))
                .spawn(move || shared.work(&*make))
                .map_err(|source| LoaderError::Spawn {
                    worker,
                    workers,
                    source,
                })?;
            loader.threads.push(thread);
        }
        Ok(loader)
    }

    /// The next batch, in order; `None` after the last.
    ///
    /// After an error the following batches can still be had.
    ///
    /// # Errors
    ///
    /// [`LoaderError::Batch`] or [`LoaderError::Panicked`] if this batch could not be made.
    pub fn next_batch(&mut self) -> Option<Result<B, LoaderError<E>>> {
        let since = Instant::now();
        let mut state = self.shared.lock();
        let batch = state.next_to_deliver;
        if batch >= self.shared.end {
            return None;
        }
        let outcome = loop {
            if let Some(outcome) = state.done.remove(&batch) {
                break outcome;
            }
            state = wait(&self.shared.finished, state);
        };
        state.next_to_deliver += 1;
        drop(state);
        self.shared.room.notify_one();
        self.waited += since.elapsed();
        Some(outcome)
    }

    /// Time that [`BatchLoader::next_batch`] has spent, in all.
    #[must_use]
    pub fn waited(&self) -> Duration {
        self.waited
    }

    /// Share of the time since the start that the consumer waited for batches, 0 to 1.
    #[must_use]
    pub fn idle_share(&self) -> f64 {
        let total = self.started.elapsed().as_secs_f64();
        if total > 0.0 {
            (self.waited.as_secs_f64() / total).min(1.0)
        } else {
            0.0
        }
    }
}

impl<B, E> Shared<B, E>
where
    E: std::error::Error + 'static,
{
    /// The state; a lock poisoned by a panic is taken over, since no panic happens inside.
    fn lock(&self) -> MutexGuard<'_, State<B, E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes batches until there are no more or the loader is dropped.
    fn work(&self, make: &impl Fn(u64) -> Result<B, E>) {
        while let Some(batch) = self.take() {
            let outcome = match catch_unwind(AssertUnwindSafe(|| make(batch))) {
                Ok(made) => made.map_err(|source| LoaderError::Batch { batch, source }),
                Err(panic) => Err(LoaderError::Panicked {
                    batch,
                    message: message(&*panic),
                }),
            };
            self.lock().done.insert(batch, outcome);
            self.finished.notify_one();
        }
    }

    /// The number of the next batch to make, once there is room for it.
    fn take(&self) -> Option<u64> {
        let mut state = self.lock();
        loop {
            if state.stopped || state.next_to_make >= self.end {
                return None;
            }
            if state.next_to_make - state.next_to_deliver < self.ahead {
                state.next_to_make += 1;
                return Some(state.next_to_make - 1);
            }
            state = wait(&self.room, state);
        }
    }
}

impl<B, E: std::error::Error + 'static> Drop for BatchLoader<B, E> {
    fn drop(&mut self) {
        self.shared.lock().stopped = true;
        self.shared.room.notify_all();
        for thread in self.threads.drain(..) {
            // Panics of batches are caught and reported with the batch; nothing is left to say.
            drop(thread.join());
        }
    }
}

impl<B, E: std::error::Error + 'static> fmt::Debug for BatchLoader<B, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let next = self.shared.lock().next_to_deliver;
        f.debug_struct("BatchLoader")
            .field("workers", &self.threads.len())
            .field("next_batch", &next)
            .field("waited", &self.waited)
            .finish_non_exhaustive()
    }
}

fn wait<'a, T>(condition: &Condvar, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
    condition
        .wait(guard)
        .unwrap_or_else(PoisonError::into_inner)
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
        .to_owned()
}

#[cfg(test)]
mod tests;
