//! A directory with a configuration, the `axis` command in it, and a server over it.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use axis_core::config::Config;
use axis_core::{CancellationToken, Engine, Env};
use axis_http::demo::{DemoSource, config_yaml};
use serde_json::Value;
use tempfile::TempDir;

/// Longer than anything here takes on a slow machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// A directory with `custom/config`.
pub(crate) struct Project {
    directory: TempDir,
}

impl Project {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(directory.path().join("custom/config/datasets")).unwrap();
        Self { directory }
    }

    /// The demonstration's four datasets; nothing happens unless asked for.
    pub(crate) fn demo(rows: u64) -> (Self, DemoSource) {
        let project = Self::new();
        let path = project.path().join("source.db");
        let source = DemoSource::create(&path, rows, chrono::Utc::now().timestamp_micros()).unwrap();
        for (name, text) in config_yaml(&path) {
            project.config(name, &text.replace("sync_mode: startup", "sync_mode: manual"));
        }
        (project, source)
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn custom_dir(&self) -> PathBuf {
        self.path().join("custom")
    }

    /// Writes a file below `custom/config`.
    pub(crate) fn config(&self, name: &str, text: &str) {
        std::fs::write(self.custom_dir().join("config").join(name), text).unwrap();
    }

    /// The command with these arguments, in an environment that holds nothing of ours.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_axis"));
        command.current_dir(self.path()).args(arguments).env_clear();
        for name in ["PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command
    }

    pub(crate) fn axis(&self, arguments: &[&str]) -> Run {
        Run::from(self.command(arguments).output().unwrap())
    }

    /// Runs the command, which must succeed, with `--json`.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let run = self.axis(&[arguments, &["--json"]].concat());
        assert_eq!(run.code, 0, "{arguments:?}: {}", run.stderr);
        run.json()
    }

    pub(crate) fn server(&self) -> Server {
        Server::start(&self.custom_dir())
    }
}

/// What a command has printed.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) bytes: Vec<u8>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            code: output.status.code().expect("the command was not killed"),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
            bytes: output.stdout,
        }
    }
}

impl Run {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}

/// A command that goes on; it is killed when dropped.
pub(crate) struct Running {
    child: Child,
    stderr: Receiver<String>,
    seen: Vec<String>,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (send, stderr) = channel();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| send.send(line)));
        Self {
            child,
            stderr,
            seen: Vec::new(),
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until a line on stderr holds the text, and returns it.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let line = self
                .stderr
                .recv_timeout(deadline.saturating_duration_since(Instant::now()));
            let line = line.unwrap_or_else(|_| panic!("no line with {text:?} in {:?}", self.seen));
            self.seen.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Closes the reading end of stdout after its first line.
    pub(crate) fn read_a_line(&mut self) -> String {
        let mut line = String::new();
        BufReader::new(self.child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        line
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// Waits for the end; returns the exit code, stdout and stderr.
    pub(crate) fn end(mut self) -> (Option<i32>, String, String) {
        let mut stdout = String::new();
        if let Some(mut out) = self.child.stdout.take() {
            out.read_to_string(&mut stdout).unwrap();
        }
        let status = wait_until("the process ends", || self.child.try_wait().unwrap());
        let mut lines = std::mem::take(&mut self.seen);
        lines.extend(self.stderr.iter());
        (status.code(), stdout, lines.join("\n"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already, as a rule.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server in this process, on a port of its own; it is shut down when dropped.
pub(crate) struct Server {
    pub(crate) url: String,
    shutdown: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: ureq::http::HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Server {
    pub(crate) fn start(custom_dir: &Path) -> Self {
        let config = Config::load(custom_dir, &Env::default()).unwrap();
        let shutdown = CancellationToken::new();
        let (send, address) = channel();
        let stop = shutdown.clone();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let engine = Engine::builder(config).open().await.unwrap();
                let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
                send.send(listener.local_addr().unwrap()).unwrap();
                axis_http::serve(engine, listener, stop).await.unwrap();
            });
        });
        Self {
            url: format!("http://{}", address.recv_timeout(DEADLINE).unwrap()),
            shutdown,
            thread: Some(thread),
        }
    }

    pub(crate) fn request(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.run(self.builder(method, path, headers).body(()).unwrap())
    }

    /// Sends a body.
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        content_type: &str,
        body: &[u8],
    ) -> Answer {
        let request = self.builder(method, path, headers).header("content-type", content_type);
        self.run(request.body(body).unwrap())
    }

    fn builder(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> ureq::http::request::Builder {
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request
    }

    fn run(&self, request: ureq::http::Request<impl ureq::AsSendBody>) -> Answer {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .allow_non_standard_methods(true)
            .build()
            .new_agent();
        let mut response = agent.run(request).unwrap();
        Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: String::from_utf8_lossy(&response.body_mut().read_to_vec().unwrap()).into_owned(),
        }
    }

    /// Posts JSON and returns the bytes of the answer, which must be complete.
    pub(crate) fn bytes(&self, path: &str, body: &Value) -> Vec<u8> {
        self.try_bytes(path, body).unwrap()
    }

    /// The same; an error when the answer is not complete.
    pub(crate) fn try_bytes(&self, path: &str, body: &Value) -> Result<Vec<u8>, ureq::Error> {
        let request = self.builder("POST", path, &[("content-type", "application/json")]);
        let mut response = ureq::run(request.body(body.to_string()).unwrap())?;
        response.body_mut().read_to_vec()
    }

    /// Where the server listens, as `127.0.0.1:port`.
    pub(crate) fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.request("GET", path, &[])
    }

    pub(crate) fn post(&self, path: &str) -> Answer {
        self.request("POST", path, &[])
    }

    /// Gets a document that must be there.
    pub(crate) fn json(&self, path: &str) -> Value {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()
    }

    pub(crate) fn status(&self, relation: &str) -> Value {
        self.json("/api/store/status")["datasets"][relation].clone()
    }

    /// Waits until a relation is in this state.
    pub(crate) fn wait_for(&self, relation: &str, state: &str) -> Value {
        wait_until(&format!("{relation} is {state}"), || {
            let status = self.status(relation);
            (status["state"] == state).then_some(status)
        })
    }

    /// Syncs one dataset and waits for the end.
    pub(crate) fn sync(&self, dataset: &str, relation: &str) -> Value {
        let answer = self.post(&format!("/api/store/sync/{dataset}"));
        assert_eq!(answer.status, 200, "{answer:?}");
        self.wait_for(relation, "ready")
    }
}

/// Gets a document from a server that is another process; returns the status and the document.
pub(crate) fn get(url: &str) -> (u16, Value) {
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .new_agent();
    let mut response = agent.get(url).call().unwrap();
    let text = response.body_mut().read_to_string().unwrap();
    (response.status().as_u16(), serde_json::from_str(&text).unwrap())
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shutdown.cancel();
        let ended = self.thread.take().unwrap().join();
        if !thread::panicking() {
            ended.unwrap();
        }
    }
}

/// Asks again and again until there is an answer.
pub(crate) fn wait_until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "it takes too long until {what}");
        thread::park_timeout(Duration::from_millis(10));
    }
}

/// A dataset of the user's own, from a PostgreSQL server.
pub(crate) fn dataset_yaml(name: &str, url: &str, query: &str, more: &str) -> String {
    let url = Value::from(url);
    format!("{name}:\n  url: {url}\n  query: |\n    {query}\n{more}")
}
