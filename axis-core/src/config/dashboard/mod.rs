//! The files of the dashboard. A mistake in one of them is told, and everything else goes on with the defaults.

mod memory;
mod plugins;
pub(super) mod theme;

use super::ledger::{Gathered, Ledger};
use super::node::{Block, found};
use super::resolve::top_entry;
use super::yaml::{self, Data, Entry, Node, Place};
use super::{Agent, DashboardConfig, Env, Files};

/// The files, by the name of their block.
pub(super) const BLOCKS: [&str; 3] = ["theme", "agents", "memory"];

/// Reads the files and the variables.
pub(super) fn read(files: &Files, env: &Env, gathered: &mut Gathered) -> DashboardConfig {
    let mut broken = files.unreadable.clone();
    let [theme, agents, memory] = BLOCKS.map(|block| {
        let name = format!("config/{block}.yaml");
        let file = files.find(&name)?;
        match yaml::parse(&name, &file.text) {
            Ok(node) => Some(node),
            Err(error) => {
                broken.push(error);
                None
            }
        }
    });
    let ledger = Ledger::new(env);
    let config = DashboardConfig {
        theme: theme::read(mapping(&ledger, "theme", theme.as_ref())),
        agents: read_agents(&ledger, agents.as_ref()),
        memory: memory::read(&mapping(&ledger, "memory", memory.as_ref())),
        copilot_enabled: copilot(&ledger),
        plugins: plugins::read(&ledger),
        broken: {
            broken.extend(ledger.errors());
            broken
        },
    };
    ledger.drain(gathered);
    config
}

/// Returns the block of a file; an empty one when there is none.
fn mapping<'a>(ledger: &'a Ledger<'a>, block: &str, node: Option<&Node>) -> Block<'a> {
    let nowhere = || Place::File {
        file: format!("config/{block}.yaml").into(),
        line: 1,
    };
    let (place, entries) = match top_entry(ledger, node, block) {
        None => (nowhere(), Vec::new()),
        Some(Entry { place, node, .. }) => match &node.data {
            Data::Map(entries) => (place.clone(), entries.clone()),
            Data::Null { .. } => (place.clone(), Vec::new()),
            other => {
                ledger.fail(place, format!("`{block}` is {}, allowed is a mapping", found(other)));
                (place.clone(), Vec::new())
            }
        },
    };
    Block::new(ledger, block, place, entries)
}

/// Reads the list of agents; one without a name is left out.
fn read_agents(ledger: &Ledger<'_>, node: Option<&Node>) -> Vec<Agent> {
    let Some(entry) = top_entry(ledger, node, "agents") else {
        return Vec::new();
    };
    let items = match &entry.node.data {
        Data::List(items) => items.as_slice(),
        Data::Null { .. } => &[],
        other => {
            let message = format!("`agents` is {}, allowed is a list of mappings", found(other));
            ledger.fail(&entry.place, message);
            &[]
        }
    };
    let mut agents = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let path = format!("agents[{index}]");
        let Data::Map(entries) = &item.data else {
            let message = format!("`{path}` is {}, allowed is a mapping", found(&item.data));
            ledger.fail(&item.place, message);
            continue;
        };
        let block = Block::new(ledger, path, item.place.clone(), entries.clone());
        let name = block.string("name");
        let agent = Agent {
            label: block
                .string_or("label", name.as_deref().unwrap_or("none"))
                .or_else(|| name.clone())
                .unwrap_or_default(),
            role: block.string("role"),
            avatar: block.string("avatar"),
            description: block.string("description"),
            biography: block.string("biography"),
            active: block.bool("active", true),
            trace_names: block.strings("trace_names", true).unwrap_or_default(),
            name: name.unwrap_or_default(),
        };
        block.finish();
        if agent.name.is_empty() {
            block.wrong("name", &block.place, "is missing; the agent is left out");
        } else {
            agents.push(agent);
        }
    }
    agents
}

/// Reads `COPILOT_ENABLED`.
fn copilot(ledger: &Ledger<'_>) -> bool {
    let entries = variable(ledger, "COPILOT_ENABLED", "copilot_enabled")
        .into_iter()
        .collect();
    let place = Place::Env {
        name: "COPILOT_ENABLED".to_owned(),
        label: String::new(),
    };
    Block::new(ledger, "dashboard", place, entries).bool("copilot_enabled", true)
}

/// Returns a variable as the entry of a key, unless it is not set or empty.
fn variable(ledger: &Ledger<'_>, name: &str, key: &str) -> Option<Entry> {
    let (text, place) = ledger.variable(name)?;
    Some(Entry {
        key: key.to_owned(),
        place: place.clone(),
        node: Node {
            place,
            data: Data::Scalar {
                text: text.to_owned(),
                plain: true,
            },
        },
    })
}
