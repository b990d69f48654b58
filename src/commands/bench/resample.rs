//! `sarx bench resample`: logits on the target grid to labels on the native grid.

use super::shape::LobedBall;
use super::{Stopwatch, report, three};
use crate::args::{BenchResampleArgs, LogitsLook};
use crate::console::Console;
use crate::outcome::Outcome;
use anyhow::{Context, Result, bail};
use ndarray::{Array3, Array4};
use sarx_core::{BoundingBox, NumpyRandom};
use sarx_preprocess::{
    Heads, Normalization, PreprocessSpec, Properties, Resampling, TargetSpacing, labels_from_logits,
};
use serde_json::json;
use std::path::Path;

pub(super) fn run(args: &BenchResampleArgs, console: &Console) -> Result<Outcome> {
    let (from, to) = (three("--from", &args.from)?, three("--to", &args.to)?);
    let spacing_mm = three("--spacing", &args.spacing)?;
    if from.contains(&0) || to.contains(&0) {
        bail!("--from and --to are numbers of voxels, at least 1 per axis");
    }
    let from_mm = std::array::from_fn(|a| spacing_mm[a] * to[a] as f64 / from[a] as f64);
    let properties = Properties {
        spacing_mm,
        transpose_forward: [0, 1, 2],
        size_before_crop: to,
        bounding_box: BoundingBox::whole(to),
        size_after_crop: to,
        size_after_resample: from,
    };
    let spec = PreprocessSpec {
        transpose_forward: [0, 1, 2],
        target_spacing_mm: TargetSpacing::Volume(from_mm),
        normalization: vec![Normalization::None],
        image_resampling: Resampling::IMAGE,
        label_resampling: Resampling::LABELS,
        logits_resampling: Resampling::LOGITS,
        foreground: Vec::new(),
        ignore: None,
    };
    let heads = Heads::Labels {
        count: args.classes.get(),
    };
    let logits = match args.logits {
        LogitsLook::Blobs => blobs(args.classes.get(), from),
        LogitsLook::Noise => noise(args.classes.get(), from),
    };
    let watch = Stopwatch {
        rounds: args.rounds,
        console,
    };
    let (timing, labels) = watch.time("logits to labels", || {
        Ok(labels_from_logits(
            logits.view(),
            &heads,
            &properties,
            &spec,
        )?)
    })?;
    if let Some(folder) = &args.write_inputs {
        write(folder, &logits, &labels)?;
    }
    let mut n_voxels = vec![0u64; args.classes.get()];
    for &label in &labels {
        n_voxels[usize::from(label)] += 1;
    }
    let details = json!({
        "from": from,
        "to": to,
        "from_mm": from_mm,
        "to_mm": spacing_mm,
        "voxels_of_label": n_voxels,
    });
    Ok(report("resample", args.rounds, &[timing], details))
}

/// A lobed ball per label above background, side by side along x, as distances inside.
fn blobs(n_classes: usize, size: [usize; 3]) -> Array4<f32> {
    let n_balls = (n_classes - 1).max(1) as f64;
    let edge = size.map(|n| n as f64);
    let ball = |label: usize| LobedBall {
        centre_mm: [
            0.45 * edge[0],
            0.45 * edge[1],
            edge[2] * (label as f64 - 0.5) / n_balls,
        ],
        radius_mm: 0.3 * edge[0].min(edge[1]).min(edge[2] / n_balls),
    };
    Array4::from_shape_fn(
        (n_classes, size[0], size[1], size[2]),
        |(label, z, y, x)| {
            if label == 0 {
                return 0.0;
            }
            let at = [z, y, x].map(|i| i as f64 + 0.5);
            (1.5 * ball(label).depth_mm(at)).clamp(-12.0, 12.0) as f32
        },
    )
}

fn noise(n_classes: usize, [z, y, x]: [usize; 3]) -> Array4<f32> {
    let mut rng = NumpyRandom::new(1);
    Array4::from_shape_simple_fn((n_classes, z, y, x), || {
        rng.next_u32() as f32 / u32::MAX as f32 - 0.5
    })
}

fn write(folder: &Path, logits: &Array4<f32>, labels: &Array3<u16>) -> Result<()> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder: {:?}", folder.display().to_string()))?;
    super::npy::write(&folder.join("logits.npy"), logits)?;
    super::npy::write(&folder.join("labels.npy"), labels)
}
