//! Progress bars: on a terminal only, on stderr.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use cube::IndexProgress;
use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::args::Global;

/// A bar that counts to `total` of `what`; hidden where stderr is no terminal or the user asked for quiet.
pub(crate) fn bar(global: &Global, total: u64, what: &str) -> ProgressBar {
    let bar = ProgressBar::new(total);
    if global.quiet || !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
        return bar;
    }
    bar.set_style(style("{msg} {wide_bar} {human_pos}/{human_len} {per_sec}, {eta} left"));
    bar.set_message(what.to_owned());
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// The bar of `cube index`: how many documents, how fast, and, where the size of the input is known, how long still.
pub(crate) struct IndexBar {
    bar: ProgressBar,
    started: Instant,
}

impl IndexBar {
    pub(crate) fn new(global: &Global) -> Self {
        let bar = bar(global, 0, "indexing");
        if !bar.is_hidden() {
            bar.set_style(style("indexing {msg} {spinner}"));
        }
        Self { bar, started: Instant::now() }
    }

    /// Whether anybody sees it.
    pub(crate) fn is_shown(&self) -> bool {
        !self.bar.is_hidden()
    }

    pub(crate) fn set(&self, progress: &IndexProgress) {
        if let Some(total) = progress.total.filter(|total| *total > 0)
            && self.bar.length() != Some(total)
        {
            self.bar.set_length(total);
            self.bar.set_style(style("indexing {wide_bar} {percent}%, {msg}, {eta} left"));
        }
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = progress.documents as f64 / self.started.elapsed().as_secs_f64().max(1e-3);
        self.bar.set_position(progress.read);
        self.bar.set_message(format!("{} documents, {rate:.0}/s", HumanCount(progress.documents)));
    }

    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
