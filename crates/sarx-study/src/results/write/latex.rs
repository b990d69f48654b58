//! A table of LaTeX with the rules of `booktabs`.

use super::TableFile;

/// A line of more characters does not fit a page at `\\small` and is scaled to it.
const WIDEST: usize = 110;

/// One table. Texts of cells, header, caption and notes are plain and escaped when written.
pub(super) struct LatexTable {
    /// Name of the file without its ending, and of the label.
    pub(super) stem: String,
    /// The caption.
    pub(super) caption: String,
    /// The heads of the columns; the first `n_texts` are set to the left.
    pub(super) head: Vec<String>,
    /// How many columns hold texts.
    pub(super) n_texts: usize,
    /// Groups of rows, with a rule between groups.
    pub(super) groups: Vec<Vec<Vec<String>>>,
    /// What a reader must know, below the table.
    pub(super) notes: String,
}

impl LatexTable {
    pub(super) fn file(&self) -> TableFile {
        let n_numbers = self.head.len().saturating_sub(self.n_texts);
        let columns = format!("{}{}", "l".repeat(self.n_texts), "r".repeat(n_numbers));
        let line = |cells: &[String]| {
            let cells: Vec<String> = cells.iter().map(|cell| escape(cell)).collect();
            format!("{} \\\\\n", cells.join(" & "))
        };
        let groups: Vec<String> = self
            .groups
            .iter()
            .map(|rows| rows.iter().map(|row| line(row)).collect::<String>())
            .collect();
        let head = line(&self.head);
        let width = |text: &str| text.lines().map(|line| line.chars().count()).max();
        let lines = groups.iter().map(String::as_str).chain([head.as_str()]);
        let is_wide = lines.filter_map(width).max() > Some(WIDEST);
        let (open, close) = if is_wide {
            ("\\resizebox{\\textwidth}{!}{%\n", "}")
        } else {
            ("", "")
        };
        let text = format!(
            "% \\usepackage{{booktabs,graphicx}}\n\\begin{{table}}\n\\centering\n\\small\n\\caption{{{}}}\n\\label{{tab:{}}}\n{open}\\begin{{tabular}}{{{columns}}}\n\\toprule\n{head}\\midrule\n{}\\bottomrule\n\\end{{tabular}}{close}\n\n\\footnotesize {}\n\\end{{table}}\n",
            escape(&self.caption),
            self.stem,
            groups.join("\\midrule\n"),
            escape(&self.notes)
        );
        TableFile {
            name: format!("{}.tex", self.stem),
            text,
        }
    }
}

/// Plain text as LaTeX: nothing in it is a command.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => {
                escaped.push('\\');
                escaped.push(c);
            }
            '\\' => escaped.push_str("\\textbackslash{}"),
            '~' => escaped.push_str("\\textasciitilde{}"),
            '^' => escaped.push_str("\\textasciicircum{}"),
            '<' => escaped.push_str("$<$"),
            '>' => escaped.push_str("$>$"),
            '\u{2212}' => escaped.push_str("$-$"),
            '\u{221e}' => escaped.push_str("$\\infty$"),
            '\u{b1}' => escaped.push_str("$\\pm$"),
            '\u{2013}' => escaped.push_str("--"),
            '\u{a0}' => escaped.push('~'),
            // A line break within a cell would end nothing, but a blank line would.
            '\n' | '\r' => escaped.push(' '),
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_a_command() {
        assert_eq!(
            escape("T1_ax & 50% \\input{x}^2 ~ $#<\u{2212}\u{221e}\n"),
            "T1\\_ax \\& 50\\% \\textbackslash{}input\\{x\\}\\textasciicircum{}2 \\textasciitilde{} \\$\\#$<$$-$$\\infty$ "
        );
    }
}
