use super::*;

fn run(n: usize) -> Vec<FigurePoint> {
    let mut ema = 0.0;
    (0..n)
        .map(|epoch| {
            let t = epoch as f64 / n as f64;
            let wiggle = 0.03 * (epoch as f64 * 1.7).sin();
            let pseudo_dice = (0.9 * (1.0 - (-6.0 * t).exp()) + wiggle).max(0.0);
            ema = if epoch == 0 {
                pseudo_dice
            } else {
                0.9 * ema + 0.1 * pseudo_dice
            };
            FigurePoint {
                epoch,
                train_loss: 0.1 - 0.95 * (1.0 - (-6.0 * t).exp()) + wiggle,
                val_loss: 0.1 - 0.85 * (1.0 - (-6.0 * t).exp()) - wiggle,
                pseudo_dice,
                ema,
                duration_s: 42.0 + 3.0 * (epoch as f64 * 0.9).cos(),
                learning_rate: 0.01 * (1.0 - t).powf(0.9),
            }
        })
        .collect()
}

fn size_of(png: &[u8]) -> (u32, u32) {
    let info = png::Decoder::new(std::io::Cursor::new(png))
        .read_info()
        .unwrap();
    (info.info().width, info.info().height)
}

#[test]
fn all_six_lines_and_three_panels_are_drawn() {
    let figure = progress_figure(&run(250)).unwrap();
    for name in [
        "training loss",
        "validation loss",
        "pseudo Dice (moving average)",
        "epoch duration [s]",
        "learning rate",
        "epoch",
    ] {
        assert!(figure.svg.contains(name), "{name}");
    }
    assert_eq!(size_of(&figure.png), (900, 1050));
}

#[test]
fn no_epoch_is_an_error_and_one_epoch_a_figure() {
    assert_eq!(progress_figure(&[]), Err(ProgressFigureError::NoEpoch));
    assert_eq!(size_of(&progress_figure(&run(1)).unwrap().png), (900, 1050));
}

#[test]
fn values_that_are_not_finite_leave_gaps() {
    let mut epochs = run(30);
    for epoch in &mut epochs[10..12] {
        epoch.pseudo_dice = f64::NAN;
        epoch.train_loss = f64::INFINITY;
    }
    let figure = progress_figure(&epochs).unwrap();
    assert!(!figure.svg.contains("NaN") && !figure.svg.contains("inf"));
    let gap = lines(
        &series(&epochs, |e| e.train_loss),
        BLUE,
        LineStyle::Solid,
        "loss",
    );
    assert_eq!(gap.len(), 2);
    for epoch in &mut epochs {
        *epoch = FigurePoint {
            val_loss: f64::NAN,
            train_loss: f64::NAN,
            ema: f64::NAN,
            pseudo_dice: f64::NAN,
            ..*epoch
        };
    }
    assert!(progress_figure(&epochs).is_ok());
}

#[test]
fn the_axis_holds_all_values() {
    assert_eq!(
        range(&[vec![(0.0, 2.0), (1.0, 4.0)]], Some(0.0)),
        (0.0, 4.2)
    );
    assert_eq!(range(&[vec![(0.0, -1.0), (1.0, 1.0)]], None), (-1.1, 1.1));
    assert_eq!(range(&[vec![(0.0, f64::NAN)]], None), (0.0, 1.0));
    assert_eq!(epoch_range(&run(1)), (0.0, 1.0));
}

#[test]
fn ten_thousand_epochs_are_thinned_to_what_can_be_seen() {
    let figure = progress_figure(&run(10_000)).unwrap();
    assert!(figure.svg.len() < 400_000, "{}", figure.svg.len());
}
