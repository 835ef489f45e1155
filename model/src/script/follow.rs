//! Whether the model allows a transcript, without playing every other: step by step, with all that it may stand for.

use super::run::{Playing, Prepared};
use super::{Board, Transcript};
use crate::db::Choices;

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

impl Prepared<'_> {
    /// Whether the model allows this transcript for the steps in this order, and any other. So many ways at most are taken,
    /// those through one step of one database counted each.
    ///
    /// Databases that are equal after a step are one: what is left open about the way there does not multiply.
    pub fn follow(&self, order: &[usize], transcript: &Transcript, most_ways: usize) -> Followed {
        let (mut board, mut databases) = (Board::new(self.script()), vec![self.start().clone()]);
        let (mut lines, mut is_only, mut left) = (transcript.lines.as_slice(), true, most_ways);
        for step in order {
            board.turn(*step);
            while let Some(next) = board.next_to_send() {
                // A step's own line says what it does, and those who go on because of it stand below.
                let further = lines.iter().skip(1).take_while(|line| line.does.is_none()).count();
                let (told, rest) = lines.split_at(lines.len().min(1 + further));
                let (mut after, mut explained) = (None, Vec::new());
                for database in databases {
                    let mut choices = Choices::first();
                    loop {
                        let Some(fewer) = left.checked_sub(1) else { return Followed::Undecided };
                        left = fewer;
                        let mut playing = Playing { prepared: self, database: database.clone(), board: board.clone() };
                        playing.take(next, &mut choices);
                        let Playing { database, board, .. } = playing;
                        if board.lines() == told {
                            if !explained.contains(&database) {
                                explained.push(database);
                            }
                            after = Some(board);
                        } else {
                            is_only = false;
                        }
                        if !choices.advance() {
                            break;
                        }
                    }
                }
                let Some(told) = after else { return Followed::Forbidden };
                (board, databases, lines) = (told, explained, rest);
                board.forget_lines();
            }
        }
        if !lines.is_empty() {
            return Followed::Forbidden;
        }
        if is_only { Followed::Only } else { Followed::Allowed }
    }
}
