//! One run: its messages, its budgets, its account.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::call::{Cause, Description, Error, Finish, Number, Part, Role, Scored, Shortage};
use super::estimate::Estimates;
use super::handle::{Progress, RunOptions};
use super::pending::Started;
use super::report::{MessageReport, PlacedReport, RunReport, beginning};
use super::script::{Forced, Generated, Script, Tokens};
use crate::cache::{MessageId, Origin, TokenId};

/// One run of the engine.
#[derive(Debug)]
pub(super) struct RunState {
    pub(super) options: RunOptions,
    pub(super) progress: Arc<Progress>,
    pub(super) opened: Instant,
    /// Who is told of every lane that starts.
    pub(super) follower: Option<mpsc::Sender<Started>>,
    /// By number, less one.
    pub(super) records: Vec<Record>,
    calls: u64,
    calls_left: u64,
    tokens_out_left: u64,
    /// Below 0 where what was generated went beyond.
    text_left: i64,
    deadline: Instant,
    encoded: u64,
    again: u64,
    decoding: Duration,
    /// Largest number of slots that all messages had at once.
    peak_pool: u64,
    /// What it has generated, where that is kept.
    pub(super) script: Script,
    /// Lists of score calls that were made.
    score_lists: usize,
    slots_held: u64,
    peak_slots: u64,
}

/// One message of a run; it outlives the message's release, for the report.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) role: Role,
    /// As the text's, its bytes are paid for; it stays when the message is released.
    pub(super) name: Option<String>,
    pub(super) part: Part,
    /// Its beginning alone, once released.
    pub(super) text: String,
    /// Role and end-of-message tokens included; none once released.
    pub(super) tokens: Vec<TokenId>,
    /// Tokens it has, or had before it was released.
    pub(super) length: u32,
    pub(super) parents: Vec<(Number, u32)>,
    pub(super) offset: u32,
    pub(super) finish: Finish,
    /// Where its keys and values are; none in a baseline mode, or once released.
    pub(super) message: Option<MessageId>,
    pub(super) state: State,
    pub(super) called: Instant,
    pub(super) account: Account,
}

/// Whether a plan can name a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Decoding,
    Present,
    Lost,
    Released,
}

/// What a message cost.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Account {
    pub(super) encoded: u32,
    pub(super) again: u32,
    pub(super) reused: u32,
    pub(super) origin: Origin,
    /// Times it lost its slots to others.
    pub(super) yielded: u32,
    /// Slots held.
    pub(super) slots: u32,
    pub(super) queued: Option<Duration>,
    pub(super) first_token: Option<Duration>,
    pub(super) end: Option<Instant>,
}

impl RunState {
    pub(super) fn new(options: RunOptions, progress: Arc<Progress>) -> Self {
        let opened = Instant::now();
        // A wall budget beyond the clock's range is no limit: a century is as good.
        let century = Duration::from_secs(3_155_760_000);
        Self {
            progress,
            opened,
            follower: None,
            records: Vec::new(),
            calls: 0,
            calls_left: options.budgets.calls,
            tokens_out_left: options.budgets.tokens_out,
            text_left: signed(options.budgets.text_bytes),
            deadline: opened + options.budgets.wall.min(century),
            encoded: 0,
            again: 0,
            decoding: Duration::ZERO,
            peak_pool: 0,
            script: Script::default(),
            score_lists: 0,
            slots_held: 0,
            peak_slots: 0,
            options,
        }
    }

    /// The message of a number that a plan may name.
    pub(super) fn record(&self, number: Number) -> Result<&Record, Cause> {
        let record = number.checked_sub(1).and_then(|index| self.records.get(index as usize));
        match record {
            Some(record) if record.state == State::Present => Ok(record),
            Some(record) if record.state == State::Lost => Err(Cause::Lost(number)),
            _ => Err(Cause::UnknownMessage(number)),
        }
    }

    pub(super) fn record_mut(&mut self, number: Number) -> &mut Record {
        &mut self.records[number as usize - 1]
    }

    /// The number that the next message gets.
    pub(super) fn next_number(&self) -> Number {
        Number::try_from(self.records.len() + 1).unwrap_or(Number::MAX)
    }

    /// Pays for `calls` messages, or says which budget is short.
    pub(super) fn pay_calls(&mut self, calls: usize) -> Result<(), Cause> {
        let asked = calls as u64;
        let wall = self.options.budgets.wall.as_millis() as u64;
        if self.is_over(Instant::now()) {
            return Err(Cause::Timeout(Shortage { what: "wall-ms".into(), asked: wall, left: 0 }));
        }
        if asked > self.calls_left {
            return Err(Cause::Budget(Shortage { what: "calls".into(), asked, left: self.calls_left }));
        }
        self.calls_left -= asked;
        self.calls += asked;
        Ok(())
    }

    /// Pays for what the host itself keeps of messages, or says what is short.
    pub(super) fn pay_text(&mut self, asked: u64) -> Result<(), Cause> {
        if signed(asked) > self.text_left {
            let left = self.text_left.max(0).unsigned_abs();
            return Err(Cause::Budget(Shortage { what: "text-bytes".into(), asked, left }));
        }
        self.text_left -= signed(asked);
        Ok(())
    }

    /// A message's text is complete, and so are its tokens, the header's and these.
    pub(super) fn complete(&mut self, number: Number, text: &str, generated: &[TokenId]) {
        let record = self.record_mut(number);
        let before = bytes_kept(&record.text, &record.tokens, &[]);
        record.text = text.to_owned();
        record.tokens.extend_from_slice(generated);
        record.length = u32::try_from(record.tokens.len()).unwrap_or(u32::MAX);
        record.state = State::Present;
        record.account.end = Some(Instant::now());
        let grown = bytes_kept(text, &record.tokens, &[]).saturating_sub(before);
        self.text_left -= signed(grown);
    }

    /// A message is named no more, and its text gone. What the report says of it
    /// stays, and stays paid for.
    pub(super) fn forget(&mut self, number: Number) {
        let record = self.record_mut(number);
        record.state = State::Released;
        record.tokens = Vec::new();
        let beginning = beginning(&record.text).to_owned();
        let kept = beginning.len();
        let text = std::mem::replace(&mut record.text, beginning);
        self.text_left += signed((text.len() - kept) as u64);
    }

    /// No message needs the tokens of one that was forgotten any more.
    pub(super) fn forget_tokens(&mut self, number: Number) {
        let tokens = u64::from(self.record_mut(number).length);
        self.text_left += signed(tokens * size_of::<TokenId>() as u64);
    }

    /// Whether the run's wall time is over.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        now >= self.deadline
    }

    /// Tokens that the run may still generate.
    pub(super) fn tokens_out_left(&self) -> u64 {
        self.tokens_out_left
    }

    /// Tokens were generated.
    pub(super) fn count_generated(&mut self, tokens: u64) {
        self.tokens_out_left = self.tokens_out_left.saturating_sub(tokens);
        self.progress.generated.fetch_add(tokens, Ordering::Relaxed);
    }

    /// Rows of a message went through the model for the first time, in a pass
    /// that began at `begun`.
    pub(super) fn count_encoded(&mut self, number: Number, rows: u32, begun: Instant) {
        self.count_rows(rows);
        let record = self.record_mut(number);
        record.account.encoded += rows;
        let called = record.called;
        record.account.queued.get_or_insert_with(|| begun.saturating_duration_since(called));
    }

    /// Rows of the run went through the model.
    pub(super) fn count_rows(&mut self, rows: u32) {
        self.encoded += u64::from(rows);
        self.progress.encoded.fetch_add(rows.into(), Ordering::Relaxed);
    }

    /// Rows that had been encoded before went through the model once more, for
    /// the sake of a message of the run.
    pub(super) fn count_again(&mut self, rows: u32) {
        self.again += u64::from(rows);
    }

    /// A pass during which the run had lanes took so long.
    pub(super) fn count_decoding(&mut self, time: Duration) {
        self.decoding += time;
    }

    /// All messages of all runs have so many slots.
    pub(super) fn count_pool(&mut self, slots: u32) {
        self.peak_pool = self.peak_pool.max(slots.into());
    }

    /// The tokens that a message must get, if the run has a script.
    pub(super) fn forced(&self, number: Number) -> Option<Forced> {
        match &self.options.tokens {
            Tokens::Forced(script) => Some(Forced::new(script.messages.get(&number)?, script.pace)),
            Tokens::Sampled | Tokens::Kept => None,
        }
    }

    /// Whether the next messages, so many, are in the run's script, if it has one.
    pub(super) fn is_scripted(&self, messages: usize) -> Result<(), Error> {
        let Tokens::Forced(script) = &self.options.tokens else { return Ok(()) };
        let first = self.next_number();
        match (first..).take(messages).find(|number| !script.messages.contains_key(number)) {
            None => Ok(()),
            Some(number) => Err(Error {
                cause: Cause::Engine(format!(
                    "message {number} is not in the run's script: the plan does not make the calls of the run that it is from"
                )),
                call: Some(number - first),
            }),
        }
    }

    /// Whether what is generated is kept.
    pub(super) fn keeps(&self) -> bool {
        matches!(self.options.tokens, Tokens::Kept)
    }

    /// A message was generated.
    pub(super) fn keep(&mut self, number: Number, generated: impl FnOnce() -> Generated) {
        if self.keeps() {
            self.script.messages.insert(number, generated());
        }
    }

    /// The number of a list of score calls.
    pub(super) fn next_score_list(&mut self) -> usize {
        self.score_lists += 1;
        self.score_lists - 1
    }

    /// A list was scored: what the plan is told.
    pub(super) fn settle_scores(&mut self, list: usize, scored: Vec<Vec<Scored>>) -> Result<Vec<Vec<Scored>>, Error> {
        match &self.options.tokens {
            Tokens::Sampled => Ok(scored),
            Tokens::Kept => {
                self.script.scores.insert(list, scored.clone());
                Ok(scored)
            }
            Tokens::Forced(script) => {
                let shape = |lists: &[Vec<Scored>]| lists.iter().map(Vec::len).collect::<Vec<_>>();
                let kept = script.scores.get(&list).filter(|kept| shape(kept) == shape(&scored));
                let unknown = || {
                    format!(
                        "list {list} of scores is not in the run's script: the plan does not make the calls of the run that it is from"
                    )
                };
                kept.cloned().ok_or_else(|| Error { cause: Cause::Engine(unknown()), call: None })
            }
        }
    }

    /// A message now holds so many slots.
    pub(super) fn hold(&mut self, number: Number, slots: u32) {
        let before = std::mem::replace(&mut self.record_mut(number).account.slots, slots);
        self.slots_held = self.slots_held + u64::from(slots) - u64::from(before);
        self.peak_slots = self.peak_slots.max(self.slots_held);
    }

    /// Tells whoever follows the run of a lane that starts.
    pub(super) fn tell(&self, started: Started) {
        if let Some(follower) = &self.follower
            && follower.try_send(started).is_err()
        {
            self.progress.missed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What is left of every limited thing, by name.
    pub(super) fn remaining(&self) -> Vec<(String, u64)> {
        let wall = self.deadline.saturating_duration_since(Instant::now()).as_millis() as u64;
        vec![("calls".into(), self.calls_left), ("tokens-out".into(), self.tokens_out_left), ("wall-ms".into(), wall)]
    }

    /// Lowers what is left of a limit; never raises it.
    pub(super) fn limit(&mut self, name: &str, left: u64) -> Result<(), Cause> {
        match name {
            "calls" => self.calls_left = self.calls_left.min(left),
            "tokens-out" => self.tokens_out_left = self.tokens_out_left.min(left),
            "text-bytes" => self.text_left = self.text_left.min(signed(left)),
            "wall-ms" => {
                if let Some(deadline) = Instant::now().checked_add(Duration::from_millis(left)) {
                    self.deadline = self.deadline.min(deadline);
                }
            }
            _ => {
                return Err(Cause::InvalidArgument(format!(
                    "'{name}' is not a limit of this run alone: name another one that `remaining` lists"
                )));
            }
        }
        Ok(())
    }

    pub(super) fn report(&self, model: &str, slot_bytes: usize) -> RunReport {
        let since = |instant: Instant| milliseconds(instant.saturating_duration_since(self.opened));
        let bytes = |slots: u64| slots * slot_bytes as u64;
        let mut estimates = Estimates::default();
        let messages = self.records.iter().zip(1..).map(|(record, id)| MessageReport {
            id,
            role: record.role.name(),
            name: record.name.clone(),
            text: beginning(&record.text).to_owned(),
            parents: record.parents.iter().map(|(id, offset)| PlacedReport { id: *id, offset: *offset }).collect(),
            offset: record.offset,
            tokens: record.length,
            encoded: record.account.encoded,
            encoded_again: record.account.again,
            shared: record.shared(),
            yielded: record.account.yielded,
            reused: record.account.reused,
            would_encode: estimates.of(&self.records, id),
            called_ms: since(record.called),
            queued_ms: record.account.queued.map(milliseconds),
            ttft_ms: record.account.first_token.map(milliseconds),
            end_ms: record.account.end.map(since),
            finish: if record.state == State::Lost { "lost" } else { finish_name(&record.finish) }.to_owned(),
            cache_bytes: bytes(record.account.slots.into()),
        });
        RunReport {
            mode: self.options.mode.name().to_owned(),
            model: model.to_owned(),
            seed: self.options.seed,
            calls: self.calls,
            encoded: self.encoded,
            encoded_again: self.again,
            shared: self.records.iter().map(|record| u64::from(record.shared())).sum(),
            reused: self.records.iter().map(|record| u64::from(record.account.reused)).sum(),
            generated: self.progress.generated.load(Ordering::Relaxed),
            peak_cache_bytes: bytes(self.peak_slots),
            peak_pool_bytes: bytes(self.peak_pool),
            decode_ms: milliseconds(self.decoding),
            total_ms: milliseconds(self.opened.elapsed()),
            messages: messages.collect(),
        }
    }
}

impl Record {
    /// Tokens that were encoded for another message already, or will be.
    fn shared(&self) -> u32 {
        match self.account.origin {
            Origin::New => 0,
            Origin::Shared => self.length.saturating_sub(self.account.encoded),
        }
    }

    pub(super) fn describe(&self) -> Description {
        Description {
            role: self.role,
            name: self.name.clone(),
            part: self.part,
            tokens: self.length,
            finish: self.finish.clone(),
            parents: self.parents.clone(),
            offset: self.offset,
        }
    }
}

/// Bytes that the host keeps of a message besides its keys and values.
pub(super) fn bytes_kept(text: &str, tokens: &[TokenId], parents: &[(Number, u32)]) -> u64 {
    (text.len() + size_of_val(tokens) + size_of_val(parents)) as u64
}

/// Half of 2⁶⁴ bytes are more than any host keeps.
fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn milliseconds(duration: Duration) -> f64 {
    // Microseconds are as fine as these clocks are worth.
    duration.as_micros() as f64 / 1e3
}

fn finish_name(finish: &Finish) -> &'static str {
    match finish {
        Finish::Prefilled => "prefilled",
        Finish::End => "end",
        Finish::StopString(_) => "stop-string",
        Finish::Constraint => "constraint",
        Finish::Length => "length",
        Finish::Cancelled => "cancelled",
        Finish::Budget(_) => "budget",
    }
}
