//! Reproducible rows of people's feedback, and of evaluation runs.

use serde_json::json;

use super::prng::round;
use super::rows::Generator;
use super::words::{self, ANSWERS, COMPANIES, MODELS, QUESTIONS, SENDERS, TOPICS};

/// One conversation that somebody has reviewed.
#[derive(Clone, Debug, PartialEq)]
pub struct SignalCase {
    /// The case's UUID.
    pub dataset_id: String,
    /// When it was reviewed, in microseconds since 1970 UTC.
    pub created_at: i64,
    /// The agent.
    pub source_name: &'static str,
    /// The part of the agent.
    pub source_component: &'static str,
    /// The type of the agent.
    pub source_type: &'static str,
    /// `production`.
    pub environment: &'static str,
    /// A JSON object with `messages`, each with `role` and `content`.
    pub conversation: String,
    /// A JSON object with `turn_count` and the number of messages of both sides.
    pub conversation_stats: String,
    /// A JSON object with `message_url` and `sender`.
    pub additional_input: String,
}

/// What the review says about one aspect.
#[derive(Clone, Debug, PartialEq)]
pub struct SignalMetric {
    /// The case.
    pub dataset_id: String,
    /// When it was reviewed, in microseconds since 1970 UTC.
    pub created_at: i64,
    /// `outcome`, `escalation`, `root_cause` or `compliance`.
    pub metric_name: &'static str,
    /// `classification` or `analysis`.
    pub metric_category: &'static str,
    /// A JSON object.
    pub signals: String,
}

/// One test case of an evaluation run.
#[derive(Clone, Debug, PartialEq)]
pub struct EvalCase {
    /// The record's UUID.
    pub dataset_id: String,
    /// When it ran, in microseconds since 1970 UTC.
    pub created_at: i64,
    /// The run.
    pub evaluation_name: &'static str,
    /// What was asked.
    pub query: String,
    /// What was answered.
    pub actual_output: String,
    /// What should have been answered.
    pub expected_output: String,
    /// The language model.
    pub model_name: &'static str,
    /// Seconds until the answer.
    pub latency: f64,
    /// A JSON object.
    pub evaluation_metadata: String,
}

/// One score of one test case.
#[derive(Clone, Debug, PartialEq)]
pub struct EvalMetric {
    /// The test case.
    pub dataset_id: String,
    /// When it was judged, in microseconds since 1970 UTC.
    pub created_at: i64,
    /// The run.
    pub evaluation_name: &'static str,
    /// The metric.
    pub metric_name: &'static str,
    /// From 0 to 1.
    pub metric_score: f64,
    /// `metric` for the overall score, `component` for its parts.
    pub metric_type: &'static str,
    /// `SCORE`.
    pub metric_category: &'static str,
    /// The metric that this is a part of.
    pub parent: Option<&'static str>,
    /// How much it counts there.
    pub weight: f64,
    /// The score from which on the case passes.
    pub threshold: f64,
    /// Whether it passes.
    pub passed: bool,
}

/// Evaluation runs and how good they are.
const RUNS: [(&str, f64); 3] = [("baseline", 0.70), ("new-prompt", 0.77), ("larger-model", 0.84)];

impl Generator {
    /// Makes reviewed conversations whose times ascend by `step_micros` on average.
    pub fn signal_cases(&mut self, count: u64, step_micros: i64) -> Vec<SignalCase> {
        (0..count).map(|_| self.signal_case(step_micros)).collect()
    }

    fn signal_case(&mut self, step: i64) -> SignalCase {
        let created_at = self.tick(step);
        let agent = self.agent();
        let (topic, company) = (self.prng.pick(&TOPICS), self.prng.pick(&COMPANIES));
        let first = format!(
            "New {} case: {company}\n{}",
            agent.kind,
            words::fill(self.prng.pick(&QUESTIONS), topic)
        );
        let mut messages = vec![json!({"role": "user", "content": first})];
        let turns = 1 + self.prng.below(4);
        for turn in 0..turns {
            messages.push(json!({"role": "assistant", "content": words::fill(self.prng.pick(&ANSWERS), topic)}));
            if turn + 1 < turns {
                messages.push(json!({"role": "user", "content": words::fill(self.prng.pick(&QUESTIONS), topic)}));
            }
        }
        let stats = json!({"turn_count": turns, "user_message_count": turns, "ai_message_count": turns});
        let url = format!("https://chat.example.com/archives/C01/p{}", created_at / 1_000);
        SignalCase {
            dataset_id: self.prng.uuid(),
            created_at,
            source_name: agent.name,
            source_component: self.prng.pick(agent.components),
            source_type: agent.kind,
            environment: "production",
            conversation: json!({"messages": messages}).to_string(),
            conversation_stats: stats.to_string(),
            additional_input: json!({"message_url": url, "sender": self.prng.pick(&SENDERS)}).to_string(),
        }
    }

    /// Makes the four aspects of a review.
    pub fn signal_metrics(&mut self, case: &SignalCase) -> Vec<SignalMetric> {
        let random = &mut self.prng;
        // Every aspect names the reviewer, which makes it a fact of the case rather than of one aspect.
        let reviewer = random.pick(&SENDERS);
        let resolution = random.weighted(&[
            ("resolved", 6),
            ("partly resolved", 2),
            ("unresolved", 2),
            ("abandoned", 1),
        ]);
        let resolved = resolution == "resolved";
        let outcome = json!({
            "reviewer": reviewer,
            "is_resolved": resolved,
            "resolution": resolution,
            "resolution_time_minutes": 3 + random.below(90),
            "quality_score": round(if resolved { 0.7 + 0.3 * random.unit() } else { 0.6 * random.unit() }, 2),
        });
        let escalated = !resolved && random.chance(0.6);
        let reasons = ["customer asked", "missing permission", "low confidence", "policy"];
        let escalation = json!({
            "reviewer": reviewer,
            "is_escalated": escalated,
            "has_human_intervention": escalated || random.chance(0.1),
            "escalation_reason": escalated.then(|| random.pick(&reasons)),
            "wait_minutes": escalated.then(|| random.below(40)),
        });
        let cause = random.pick(&[
            "missing knowledge",
            "wrong tool",
            "unclear request",
            "outdated document",
            "none",
        ]);
        let topic = random.pick(&TOPICS);
        let root_cause = json!({
            "reviewer": reviewer,
            "primary_cause": cause,
            "suggested_action": random.pick(&["extend knowledge base", "adjust prompt", "train staff", "no action"]),
            "categories": [topic, random.pick(&TOPICS)],
            "learnings": [format!("Customers expect a date when they ask about {topic}.")],
            "requests": if random.chance(0.3) { json!([format!("Offer {topic} in the portal.")]) } else { json!([]) },
        });
        let compliance = json!({
            "reviewer": reviewer,
            "is_compliant": random.chance(0.93),
            "findings_count": random.below(3),
        });
        [
            ("outcome", "classification", outcome),
            ("escalation", "classification", escalation),
            ("root_cause", "analysis", root_cause),
            ("compliance", "classification", compliance),
        ]
        .into_iter()
        .map(|(metric_name, metric_category, signals)| SignalMetric {
            dataset_id: case.dataset_id.clone(),
            created_at: case.created_at,
            metric_name,
            metric_category,
            signals: signals.to_string(),
        })
        .collect()
    }

    /// Makes test cases whose times ascend by `step_micros` on average; the runs take turns.
    pub fn eval_cases(&mut self, count: u64, step_micros: i64) -> Vec<EvalCase> {
        (0..count)
            .map(|index| {
                let created_at = self.tick(step_micros);
                let topic = self.prng.pick(&TOPICS);
                let answer = self.prng.pick(&ANSWERS);
                let given = if self.prng.chance(0.7) {
                    answer
                } else {
                    self.prng.pick(&ANSWERS)
                };
                let version = 1 + index % 3;
                EvalCase {
                    dataset_id: self.prng.uuid(),
                    created_at,
                    evaluation_name: RUNS[(index % 3) as usize].0,
                    query: words::fill(self.prng.pick(&QUESTIONS), topic),
                    actual_output: words::fill(given, topic),
                    expected_output: words::fill(answer, topic),
                    model_name: self.prng.pick(&MODELS).0,
                    latency: round(1.2 * (0.4 * self.prng.normal()).exp(), 3),
                    evaluation_metadata: json!({"suite": "regression", "version": version}).to_string(),
                }
            })
            .collect()
    }

    /// Makes the overall score of a test case and its three parts.
    pub fn eval_metrics(&mut self, case: &EvalCase) -> Vec<EvalMetric> {
        let mean = RUNS
            .iter()
            .find(|(name, _)| *name == case.evaluation_name)
            .map_or(0.75, |(_, mean)| *mean);
        let parts = [("correctness", 0.5), ("completeness", 0.3), ("tone", 0.2)];
        let mut metrics: Vec<EvalMetric> = parts
            .into_iter()
            .map(|(name, weight)| {
                let score = round((mean + 0.15 * self.prng.normal()).clamp(0.0, 1.0), 4);
                eval_metric(case, name, score, Some("overall"), weight)
            })
            .collect();
        let overall = metrics.iter().map(|metric| metric.metric_score * metric.weight).sum();
        metrics.insert(0, eval_metric(case, "overall", round(overall, 4), None, 1.0));
        metrics
    }
}

fn eval_metric(
    case: &EvalCase,
    name: &'static str,
    score: f64,
    parent: Option<&'static str>,
    weight: f64,
) -> EvalMetric {
    EvalMetric {
        dataset_id: case.dataset_id.clone(),
        created_at: case.created_at,
        evaluation_name: case.evaluation_name,
        metric_name: name,
        metric_score: score,
        metric_type: if parent.is_none() { "metric" } else { "component" },
        metric_category: "SCORE",
        parent,
        weight,
        threshold: 0.5,
        passed: score >= 0.5,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_rows() {
        let make = |seed| {
            let mut generator = Generator::new(seed, 0);
            let cases = generator.signal_cases(20, 1_000);
            let signals: Vec<_> = cases.iter().flat_map(|case| generator.signal_metrics(case)).collect();
            let evals = generator.eval_cases(20, 1_000);
            let scores: Vec<_> = evals.iter().flat_map(|case| generator.eval_metrics(case)).collect();
            (cases, signals, evals, scores)
        };
        assert_eq!(make(3), make(3));
        assert_ne!(make(3).0, make(4).0);
    }

    #[test]
    fn signals_are_objects_and_conversations_have_messages() {
        let mut generator = Generator::new(5, 0);
        for case in generator.signal_cases(50, 1) {
            let conversation: Value = serde_json::from_str(&case.conversation).unwrap();
            let first = conversation["messages"][0]["content"].as_str().unwrap();
            assert!(first.starts_with("New ") && first.contains(" case: "));
            for metric in generator.signal_metrics(&case) {
                assert!(serde_json::from_str::<Value>(&metric.signals).unwrap()["reviewer"].is_string());
            }
        }
    }
}
