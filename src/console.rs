//! What the user sees while work goes on: a bar with time left on a terminal, plain lines elsewhere.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sarx_core::Progress;
use std::io::IsTerminal;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Progress on stderr. Quiet: nothing but warnings of `warn`, which go to the log only.
#[derive(Debug)]
pub(crate) struct Console {
    quiet: bool,
    terminal: bool,
    stage: Mutex<Option<Stage>>,
}

#[derive(Debug)]
struct Stage {
    name: String,
    bar: ProgressBar,
    begun: Instant,
}

impl Console {
    pub(crate) fn new(quiet: bool) -> Self {
        let terminal = std::io::stderr().is_terminal();
        Self {
            quiet,
            terminal,
            stage: Mutex::new(None),
        }
    }

    /// A line of text for the user, above the bar if there is one.
    pub(crate) fn say(&self, text: &str) {
        if self.quiet {
            return;
        }
        match &*self.lock() {
            Some(stage) if self.terminal => stage.bar.suspend(|| print_line(text)),
            _ => print_line(text),
        }
    }

    /// A line for those who do not see the bar: a run whose output goes to a file.
    pub(crate) fn say_off_terminal(&self, text: &str) {
        if !self.terminal {
            self.say(text);
        }
    }

    /// Where a resumed stage begins, so that the time left is right.
    pub(crate) fn skip_to(&self, position: u64) {
        if let Some(stage) = &*self.lock() {
            stage.bar.set_position(position);
            stage.bar.reset_eta();
        }
    }

    /// Text at the end of the bar, such as the current loss.
    pub(crate) fn set_message(&self, text: String) {
        if let Some(stage) = &*self.lock() {
            stage.bar.set_message(text);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Stage>> {
        // A panic elsewhere does not make a progress bar wrong.
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress for Console {
    fn begin(&self, stage: &str, total: u64) {
        let target = if self.quiet || !self.terminal {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        let bar = ProgressBar::with_draw_target(Some(total), target);
        if let Ok(style) = ProgressStyle::with_template(
            "{prefix:24} {bar:32} {pos}/{len}  {elapsed} + {eta}  {msg}",
        ) {
            bar.set_style(style);
        }
        bar.set_prefix(stage.to_owned());
        bar.enable_steady_tick(Duration::from_millis(500));
        *self.lock() = Some(Stage {
            name: stage.to_owned(),
            bar,
            begun: Instant::now(),
        });
        tracing::info!(stage, total, "stage begins");
        self.say_off_terminal(&format!("{stage} .."));
    }

    fn advance(&self, n: u64) {
        if let Some(stage) = &*self.lock() {
            stage.bar.inc(n);
        }
    }

    fn finish(&self) {
        let Some(stage) = self.lock().take() else {
            return;
        };
        let seconds = stage.begun.elapsed().as_secs_f64();
        stage.bar.finish_and_clear();
        tracing::info!(stage = stage.name, seconds, "stage ends");
        self.say(&format!("{:24} {seconds:.1} s", stage.name));
    }

    fn warn(&self, message: &str) {
        tracing::warn!(message);
        self.say(&format!("warning: {message}"));
    }
}

#[expect(
    clippy::print_stderr,
    reason = "the console is where the binary speaks"
)]
fn print_line(text: &str) {
    eprintln!("{text}");
}
