//! How far one piece of work is: a bar on a terminal, plain lines elsewhere; always on stderr.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axis_core::backup::{BackupProgress, BackupStage};
use indicatif::{ProgressBar, ProgressStyle};

use super::output::Output;

/// How often a plain line is written.
const LINE_EVERY: Duration = Duration::from_secs(2);

/// Shows progress until dropped.
#[derive(Debug)]
pub(crate) struct Bar {
    output: Output,
    shown: Mutex<Option<(BackupStage, Option<ProgressBar>, Instant)>>,
}

impl Bar {
    pub(crate) fn new(output: &Output) -> Self {
        Self {
            output: output.clone(),
            shown: Mutex::new(None),
        }
    }

    pub(crate) fn show(&self, told: BackupProgress) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if shown.as_ref().is_none_or(|(stage, ..)| *stage != told.stage) {
            if let Some((_, Some(bar), _)) = shown.take() {
                bar.finish_and_clear();
            }
            *shown = Some((told.stage, self.begin(told.stage), Instant::now()));
        }
        match shown.as_mut() {
            Some((_, Some(bar), _)) => {
                bar.set_length(told.total);
                bar.set_position(told.done);
            }
            Some((stage, None, since)) if since.elapsed() >= LINE_EVERY => {
                *since = Instant::now();
                let part = told.done * 100 / told.total.max(1);
                self.output.note(&format!("{}: {part} %", stage.as_str()));
            }
            _ => {}
        }
    }

    fn begin(&self, stage: BackupStage) -> Option<ProgressBar> {
        self.output.is_terminal().then(|| {
            let template = match stage {
                BackupStage::Loading => "{prefix:<10} {bar:40} {pos}/{len}",
                _ => "{prefix:<10} {bar:40} {percent} %",
            };
            let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
            let bar = self.output.bars().add(ProgressBar::new(0).with_style(style));
            bar.set_prefix(stage.as_str());
            bar
        })
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        let shown = self.shown.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, Some(bar), _)) = shown.take() {
            bar.finish_and_clear();
        }
    }
}
