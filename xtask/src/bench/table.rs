//! Tables in Markdown, which are read as they are in a terminal too.

/// A table; the first column is text, the others are figures.
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings.
    pub fn new<const N: usize>(heads: [&str; N]) -> Self {
        Self { rows: vec![heads.map(str::to_owned).to_vec()] }
    }

    /// Adds a row.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    /// The table as text, with columns of equal width.
    pub fn text(&self) -> String {
        let columns = self.rows[0].len();
        let width = |column: usize| {
            self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0).max(2)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut text = String::new();
        for (at, row) in self.rows.iter().enumerate() {
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                text += &match column {
                    0 => format!("| {cell:<width$} |"),
                    _ => format!(" {cell:>width$} |"),
                };
            }
            text.push('\n');
            if at == 0 {
                for (column, width) in widths.iter().enumerate() {
                    text += &match column {
                        0 => format!("|{}|", "-".repeat(width + 2)),
                        _ => format!("{}:|", "-".repeat(width + 1)),
                    };
                }
                text.push('\n');
            }
        }
        text
    }
}

/// The middle of some figures, the least and the greatest.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Spread {
    /// The median.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
}

impl Spread {
    /// Of at least one figure.
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Self {
        let mut all: Vec<f64> = figures.into_iter().collect();
        all.sort_by(f64::total_cmp);
        let middle = all.len() / 2;
        let median = if all.len() % 2 == 1 {
            all[middle]
        } else {
            f64::midpoint(all[middle - 1], all[middle])
        };
        Self { median, min: all[0], max: all[all.len() - 1] }
    }

    /// `median (min–max)`, as whole numbers where they are large.
    pub fn text(self) -> String {
        let Self { median, min, max } = self;
        format!("{} ({}–{})", number(median), number(min), number(max))
    }
}

/// A figure with about three digits, thousands apart.
pub fn number(figure: f64) -> String {
    let places = match figure.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        _ => 2,
    };
    let text = format!("{figure:.places$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let digits: Vec<char> = whole.chars().collect();
    let mut grouped = String::new();
    for (at, digit) in digits.iter().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) && digits[at - 1].is_ascii_digit() {
            grouped.push(',');
        }
        grouped.push(*digit);
    }
    grouped + rest
}

/// A figure that is to reach something.
#[derive(Copy, Clone, Debug)]
pub struct Target {
    /// What is measured.
    pub what: &'static str,
    /// Whether less is better.
    pub at_most: bool,
    /// What has to be reached.
    pub floor: f64,
    /// What is hoped for.
    pub aim: f64,
}

impl Target {
    /// A table of targets and of what was measured, where it was.
    pub fn table(all: impl IntoIterator<Item = (Self, Option<f64>)>) -> Table {
        let mut table = Table::new(["target", "floor", "aim", "measured", "met"]);
        for (target, measured) in all {
            let bound = |bound: f64| format!("{} {bound}", if target.at_most { "≤" } else { "≥" });
            table.row([
                target.what.to_owned(),
                bound(target.floor),
                bound(target.aim),
                measured.map_or("not measured".to_owned(), number),
                measured.map_or("–", |measured| target.met(measured)).to_owned(),
            ]);
        }
        table
    }

    fn met(self, measured: f64) -> &'static str {
        let reaches = |bound: f64| if self.at_most { measured <= bound } else { measured >= bound };
        match (reaches(self.floor), reaches(self.aim)) {
            (_, true) => "aim",
            (true, false) => "floor",
            (false, false) => "no",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(Spread::of([3.0, 1.0, 2.0]), Spread { median: 2.0, min: 1.0, max: 3.0 });
        assert_eq!(Spread::of([4.0, 1.0]), Spread { median: 2.5, min: 1.0, max: 4.0 });
    }

    #[test]
    fn figures_are_short_and_grouped() {
        let all = [0.514, 12.34, 123.4, 1_234.5, 1_234_567.0, -1_234.0].map(number);
        assert_eq!(all, ["0.51", "12.3", "123", "1,234", "1,234,567", "-1,234"]);
    }

    #[test]
    fn targets_are_met_on_their_side() {
        let faster = Target { what: "faster", at_most: false, floor: 3.0, aim: 5.0 };
        assert_eq!([2.9, 3.0, 5.0].map(|it| faster.met(it)), ["no", "floor", "aim"]);
        let smaller = Target { what: "smaller", at_most: true, floor: 64.0, aim: 48.0 };
        assert_eq!([64.1, 64.0, 48.0].map(|it| smaller.met(it)), ["no", "floor", "aim"]);
        assert!(Target::table([(faster, None)]).text().contains("not measured"));
    }

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new(["", "ms"]);
        table.row(["one".to_owned(), "1,000".to_owned()]);
        table.row(["a longer name".to_owned(), "2".to_owned()]);
        let text = table.text();
        let widths: Vec<usize> = text.lines().map(str::len).collect();
        assert!(widths.iter().all(|width| *width == widths[0]), "{text}");
        assert!(text.lines().nth(1).is_some_and(|line| line.ends_with("-:|")));
    }
}
