//! Ctrl-C and SIGTERM: once asks the work to come to rest, twice ends the process.

use anyhow::{Context, Result};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// The flag of this process: a verb may do the work of others, and signals are listened for once.
static STOP: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// A flag that becomes true at the first Ctrl-C.
pub(super) fn on_ctrl_c() -> Result<Arc<AtomicBool>> {
    if let Some(stop) = STOP.get() {
        return Ok(Arc::clone(stop));
    }
    let stop = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        if seen.swap(true, Ordering::Relaxed) {
            // 128 + SIGINT, as shells report it.
            std::process::exit(130);
        }
    })
    .context("cannot listen for Ctrl-C")?;
    Ok(Arc::clone(STOP.get_or_init(|| stop)))
}
