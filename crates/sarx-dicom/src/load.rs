//! A sound stack as voxels on a grid.

use crate::pixels::{Pixels, Scale, to_values};
use crate::{
    FileError, FileFault, Frame, Instance, Limits, Series, SourceSeries, Stack, StackFault,
};
use ndarray::Array3;
use rayon::prelude::*;
use sarx_core::Volume;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What voxels get that hold the padding value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Padding {
    /// The smallest value of the rest of the volume, as outside the body.
    #[default]
    Background,
    /// What is stored, as SimpleITK and dcm2niix do.
    Keep,
}

/// A volume and where it came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// Voxels after rescaling, `[z, y, x]`; z along the cross product of row and column direction.
    pub image: Volume<f32>,
    /// What results need to know of the source.
    pub source: SourceSeries,
    /// Voxels that held the padding value.
    pub n_padding: usize,
    /// Whether the values were mirrored because small ones were bright (MONOCHROME1).
    pub mirrored: bool,
}

/// Why a stack does not load.
#[derive(Debug)]
#[non_exhaustive]
pub enum LoadError {
    /// The stack has faults.
    Faults(Vec<StackFault>),
    /// A file of it does not give its pixels.
    File(FileError),
    /// More voxels than allowed.
    TooLarge {
        /// Bytes of the volume.
        n_bytes: u64,
        /// The limit.
        limit: u64,
    },
}

impl Stack {
    /// Reads the voxels, slices in parallel.
    ///
    /// # Errors
    ///
    /// [`LoadError`] if the stack has faults, if a file cannot be read or decoded, or if the volume
    /// would be larger than `limits.unpacked_bytes`.
    pub fn load(
        &self,
        series: &Series,
        padding: Padding,
        limits: &Limits,
    ) -> Result<Loaded, LoadError> {
        let sound = self
            .sound
            .as_ref()
            .filter(|_| self.faults.is_empty())
            .ok_or_else(|| LoadError::Faults(self.faults.clone()))?;
        let size = sound.grid.size;
        let n_bytes = 4 * size.n_voxels() as u64;
        if n_bytes > limits.unpacked_bytes {
            return Err(LoadError::TooLarge {
                n_bytes,
                limit: limits.unpacked_bytes,
            });
        }
        let slice_len = size.n_voxels() / size.zyx()[0];
        let mut values = vec![0f32; size.n_voxels()];
        let mut jobs: Vec<Job<'_>> = self
            .slices
            .iter()
            .zip(values.chunks_mut(slice_len))
            .map(|(slice, values)| Job {
                instance: &series.instances[slice.instance],
                frame: series.frame(*slice),
                values,
                padded: Vec::new(),
            })
            .collect();
        // Frames of one object share what is read of it.
        let objects: Vec<&mut [Job<'_>]> = jobs
            .chunk_by_mut(|a, b| std::ptr::eq(a.instance, b.instance))
            .collect();
        objects
            .into_par_iter()
            .try_for_each(|jobs| read_object(jobs, limits))
            .map_err(LoadError::File)?;
        let n_padding = jobs.iter().map(|job| job.padded.len()).sum();
        if padding == Padding::Background && n_padding > 0 {
            fill_padding(&mut jobs);
        }
        let first = series.instances[self.slices[0].instance].pixels.as_ref();
        let voxels = Array3::from_shape_vec(size.zyx(), values);
        let image = voxels.map(|voxels| Volume::new(voxels, sound.grid));
        let Ok(Ok(image)) = image else {
            return Err(LoadError::TooLarge {
                n_bytes,
                limit: limits.unpacked_bytes,
            });
        };
        Ok(Loaded {
            image,
            source: SourceSeries::new(series, &self.slices, &sound.positions, sound.shared),
            n_padding,
            mirrored: first.is_some_and(|p| p.monochrome1),
        })
    }
}

/// One slice to fill.
struct Job<'a> {
    instance: &'a Instance,
    frame: &'a Frame,
    values: &'a mut [f32],
    padded: Vec<usize>,
}

fn read_object(jobs: &mut [Job<'_>], limits: &Limits) -> Result<(), FileError> {
    let instance = jobs[0].instance;
    let pixels = Pixels::open(instance, limits).map_err(|f| f.at(&instance.location))?;
    jobs.par_iter_mut()
        .try_for_each(|job| read_frame(job, &pixels))
        .map_err(|fault| fault.at(&instance.location))
}

fn read_frame(job: &mut Job<'_>, pixels: &Pixels<'_>) -> Result<(), FileFault> {
    let layout = job
        .instance
        .pixels
        .as_ref()
        .ok_or(FileFault::Missing { name: "PixelData" })?;
    let bytes = pixels.frame(job.frame.number)?;
    let scale = Scale {
        slope: job.frame.slope,
        intercept: job.frame.intercept,
    };
    let padded = &mut job.padded;
    to_values(
        &bytes,
        layout,
        pixels.big_endian(),
        scale,
        job.values,
        |i| {
            padded.push(i);
        },
    );
    Ok(())
}

/// Gives padded voxels the smallest value of the others; leaves them if there are no others.
fn fill_padding(jobs: &mut [Job<'_>]) {
    let n_kept = AtomicUsize::new(0);
    let least = jobs
        .par_iter()
        .map(|job| {
            let mut padded = job.padded.iter().peekable();
            let mut least = f32::INFINITY;
            for (i, &value) in job.values.iter().enumerate() {
                if padded.peek() == Some(&&i) {
                    padded.next();
                } else {
                    least = least.min(value);
                }
            }
            n_kept.fetch_add(job.values.len() - job.padded.len(), Ordering::Relaxed);
            least
        })
        .reduce(|| f32::INFINITY, f32::min);
    if n_kept.into_inner() == 0 {
        return;
    }
    for job in jobs {
        for &i in &job.padded {
            job.values[i] = least;
        }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Faults(faults) => {
                f.write_str("the series is no sound volume: ")?;
                for (i, fault) in faults.iter().enumerate() {
                    let comma = if i == 0 { "" } else { "; " };
                    write!(f, "{comma}{fault}")?;
                }
                Ok(())
            }
            Self::File(error) => error.fmt(f),
            Self::TooLarge { n_bytes, limit } => {
                write!(
                    f,
                    "the volume needs {n_bytes} bytes; at most {limit} are allowed"
                )
            }
        }
    }
}

impl std::error::Error for LoadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File(error) => Some(error),
            _ => None,
        }
    }
}
