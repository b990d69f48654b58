//! The binary: flags in, exit codes out. Verbs live in `commands`, one file each.

mod args;
mod commands;
mod console;
mod outcome;

use anyhow::{Context, Result};
use args::{Cli, Global};
use clap::Parser;
use console::Console;
use outcome::{error_document, error_text, print_json};
use sarx_nn::{DeviceChoice, DeviceRequest};
use std::process::ExitCode;

/// Feature maps come and go with every layer; fresh memory would cost as much as what is done with it.
#[global_allocator]
static MEMORY: sarx_kernels::PooledAllocator = sarx_kernels::PooledAllocator::new();

fn main() -> ExitCode {
    let cli = Cli::parse();
    let console = Console::new(cli.global.quiet);
    let result = prepare(&cli.global, &console)
        .and_then(|device| commands::run(&cli.verb, device, &console));
    match result {
        Ok(outcome) => {
            for failure in &outcome.failed {
                complain(&format!("failed: {failure}"));
            }
            console.say(&outcome.text);
            if cli.global.json && print_json(&outcome.document()).is_err() {
                return ExitCode::from(2);
            }
            outcome.exit_code()
        }
        Err(error) => {
            let text = error_text(&error);
            tracing::error!(error = text);
            complain(&format!("error: {text}"));
            if cli.global.json {
                // The exit code says the same if stdout is gone.
                print_json(&error_document(&text)).ok();
            }
            ExitCode::from(2)
        }
    }
}

fn prepare(global: &Global, console: &Console) -> Result<DeviceChoice> {
    if let Some(path) = &global.log {
        let file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .with_context(|| format!("cannot open the log: {:?}", path.display().to_string()))?;
        tracing_subscriber::fmt()
            .json()
            .with_writer(std::sync::Mutex::new(file))
            .init();
    }
    if let Some(threads) = global.threads {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads.get())
            .build_global()
            .context("cannot start the threads")?;
    }
    let device = global.device.choose().context("--device")?;
    if global.device != DeviceRequest::Cpu {
        console.say(&format!("device: {device}"));
    }
    Ok(device)
}

#[expect(clippy::print_stderr, reason = "errors appear even under --quiet")]
fn complain(text: &str) {
    eprintln!("{text}");
}
