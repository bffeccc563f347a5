//! Figures in columns.

use crate::engine::report::MessageReport;

use super::figures::{Figure, QUANTITIES, Unit, middle};
use super::measure::Saying;
use super::{Comparison, ModeComparison};

/// What was compared, and a line of figures for each quantity.
pub(super) fn all(comparison: &Comparison) -> String {
    let first = &comparison.modes[0];
    let said = match comparison.tokens {
        Saying::Forced => format!("every mode says what {} said", first.mode),
        Saying::Free => "every mode says what it chooses".into(),
    };
    let (rounds, noun) = (comparison.repeat, if comparison.repeat == 1 { "round" } else { "rounds" });
    let mut rows = vec![headings(&comparison.modes)];
    for (index, quantity) in QUANTITIES.iter().enumerate() {
        let figures: Vec<Figure> = comparison.modes.iter().map(|mode| mode.shown[index]).collect();
        // Few runs have any of it.
        if quantity.name == "encoded_again" && figures.iter().all(|figure| figure.value == Some(0.0)) {
            continue;
        }
        let mut row = vec![quantity.label.to_owned()];
        for (place, figure) in figures.iter().enumerate() {
            row.push(figure.value.map_or_else(|| "-".into(), |value| quantity.unit.show(value)));
            if place > 0 {
                row.push(ratio(figure));
            }
        }
        rows.push(row);
    }
    let interval = if rounds > 1 { ", with the 95% interval of a bootstrap over rounds" } else { "" };
    format!(
        "{} on {}, seed {}: {rounds} {noun}, each run with an empty cache; {said}\n\n{}\n\
         ×: of {}'s{interval}\n",
        comparison.plan,
        comparison.model,
        comparison.seed,
        columns(&rows),
        first.mode
    )
}

fn headings(modes: &[ModeComparison]) -> Vec<String> {
    let mut row = vec![String::new()];
    for (place, mode) in modes.iter().enumerate() {
        row.push(mode.mode.into());
        row.extend((place > 0).then(String::new));
    }
    row
}

fn ratio(figure: &Figure) -> String {
    match (figure.ratio, figure.interval) {
        (Some(ratio), Some([low, high])) => format!("×{ratio:.2} ({low:.2} to {high:.2})"),
        (Some(ratio), None) => format!("×{ratio:.2}"),
        (None, _) => String::new(),
    }
}

impl Unit {
    fn show(self, value: f64) -> String {
        match self {
            Self::Milliseconds => milliseconds(value),
            Self::Tokens => format!("{value:.0}"),
            Self::Bytes => format!("{:.2} MiB", value / f64::from(1 << 20)),
        }
    }
}

/// Three digits are as many as a time is worth.
fn milliseconds(value: f64) -> String {
    let places = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    format!("{value:.places$} ms")
}

/// Every message's times and tokens; its own tokens and what it sees are those of the first mode.
pub(super) fn messages(comparison: &Comparison) -> String {
    let modes = &comparison.modes;
    let names = |what: &str| modes.iter().map(|mode| format!("{what} {}", mode.mode)).collect::<Vec<_>>();
    let mut rows = vec![["message".into(), "tokens".into(), "sees".into()].to_vec()];
    rows[0].extend(names("first token,"));
    rows[0].extend(names("encoded,"));
    let count = modes.iter().flat_map(|mode| &mode.rounds).map(|run| run.messages.len()).max().unwrap_or(0);
    for index in 0..count {
        let in_first = modes[0].rounds.first().and_then(|run| run.messages.get(index));
        let mut row = vec![
            in_first.map_or_else(|| (index + 1).to_string(), |message| format!("{} {}", message.id, message.role)),
            in_first.map_or_else(|| "-".into(), |message| message.tokens.to_string()),
            in_first.map_or_else(|| "-".into(), |message| message.parents.len().to_string()),
        ];
        let figure = |of: fn(&MessageReport) -> Option<f64>, show: fn(f64) -> String| {
            let cells = modes.iter().map(|mode| {
                let found = mode.rounds.iter().filter_map(|run| of(run.messages.get(index)?));
                middle(found).map_or_else(|| "-".into(), show)
            });
            cells.collect::<Vec<_>>()
        };
        row.extend(figure(|message| message.ttft_ms, milliseconds));
        row.extend(figure(|message| Some(message.encoded.into()), |value| format!("{value:.0}")));
        rows.push(row);
    }
    format!("\n{}", columns(&rows))
}

/// Rows of as many cells each: the first column, and what begins with a ×, to
/// the left, all else to the right.
fn columns(rows: &[Vec<String>]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..rows[0].len()).map(width).collect();
    let is_left = |column: usize| column == 0 || rows.iter().any(|row| row[column].starts_with('×'));
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
            if is_left(column) { format!("{cell:width$}") } else { format!("{cell:>width$}") }
        });
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_cells() {
        let rows = [["", "choreo", "naive", ""], ["end", "1.00 ms", "12.0 ms", "×12.00"], ["encoded", "5", "-", ""]];
        let rows: Vec<Vec<String>> = rows.iter().map(|row| row.map(str::to_owned).to_vec()).collect();
        let text = columns(&rows);
        let expected = "          choreo    naive\nend      1.00 ms  12.0 ms  ×12.00\nencoded        5        -\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_ratio_has_its_interval() {
        let figure = Figure { value: Some(2.0), ratio: Some(2.0), interval: Some([1.5, 2.25]) };
        assert_eq!(ratio(&figure), "×2.00 (1.50 to 2.25)");
        assert_eq!(ratio(&Figure { interval: None, ..figure }), "×2.00");
        assert_eq!(ratio(&Figure::default()), "");
    }
}
