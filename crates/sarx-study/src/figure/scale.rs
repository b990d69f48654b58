//! Ends and numbers of an axis.

/// The end of a scale of five steps that holds `largest`.
pub(super) fn nice_end(largest: f64) -> f64 {
    let unit = 10f64.powf(largest.log10().floor());
    [1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.5, 10.0]
        .map(|step| step * unit)
        .into_iter()
        .find(|end| *end >= largest)
        .unwrap_or(10.0 * unit)
}

/// Ticks stop where the scale does, before the band of infinity.
pub(super) fn tick(value: f64, scale_end: f64) -> String {
    if value > scale_end * 1.001 || value < 0.0 {
        return String::new();
    }
    let decimals = if scale_end <= 1.0 {
        2
    } else {
        usize::from(scale_end < 20.0)
    };
    let text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_end_at_round_numbers() {
        let ends = [0.3, 1.0, 4.3, 17.0, 26.0, 180.0].map(nice_end);
        for (found, expected) in ends.into_iter().zip([0.3, 1.0, 5.0, 20.0, 30.0, 200.0]) {
            assert!((found - expected).abs() < 1e-9, "{found} {expected}");
        }
        assert_eq!(
            [
                tick(0.2, 1.0),
                tick(4.0, 20.0),
                tick(60.0, 300.0),
                tick(1.2, 1.0)
            ],
            ["0.2", "4", "60", ""]
        );
        assert_eq!(tick(0.0, 30.0), "0");
    }
}
