//! Which axis, if any, is resampled apart from the other two.

/// A ratio of spacings above this makes an axis coarse. Source: nnU-Net `ANISO_THRESHOLD`.
const ANISOTROPY_THRESHOLD: f64 = 3.0;

/// The coarse axis that is treated apart, or `None` if all axes are treated alike.
///
/// Source: nnU-Net `default_resampling.py`, `determine_do_sep_z_and_axis`: the spacing of the
/// input decides first, then that of the output; two or three equally coarse axes are not apart.
pub(crate) fn separate_axis(
    from_mm: [f64; 3],
    to_mm: [f64; 3],
    force: Option<bool>,
) -> Option<usize> {
    match force {
        Some(false) => None,
        Some(true) => only_coarsest(from_mm),
        None if is_anisotropic(from_mm) => only_coarsest(from_mm),
        None if is_anisotropic(to_mm) => only_coarsest(to_mm),
        None => None,
    }
}

fn largest(spacing_mm: [f64; 3]) -> f64 {
    spacing_mm.into_iter().fold(0.0, f64::max)
}

fn is_anisotropic(spacing_mm: [f64; 3]) -> bool {
    let smallest = spacing_mm.into_iter().fold(f64::INFINITY, f64::min);
    largest(spacing_mm) / smallest > ANISOTROPY_THRESHOLD
}

fn only_coarsest(spacing_mm: [f64; 3]) -> Option<usize> {
    let largest = largest(spacing_mm);
    let mut coarsest = (0..3).filter(|&axis| largest / spacing_mm[axis] == 1.0);
    let axis = coarsest.next()?;
    coarsest.next().is_none().then_some(axis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_input_decides_before_the_output() {
        assert_eq!(
            separate_axis([5.0, 1.0, 1.0], [1.0, 1.0, 4.0], None),
            Some(0)
        );
        assert_eq!(
            separate_axis([1.0, 1.0, 1.0], [1.0, 1.0, 4.0], None),
            Some(2)
        );
        assert_eq!(
            separate_axis([3.0, 1.0, 1.0], [1.0, 1.0, 3.0], None),
            None,
            "strictly above 3"
        );
    }

    #[test]
    fn two_coarse_axes_are_not_apart() {
        assert_eq!(separate_axis([0.2, 1.2, 1.2], [5.0, 1.0, 1.0], None), None);
    }

    #[test]
    fn force_overrides_the_ratio() {
        assert_eq!(
            separate_axis([1.1, 1.0, 1.0], [1.0; 3], Some(true)),
            Some(0)
        );
        assert_eq!(separate_axis([1.0; 3], [1.0; 3], Some(true)), None);
        assert_eq!(separate_axis([9.0, 1.0, 1.0], [1.0; 3], Some(false)), None);
    }
}
