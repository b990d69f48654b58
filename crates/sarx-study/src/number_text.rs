//! Numbers as a reader sees them.

/// A number with some decimals: `n/a` for NaN, a sign for infinity, a minus and no hyphen.
pub(crate) fn number(value: f64, decimals: usize) -> String {
    if value.is_nan() {
        "n/a".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 {
            "\u{221e}".to_owned()
        } else {
            "\u{2212}\u{221e}".to_owned()
        }
    } else {
        let text = format!("{value:.decimals$}");
        // What rounds to zero has no sign.
        let is_zero = text.chars().all(|c| matches!(c, '-' | '0' | '.'));
        if is_zero {
            text.replace('-', "")
        } else {
            text.replace('-', "\u{2212}")
        }
    }
}

/// A p-value with three decimals, small ones as a bound.
pub(crate) fn p_value(p: f64) -> String {
    if p.is_nan() {
        "n/a".to_owned()
    } else if p < 0.001 {
        "<0.001".to_owned()
    } else {
        format!("{p:.3}")
    }
}

/// `p = 0.012` or `p < 0.001`, not broken over lines.
pub(crate) fn p_equals(p: f64) -> String {
    match p_value(p).strip_prefix('<') {
        Some(bound) => format!("p\u{a0}<\u{a0}{bound}"),
        None => format!("p\u{a0}=\u{a0}{}", p_value(p)),
    }
}

/// A share in percent, with a decimal only below one percent.
pub(crate) fn percent(share: f64) -> String {
    if share.is_nan() {
        "n/a".to_owned()
    } else if (0.0005..0.01).contains(&share) {
        format!("{:.1}\u{a0}%", 100.0 * share)
    } else {
        format!("{:.0}\u{a0}%", 100.0 * share)
    }
}

/// `1 patient`, `2 patients`.
pub(crate) fn counted(n: usize, noun: &str) -> String {
    if n == 1 {
        format!("1 {noun}")
    } else {
        format!("{n} {noun}s")
    }
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn and_list(names: &[String]) -> String {
    match names {
        [] => "none".to_owned(),
        [one] => one.clone(),
        [start @ .., last] => format!("{} and {last}", start.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(number(-0.0004, 3), "0.000");
        assert_eq!(number(-1.25, 1), "\u{2212}1.2");
        assert_eq!(number(f64::INFINITY, 1), "\u{221e}");
        assert_eq!(number(f64::NAN, 1), "n/a");
        assert_eq!(
            (p_value(0.0004), p_value(0.0125)),
            ("<0.001".to_owned(), "0.013".to_owned())
        );
        assert_eq!(
            (p_equals(0.0004), p_equals(0.5)),
            (
                "p\u{a0}<\u{a0}0.001".to_owned(),
                "p\u{a0}=\u{a0}0.500".to_owned()
            )
        );
        assert_eq!(
            (percent(0.004), percent(1e-9)),
            ("0.4\u{a0}%".to_owned(), "0\u{a0}%".to_owned())
        );
        assert_eq!(
            (counted(1, "case"), counted(0, "case")),
            ("1 case".to_owned(), "0 cases".to_owned())
        );
        let names = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(
            (and_list(&names), and_list(&names[..2])),
            ("a, b and c".to_owned(), "a and b".to_owned())
        );
    }
}
