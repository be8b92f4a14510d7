//! A driver that is a program in another language: a line asks, a line answers, fields are separated by TAB.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::driver::{Driver, Reply};
use crate::operation::Call;

/// A running program tells nobody when it ends.
const AGAIN: Duration = Duration::from_millis(5);

/// A running driver program. It is killed when it does not answer in time, and when this is dropped before its end.
#[derive(Debug)]
pub struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    deadline: Duration,
}

impl Process {
    /// Starts the program; it has `deadline` for each answer.
    ///
    /// # Errors
    /// Why it cannot be started.
    pub fn start(command: &[String], deadline: Duration) -> Result<Self, String> {
        let (program, arguments) = command.split_first().ok_or("no command is given")?;
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("`{program}` cannot be started: {error}"))?;
        let stdout = child.stdout.take().ok_or("the driver has no output")?;
        let (send, lines) = channel();
        thread::spawn(move || {
            // The channel closes at the end of the output, at text that is not UTF-8, and when nobody waits any more.
            let lines = BufReader::new(stdout).lines();
            let _ = lines.map_while(Result::ok).try_for_each(|line| send.send(line));
        });
        Ok(Self {
            stdin: child.stdin.take(),
            child,
            lines,
            deadline,
        })
    }

    fn answer(&mut self) -> Result<String, String> {
        match self.lines.recv_timeout(self.deadline) {
            Ok(line) => Ok(line),
            Err(RecvTimeoutError::Timeout) => {
                self.kill();
                Err(format!(
                    "the driver did not answer within {} s, and was killed",
                    self.deadline.as_secs_f64()
                ))
            }
            Err(RecvTimeoutError::Disconnected) => {
                let ended = self.wait();
                Err(format!(
                    "the driver ended instead of answering: {}",
                    ended.map_or_else(|error| error, describe)
                ))
            }
        }
    }

    /// Waits for the end of the program, and kills it when that takes too long.
    fn wait(&mut self) -> Result<ExitStatus, String> {
        let deadline = Instant::now() + self.deadline;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Ok(status),
                Ok(None) if Instant::now() < deadline => thread::sleep(AGAIN),
                Ok(None) => {
                    self.kill();
                    return Err("the driver did not end after its input had ended, and was killed".to_owned());
                }
                Err(error) => return Err(format!("the driver cannot be waited for: {error}")),
            }
        }
    }

    fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Driver for Process {
    fn call(&mut self, call: &Call) -> Result<Reply, String> {
        let stdin = self.stdin.as_mut().ok_or("the driver was ended")?;
        let asked = writeln!(stdin, "{}", call.line()).and_then(|()| stdin.flush());
        // A program that has gone away says more by its exit.
        let line = match asked {
            Ok(()) => self.answer()?,
            Err(error) => self.answer().map_err(|ended| format!("{ended} ({error})"))?,
        };
        parse(&line)
    }

    fn finish(&mut self) -> Result<(), String> {
        self.stdin = None;
        let status = self.wait()?;
        if !status.success() {
            return Err(format!("the driver ended wrongly: {}", describe(status)));
        }
        match self.lines.recv_timeout(self.deadline) {
            Ok(line) => Err(format!("the driver said more than it was asked: {line}")),
            Err(RecvTimeoutError::Disconnected) => Ok(()),
            Err(RecvTimeoutError::Timeout) => Err("the driver ended, and something that it started did not".to_owned()),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Reads `ok<TAB>json` or `error<TAB>json`.
fn parse(line: &str) -> Result<Reply, String> {
    let wrong = |why: &str| format!("the driver answered `{line}`: {why}");
    let (word, json) = line.split_once('\t').ok_or_else(|| wrong("there is no TAB"))?;
    let value: Value = serde_json::from_str(json).map_err(|error| wrong(&error.to_string()))?;
    match word {
        "ok" => Ok(Reply::ok(value)),
        "error" => Ok(Reply::error(value)),
        _ => Err(wrong("it begins with neither `ok` nor `error`")),
    }
}

fn describe(status: ExitStatus) -> String {
    status.to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shell(script: &str, deadline: Duration) -> Process {
        let command = ["sh", "-c", script].map(str::to_owned);
        Process::start(&command, deadline).unwrap()
    }

    fn version() -> Call {
        Call::from_json(&[json!("version")]).unwrap()
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_line_asks_and_a_line_answers() {
        let mut driver = shell(r#"while read -r line; do printf 'ok\t["%s"]\n' "$line"; done"#, LONG);
        assert_eq!(driver.call(&version()), Ok(Reply::ok(json!(["version"]))));
        assert_eq!(driver.finish(), Ok(()));
    }

    #[test]
    fn a_driver_that_hangs_is_killed() {
        let mut driver = shell("exec sleep 1000", Duration::from_millis(50));
        let error = driver.call(&version()).unwrap_err();
        assert_eq!(error, "the driver did not answer within 0.05 s, and was killed");
        assert!(driver.child.try_wait().unwrap().is_some());
    }

    #[test]
    fn a_driver_that_does_not_end_is_killed() {
        let mut driver = shell("exec sleep 1000", Duration::from_millis(50));
        assert!(driver.finish().unwrap_err().contains("did not end"));
        assert!(driver.child.try_wait().unwrap().is_some());
    }

    #[test]
    fn a_driver_that_dies_or_babbles_is_told() {
        let mut driver = shell("exit 3", LONG);
        assert!(driver.call(&version()).unwrap_err().contains("exit status: 3"));
        for (answer, why) in [
            ("ok", "there is no TAB"),
            ("ok\tx", "expected value"),
            ("fine\t1", "begins with neither"),
        ] {
            let mut driver = shell(&format!("read line; printf '{answer}\n'"), LONG);
            let error = driver.call(&version()).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
        let mut driver = shell("read line; printf 'ok\t1\nok\t2\n'", LONG);
        assert_eq!(driver.call(&version()), Ok(Reply::ok(json!(1))));
        assert!(driver.finish().unwrap_err().contains("more than it was asked"));
        assert!(
            shell("cat >/dev/null; exit 1", LONG)
                .finish()
                .unwrap_err()
                .contains("exit status: 1")
        );
        assert!(Process::start(&["/no/such/driver".to_owned()], LONG).is_err());
    }
}
