//! A lane's way through a grammar. What may follow a token is computed beside
//! the forward pass of that token.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use rayon::ThreadPool;

use super::grammar::{Advanced, Grammar, Mask, Matcher};
use crate::cache::TokenId;

/// Time that a lane's next mask may take: a whole engine waits for it.
const PATIENCE: Duration = Duration::from_secs(5);

/// A lane's place in its grammar.
pub(super) struct Guide {
    pool: Arc<ThreadPool>,
    /// Tokens that come next in any case.
    forced: VecDeque<TokenId>,
    next: Next,
}

/// What may come after the forced tokens.
enum Next {
    Nothing,
    Known(Box<Matcher>, Mask),
    Computed(Receiver<Result<(Box<Matcher>, Mask), String>>),
}

impl std::fmt::Debug for Guide {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Guide").field("forced", &self.forced).finish_non_exhaustive()
    }
}

impl Guide {
    pub(super) fn new(grammar: &Grammar, pool: Arc<ThreadPool>) -> Self {
        let next = match &grammar.mask {
            Some(mask) => Next::Known(Box::new(grammar.matcher.copy()), mask.clone()),
            None => Next::Nothing,
        };
        Self { pool, forced: grammar.start.forced.clone(), next }
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
        let next = std::mem::replace(&mut self.next, Next::Nothing);
        let (matcher, mask) = match next {
            Next::Known(matcher, mask) => (matcher, mask),
            Next::Computed(receiver) => receiver.recv_timeout(PATIENCE).map_err(|_| late())??,
            Next::Nothing => return Err("allows nothing more".into()),
        };
        mask.apply(logits);
        self.next = Next::Known(matcher, mask);
        Ok(())
    }

    /// The text goes on with a token that the mask left. Forced tokens follow
    /// at once; the next mask is computed meanwhile.
    ///
    /// # Errors
    /// The grammar is too large from here on.
    pub(super) fn advance(&mut self, token: TokenId) -> Result<(), String> {
        let Next::Known(mut matcher, _) = std::mem::replace(&mut self.next, Next::Nothing) else {
            return Err("allows nothing more".into());
        };
        let (sender, advanced) = mpsc::channel::<Result<Advanced, String>>();
        let (mask_sender, computed) = mpsc::channel();
        self.pool.spawn(move || {
            let advanced = matcher.advance(token);
            let goes_on = advanced.as_ref().is_ok_and(|advanced| !advanced.over);
            // A lane that has ended meanwhile waits for neither.
            let _ = sender.send(advanced);
            if goes_on {
                let mask = matcher.mask();
                let _ = mask_sender.send(mask.map(|mask| (matcher, mask)));
            }
        });
        let advanced = advanced.recv_timeout(PATIENCE).map_err(|_| late())??;
        self.forced = advanced.forced;
        self.next = if advanced.over { Next::Nothing } else { Next::Computed(computed) };
        Ok(())
    }
}

fn late() -> String {
    format!("takes more than {} s for one token: simplify it", PATIENCE.as_secs())
}
