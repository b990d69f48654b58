//! The GPUs of this machine.

use super::{DeviceChoice, DeviceError, DeviceRequest, guarded};
use burn::tensor::{Device, DeviceType};

/// A GPU that Burn's wgpu backend reaches.
#[cfg(feature = "wgpu")]
#[derive(Debug)]
pub(super) struct Gpu {
    pub(super) device: Device,
    /// `discrete`, `integrated`, and so on.
    pub(super) kind: &'static str,
}

/// All GPUs, discrete ones first, looked for once. Software that plays a GPU is slower than the CPU
/// kernels and is listed for tests only.
#[cfg(feature = "wgpu")]
pub(super) fn gpus() -> &'static [Gpu] {
    use burn::backend::{CubeDevice, DispatchDevice, WgpuDeviceKind};
    static GPUS: std::sync::OnceLock<Vec<Gpu>> = std::sync::OnceLock::new();
    GPUS.get_or_init(|| {
        let mut ranked: Vec<(usize, Gpu)> = Device::enumerate(DeviceType::Wgpu)
            .into_iter()
            .filter_map(|device| {
                let (rank, kind) = match device.as_dispatch() {
                    DispatchDevice::Cube(CubeDevice::Wgpu(wgpu)) => match wgpu.kind {
                        WgpuDeviceKind::DiscreteGpu(_) => (0, "discrete GPU"),
                        WgpuDeviceKind::IntegratedGpu(_) => (1, "integrated GPU"),
                        WgpuDeviceKind::VirtualGpu(_) => (2, "virtual GPU"),
                        WgpuDeviceKind::Cpu if cfg!(feature = "gpu-test") => (4, "software"),
                        WgpuDeviceKind::Cpu => return None,
                        _ => (3, "other GPU"),
                    },
                    _ => return None,
                };
                Some((rank, Gpu { device, kind }))
            })
            .collect();
        ranked.sort_by_key(|(rank, _)| *rank);
        ranked.into_iter().map(|(_, gpu)| gpu).collect()
    })
}

/// The GPUs that Burn's CUDA backend reaches.
#[cfg(feature = "cuda")]
pub(super) fn cuda_cards() -> Vec<Device> {
    // Without a driver the library panics instead of finding nothing.
    let found =
        super::failure::caught(|| Device::enumerate(DeviceType::Cuda).into_iter().collect());
    found.unwrap_or_default()
}

/// All devices of this machine, as an error lists them.
pub(super) fn names() -> Vec<String> {
    let mut names = vec!["cpu".to_owned()];
    #[cfg(feature = "wgpu")]
    names.extend(
        gpus()
            .iter()
            .enumerate()
            .map(|(index, gpu)| format!("gpu:{index} ({})", gpu.kind)),
    );
    #[cfg(feature = "cuda")]
    names.extend((0..cuda_cards().len()).map(|index| format!("cuda:{index}")));
    names
}

/// Makes sure that the device works before anything is built on it.
pub(super) fn open(
    asked: DeviceRequest,
    choice: DeviceChoice,
    device: &Device,
) -> Result<DeviceChoice, DeviceError> {
    let refused = |reason: String| DeviceError::Open { asked, reason };
    let answer = guarded(device, || device.sync()).map_err(|error| refused(error.to_string()))?;
    answer.map_err(|error| refused(crate::DeviceFailure::from(error).to_string()))?;
    Ok(choice)
}
