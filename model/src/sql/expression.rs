//! Scalars and conditions over one row, the statement's arguments and what its sub-selects found.

use std::cmp::Ordering;

use crate::db::{Symbols, Val};

/// What an expression is computed from, besides the row.
#[derive(Clone, Copy)]
pub(crate) struct Given<'a> {
    /// The statement's arguments; behind them the moment at which it came, when it looks at the clock.
    pub(crate) arguments: &'a [Val],
    /// For each sub-select of the statement the first column of its rows.
    pub(crate) answers: &'a [Vec<Val>],
    pub(crate) symbols: &'a Symbols,
}

/// A value computed from a row and what is given.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Scalar {
    Column(usize),
    Argument(usize),
    /// The engine's clock: what stands behind the arguments.
    Clock,
    Constant(Val),
    /// The one value that a sub-select found, or `NULL`.
    Answer(usize),
    Arithmetic(Operator, Box<Scalar>, Box<Scalar>),
    /// The remainder by a constant that is not zero, with the sign of the left side.
    Remainder(Box<Scalar>, i64),
    Negative(Box<Scalar>),
    /// `CAST(… AS BIGINT)` of what is an integer already.
    Integer(Box<Scalar>),
    Coalesce(Vec<Scalar>),
    /// A text for a column of so many characters: see [`Width`].
    Fitted(Box<Scalar>, Width),
}

/// How a server stores a text in a column of so many characters. Spaces behind them are cut off without a word (PostgreSQL's
/// manual, "Character Types"; MariaDB's, "VARCHAR").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Width {
    pub(crate) characters: usize,
    /// Whatever stands behind them is cut off, as MariaDB's `INSERT IGNORE` does.
    pub(crate) cuts: bool,
}

/// What is done to two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Operator {
    Add,
    Subtract,
    Multiply,
}

/// Why an expression cannot be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Uncomputable {
    /// Arithmetic on something that is not a number, or a comparison of a text with a number.
    Senseless,
    /// A number of more than 64 bits.
    TooLarge,
    /// A sum of more than 64 bits, which servers compute, and cannot store.
    SumTooLarge,
    /// A text of more characters than its column has.
    TooLong,
}

impl Width {
    fn fit(self, value: Val, symbols: &Symbols) -> Result<Val, Uncomputable> {
        let Val::Text(symbol) = value else { return Ok(value) };
        let text = symbols.get(symbol);
        if text.len() <= self.characters {
            return Ok(value);
        }
        let Some((end, _)) = text.char_indices().nth(self.characters) else { return Ok(value) };
        let (front, rest) = text.split_at(end);
        let is_blank = rest.bytes().all(|byte| byte == b' ');
        if is_blank || self.cuts { Ok(Val::Text(symbols.id(&front.to_owned()))) } else { Err(Uncomputable::TooLong) }
    }
}

impl Operator {
    pub(super) fn apply(self, left: Val, right: Val) -> Result<Val, Uncomputable> {
        let number = |a: i64, b: i64| match self {
            Operator::Add => a.checked_add(b),
            Operator::Subtract => a.checked_sub(b),
            Operator::Multiply => a.checked_mul(b),
        };
        let (make, a, b): (fn(i64) -> Val, i64, i64) = match (self, left, right) {
            (_, Val::Null, _) | (_, _, Val::Null) => return Ok(Val::Null),
            (_, Val::Int(a), Val::Int(b)) => (Val::Int, a, b),
            // A moment can be moved, and two of them have a distance.
            (Operator::Add | Operator::Subtract, Val::Instant(a), Val::Int(b)) => (Val::Instant, a, b),
            (Operator::Add, Val::Int(a), Val::Instant(b)) => (Val::Instant, a, b),
            (Operator::Subtract, Val::Instant(a), Val::Instant(b)) => (Val::Int, a, b),
            _ => return Err(Uncomputable::Senseless),
        };
        number(a, b).map(make).ok_or(Uncomputable::TooLarge)
    }
}

impl Scalar {
    pub(crate) fn value(&self, row: &[Val], given: &Given<'_>) -> Result<Val, Uncomputable> {
        Ok(match self {
            Scalar::Column(column) => row[*column],
            Scalar::Argument(argument) => given.arguments[*argument],
            Scalar::Clock => given.arguments.last().copied().unwrap_or(Val::Null),
            Scalar::Constant(value) => *value,
            Scalar::Answer(number) => given.answers[*number].first().copied().unwrap_or(Val::Null),
            Scalar::Arithmetic(operator, left, right) => {
                operator.apply(left.value(row, given)?, right.value(row, given)?)?
            }
            Scalar::Remainder(left, divisor) => match left.value(row, given)? {
                Val::Null => Val::Null,
                Val::Int(n) => Val::Int(n.wrapping_rem(*divisor)),
                _ => return Err(Uncomputable::Senseless),
            },
            Scalar::Negative(inner) => match inner.value(row, given)? {
                Val::Null => Val::Null,
                Val::Int(n) => Val::Int(n.checked_neg().ok_or(Uncomputable::TooLarge)?),
                _ => return Err(Uncomputable::Senseless),
            },
            Scalar::Integer(inner) => match inner.value(row, given)? {
                Val::Text(_) => return Err(Uncomputable::Senseless),
                number => number,
            },
            Scalar::Coalesce(all) => {
                for scalar in all {
                    let value = scalar.value(row, given)?;
                    if value != Val::Null {
                        return Ok(value);
                    }
                }
                Val::Null
            }
            Scalar::Fitted(inner, width) => width.fit(inner.value(row, given)?, given.symbols)?,
        })
    }

    /// True for a value that depends on nothing but the statement's text and its arguments.
    pub(crate) fn is_constant(&self) -> bool {
        match self {
            Scalar::Argument(_) | Scalar::Constant(_) => true,
            Scalar::Column(_) | Scalar::Clock | Scalar::Answer(_) => false,
            Scalar::Arithmetic(_, left, right) => left.is_constant() && right.is_constant(),
            Scalar::Remainder(inner, _)
            | Scalar::Negative(inner)
            | Scalar::Integer(inner)
            | Scalar::Fitted(inner, _) => inner.is_constant(),
            Scalar::Coalesce(all) => all.iter().all(Scalar::is_constant),
        }
    }

    /// The constant parts of the value that may not be computable.
    pub(crate) fn constants<'s>(&'s self, into: &mut Vec<&'s Scalar>) {
        match self {
            Scalar::Column(_) | Scalar::Argument(_) | Scalar::Constant(_) | Scalar::Clock | Scalar::Answer(_) => {}
            _ if self.is_constant() => into.push(self),
            Scalar::Arithmetic(_, left, right) => {
                left.constants(into);
                right.constants(into);
            }
            Scalar::Remainder(inner, _)
            | Scalar::Negative(inner)
            | Scalar::Integer(inner)
            | Scalar::Fitted(inner, _) => inner.constants(into),
            Scalar::Coalesce(all) => all.iter().for_each(|scalar| scalar.constants(into)),
        }
    }

    /// True when a column of the row goes into the value.
    pub(crate) fn reads_row(&self) -> bool {
        let mut columns = Vec::new();
        self.columns(&mut columns);
        !columns.is_empty()
    }

    /// The sub-selects that go into the value.
    pub(crate) fn answers(&self, into: &mut Vec<usize>) {
        match self {
            Scalar::Column(_) | Scalar::Argument(_) | Scalar::Clock | Scalar::Constant(_) => {}
            Scalar::Answer(number) => into.push(*number),
            Scalar::Arithmetic(_, left, right) => {
                left.answers(into);
                right.answers(into);
            }
            Scalar::Remainder(inner, _)
            | Scalar::Negative(inner)
            | Scalar::Integer(inner)
            | Scalar::Fitted(inner, _) => inner.answers(into),
            Scalar::Coalesce(all) => all.iter().for_each(|scalar| scalar.answers(into)),
        }
    }

    /// The columns that go into the value.
    pub(crate) fn columns(&self, into: &mut Vec<usize>) {
        match self {
            Scalar::Column(column) => into.push(*column),
            Scalar::Argument(_) | Scalar::Clock | Scalar::Constant(_) | Scalar::Answer(_) => {}
            Scalar::Arithmetic(_, left, right) => {
                left.columns(into);
                right.columns(into);
            }
            Scalar::Remainder(inner, _)
            | Scalar::Negative(inner)
            | Scalar::Integer(inner)
            | Scalar::Fitted(inner, _) => inner.columns(into),
            Scalar::Coalesce(all) => all.iter().for_each(|scalar| scalar.columns(into)),
        }
    }
}

/// How two values compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Comparison::Equal => ordering.is_eq(),
            Comparison::NotEqual => ordering.is_ne(),
            Comparison::Less => ordering.is_lt(),
            Comparison::LessOrEqual => ordering.is_le(),
            Comparison::Greater => ordering.is_gt(),
            Comparison::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

/// A condition over a row.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Condition {
    Compare(Comparison, Scalar, Scalar),
    IsNull(Scalar),
    /// `IN (a, b, …)`.
    In(Scalar, Vec<Scalar>),
    /// `IN (SELECT …)`, by the sub-select's number.
    Among(Scalar, usize),
    /// `EXISTS (SELECT …)`, by the sub-select's number.
    Exists(usize),
    Not(Box<Condition>),
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
}

impl Condition {
    /// The conditions that all have to hold for it to hold.
    pub(crate) fn conjuncts(&self) -> Vec<&Condition> {
        match self {
            Condition::And(left, right) => [left.conjuncts(), right.conjuncts()].concat(),
            other => vec![other],
        }
    }

    /// SQL's three-valued logic: `None` is unknown.
    pub(crate) fn holds(&self, row: &[Val], given: &Given<'_>) -> Result<Option<bool>, Uncomputable> {
        Ok(match self {
            Condition::Compare(comparison, left, right) => {
                compare(*comparison, left.value(row, given)?, right.value(row, given)?, given.symbols)?
            }
            Condition::IsNull(scalar) => Some(scalar.value(row, given)? == Val::Null),
            Condition::In(scalar, list) => {
                let value = scalar.value(row, given)?;
                is_among(value, list.iter().map(|one| one.value(row, given)), given.symbols)?
            }
            Condition::Among(scalar, number) => {
                let value = scalar.value(row, given)?;
                is_among(value, given.answers[*number].iter().map(|one| Ok(*one)), given.symbols)?
            }
            Condition::Exists(number) => Some(!given.answers[*number].is_empty()),
            Condition::Not(inner) => inner.holds(row, given)?.map(|holds| !holds),
            // What decides alone comes first, and the other side may not be computable.
            Condition::And(left, right) => match left.holds(row, given)? {
                Some(false) => Some(false),
                Some(true) => right.holds(row, given)?,
                None => right.holds(row, given)?.filter(|holds| !holds),
            },
            Condition::Or(left, right) => match left.holds(row, given)? {
                Some(true) => Some(true),
                Some(false) => right.holds(row, given)?,
                None => right.holds(row, given)?.filter(|holds| *holds),
            },
        })
    }

    /// True when the condition looks at this sub-select.
    pub(crate) fn asks(&self, sub: usize) -> bool {
        let mut asked = Vec::new();
        self.answers(&mut asked);
        asked.contains(&sub)
    }

    /// The sub-selects that the condition looks at.
    pub(crate) fn answers(&self, into: &mut Vec<usize>) {
        match self {
            Condition::Compare(_, left, right) => {
                left.answers(into);
                right.answers(into);
            }
            Condition::IsNull(scalar) => scalar.answers(into),
            Condition::Among(scalar, number) => {
                scalar.answers(into);
                into.push(*number);
            }
            Condition::In(scalar, list) => {
                scalar.answers(into);
                list.iter().for_each(|one| one.answers(into));
            }
            Condition::Exists(number) => into.push(*number),
            Condition::Not(inner) => inner.answers(into),
            Condition::And(left, right) | Condition::Or(left, right) => {
                left.answers(into);
                right.answers(into);
            }
        }
    }

    /// True when the condition does not hold where this sub-select finds nothing.
    pub(crate) fn needs(&self, number: usize) -> bool {
        match self {
            Condition::Exists(asked) | Condition::Among(_, asked) => *asked == number,
            Condition::And(left, right) => left.needs(number) || right.needs(number),
            _ => false,
        }
    }

    /// The sub-selects that the rows are joined with: `IN (SELECT …)`, where all of it has to hold.
    pub(crate) fn joins(&self, into: &mut Vec<usize>) {
        match self {
            Condition::Among(_, number) => into.push(*number),
            Condition::And(left, right) => {
                left.joins(into);
                right.joins(into);
            }
            _ => {}
        }
    }

    /// What is to be among the rows of this sub-select.
    pub(crate) fn joined(&self, number: usize) -> Option<&Scalar> {
        match self {
            Condition::Among(scalar, among) => (*among == number).then_some(scalar),
            Condition::And(left, right) => left.joined(number).or_else(|| right.joined(number)),
            _ => None,
        }
    }

    /// True when the condition looks at this sub-select otherwise than by a join.
    pub(crate) fn asks_besides(&self, number: usize) -> bool {
        match self {
            Condition::Among(..) => false,
            Condition::And(left, right) => left.asks_besides(number) || right.asks_besides(number),
            other => other.asks(number),
        }
    }

    /// True when the condition asks no more of this sub-select than whether it finds a row.
    pub(crate) fn asks_whether(&self, number: usize) -> bool {
        match self {
            Condition::Exists(asked) => *asked == number,
            Condition::Not(inner) => inner.asks_whether(number),
            Condition::And(left, right) | Condition::Or(left, right) => {
                left.asks_whether(number) || right.asks_whether(number)
            }
            _ => false,
        }
    }

    /// The columns that the condition looks at.
    pub(crate) fn columns(&self, into: &mut Vec<usize>) {
        match self {
            Condition::Compare(_, left, right) => {
                left.columns(into);
                right.columns(into);
            }
            Condition::IsNull(scalar) | Condition::Among(scalar, _) => scalar.columns(into),
            Condition::In(scalar, list) => {
                scalar.columns(into);
                list.iter().for_each(|one| one.columns(into));
            }
            Condition::Exists(_) => {}
            Condition::Not(inner) => inner.columns(into),
            Condition::And(left, right) | Condition::Or(left, right) => {
                left.columns(into);
                right.columns(into);
            }
        }
    }

    /// The constant parts of its values that may not be computable.
    pub(crate) fn constants<'c>(&'c self, into: &mut Vec<&'c Scalar>) {
        match self {
            Condition::Compare(_, left, right) => {
                left.constants(into);
                right.constants(into);
            }
            Condition::IsNull(scalar) | Condition::Among(scalar, _) => scalar.constants(into),
            Condition::In(scalar, list) => {
                scalar.constants(into);
                list.iter().for_each(|one| one.constants(into));
            }
            Condition::Exists(_) => {}
            Condition::Not(inner) => inner.constants(into),
            Condition::And(left, right) | Condition::Or(left, right) => {
                left.constants(into);
                right.constants(into);
            }
        }
    }

    /// Both conditions, where there are two.
    pub(crate) fn both(left: Option<Condition>, right: Condition) -> Condition {
        match left {
            None => right,
            Some(left) => Condition::And(Box::new(left), Box::new(right)),
        }
    }
}

fn compare(comparison: Comparison, left: Val, right: Val, symbols: &Symbols) -> Result<Option<bool>, Uncomputable> {
    if left == Val::Null || right == Val::Null {
        return Ok(None);
    }
    symbols.order(left, right).map(|ordering| Some(comparison.holds(ordering))).ok_or(Uncomputable::Senseless)
}

/// An empty list holds nothing, not even an unknown value; a `NULL` in it leaves "no" unknown.
fn is_among(
    value: Val,
    list: impl Iterator<Item = Result<Val, Uncomputable>>,
    symbols: &Symbols,
) -> Result<Option<bool>, Uncomputable> {
    let mut among = Some(false);
    for one in list {
        match compare(Comparison::Equal, value, one?, symbols)? {
            Some(true) => among = Some(true),
            Some(false) => {}
            None if among == Some(false) => among = None,
            None => {}
        }
    }
    Ok(among)
}
