//! Reproducible rows as an AI platform writes them: traces, their metrics, and key performance indicators.

use super::prng::{Prng, round};
use super::words::{self, AGENTS, ANSWERS, Agent, ENVIRONMENTS, FINDINGS, MODELS, QUESTIONS, TOPICS};

/// Microseconds of a day.
pub(super) const DAY: i64 = 86_400_000_000;

/// One answered request.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// The record's UUID.
    pub dataset_id: String,
    /// When it was answered, in microseconds since 1970 UTC.
    pub created_at: i64,
    /// `production`, `staging` or `development`.
    pub environment: &'static str,
    /// The agent.
    pub source_name: &'static str,
    /// The part of the agent.
    pub source_component: &'static str,
    /// The type of the agent.
    pub source_type: &'static str,
    /// What was asked.
    pub query: String,
    /// What was answered.
    pub actual_output: String,
    /// What should have been answered, where somebody has written it down.
    pub expected_output: Option<String>,
    /// The language model.
    pub model_name: &'static str,
    /// Seconds until the answer; a few slow ones, many fast ones.
    pub latency: f64,
    /// Whether anything failed on the way.
    pub has_errors: bool,
    /// 32 hexadecimal digits.
    pub trace_id: String,
    /// Dollars.
    pub cost_estimate: f64,
}

/// One judgement of one trace.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// The trace.
    pub dataset_id: String,
    /// When it was judged, in microseconds since 1970 UTC.
    pub created_at: i64,
    /// The metric.
    pub metric_name: &'static str,
    /// From 0 to 1; only of the category `SCORE`, and not always there.
    pub metric_score: Option<f64>,
    /// `SCORE`, `CLASSIFICATION` or `ANALYSIS`.
    pub metric_category: &'static str,
    /// `metric`.
    pub metric_type: &'static str,
    /// The label of a classification, or the text of an analysis.
    pub explanation: Option<String>,
    /// The score from which on the trace passes.
    pub threshold: Option<f64>,
    /// Whether it passes.
    pub passed: Option<bool>,
    /// A JSON object.
    pub signals: Option<String>,
    /// The evaluation that produced it.
    pub evaluation_name: &'static str,
}

/// One value of one indicator.
#[derive(Clone, Debug, PartialEq)]
pub struct Kpi {
    /// Ascending from 1.
    pub id: i64,
    /// When it was measured, in microseconds since 1970 UTC.
    pub created_at: i64,
    /// The agent.
    pub source_name: &'static str,
    /// The type of the agent.
    pub source_type: &'static str,
    /// The indicator.
    pub kpi_name: &'static str,
    /// The panel it belongs to.
    pub kpi_category: &'static str,
    /// The record it was measured on.
    pub dataset_id: String,
    /// Percentages run from 0 to 100.
    pub numeric_value: f64,
    /// The part of the agent.
    pub source_component: &'static str,
    /// `production`.
    pub environment: &'static str,
    /// `enterprise` or `small business`.
    pub segment: &'static str,
    /// A JSON array.
    pub tags: String,
    /// A JSON object.
    pub metadata: String,
}

/// Makes rows; the same seed and start give the same rows.
#[derive(Clone, Debug)]
pub struct Generator {
    pub(super) prng: Prng,
    /// Where the next row begins, in microseconds since 1970 UTC.
    clock: i64,
    kpis: i64,
}

impl Generator {
    /// Creates a generator whose first row is made at this time, in microseconds since 1970 UTC.
    #[must_use]
    pub fn new(seed: u64, start_time_micros: i64) -> Self {
        Self {
            prng: Prng::new(seed),
            clock: start_time_micros,
            kpis: 0,
        }
    }

    /// Makes traces whose times ascend by `step_micros` on average.
    pub fn traces(&mut self, count: u64, step_micros: i64) -> Vec<Trace> {
        (0..count).map(|_| self.trace(step_micros)).collect()
    }

    fn trace(&mut self, step: i64) -> Trace {
        let created_at = self.tick(step);
        let agent = self.agent();
        let topic = self.prng.pick(&TOPICS);
        let answer = self.prng.pick(&ANSWERS);
        let (model_name, price) = self.prng.pick(&MODELS);
        let query = words::fill(self.prng.pick(&QUESTIONS), topic);
        let mut actual_output = words::fill(answer, topic);
        if self.prng.chance(0.4) {
            actual_output.push(' ');
            actual_output.push_str(&words::fill(self.prng.pick(&ANSWERS), topic));
        }
        let length = (query.len() + actual_output.len()) as f64;
        Trace {
            dataset_id: self.prng.uuid(),
            created_at,
            environment: self.prng.weighted(&ENVIRONMENTS),
            source_name: agent.name,
            source_component: self.prng.pick(agent.components),
            source_type: agent.kind,
            query,
            actual_output,
            expected_output: self.prng.chance(0.3).then(|| words::fill(answer, topic)),
            model_name,
            latency: round(agent.latency * (0.5 * self.prng.normal()).exp(), 3),
            has_errors: self.prng.chance(0.03),
            trace_id: format!("{:016x}{:016x}", self.prng.next(), self.prng.next()),
            cost_estimate: round(length / 1000.0 * price, 6),
        }
    }

    /// Makes the four to six judgements of a trace, one to four seconds after it.
    pub fn metrics(&mut self, trace: &Trace) -> Vec<Metric> {
        let created_at = trace.created_at + 1_000_000 + self.prng.below(3_000_000) as i64;
        let quality = AGENTS
            .iter()
            .find(|agent| agent.name == trace.source_name)
            .map_or(0.8, |agent| agent.quality);
        // Quality wanders a little from day to day, so that trends have something to show.
        let quality =
            quality + [0.0, 0.02, -0.01, 0.03, -0.04][trace.created_at.div_euclid(DAY).rem_euclid(5) as usize];
        let mut metrics = vec![
            self.score(trace, created_at, "faithfulness", quality),
            self.score(trace, created_at, "answer_relevancy", quality + 0.05),
            self.label(
                trace,
                created_at,
                "sentiment",
                &[("positive", 5), ("neutral", 4), ("negative", 2)],
            ),
            self.analysis(trace, created_at),
        ];
        if self.prng.chance(0.5) {
            metrics.push(self.score(trace, created_at, "helpfulness", quality - 0.05));
        }
        if self.prng.chance(0.5) {
            let labels = [("question", 6), ("complaint", 3), ("request", 4), ("feedback", 1)];
            metrics.push(self.label(trace, created_at, "intent", &labels));
        }
        metrics
    }

    fn score(&mut self, trace: &Trace, created_at: i64, metric_name: &'static str, mean: f64) -> Metric {
        let score = round((mean + 0.12 * self.prng.normal()).clamp(0.0, 1.0), 4);
        let score = (!self.prng.chance(0.02)).then_some(score);
        Metric {
            metric_score: score,
            threshold: Some(0.5),
            passed: score.map(|score| score >= 0.5),
            signals: Some(format!(
                r#"{{"judge": "llm", "confidence": {}}}"#,
                round(0.6 + 0.4 * self.prng.unit(), 2)
            )),
            ..blank(trace, created_at, metric_name, "SCORE")
        }
    }

    fn label(&mut self, trace: &Trace, created_at: i64, name: &'static str, labels: &[(&str, u64)]) -> Metric {
        let label = self.prng.weighted(labels);
        Metric {
            explanation: Some(label.to_owned()),
            ..blank(trace, created_at, name, "CLASSIFICATION")
        }
    }

    fn analysis(&mut self, trace: &Trace, created_at: i64) -> Metric {
        let topic = self.prng.pick(&TOPICS);
        let (turns, severity) = (1 + self.prng.below(6), self.prng.pick(&["low", "medium", "high"]));
        Metric {
            explanation: Some(words::fill(self.prng.pick(&FINDINGS), topic)),
            signals: Some(format!(
                r#"{{"topic": "{topic}", "turns": {turns}, "severity": "{severity}"}}"#
            )),
            ..blank(trace, created_at, "conversation_analysis", "ANALYSIS")
        }
    }

    /// Makes one value a day for every agent, segment and indicator.
    pub fn kpis(&mut self, days: u32) -> Vec<Kpi> {
        (0..days).flat_map(|_| self.day_of_kpis()).collect()
    }

    fn day_of_kpis(&mut self) -> Vec<Kpi> {
        // Always at the same time of the day, so that every day of the calendar has its value.
        let created_at = self.clock;
        self.clock += DAY;
        let mut kpis = Vec::new();
        for agent in AGENTS {
            for segment in ["enterprise", "small business"] {
                for (name, category, mean, spread) in INDICATORS {
                    self.kpis += 1;
                    let value = mean * (0.8 + 0.3 * agent.quality) + spread * self.prng.normal();
                    let whole = name == "cases_handled";
                    kpis.push(Kpi {
                        id: self.kpis,
                        created_at,
                        source_name: agent.name,
                        source_type: agent.kind,
                        kpi_name: name,
                        kpi_category: category,
                        dataset_id: self.prng.uuid(),
                        numeric_value: round(value.max(0.0), if whole { 0 } else { 3 }),
                        source_component: agent.components[0],
                        environment: "production",
                        segment,
                        tags: format!(r#"["{}", "daily"]"#, agent.kind),
                        metadata: format!(r#"{{"window_hours": 24, "samples": {}}}"#, 20 + self.prng.below(200)),
                    });
                }
            }
        }
        kpis
    }

    pub(super) fn agent(&mut self) -> Agent {
        self.prng
            .weighted(&[(AGENTS[0], 5), (AGENTS[1], 3), (AGENTS[2], 4), (AGENTS[3], 2)])
    }

    /// Gives a time within the next step, and moves on by the step.
    pub(super) fn tick(&mut self, step: i64) -> i64 {
        let step = step.max(1);
        let at = self.clock + self.prng.below(step as u64) as i64;
        self.clock += step;
        at
    }
}

/// Indicators with their panel, mean and spread.
const INDICATORS: [(&str, &str, f64, f64); 6] = [
    ("task_success_rate", "quality", 84.0, 3.0),
    ("customer_satisfaction", "quality", 4.2, 0.2),
    ("escalation_rate", "quality", 9.0, 1.5),
    ("avg_handle_time", "efficiency", 95.0, 12.0),
    ("cost_per_case", "efficiency", 0.42, 0.05),
    ("cases_handled", "volume", 180.0, 30.0),
];

fn blank(trace: &Trace, created_at: i64, metric_name: &'static str, metric_category: &'static str) -> Metric {
    Metric {
        dataset_id: trace.dataset_id.clone(),
        created_at,
        metric_name,
        metric_score: None,
        metric_category,
        metric_type: "metric",
        explanation: None,
        threshold: None,
        passed: None,
        signals: None,
        evaluation_name: "online-monitoring",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_rows() {
        let make = |seed| {
            let mut generator = Generator::new(seed, 1_700_000_000_000_000);
            let traces = generator.traces(50, 1_000_000);
            let metrics: Vec<_> = traces.iter().flat_map(|trace| generator.metrics(trace)).collect();
            (traces, metrics, generator.kpis(3))
        };
        assert_eq!(make(7), make(7));
        assert_ne!(make(7).0, make(8).0);
        assert_eq!(make(7).2.len(), 3 * 4 * 2 * 6);
    }

    #[test]
    fn traces_ascend_and_have_four_to_six_metrics_of_all_categories() {
        let mut generator = Generator::new(1, 0);
        let traces = generator.traces(500, 1_000);
        assert!(
            traces
                .windows(2)
                .all(|pair| pair[0].created_at < pair[1].created_at + 1_000)
        );
        assert!(traces.windows(2).all(|pair| pair[0].created_at <= pair[1].created_at));
        assert!(
            traces
                .iter()
                .all(|trace| trace.created_at < 500_000 && trace.latency > 0.0)
        );
        assert!(
            traces
                .iter()
                .all(|trace| trace.dataset_id.len() == 36 && trace.trace_id.len() == 32)
        );
        for trace in &traces {
            let metrics = generator.metrics(trace);
            assert!((4..=6).contains(&metrics.len()));
            for category in ["SCORE", "CLASSIFICATION", "ANALYSIS"] {
                assert!(metrics.iter().any(|metric| metric.metric_category == category));
            }
            for metric in metrics.iter().filter_map(|metric| metric.signals.as_deref()) {
                assert!(serde_json::from_str::<serde_json::Value>(metric).unwrap().is_object());
            }
        }
    }
}
