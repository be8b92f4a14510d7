//! What the made-up agents are asked and say.

/// An agent: its name, its type, and its parts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Agent {
    pub(super) name: &'static str,
    pub(super) kind: &'static str,
    pub(super) components: &'static [&'static str],
    /// How good its answers are, from 0 to 1.
    pub(super) quality: f64,
    /// Its median latency in seconds.
    pub(super) latency: f64,
}

pub(super) const AGENTS: [Agent; 4] = [
    Agent {
        name: "support-assistant",
        kind: "agent",
        components: &["router", "retriever", "responder"],
        quality: 0.82,
        latency: 1.4,
    },
    Agent {
        name: "claims-triage",
        kind: "agent",
        components: &["intake", "assessor"],
        quality: 0.76,
        latency: 2.3,
    },
    Agent {
        name: "policy-search",
        kind: "rag",
        components: &["retriever", "ranker"],
        quality: 0.88,
        latency: 0.7,
    },
    Agent {
        name: "sales-copilot",
        kind: "copilot",
        components: &["drafter", "reviewer"],
        quality: 0.71,
        latency: 3.1,
    },
];

pub(super) const ENVIRONMENTS: [(&str, u64); 3] = [("production", 7), ("staging", 2), ("development", 1)];

/// Models with their price in dollars per thousand characters.
pub(super) const MODELS: [(&str, f64); 4] = [
    ("gpt-4o-mini", 0.0004),
    ("claude-sonnet", 0.0021),
    ("llama-3.1-70b", 0.0006),
    ("mistral-large", 0.0013),
];

pub(super) const TOPICS: [&str; 8] = [
    "billing",
    "delivery",
    "refund",
    "cancellation",
    "coverage",
    "account access",
    "data privacy",
    "renewal",
];

pub(super) const QUESTIONS: [&str; 8] = [
    "How long does a {} request take when it was sent by mail?",
    "My {} was refused twice. Whom can I talk to about it?",
    "Which documents do I need for {} if I moved abroad last month?",
    "Please explain the {} rules of the premium plan in two sentences.",
    "Is there a fee for {} within the first thirty days?",
    "I got an e-mail about {} that I do not understand. What does it mean?",
    "Can you check the state of my {} case and tell me the next step?",
    "Summarise what changed about {} since the last contract.",
];

pub(super) const ANSWERS: [&str; 6] = [
    "A {} request is handled within five working days. You will get a message as soon as it is decided.",
    "For {} please open the customer portal, choose your contract, and follow the steps under \"Requests\".",
    "The premium plan covers {} without a fee. The basic plan allows one request a year.",
    "I have looked at your {} case: one document is missing. Please upload the signed form.",
    "I am sorry for the trouble with {}. A colleague will call you back today between two and four.",
    "According to section 4 of the contract, {} is possible at the end of each quarter with notice of one month.",
];

pub(super) const FINDINGS: [&str; 5] = [
    "The answer is right but does not say where the customer finds the form for {}.",
    "The agent repeats the question about {} before it answers; the tone is friendly.",
    "The cited section on {} is out of date and should be replaced in the knowledge base.",
    "The customer asked about {} twice, which hints at an answer that was too general.",
    "The answer on {} is complete and names the deadline.",
];

pub(super) const COMPANIES: [&str; 6] = [
    "Northwind Traders",
    "Blue Harbor Foods",
    "Alpine Freight",
    "Juniper Dental",
    "Quarry Street Books",
    "Lumen Bakery",
];

pub(super) const SENDERS: [&str; 5] = ["Dana Reyes", "Tomas Lind", "Priya Nair", "Joel Amadi", "Mina Sato"];

/// Fills the place of a template.
pub(super) fn fill(template: &str, topic: &str) -> String {
    template.replace("{}", topic)
}
