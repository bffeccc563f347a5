//! Workloads through llama.cpp's server: the same tokens in the same order, each
//! list of decodes as so many requests at once. Its prefix cache is on, a slot for
//! each lane is the caller's to give (`llama-server -np N`).

use std::io::{BufRead, BufReader};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use ureq::Agent;
use ureq::http::StatusCode;

use super::drive::Measured;
use super::workload::Workload;
use crate::engine::{Pace, TokenId};

/// A server that loads its model says so for at most this long.
const LOADING: Duration = Duration::from_secs(120);

/// A server, by its address.
pub(super) struct Outside {
    address: String,
    agent: Agent,
}

/// What one request took.
struct Answer {
    first: Duration,
    tokens: Vec<TokenId>,
    /// Tokens of the prompt that it encoded, and that it found.
    encoded: u64,
    reused: u64,
}

impl Outside {
    /// Asks the server whether it is there, and waits until it has loaded its model.
    pub(super) fn connect(address: &str) -> Result<Self> {
        // The server closes connections that are not used for a while.
        let agent = Agent::config_builder().http_status_as_error(false).max_idle_connections(0).build().new_agent();
        let address = address.trim_end_matches('/').to_owned();
        let until = Instant::now() + LOADING;
        loop {
            let health = agent.get(format!("{address}/health")).call();
            let health =
                health.with_context(|| format!("no llama.cpp server answers at {address}: start one there"))?;
            match health.status() {
                status if status.is_success() => return Ok(Self { address, agent }),
                StatusCode::SERVICE_UNAVAILABLE if Instant::now() < until => thread::sleep(Duration::from_millis(200)),
                status => bail!("the server at {address} is not ready ({status}): wait, or look at what it prints"),
            }
        }
    }

    /// Runs a workload. At the pace `AtOnce` only first tokens are asked for, and
    /// what was to be said is given as part of a prompt, untimed.
    pub(super) fn drive(&self, workload: &Workload, beginning: Option<TokenId>, pace: Pace) -> Result<Measured> {
        let mut said: Vec<Vec<TokenId>> = Vec::new();
        let mut measured = Measured::default();
        let begun = Instant::now();
        for list in &workload.lists {
            let messages = &workload.messages[list.clone()];
            let Some(_) = messages[0].said else {
                said.extend(messages.iter().map(|message| message.tokens().collect()));
                continue;
            };
            let prompts: Vec<Vec<TokenId>> = messages
                .iter()
                .map(|message| {
                    let seen = message.parents.iter().flat_map(|parent| &said[*parent]);
                    beginning.iter().chain(seen).chain(&message.begin).copied().collect()
                })
                .collect();
            let lengths = messages.iter().map(|message| message.said.as_ref().map_or(1, Vec::len));
            let lengths = lengths.map(|length| if pace == Pace::AtOnce { 1 } else { length });
            let answers = self.ask_all(&prompts, lengths.collect())?;
            let first = answers.iter().map(|answer| answer.first.as_secs_f64() * 1e3);
            measured.first_ms.push(first.fold(0.0, f64::max));
            for ((message, prompt), answer) in messages.iter().zip(&prompts).zip(answers) {
                measured.encoded += answer.encoded;
                measured.reused += answer.reused;
                let generated = if pace == Pace::AtOnce {
                    let generated = message.said.clone().unwrap_or_default();
                    let laid = [&prompt[..], &generated].concat();
                    self.ask(&laid, 0)?;
                    generated
                } else {
                    answer.tokens
                };
                said.push([&message.begin[..], &generated, &message.end].concat());
            }
        }
        measured.total_ms = begun.elapsed().as_secs_f64() * 1e3;
        Ok(measured)
    }

    /// Milliseconds until the first token of a prompt of which nothing is there.
    pub(super) fn first_of(&self, prompt: &[TokenId]) -> Result<f64> {
        // It may have been asked the same by an earlier process.
        let mut request = completion(prompt, 1);
        request["cache_prompt"] = json!(false);
        Ok(self.send(prompt, &request)?.first.as_secs_f64() * 1e3)
    }

    fn ask_all(&self, prompts: &[Vec<TokenId>], lengths: Vec<usize>) -> Result<Vec<Answer>> {
        thread::scope(|scope| {
            let asked = prompts.iter().zip(lengths);
            let asked: Vec<_> = asked.map(|(prompt, length)| scope.spawn(move || self.ask(prompt, length))).collect();
            let answers = asked.into_iter().map(|answer| {
                answer.join().unwrap_or_else(|_| Err(anyhow::anyhow!("a request to the server panicked")))
            });
            answers.collect()
        })
    }

    fn ask(&self, prompt: &[TokenId], tokens: usize) -> Result<Answer> {
        self.send(prompt, &completion(prompt, tokens))
    }

    fn send(&self, prompt: &[TokenId], request: &Value) -> Result<Answer> {
        let begun = Instant::now();
        let response = self.agent.post(format!("{}/completion", self.address)).send_json(request);
        let mut response = response.context("ask the server for a completion")?;
        ensure!(
            response.status().is_success(),
            "the server answers {} to a prompt of {} tokens: {}",
            response.status(),
            prompt.len(),
            response.body_mut().read_to_string().unwrap_or_default().trim()
        );
        let mut answer = Answer { first: Duration::ZERO, tokens: Vec::new(), encoded: 0, reused: 0 };
        for line in BufReader::new(response.body_mut().as_reader()).lines() {
            let line = line.context("read the server's answer")?;
            let Some(event) = line.strip_prefix("data: ") else { continue };
            let event: Value = serde_json::from_str(event).context("the server's answer is not JSON")?;
            let new = event["tokens"].as_array().into_iter().flatten().filter_map(Value::as_u64);
            let ended = event["stop"].as_bool() == Some(true);
            if !ended {
                answer.tokens.extend(new.filter_map(|id| u32::try_from(id).ok()).map(TokenId));
            }
            if ended {
                // Not when the first token was seen: the server holds back what is no whole
                // character yet, which with random weights may be long.
                let generating = event["timings"]["predicted_ms"].as_f64().unwrap_or(0.0).max(0.0);
                answer.first = begun.elapsed().saturating_sub(Duration::from_secs_f64(generating / 1e3));
                let count = |key: &str| event["timings"][key].as_u64().unwrap_or(0);
                answer.encoded = count("prompt_n") + (answer.tokens.len() as u64).saturating_sub(1);
                answer.reused = (prompt.len() as u64).saturating_sub(count("prompt_n"));
            }
        }
        Ok(answer)
    }
}

/// A request for so many tokens, greedy.
fn completion(prompt: &[TokenId], tokens: usize) -> Value {
    let ids: Vec<u32> = prompt.iter().map(|token| token.0).collect();
    json!({
        "prompt": ids, "n_predict": tokens, "cache_prompt": true, "stream": true, "return_tokens": true,
        "ignore_eos": true, "temperature": 0.0,
    })
}
