//! What a person sees of a training.

use crate::console::Console;
use sarx_core::Progress;
use sarx_train::{EpochRecord, TrainConfig, TrainObserver};

/// One bar over the whole run, with epoch, loss and pseudo Dice behind it.
pub(super) struct Watcher<'a> {
    console: &'a Console,
    n_epochs: usize,
    per_epoch: u64,
    begun: bool,
    epoch: usize,
    dice: Option<f64>,
}

impl<'a> Watcher<'a> {
    pub(super) fn new(console: &'a Console, config: &TrainConfig) -> Self {
        let per_epoch = (config.n_iterations.get() + config.n_val_iterations.get()) as u64;
        let n_epochs = config.n_epochs.get();
        Self {
            console,
            n_epochs,
            per_epoch,
            begun: false,
            epoch: 0,
            dice: None,
        }
    }
}

impl TrainObserver for Watcher<'_> {
    fn epoch_begins(&mut self, epoch: usize, total: usize) {
        self.epoch = epoch;
        if !self.begun {
            self.begun = true;
            self.console
                .begin("train", self.per_epoch * self.n_epochs as u64);
            // A resumed run does not begin at zero.
            self.console.skip_to(epoch as u64 * self.per_epoch);
        }
        tracing::info!(epoch, total, "epoch begins");
    }

    fn iteration(&mut self, loss: Option<f32>) {
        self.console.advance(1);
        let dice = self
            .dice
            .map_or_else(|| "-".to_owned(), |d| format!("{d:.3}"));
        if let Some(loss) = loss {
            self.console.set_message(format!(
                "epoch {}/{}  loss {loss:.3}  pseudo Dice {dice}",
                self.epoch + 1,
                self.n_epochs
            ));
        }
    }

    fn epoch_ends(&mut self, record: &EpochRecord) {
        self.dice = record.pseudo_dice;
        self.console.say_off_terminal(&format!(
            "epoch {}/{}  training loss {:.3}  validation loss {:.3}  pseudo Dice {}  {:.1} s",
            record.epoch + 1,
            self.n_epochs,
            record.train_loss,
            record.val_loss,
            record
                .pseudo_dice
                .map_or_else(|| "-".to_owned(), |d| format!("{d:.3}")),
            record.duration_s
        ));
        tracing::info!(
            epoch = record.epoch,
            train_loss = record.train_loss,
            val_loss = record.val_loss,
            pseudo_dice = record.pseudo_dice,
            duration_s = record.duration_s,
            waited_s = record.waited_s,
            loader_wait_share = record.loader_wait_share,
            "epoch ends"
        );
    }

    fn warn(&mut self, message: &str) {
        self.console.warn(message);
    }
}
