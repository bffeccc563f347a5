//! Figures for people and for programs.

use serde::Serialize;
use serde_json::Value;

/// One table, and what it was made of.
#[derive(Debug, Serialize)]
pub(super) struct Page {
    title: String,
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
    /// Each row's measurements.
    measured: Vec<Value>,
}

impl Page {
    pub(super) fn new(title: String, columns: &[&str]) -> Self {
        let columns = columns.iter().map(|column| (*column).to_owned()).collect();
        Self { title, columns, rows: Vec::new(), measured: Vec::new() }
    }

    pub(super) fn add(&mut self, row: Vec<String>, measured: Value) {
        self.rows.push(row);
        self.measured.push(measured);
    }

    /// As Markdown.
    pub(super) fn text(&self) -> String {
        let mut text = format!("{}\n\n", self.title);
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        if !self.columns.is_empty() {
            text += &line(&self.columns);
            text += &line(&vec!["---".to_owned(); self.columns.len()]);
            self.rows.iter().for_each(|row| text += &line(row));
            text.push('\n');
        }
        text
    }
}
