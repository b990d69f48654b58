//! What a user asks for, and why it may not be had.

use super::DeviceChoice;
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

/// A device as a user names it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DeviceRequest {
    /// The CPU: in every build and on every machine.
    #[default]
    Cpu,
    /// A GPU behind Burn's wgpu backend, by its number.
    Gpu(usize),
    /// An NVIDIA GPU behind Burn's CUDA backend, by its number.
    Cuda(usize),
    /// The first GPU that this build and this machine have, else the CPU. Whoever asks for it tells
    /// the user what it became.
    Auto,
}

/// A device that cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// A name that is none.
    #[error("{text:?} is none of cpu, gpu, gpu:N, cuda, cuda:N, auto")]
    Name {
        /// What was typed.
        text: String,
    },
    /// The build lacks the backend.
    #[error(
        "this build has no GPU support for \"{asked}\": build it with `--features {feature}`, or say cpu"
    )]
    NotBuilt {
        /// What was asked for.
        asked: DeviceRequest,
        /// The feature that brings it.
        feature: &'static str,
    },
    /// The machine lacks the device.
    #[error("this machine has no device \"{asked}\"; it has: {}", found.join(", "))]
    NotFound {
        /// What was asked for.
        asked: DeviceRequest,
        /// What there is.
        found: Vec<String>,
    },
    /// The device is there and does not work.
    #[error(
        "device \"{asked}\" does not open (its driver says: {reason}); say cpu to go on without"
    )]
    Open {
        /// What was asked for.
        asked: DeviceRequest,
        /// What the backend says.
        reason: String,
    },
}

impl DeviceRequest {
    /// Finds and opens the device.
    ///
    /// # Errors
    ///
    /// [`DeviceError`] if this build or this machine does not have it; never another device instead.
    pub fn choose(self) -> Result<DeviceChoice, DeviceError> {
        match self {
            Self::Cpu => Ok(DeviceChoice::Cpu),
            Self::Gpu(_) => self.gpu(),
            Self::Cuda(_) => self.cuda(),
            Self::Auto => Ok(best()),
        }
    }

    #[cfg(feature = "wgpu")]
    fn gpu(self) -> Result<DeviceChoice, DeviceError> {
        use super::found;
        let gpus = found::gpus();
        match self {
            Self::Gpu(index) if index < gpus.len() => {
                found::open(self, DeviceChoice::Gpu(index), &gpus[index].device)
            }
            asked => {
                let found = found::names();
                Err(DeviceError::NotFound { asked, found })
            }
        }
    }

    #[cfg(not(feature = "wgpu"))]
    fn gpu(self) -> Result<DeviceChoice, DeviceError> {
        let feature = "gpu";
        Err(DeviceError::NotBuilt {
            asked: self,
            feature,
        })
    }

    #[cfg(feature = "cuda")]
    fn cuda(self) -> Result<DeviceChoice, DeviceError> {
        use super::found;
        let cards = found::cuda_cards();
        match self {
            Self::Cuda(index) if index < cards.len() => {
                found::open(self, DeviceChoice::Cuda(index), &cards[index])
            }
            asked => {
                let found = found::names();
                Err(DeviceError::NotFound { asked, found })
            }
        }
    }

    #[cfg(not(feature = "cuda"))]
    fn cuda(self) -> Result<DeviceChoice, DeviceError> {
        let feature = "cuda";
        Err(DeviceError::NotBuilt {
            asked: self,
            feature,
        })
    }
}

/// CUDA before wgpu before the CPU.
fn best() -> DeviceChoice {
    [DeviceRequest::Cuda(0), DeviceRequest::Gpu(0)]
        .into_iter()
        .find_map(|request| request.choose().ok())
        .unwrap_or_default()
}

impl FromStr for DeviceRequest {
    type Err = DeviceError;

    fn from_str(text: &str) -> Result<Self, DeviceError> {
        let (kind, index) = text.split_once(':').unwrap_or((text, "0"));
        let numbered = text.contains(':');
        match (kind, index.parse()) {
            ("cpu", _) if !numbered => Ok(Self::Cpu),
            ("auto", _) if !numbered => Ok(Self::Auto),
            ("gpu", Ok(index)) => Ok(Self::Gpu(index)),
            ("cuda", Ok(index)) => Ok(Self::Cuda(index)),
            _ => Err(DeviceError::Name {
                text: text.to_owned(),
            }),
        }
    }
}

impl Display for DeviceRequest {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Gpu(index) => write!(f, "gpu:{index}"),
            Self::Cuda(index) => write!(f, "cuda:{index}"),
            Self::Auto => f.write_str("auto"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written() {
        for text in ["cpu", "gpu:2", "cuda:1", "auto"] {
            assert_eq!(
                text.parse::<DeviceRequest>().expect(text).to_string(),
                *text
            );
        }
        assert_eq!("gpu".parse(), Ok(DeviceRequest::Gpu(0)));
        for text in ["cpu:1", "auto:0", "tpu", "cuda:x", "gpu:", "gpu:-1", ""] {
            let error = text.parse::<DeviceRequest>().expect_err(text);
            assert!(error.to_string().contains("cpu, gpu"), "{error}");
        }
    }

    #[test]
    fn the_cpu_is_always_there() {
        assert_eq!(DeviceRequest::Cpu.choose(), Ok(DeviceChoice::Cpu));
        assert!(DeviceRequest::Auto.choose().is_ok());
    }

    #[cfg(not(feature = "wgpu"))]
    #[test]
    fn a_build_without_gpus_says_what_to_do_and_takes_no_other_device() {
        let error = DeviceRequest::Gpu(0).choose().expect_err("no GPU");
        assert_eq!(
            error.to_string(),
            "this build has no GPU support for \"gpu:0\": build it with `--features gpu`, or say cpu"
        );
        assert_eq!(DeviceRequest::Auto.choose(), Ok(DeviceChoice::Cpu));
    }
}
