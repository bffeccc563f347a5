//! A lane's way through a grammar. What may follow a token is computed beside
//! the forward pass of that token.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use rayon::{ThreadPool, ThreadPoolBuilder};

use super::grammar::{Grammar, Mask, Matcher, Share};
use crate::cache::TokenId;

/// Time that a lane's next mask may take, once a thread has begun with it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Room for the recursion over a regular expression.
const STACK: usize = 16 << 20;

/// Where texts are followed through their grammars, all lanes' together.
pub(super) struct Threads {
    /// Compute masks, in the order in which they are asked for.
    masks: ThreadPool,
    /// Does what the engine's thread waits for: never behind another lane's mask.
    steps: ThreadPool,
}

/// A lane's place in its grammar.
pub(super) struct Guide {
    threads: Arc<Threads>,
    /// Tokens that come next in any case.
    forced: VecDeque<TokenId>,
    next: Next,
}

/// What may come after the forced tokens.
enum Next {
    Nothing,
    /// What may come where nothing was chosen yet: lanes share it until then.
    First(Arc<Grammar>, Share),
    Known(Box<Text>, Mask),
    Computed(Receiver<Computed>),
}

/// A lane's text in its grammar, and what that takes.
struct Text {
    matcher: Matcher,
    share: Share,
}

/// News of a mask.
enum Computed {
    Begun,
    Done(Result<(Box<Text>, Mask), String>),
}

impl std::fmt::Debug for Guide {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Guide").field("forced", &self.forced).finish_non_exhaustive()
    }
}

impl Threads {
    /// # Errors
    /// The system gives no threads.
    pub(super) fn new() -> Result<Self, String> {
        let new = |name: &'static str, count: usize| {
            let threads = ThreadPoolBuilder::new().num_threads(count).stack_size(STACK);
            let threads = threads.thread_name(move |index| format!("{name}-{index}"));
            threads.build().map_err(|error| format!("threads that follow constraints: {error}"))
        };
        // 0: one a core.
        Ok(Self { masks: new("mask", 0)?, steps: new("step", 1)? })
    }
}

impl Guide {
    /// `share` is what the grammar takes.
    pub(super) fn new(grammar: Arc<Grammar>, share: Share, threads: Arc<Threads>) -> Self {
        let forced = grammar.start.forced.clone();
        let next = if grammar.mask.is_some() { Next::First(grammar, share) } else { Next::Nothing };
        Self { threads, forced, next }
    }

    /// The next token, if there is no choice.
    pub(super) fn forced(&mut self) -> Option<TokenId> {
        self.forced.pop_front()
    }

    /// Whether nothing may follow.
    pub(super) fn is_over(&self) -> bool {
        self.forced.is_empty() && matches!(self.next, Next::Nothing)
    }

    /// Leaves of a row of logits those of tokens that may come next.
    ///
    /// # Errors
    /// There is none, or the grammar is too large from here on.
    pub(super) fn mask(&mut self, logits: &mut [f32]) -> Result<(), String> {
        if let Next::Computed(news) = &self.next {
            let (text, mask) = computed(news)?;
            self.next = Next::Known(text, mask);
        }
        let mask = match &self.next {
            Next::First(grammar, _) => grammar.mask.as_ref(),
            Next::Known(_, mask) => Some(mask),
            Next::Computed(_) | Next::Nothing => None,
        };
        mask.ok_or_else(over)?.apply(logits);
        Ok(())
    }

    /// The text goes on with a token that the mask left. Forced tokens follow
    /// at once; the next mask is computed meanwhile.
    ///
    /// # Errors
    /// The grammar is too large from here on.
    pub(super) fn advance(&mut self, token: TokenId) -> Result<(), String> {
        let next = std::mem::replace(&mut self.next, Next::Nothing);
        let step = || {
            let mut text = match next {
                Next::First(grammar, share) => Box::new(Text { matcher: grammar.matcher.copy(), share }),
                Next::Known(text, _) => text,
                Next::Computed(_) | Next::Nothing => return Err(over()),
            };
            text.matcher.advance(token).map(|advanced| (text, advanced))
        };
        let (text, advanced) = self.threads.steps.install(step)?;
        self.forced = advanced.forced;
        if !advanced.over {
            self.next = Next::Computed(self.compute(text));
        }
        Ok(())
    }

    /// Begins to compute what may come next.
    fn compute(&self, mut text: Box<Text>) -> Receiver<Computed> {
        let (sender, news) = mpsc::channel();
        self.threads.masks.spawn(move || {
            // A lane that has ended meanwhile needs none.
            if sender.send(Computed::Begun).is_ok() {
                let mask = text.mask().map(|mask| (text, mask));
                let _ = sender.send(Computed::Done(mask));
            }
        });
        news
    }
}

impl Text {
    fn mask(&mut self) -> Result<Mask, String> {
        let mask = self.matcher.mask()?;
        self.share.grow(self.matcher.bytes())?;
        Ok(mask)
    }
}

/// Waits for a mask. The time in which others' masks are computed does not count.
fn computed(news: &Receiver<Computed>) -> Result<(Box<Text>, Mask), String> {
    let ended = || "cannot be followed: the thread that computes its masks ended".to_owned();
    let Computed::Begun = news.recv().map_err(|_| ended())? else { return Err(ended()) };
    match news.recv_timeout(PATIENCE) {
        Ok(Computed::Done(done)) => done,
        Ok(Computed::Begun) | Err(mpsc::RecvTimeoutError::Disconnected) => Err(ended()),
        Err(mpsc::RecvTimeoutError::Timeout) => {
            Err(format!("takes more than {} s for one token: simplify it", PATIENCE.as_secs()))
        }
    }
}

fn over() -> String {
    "allows nothing more".into()
}
