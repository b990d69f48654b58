//! Patch sampling, training loop, schedule, checkpoints and events.
