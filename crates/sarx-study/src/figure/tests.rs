use super::*;
use crate::Measure;

fn group(label: &str, values: &[f64]) -> BoxGroup {
    BoxGroup {
        label: label.to_owned(),
        values: values.to_vec(),
    }
}

#[test]
fn infinite_values_have_a_band_and_nan_has_no_point() {
    let finite = box_plot_svg(Measure::Hd95Mm, &[group("all", &[1.0, 2.0, 3.0])]).unwrap();
    assert!(!finite.contains('\u{221e}'));
    let missed = box_plot_svg(
        Measure::Hd95Mm,
        &[group("all", &[1.0, f64::INFINITY, f64::NAN])],
    )
    .unwrap();
    assert!(missed.contains('\u{221e}') && !missed.contains("NaN") && !missed.contains(">inf"));
    assert!(missed.contains("HD95, larger (mm)"));
    let nothing = box_plot_svg(Measure::Dice, &[group("all", &[f64::NAN])]);
    assert_eq!(
        nothing,
        Err(FigureError::Empty {
            figure: "dice".to_owned()
        })
    );
    assert!(box_plot_svg(Measure::AssdMm, &[group("all", &[f64::INFINITY])]).is_ok());
}

#[test]
fn labels_from_files_are_text() {
    let hostile = box_plot_svg(Measure::Dice, &[group("<b a='\"'>$x^2$&", &[0.5])]).unwrap();
    assert!(!hostile.contains("<b a"), "{hostile}");
    assert!(hostile.contains("$x^2$"), "{hostile}");
}

#[test]
fn a_curve_needs_columns_of_one_length() {
    let mut curve = TrainingCurve {
        epoch: vec![0, 1, 2],
        train_loss: vec![0.0, -0.5, f64::NAN],
        val_loss: vec![0.0, -0.4, -0.6],
        pseudo_dice: vec![f64::NAN, 0.5, 0.7],
        ema: vec![f64::NAN, 0.5, 0.52],
    };
    let svg = training_curve_svg(&curve).unwrap();
    assert!(svg.contains("validation loss") && !svg.contains("NaN"));
    curve.ema.pop();
    assert_eq!(
        training_curve_svg(&curve),
        Err(FigureError::Length {
            column: "ema",
            expected: 3,
            found: 2
        })
    );
    assert!(training_curve_svg(&TrainingCurve::default()).is_err());
}
