//! Who waits, what is put off because of that, and what was said: the same for the model and for a real database.

use std::collections::VecDeque;

use super::{Action, Line, Said, Script, Transcript};

/// A script while it is played.
///
/// A step of a session that waits is put off until the session is answered, and is then sent before anything else.
#[derive(Clone, Debug)]
pub struct Board<'a> {
    script: &'a Script,
    /// The step of each session that waits.
    waits: Vec<Option<usize>>,
    put_off: Vec<VecDeque<usize>>,
    /// Who went on while the present step was waited for: the session, its step and what it was told.
    went_on: Vec<(usize, usize, Said)>,
    transcript: Transcript,
}

impl<'a> Board<'a> {
    /// Before the first step.
    pub fn new(script: &'a Script) -> Self {
        let sessions = script.sessions.len();
        Board {
            script,
            waits: vec![None; sessions],
            put_off: vec![VecDeque::new(); sessions],
            went_on: Vec::new(),
            transcript: Transcript::default(),
        }
    }

    /// It is this step's turn.
    pub fn turn(&mut self, step: usize) {
        self.put_off[self.script.steps[step].session].push_back(step);
    }

    /// Of the steps that can be sent the one that was to come first. A statement that waits can be ended from outside.
    pub fn next_to_send(&mut self) -> Option<usize> {
        let steps = &self.script.steps;
        let ends_a_wait = |step: usize| matches!(steps[step].action, Action::Kill | Action::TimeOut);
        let can_go = |(session, queue): (usize, &VecDeque<usize>)| {
            let first = *queue.front()?;
            (self.waits[session].is_none() || ends_a_wait(first)).then_some(first)
        };
        let next = self.put_off.iter().enumerate().filter_map(can_go).min()?;
        self.put_off[steps[next].session].pop_front();
        Some(next)
    }

    /// The step with which a session waits.
    pub fn waiting(&self, session: usize) -> Option<usize> {
        self.waits[session]
    }

    /// How many sessions wait.
    pub fn waiting_count(&self) -> usize {
        self.waits.iter().flatten().count()
    }

    /// A session waits with this step.
    pub fn blocks(&mut self, step: usize) {
        self.waits[self.script.steps[step].session] = Some(step);
    }

    /// A session does not wait any more, and is told nothing.
    pub fn ends(&mut self, session: usize) {
        self.waits[session] = None;
    }

    /// A session that waited was told something.
    pub fn goes_on(&mut self, session: usize, said: Said) {
        if let Some(step) = self.waits[session].take() {
            self.went_on.push((session, step, said));
            self.went_on.sort();
        }
    }

    /// True when all that was said since the last line is in these lines.
    pub(super) fn is_within(&self, told: &[Line]) -> bool {
        self.went_on.iter().all(|(_, step, said)| told.iter().any(|line| line.step == step + 1 && line.said == *said))
    }

    /// True when the same sessions wait, and the same was said since the last line.
    pub(super) fn is_like(&self, other: &Board<'_>) -> bool {
        self.waits == other.waits && self.went_on == other.went_on
    }

    /// The step has come to this, and nobody goes on any more.
    pub fn came_to(&mut self, step: usize, mut said: Said) {
        let mut went_on = std::mem::take(&mut self.went_on);
        // Whether it waited for a moment in between is nothing that can be seen.
        if let Some(place) = went_on.iter().position(|(_, known, _)| *known == step) {
            said = went_on.swap_remove(place).2;
        }
        went_on.sort();
        let line = |session: usize, step: usize, does, said| Line {
            step: step + 1,
            session: self.script.sessions[session].name.clone(),
            does,
            said,
        };
        let script = &self.script.steps[step];
        self.transcript.lines.push(line(script.session, step, Some(script.action.to_string()), said));
        self.transcript.lines.extend(went_on.into_iter().map(|(session, step, said)| line(session, step, None, said)));
    }

    /// What was said since this was forgotten.
    pub(super) fn lines(&self) -> &[Line] {
        &self.transcript.lines
    }

    /// Who waits is all that counts from here on.
    pub(super) fn forget_lines(&mut self) {
        self.transcript.lines.clear();
    }

    /// All that was said.
    pub fn into_transcript(self) -> Transcript {
        self.transcript
    }
}
