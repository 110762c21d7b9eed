//! `$filter` (DSP0266 clause 7.3.3): an expression over the properties of a member.
//!
//! From the tightest binding to the loosest: `()`, `not`, `gt ge lt le`, `eq ne`, `and`, `or`.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::json::Json;
use super::token::{Operator, Token, Tokens};

/// A filter that was understood.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Filter {
    text: String,
    root: Expression,
    nodes: usize,
}

/// Why a filter cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FilterError {
    /// It is not an expression.
    Malformed,
    /// A literal is not of the type of what it is compared with.
    WrongType,
    /// It uses something of OData that this service does not evaluate.
    Unsupported,
    /// It is larger than this service evaluates.
    TooComplex,
}

#[derive(Clone, Debug, PartialEq)]
enum Expression {
    Literal(Literal),
    /// A property, by its path.
    Property(Vec<String>),
    Not(Box<Self>),
    Binary(Operator, Box<Self>, Box<Self>),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Literal {
    Null,
    Boolean(bool),
    Number(f64),
    Text(String),
}

/// What an expression comes to for one member.
#[derive(Clone, Debug, PartialEq)]
enum Outcome<'a> {
    /// Null, or not there.
    Null,
    Boolean(bool),
    Number(f64),
    Text(Cow<'a, str>),
    /// An array or object, which can only be compared with null.
    Structure,
}

impl Filter {
    /// Understands the value of `$filter`, already decoded.
    pub(crate) fn parse(text: &str) -> Result<Self, FilterError> {
        let mut parser = Parser { tokens: Tokens::new(text), next: None, nodes: 0 };
        parser.advance()?;
        let root = parser.or(0)?;
        match parser.next {
            None if root.can_be_boolean() => Ok(Self { text: text.to_owned(), root, nodes: parser.nodes }),
            None => Err(FilterError::WrongType),
            Some(Token::Word(_)) => Err(FilterError::Unsupported),
            Some(_) => Err(FilterError::Malformed),
        }
    }

    /// Whether the filter lets a member through, which it does if it comes to true.
    pub(super) fn matches(&self, member: Json<'_>) -> Result<bool, FilterError> {
        match self.root.evaluate(member)? {
            Outcome::Boolean(matches) => Ok(matches),
            Outcome::Null => Ok(false),
            Outcome::Number(_) | Outcome::Text(_) | Outcome::Structure => Err(FilterError::WrongType),
        }
    }

    /// As it came.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// How much there is to do for each member.
    pub(super) fn cost(&self) -> usize {
        self.nodes
    }
}

/// One method for each step of precedence.
struct Parser<'a> {
    tokens: Tokens<'a>,
    next: Option<Token>,
    nodes: usize,
}

impl Parser<'_> {
    fn or(&mut self, depth: usize) -> Result<Expression, FilterError> {
        self.chain(depth, Self::and, |operator| operator == Operator::Or)
    }

    fn and(&mut self, depth: usize) -> Result<Expression, FilterError> {
        self.chain(depth, Self::equality, |operator| operator == Operator::And)
    }

    fn equality(&mut self, depth: usize) -> Result<Expression, FilterError> {
        self.chain(depth, Self::relation, |operator| matches!(operator, Operator::Eq | Operator::Ne))
    }

    fn relation(&mut self, depth: usize) -> Result<Expression, FilterError> {
        self.chain(depth, Self::unary, Operator::is_relation)
    }

    fn chain(
        &mut self,
        depth: usize,
        operand: fn(&mut Self, usize) -> Result<Expression, FilterError>,
        is_mine: fn(Operator) -> bool,
    ) -> Result<Expression, FilterError> {
        let mut left = operand(self, depth)?;
        while let Some(Token::Operator(operator)) = self.next
            && is_mine(operator)
        {
            self.advance()?;
            let right = operand(self, depth)?;
            check(operator, &left, &right)?;
            left = self.node(Expression::Binary(operator, Box::new(left), Box::new(right)))?;
        }
        Ok(left)
    }

    fn unary(&mut self, depth: usize) -> Result<Expression, FilterError> {
        if depth >= MAX_DEPTH {
            return Err(FilterError::TooComplex);
        }
        let token = self.next.take();
        self.advance()?;
        match token {
            Some(Token::Not) => {
                let operand = self.unary(depth + 1)?;
                if !operand.can_be_boolean() {
                    return Err(FilterError::WrongType);
                }
                self.node(Expression::Not(Box::new(operand)))
            }
            Some(Token::Open) => {
                let inner = self.or(depth + 1)?;
                match self.next.take() {
                    Some(Token::Close) => {
                        self.advance()?;
                        Ok(inner)
                    }
                    Some(Token::Word(_)) => Err(FilterError::Unsupported),
                    _ => Err(FilterError::Malformed),
                }
            }
            Some(Token::Literal(literal)) => self.node(Expression::Literal(literal)),
            // A name and a parenthesis: a function.
            Some(Token::Word(_)) if self.next == Some(Token::Open) => Err(FilterError::Unsupported),
            Some(Token::Word(path)) => {
                let path: Vec<String> = path.split('/').map(ToOwned::to_owned).collect();
                if path.iter().any(String::is_empty) {
                    return Err(FilterError::Malformed);
                }
                self.node(Expression::Property(path))
            }
            Some(Token::Operator(_) | Token::Close) | None => Err(FilterError::Malformed),
        }
    }

    fn node(&mut self, expression: Expression) -> Result<Expression, FilterError> {
        self.nodes += 1;
        if self.nodes > MAX_NODES { Err(FilterError::TooComplex) } else { Ok(expression) }
    }

    fn advance(&mut self) -> Result<(), FilterError> {
        self.next = self.tokens.next().transpose()?;
        Ok(())
    }
}

/// What can be told without any member: operands that can never go together.
fn check(operator: Operator, left: &Expression, right: &Expression) -> Result<(), FilterError> {
    let fits = match operator {
        Operator::And | Operator::Or => left.can_be_boolean() && right.can_be_boolean(),
        Operator::Eq | Operator::Ne => match (left.kind(), right.kind()) {
            (Some(left), Some(right)) => left == right || left == Kind::Null || right == Kind::Null,
            (None, _) | (_, None) => true,
        },
        Operator::Gt | Operator::Ge | Operator::Lt | Operator::Le => match (left.kind(), right.kind()) {
            (Some(left), Some(right)) => left == right && left.is_ordered(),
            (Some(one), None) | (None, Some(one)) => one.is_ordered(),
            (None, None) => true,
        },
    };
    if fits { Ok(()) } else { Err(FilterError::WrongType) }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Null,
    Boolean,
    Number,
    Text,
}

impl Kind {
    fn is_ordered(self) -> bool {
        matches!(self, Self::Number | Self::Text)
    }
}

impl Expression {
    /// The type, if that can be told without a member.
    fn kind(&self) -> Option<Kind> {
        match self {
            Self::Literal(Literal::Null) => Some(Kind::Null),
            Self::Literal(Literal::Number(_)) => Some(Kind::Number),
            Self::Literal(Literal::Text(_)) => Some(Kind::Text),
            Self::Literal(Literal::Boolean(_)) | Self::Not(_) | Self::Binary(..) => Some(Kind::Boolean),
            Self::Property(_) => None,
        }
    }

    fn can_be_boolean(&self) -> bool {
        matches!(self.kind(), None | Some(Kind::Boolean))
    }

    fn evaluate<'a>(&'a self, member: Json<'a>) -> Result<Outcome<'a>, FilterError> {
        match self {
            Self::Literal(Literal::Null) => Ok(Outcome::Null),
            Self::Literal(Literal::Boolean(value)) => Ok(Outcome::Boolean(*value)),
            Self::Literal(Literal::Number(value)) => Ok(Outcome::Number(*value)),
            Self::Literal(Literal::Text(value)) => Ok(Outcome::Text(Cow::Borrowed(value))),
            Self::Property(path) => look_up(member, path),
            Self::Not(operand) => match operand.evaluate(member)?.boolean()? {
                Some(value) => Ok(Outcome::Boolean(!value)),
                None => Ok(Outcome::Null),
            },
            // Both sides are looked at whatever the first comes to: an operand of the wrong type is told in any case.
            Self::Binary(operator, left, right) => {
                combine(*operator, &left.evaluate(member)?, &right.evaluate(member)?)
            }
        }
    }
}

impl Outcome<'_> {
    /// As an operand of a logical operator; `None` for null.
    fn boolean(&self) -> Result<Option<bool>, FilterError> {
        match self {
            Self::Null => Ok(None),
            Self::Boolean(value) => Ok(Some(*value)),
            Self::Number(_) | Self::Text(_) | Self::Structure => Err(FilterError::WrongType),
        }
    }
}

fn look_up<'a>(member: Json<'a>, path: &[String]) -> Result<Outcome<'a>, FilterError> {
    let mut value = member;
    for name in path {
        if value.is_array() {
            return Err(FilterError::Unsupported);
        }
        match value.member(name) {
            Some(inner) => value = inner,
            None => return Ok(Outcome::Null),
        }
    }
    Ok(match value.bytes() {
        b"null" => Outcome::Null,
        b"true" => Outcome::Boolean(true),
        b"false" => Outcome::Boolean(false),
        _ if value.is_object() || value.is_array() => Outcome::Structure,
        bytes => match value.text() {
            Some(text) => Outcome::Text(text),
            None => std::str::from_utf8(bytes)
                .ok()
                .and_then(|digits| digits.parse().ok())
                .map_or(Outcome::Null, Outcome::Number),
        },
    })
}

/// Null equals null and nothing else, is neither less nor greater, and leaves `and` and `or` to the other side where
/// that decides (OData 4.01 part 2, clause 5.1.1).
fn combine<'a>(operator: Operator, left: &Outcome<'a>, right: &Outcome<'a>) -> Result<Outcome<'a>, FilterError> {
    let truth = |value: Option<bool>| value.map_or(Outcome::Null, Outcome::Boolean);
    let equal = || match (left, right) {
        (Outcome::Null, Outcome::Null) => Ok(true),
        (Outcome::Null, _) | (_, Outcome::Null) => Ok(false),
        _ => compare(left, right).map(|order| order == Some(Ordering::Equal)),
    };
    let ordered = |wanted: fn(Ordering) -> bool| match (left, right) {
        (Outcome::Boolean(_), _) | (_, Outcome::Boolean(_)) => Err(FilterError::WrongType),
        (Outcome::Null, _) | (_, Outcome::Null) => Ok(false),
        _ => compare(left, right).map(|order| order.is_some_and(wanted)),
    };
    Ok(match operator {
        Operator::And => match (left.boolean()?, right.boolean()?) {
            (Some(false), _) | (_, Some(false)) => Outcome::Boolean(false),
            (left, right) => truth(left.and(right)),
        },
        Operator::Or => match (left.boolean()?, right.boolean()?) {
            (Some(true), _) | (_, Some(true)) => Outcome::Boolean(true),
            (left, right) => truth(left.and(right)),
        },
        Operator::Eq => Outcome::Boolean(equal()?),
        Operator::Ne => Outcome::Boolean(!equal()?),
        Operator::Gt => Outcome::Boolean(ordered(Ordering::is_gt)?),
        Operator::Ge => Outcome::Boolean(ordered(Ordering::is_ge)?),
        Operator::Lt => Outcome::Boolean(ordered(Ordering::is_lt)?),
        Operator::Le => Outcome::Boolean(ordered(Ordering::is_le)?),
    })
}

/// Compares two values that are not null. Texts go by their characters, which is also the order of dates in UTC.
fn compare(left: &Outcome<'_>, right: &Outcome<'_>) -> Result<Option<Ordering>, FilterError> {
    match (left, right) {
        (Outcome::Boolean(left), Outcome::Boolean(right)) => Ok(Some(left.cmp(right))),
        (Outcome::Number(left), Outcome::Number(right)) => Ok(left.partial_cmp(right)),
        (Outcome::Text(left), Outcome::Text(right)) => Ok(Some(left.cmp(right))),
        (Outcome::Structure, _) | (_, Outcome::Structure) => Err(FilterError::Unsupported),
        _ => Err(FilterError::WrongType),
    }
}

/// How deep parentheses and negations nest: more than anyone writes, and a bound for the stack.
const MAX_DEPTH: usize = 24;

/// How many operators and operands there may be: some thirty comparisons, and a bound for the stack and the work.
const MAX_NODES: usize = 128;

#[cfg(test)]
#[path = "filter_tests.rs"]
mod tests;
