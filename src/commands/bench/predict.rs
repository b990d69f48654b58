//! `sarx bench predict`: what `sarx predict` does, whole and stage by stage.
//!
//! The stages are done one after the other on the first case; the whole may overlap them.

use super::timing::Timing;
use super::{Stopwatch, report};
use crate::args::BenchPredictArgs;
use crate::console::Console;
use crate::outcome::{Outcome, error_chain};
use anyhow::{Context, Result, bail};
use sarx_core::{Silent, Volume};
use sarx_infer::{FolderRequest, Part, PredictOptions, Predictor, predict_folder, predict_logits};
use sarx_model::{ModelFolder, WeightsKind, heads};
use sarx_nn::DeviceChoice;
use sarx_plan::{CaseFiles, CaseReader, discover_images};
use sarx_preprocess::{PreprocessSpec, labels_from_logits, preprocess};
use serde_json::json;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

pub(super) fn run(
    args: &BenchPredictArgs,
    device: DeviceChoice,
    console: &Console,
) -> Result<Outcome> {
    let model = ModelFolder::open(&args.model)?;
    if let Some(previous) = &model.configuration().previous_stage {
        bail!(
            "the model is the second stage of a cascade after \"{previous}\"; give that model, or one \
             of a single stage"
        );
    }
    let dataset = model.dataset();
    let mut cases = discover_images(&args.input, dataset.file_ending(), dataset.n_channels())?;
    cases.truncate(args.cases.get());
    let Some(first) = cases.first() else {
        bail!(
            "the input folder holds no images: {:?}",
            args.input.display().to_string()
        );
    };
    let options = PredictOptions {
        folds: args
            .folds
            .iter()
            .map(|fold| fold.parse())
            .collect::<Result<_, _>>()?,
        weights: WeightsKind::Final,
        mirroring: !args.no_mirroring,
        step: args.step,
        skip_air: false,
        precision: args.precision.into(),
    };
    let job = Job {
        model: &model,
        options: &options,
        device,
    };
    let watch = Stopwatch {
        rounds: args.rounds,
        console,
    };
    let (whole, ()) = watch.time("whole prediction", || job.whole(&cases))?;
    let mut timings = vec![whole];
    let names = [
        "load the model",
        "read the images",
        "preprocess",
        "network",
        "labels on the native grid",
        "write",
    ];
    let mut stages = names.map(|name| Timing::new(format!("  {name}")));
    watch.rounds("stages", |is_timed| {
        let seconds = job.stages(first)?;
        if is_timed {
            for (stage, seconds) in stages.iter_mut().zip(seconds) {
                stage.add(seconds);
            }
        }
        Ok(())
    })?;
    timings.extend(stages);
    let details = json!({
        "cases": cases.iter().map(|case| case.id.to_string()).collect::<Vec<_>>(),
        "stages_of": first.id.to_string(),
        "device": device.to_string(),
        "mirroring": options.mirroring,
        "step": options.step,
        "precision": format!("{:?}", options.precision).to_lowercase(),
    });
    Ok(report("predict", args.rounds, &timings, details))
}

struct Job<'a> {
    model: &'a ModelFolder,
    options: &'a PredictOptions,
    device: DeviceChoice,
}

impl Job<'_> {
    fn load(&self) -> Result<Predictor> {
        Predictor::load(self.model, self.options, self.device.inference())
            .context("cannot load the model")
    }

    /// From the model's files to the segmentations' files.
    fn whole(&self, cases: &[CaseFiles]) -> Result<()> {
        let output = tempfile::tempdir().context("cannot make a temporary folder")?;
        let predictor = self.load()?;
        let request = FolderRequest {
            model: self.model,
            cases,
            output: output.path(),
            previous: None,
            options: self.options,
            probabilities: None,
            part: Part::new(0, 1)?,
            keep_existing: false,
            stop: &AtomicBool::new(false),
        };
        let result = predict_folder(&request, &predictor, &Silent)?;
        match result.failed.first() {
            Some((case, error)) => bail!("case \"{case}\": {}", error_chain(error)),
            None => Ok(()),
        }
    }

    /// The seconds of each stage.
    fn stages(&self, case: &CaseFiles) -> Result<[f64; 6]> {
        let mut clock = LapClock::start();
        let predictor = self.load()?;
        clock.lap();
        let read = CaseReader::new(self.model.dataset()).read_case(case)?;
        clock.lap();
        let channels: Vec<&Volume<f32>> = read.channels.iter().collect();
        let spec = PreprocessSpec {
            foreground: Vec::new(),
            ..self.model.preprocess_spec().clone()
        };
        let target = preprocess(&channels, None, &spec)?;
        clock.lap();
        let logits = predict_logits(&predictor, target.image.view(), |_| true)?;
        clock.lap();
        let heads = heads(self.model.dataset());
        let labels = labels_from_logits(logits.view(), &heads, &target.properties, &spec)?;
        clock.lap();
        let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
        let name = format!("{}{}", case.id, self.model.dataset().file_ending());
        let labels = Volume::new(labels, *read.header.grid())?;
        sarx_io::write_labels(&folder.path().join(name), &labels, Some(&read.header))?;
        clock.lap();
        Ok(clock.laps)
    }
}

/// The seconds between laps.
struct LapClock {
    last: Instant,
    n: usize,
    laps: [f64; 6],
}

impl LapClock {
    fn start() -> Self {
        Self {
            last: Instant::now(),
            n: 0,
            laps: [0.0; 6],
        }
    }

    fn lap(&mut self) {
        let now = Instant::now();
        if let Some(lap) = self.laps.get_mut(self.n) {
            *lap = now.duration_since(self.last).as_secs_f64();
        }
        self.n += 1;
        self.last = now;
    }
}
