//! Progress of long work, on a terminal's stderr only: pipes and log files stay quiet.

use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// The pause between two drawings of the line: short enough to look smooth, and costs nothing.
const REDRAW: Duration = Duration::from_millis(100);

/// A line that shows how far a file is read.
pub(crate) struct Progress {
    bar: ProgressBar,
    rows: u64,
}

impl Progress {
    /// Starts the line; a pipe, whose length nobody knows, has no end in sight.
    pub(crate) fn start(what: &'static str, input: &Path) -> Self {
        let length =
            std::fs::metadata(input).ok().filter(|metadata| metadata.is_file()).map(|file| file.len());
        let (bar, template) = match length {
            Some(length) => (
                ProgressBar::new(length),
                "{prefix} [{bar:32}] {percent:>3} %  {msg}  {binary_bytes_per_sec}  {eta} left",
            ),
            None => (
                ProgressBar::new_spinner(),
                "{prefix} {spinner} {msg}  {binary_bytes}  {binary_bytes_per_sec}",
            ),
        };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.progress_chars("=> "));
        bar.set_prefix(what);
        bar.enable_steady_tick(REDRAW);
        Self { bar, rows: 0 }
    }

    /// Shows the rows that are done, and the bytes read so far.
    pub(crate) fn advance(&mut self, rows: u64, bytes_read: u64) {
        self.rows += rows;
        self.bar.set_position(bytes_read);
        if self.bar.is_hidden() || self.rows == 0 {
            return;
        }
        let per_second = self.rows as f64 / self.bar.elapsed().as_secs_f64().max(1e-3);
        self.bar.set_message(format!(
            "{} rows, {} rows/s",
            crate::text::grouped(self.rows),
            crate::text::short(per_second)
        ));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
