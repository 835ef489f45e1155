//! Whether the model allows a transcript, without playing every other: step by step, with all that it may stand for.

use super::run::{Playing, Prepared};
use super::{Board, Line, Said, Transcript};
use crate::db::{Choices, Database};

/// What the model says to a transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Followed {
    /// It allows this one, and no other.
    Only,
    /// It allows this one, and others.
    Allowed,
    /// It does not allow it.
    Forbidden,
    /// There are too many ways to tell.
    Undecided,
}

/// One step of a transcript, while it is followed.
struct Step<'a, 't> {
    prepared: &'a Prepared<'a>,
    number: usize,
    /// What was said: the step's own line, and those of whoever goes on because of it.
    told: &'t [Line],
    /// So many ways may still be taken.
    left: &'t mut usize,
    /// Those on the way that go on like the transcript, each with what the step's own session was told at once.
    known: Vec<(Playing<'a>, Said)>,
    /// The databases after it.
    after: Vec<Database>,
    board: Option<Board<'a>>,
    is_only: bool,
}

impl Prepared<'_> {
    /// Whether the model allows this transcript for the steps in this order, and any other. So many ways at most are taken:
    /// each choice at each thing that happens counts as one.
    ///
    /// Databases that are equal after that are one: what is left open about the way there does not multiply. What was told
    /// otherwise is not followed any further.
    pub fn follow(&self, order: &[usize], transcript: &Transcript, most_ways: usize) -> Followed {
        let (mut board, mut databases) = (Board::new(self.script()), vec![self.start().clone()]);
        let (mut lines, mut is_only, mut left) = (transcript.lines.as_slice(), true, most_ways);
        for step in order {
            board.turn(*step);
            while let Some(number) = board.next_to_send() {
                // A step's own line says what it does, and those who go on because of it stand below.
                let further = lines.iter().skip(1).take_while(|line| line.does.is_none()).count();
                let (told, rest) = lines.split_at(lines.len().min(1 + further));
                let (known, after) = (Vec::new(), Vec::new());
                let left = &mut left;
                let mut step = Step { prepared: self, number, told, left, known, after, board: None, is_only };
                if step.take(databases, &board).is_none() {
                    return Followed::Undecided;
                }
                let Some(told) = step.board else { return Followed::Forbidden };
                (board, databases, lines, is_only) = (told, step.after, rest, step.is_only);
                board.forget_lines();
            }
        }
        if !lines.is_empty() {
            return Followed::Forbidden;
        }
        if is_only { Followed::Only } else { Followed::Allowed }
    }
}

impl<'a> Step<'a, '_> {
    /// Take it on each of these databases. `None` when that takes too many ways.
    fn take(&mut self, databases: Vec<Database>, board: &Board<'a>) -> Option<()> {
        let sender = self.prepared.script().steps[self.number].session;
        for database in databases {
            let before = Playing { prepared: self.prepared, database, board: board.clone() };
            let mut choices = Choices::first();
            loop {
                self.counts()?;
                let mut playing = before.clone();
                let own = playing.send(self.number, &mut choices);
                self.meets(playing, own);
                if !choices.advance() {
                    break;
                }
            }
        }
        // Nobody but the sender knows that it has closed a cycle, and it at once.
        for (playing, own) in std::mem::take(&mut self.known) {
            self.settles(&playing, &own, Some(sender))?;
        }
        let mut next = 0;
        while let Some((playing, own)) = self.known.get(next).cloned() {
            self.settles(&playing, &own, None)?;
            next += 1;
        }
        Some(())
    }

    /// All that can happen next, after what has happened so far.
    fn settles(&mut self, before: &Playing<'a>, own: &Said, closed_by: Option<usize>) -> Option<()> {
        let mut choices = Choices::first();
        loop {
            self.counts()?;
            let mut playing = before.clone();
            if playing.settles(closed_by, &mut choices) {
                self.meets(playing, own.clone());
            } else {
                self.ends(playing, own.clone());
            }
            if !choices.advance() {
                return Some(());
            }
        }
    }

    /// It is to be gone on from here, unless that is known already, or leads elsewhere.
    fn meets(&mut self, playing: Playing<'a>, own: Said) {
        if !playing.board.is_within(self.told) {
            self.is_only = false;
            return;
        }
        let is_same = |(known, said): &(Playing<'_>, Said)| {
            *said == own && known.database == playing.database && known.board.is_like(&playing.board)
        };
        if !self.known.iter().any(is_same) {
            self.known.push((playing, own));
        }
    }

    /// Nothing more happens.
    fn ends(&mut self, playing: Playing<'a>, own: Said) {
        let Playing { database, mut board, .. } = playing;
        board.came_to(self.number, own);
        if board.lines() != self.told {
            self.is_only = false;
            return;
        }
        if !self.after.contains(&database) {
            self.after.push(database);
        }
        self.board = Some(board);
    }

    fn counts(&mut self) -> Option<()> {
        *self.left = self.left.checked_sub(1)?;
        Some(())
    }
}
