//! What a GPU cannot do, as an error.
//!
//! Work on a GPU is queued; that it failed is seen where a result is read. Burn hands some
//! failures back from the read and panics with others, on the thread that asked (its own threads
//! hand their panics over). Both become a [`DeviceFailure`] here. What cannot be caught: a driver
//! that ends the process.

use super::is_cpu;
use burn::tensor::{Device, ExecutionError, Tensor};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Work that a GPU did not do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceFailure {
    /// Less at once may pass.
    #[error("the GPU has too little memory for this ({reason})")]
    OutOfMemory {
        /// What the backend says, in one line.
        reason: String,
    },
    /// Anything else.
    #[error("the GPU failed ({reason})")]
    Other {
        /// What the backend says, in one line.
        reason: String,
    },
}

impl DeviceFailure {
    /// Backends report as text; these are the words of Burn, CubeCL, wgpu and CUDA for memory.
    fn from_text(text: &str) -> Self {
        const MEMORY: [&str; 9] = [
            "out of memory",
            "out-of-memory",
            "outofmemory",
            "out_of_memory",
            "out of device memory",
            "not enough memory",
            "can't allocate",
            "buffertoobig",
            "maximum buffer size",
        ];
        let small = text.to_lowercase();
        let reason = one_line(text);
        if MEMORY.iter().any(|word| small.contains(word)) {
            Self::OutOfMemory { reason }
        } else {
            Self::Other { reason }
        }
    }

    /// Whether less at once may pass.
    #[must_use]
    pub fn is_out_of_memory(&self) -> bool {
        matches!(self, Self::OutOfMemory { .. })
    }
}

impl From<ExecutionError> for DeviceFailure {
    fn from(error: ExecutionError) -> Self {
        Self::from_text(&error.to_string())
    }
}

/// Does work; on a GPU what Burn panics with becomes an error. A panic on the CPU is a fault of the
/// program and goes on.
///
/// # Errors
///
/// [`DeviceFailure`]; what the work changed is then half done.
pub fn guarded<T>(device: &Device, work: impl FnOnce() -> T) -> Result<T, DeviceFailure> {
    if is_cpu(device) {
        return Ok(work());
    }
    caught(work)
}

/// Does work and catches what it panics with, where that is text.
pub(super) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, DeviceFailure> {
    // What the work borrowed is left as it was or thrown away by the caller.
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| match text_of(payload.as_ref()) {
        Some(text) => DeviceFailure::from_text(&text),
        None => resume_unwind(payload),
    })
}

/// The values of a tensor, in its order.
///
/// # Errors
///
/// [`DeviceFailure`] if what the tensor was to come from failed.
pub fn read_f32<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, DeviceFailure> {
    let data = tensor.try_into_data()?.convert::<f32>();
    let values = data.try_into_vec::<f32>();
    values.map_err(|error| DeviceFailure::from_text(&format!("{error:?}")))
}

fn text_of(payload: &(dyn Any + Send)) -> Option<String> {
    let text = payload.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| payload.downcast_ref::<String>().cloned())
}

/// The first lines, before any backtrace.
fn one_line(text: &str) -> String {
    const MOST: usize = 300;
    let before = text.split("Backtrace").next().unwrap_or(text);
    let lines = before.lines().map(str::trim).filter(|l| !l.is_empty());
    let lines = lines.take_while(|line| !line.starts_with("0:"));
    let joined: String = lines.collect::<Vec<_>>().join(" ");
    joined.chars().take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_little_memory_is_told_from_other_failures() {
        for text in [
            "wgpu error: Out of Memory",
            "out of device memory allocating 17 bytes\n   0: backtrace",
            "An error happened during execution\nCaused by:\n  can't allocate buffer of size: 99",
            "CUDA_ERROR_OUT_OF_MEMORY",
        ] {
            assert!(DeviceFailure::from_text(text).is_out_of_memory(), "{text}");
        }
        let lost = DeviceFailure::from_text("The device is poisoned\nCaused by:\n  lost");
        assert_eq!(
            lost.to_string(),
            "the GPU failed (The device is poisoned Caused by: lost)"
        );
    }

    #[test]
    fn a_panic_on_the_cpu_stays_a_panic() {
        let result = catch_unwind(|| guarded(&Device::flex(), || panic!("a fault")));
        assert!(result.is_err());
        assert_eq!(
            caught(|| panic!("a fault")),
            Err::<(), _>(DeviceFailure::Other {
                reason: "a fault".to_owned()
            })
        );
    }
}
