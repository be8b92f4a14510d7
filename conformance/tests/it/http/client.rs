//! A client of one server.

use std::net::SocketAddr;

use serde_json::Value;
use ureq::http::Response;
use ureq::{Agent, Body};

/// What a request was answered with; `None` in place of it when nobody listens any more.
pub(crate) type Asked = Option<Answer>;

/// The status and the body of an answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Result<Value, String> {
        let text = || String::from_utf8_lossy(&self.body).into_owned();
        serde_json::from_slice(&self.body).map_err(|error| format!("the body is no JSON ({error}): {}", text()))
    }
}

#[derive(Clone)]
pub(crate) struct Client {
    url: String,
    agent: Agent,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        // Connections are not kept: one that is open holds up the end of the server.
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_idle_connections(0);
        Self {
            url: format!("http://{address}"),
            agent: config.build().new_agent(),
        }
    }

    pub(crate) fn get(&self, path: &str, parameters: &[(String, String)]) -> Result<Asked, String> {
        answer(self.agent.get(self.to(path)).query_pairs(pairs(parameters)).call())
    }

    pub(crate) fn delete(&self, path: &str) -> Result<Asked, String> {
        answer(self.agent.delete(self.to(path)).call())
    }

    pub(crate) fn post(&self, path: &str, parameters: &[(String, String)]) -> Result<Asked, String> {
        answer(
            self.agent
                .post(self.to(path))
                .query_pairs(pairs(parameters))
                .send_empty(),
        )
    }

    pub(crate) fn send(&self, path: &str, id: Option<&str>, body: &Value) -> Result<Asked, String> {
        let request = self.agent.post(self.to(path));
        let request = id
            .into_iter()
            .fold(request, |request, id| request.header("x-query-id", id));
        answer(request.send_json(body))
    }

    fn to(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }
}

fn pairs(parameters: &[(String, String)]) -> impl Iterator<Item = (&str, &str)> {
    parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()))
}

fn answer(response: Result<Response<Body>, ureq::Error>) -> Result<Asked, String> {
    match response {
        Ok(mut response) => {
            let body = response.body_mut().read_to_vec().map_err(|error| error.to_string())?;
            let status = response.status().as_u16();
            Ok(Some(Answer { status, body }))
        }
        Err(ureq::Error::Io(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => Ok(None),
        Err(ureq::Error::ConnectionFailed) => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}
