//! Which claims a state breaks, and which claims' situations it shows.

use std::sync::{Arc, PoisonError, RwLock};

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::own::Own;
use super::sentence::{
    booked_twice, half_settled, mailed_wrongly, money_lost, oversold, refunds_exceed, stock_disagrees,
};
use super::{Claim, Shop, When, books::Books};
use crate::db::{ContentsId, Symbol};
use crate::trace::WorldMail;
use crate::world::{EXHAUSTED, OrphanKind, Phase, State, World};

/// Sets of claims, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Judged {
    pub(crate) broken: u16,
    /// The claims whose situation is there.
    pub(crate) arisen: u16,
}

impl Judged {
    fn note(&mut self, claim: Claim, arises: bool, broken: Option<String>) {
        if arises {
            self.arisen |= claim.bit();
        }
        if broken.is_some() {
            self.broken |= claim.bit();
        }
    }

    fn add(&mut self, other: Judged) {
        self.broken |= other.broken;
        self.arisen |= other.arisen;
    }
}

/// By what states are judged.
#[derive(Debug)]
pub(crate) enum Judge {
    /// All claims about the shop.
    Shop(Shop),
    /// The one claim of a flow.
    Own(Arc<Own>),
}

impl Judge {
    /// The shop, when it is one.
    pub(crate) fn shop(&self) -> Option<&Shop> {
        match self {
            Judge::Shop(shop) => Some(shop),
            Judge::Own(_) => None,
        }
    }
}

type RestQuestion = (ContentsId, SmallVec<[(Symbol, Symbol); 2]>, u32);

/// Judgements already made: committed rows come back in very many states.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    always: RwLock<FxHashMap<ContentsId, Judged>>,
    at_rest: RwLock<FxHashMap<RestQuestion, Judged>>,
}

fn remembered<Q: std::hash::Hash + Eq>(
    memo: &RwLock<FxHashMap<Q, Judged>>,
    question: Q,
    judge: impl FnOnce(&Q) -> Judged,
) -> Judged {
    if let Some(known) = memo.read().unwrap_or_else(PoisonError::into_inner).get(&question) {
        return *known;
    }
    let judged = judge(&question);
    memo.write().unwrap_or_else(PoisonError::into_inner).insert(question, judged);
    judged
}

impl World {
    /// Judge a state by every claim.
    pub(crate) fn judge(&self, state: &State) -> Judged {
        match &self.judge {
            Judge::Shop(shop) => self.judge_shop(shop, state),
            Judge::Own(own) if own.when == When::AtRest && !self.is_at_rest(state) => Judged::default(),
            Judge::Own(own) => {
                let rows = state.database.committed;
                remembered(&self.memo.always, rows, |rows| self.judge_own(own, *rows))
            }
        }
    }

    fn judge_own(&self, own: &Own, contents: ContentsId) -> Judged {
        let mut judged = Judged::default();
        judged.note(Claim::Own, true, own.broken(self.rows(contents)));
        judged
    }

    fn judge_shop(&self, shop: &Shop, state: &State) -> Judged {
        let mut judged = Judged { broken: state.broken, arisen: state.arisen & !EXHAUSTED };
        let committed = state.database.committed;
        judged.add(remembered(&self.memo.always, committed, |contents| self.judge_rows(shop, *contents)));
        self.judge_sections(state, &mut judged);
        self.judge_waits(state, &mut judged);
        let under_way = |who: usize| state.actors[who].phase.node().is_some();
        if (0..state.actors.len()).any(|who| state.actors[who].outdated != 0 && under_way(who)) {
            judged.arisen |= Claim::NoLostUpdate.bit();
        }
        // A payment that is there already meets a request that wants to book it.
        if judged.arisen & Claim::PaymentBookedOnce.bit() != 0 && !(0..state.actors.len()).any(under_way) {
            judged.arisen &= !Claim::PaymentBookedOnce.bit();
        }
        if self.is_at_rest(state) {
            let question = (state.database.committed, state.mails.clone(), self.told_of(state));
            judged.add(remembered(&self.memo.at_rest, question, |(contents, mails, told)| {
                self.judge_rest(shop, *contents, mails, *told)
            }));
        }
        judged
    }

    fn judge_rows(&self, shop: &Shop, contents: ContentsId) -> Judged {
        let mut judged = Judged::default();
        let books = shop.books(&self.store, contents);
        judged.note(Claim::PaymentBookedOnce, books.payments.iter().any(|row| row.booked), booked_twice(&books));
        judged.note(Claim::StockNotOversold, somebody_wants_too_much(&books), oversold(&books));
        judged.note(Claim::RefundsBounded, !books.refunds.is_empty(), refunds_exceed(&books));
        judged
    }

    fn judge_rest(&self, shop: &Shop, contents: ContentsId, mails: &[(Symbol, Symbol)], told: u32) -> Judged {
        let mut judged = Judged::default();
        let books = shop.books(&self.store, contents);
        let settled = books.orders.iter().any(|order| order.status != "pending");
        let paid = books.orders.iter().any(|order| order.status == "paid");
        judged.note(Claim::StockAgrees, settled, stock_disagrees(&books));
        judged.note(Claim::NotHalfSettled, !books.payments.is_empty(), half_settled(&books));
        judged.note(Claim::MoneyNotLost, told != 0, money_lost(&books, &self.payments_told(told)));
        judged.note(Claim::MailedOnce, paid, mailed_wrongly(&books, &self.mails(mails)));
        judged
    }

    /// Two actors in one section, while both can still write.
    fn judge_sections(&self, state: &State, judged: &mut Judged) {
        let sections = |who: usize| {
            let actor = &state.actors[who];
            // Whoever has lost its transaction with the server, or waits to be told of its commit, can write nothing any more.
            let is_over = actor.severed || matches!(actor.phase, Phase::Shown(..));
            let node = actor.phase.node().filter(|_| !is_over);
            node.map(|node| &self.tree.node(node).sections[..]).unwrap_or_default()
        };
        for who in 0..state.actors.len() {
            for held in sections(who) {
                let others = || (0..state.actors.len()).filter(|other| *other != who);
                if others().any(|other| state.actors[other].phase.node().is_some()) {
                    judged.arisen |= Claim::OneHolder.bit();
                }
                if others().any(|other| sections(other).iter().any(|also| also.section == held.section)) {
                    judged.broken |= Claim::OneHolder.bit();
                }
            }
        }
    }

    /// Somebody waits for a connection whose actor has been dead for too long.
    fn judge_waits(&self, state: &State, judged: &mut Judged) {
        if state.orphans.is_empty() {
            return;
        }
        let too_long = |place: usize| {
            let orphan = &state.orphans[place];
            !matches!(orphan.kind, OrphanKind::Landing(_))
                && state.now_ms >= orphan.since_ms + self.scenario.limits.freeze_ms
        };
        for (who, actor) in state.actors.iter().enumerate() {
            if matches!(actor.phase, Phase::Blocked(..)) {
                let blockers = state.database.blockers(self.engine, &self.store, who);
                if blockers.iter().any(|other| other.checked_sub(self.slots.len()).is_some_and(too_long)) {
                    judged.broken |= Claim::NoOrderIsFrozen.bit();
                }
            }
        }
    }

    /// What a state that breaks a claim shows, in the shop's words.
    pub(crate) fn sentence(&self, state: &State, claim: Claim) -> String {
        let shop = match &self.judge {
            Judge::Shop(shop) => shop,
            Judge::Own(own) => return own.broken(self.rows(state.database.committed)).unwrap_or_default(),
        };
        let books = shop.books(&self.store, state.database.committed);
        let found = match claim {
            Claim::PaymentBookedOnce => booked_twice(&books),
            Claim::StockNotOversold => oversold(&books),
            Claim::StockAgrees => stock_disagrees(&books),
            Claim::NotHalfSettled => half_settled(&books),
            Claim::MoneyNotLost => money_lost(&books, &self.payments_told(self.told_of(state))),
            Claim::RefundsBounded => refunds_exceed(&books),
            Claim::MailedOnce => mailed_wrongly(&books, &self.mails(&state.mails)),
            Claim::OneHolder => self.two_holders(state),
            Claim::NoLostUpdate
            | Claim::DeletesOnlyReadLock
            | Claim::ReleasesOnlyOwnLock
            | Claim::FreeLockGranted
            | Claim::NoOrderIsFrozen
            | Claim::RetriesEnd
            | Claim::Own => None,
        };
        found.unwrap_or_else(|| claim.says().to_owned())
    }

    fn two_holders(&self, state: &State) -> Option<String> {
        let mut inside: Vec<(Symbol, &str)> = Vec::new();
        for (actor, slot) in state.actors.iter().zip(&self.slots) {
            let Some(node) = actor.phase.node() else { continue };
            for held in self.tree.node(node).sections.iter() {
                if let Some((section, other)) = inside.iter().find(|(section, _)| *section == held.section) {
                    let section = self.store.symbols.get(*section);
                    return Some(format!("{other} and {} both believe to hold {section}", slot.name));
                }
                inside.push((held.section, &slot.name));
            }
        }
        None
    }

    pub(crate) fn mails(&self, mails: &[(Symbol, Symbol)]) -> Vec<WorldMail> {
        let text = |symbol: Symbol| self.store.symbols.get(symbol).clone();
        mails.iter().map(|(id, order)| WorldMail { message_id: text(*id), order_id: text(*order) }).collect()
    }
}

/// Some order asks for more units than are on hand: booking it, or booking it again, would oversell.
fn somebody_wants_too_much(books: &Books<'_>) -> bool {
    let on_hand = |sku: &str| books.stock.iter().find(|stock| stock.sku == sku).map_or(0, |stock| stock.on_hand);
    books.lines.iter().any(|line| line.units > on_hand(line.sku))
}
