//! Figures for people and for programs.

use anyhow::Result;
use serde::Serialize;
use serde_json::Value;

use crate::cli::print;

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
    /// Prints the title and the columns' names, as Markdown.
    ///
    /// # Errors
    ///
    /// Standard output is closed.
    pub(super) fn begin(title: String, columns: &[&str]) -> Result<Self> {
        let columns: Vec<String> = columns.iter().map(|column| (*column).to_owned()).collect();
        print(&format!("\n{title}\n\n"))?;
        if !columns.is_empty() {
            print(&line(&columns))?;
            print(&line(&vec!["---".to_owned(); columns.len()]))?;
        }
        Ok(Self { title, columns, rows: Vec::new(), measured: Vec::new() })
    }

    /// Prints a row: what was measured is not lost where a later measurement fails.
    ///
    /// # Errors
    ///
    /// Standard output is closed.
    pub(super) fn add(&mut self, row: Vec<String>, measured: Value) -> Result<()> {
        print(&line(&row))?;
        self.rows.push(row);
        self.measured.push(measured);
        Ok(())
    }
}

fn line(cells: &[String]) -> String {
    format!("| {} |\n", cells.join(" | "))
}
