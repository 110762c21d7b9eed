//! The words of a `$filter`.

use super::filter::{FilterError, Literal};

/// An operator between two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Or,
    And,
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
}

impl Operator {
    /// Whether it asks which is greater.
    pub(super) fn is_relation(self) -> bool {
        matches!(self, Self::Gt | Self::Ge | Self::Lt | Self::Le)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Open,
    Close,
    Not,
    Operator(Operator),
    Literal(Literal),
    /// The path of a property, or a word that this service does not know.
    Word(String),
}

/// Takes the text of a filter apart.
#[derive(Clone, Debug)]
pub(super) struct Tokens<'a>(&'a str);

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// A string in single quotes, in which two of them stand for one.
    fn quoted(&mut self) -> Result<Token, FilterError> {
        let mut text = String::new();
        loop {
            let (before, after) = self.0.split_once('\'').ok_or(FilterError::Malformed)?;
            text.push_str(before);
            self.0 = after;
            match after.strip_prefix('\'') {
                Some(rest) => {
                    text.push('\'');
                    self.0 = rest;
                }
                None => return Ok(Token::Literal(Literal::Text(text))),
            }
        }
    }

    fn bare(&mut self) -> Result<Token, FilterError> {
        let end = self.0.find(|c: char| !is_bare(c)).unwrap_or(self.0.len());
        let (word, rest) = self.0.split_at(end);
        self.0 = rest;
        if word.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
            let number = word.parse().ok().filter(|number: &f64| number.is_finite());
            return number.map(|number| Token::Literal(Literal::Number(number))).ok_or(FilterError::Malformed);
        }
        Ok(match word {
            "" => return Err(FilterError::Malformed),
            "not" => Token::Not,
            "or" => Token::Operator(Operator::Or),
            "and" => Token::Operator(Operator::And),
            "eq" => Token::Operator(Operator::Eq),
            "ne" => Token::Operator(Operator::Ne),
            "gt" => Token::Operator(Operator::Gt),
            "ge" => Token::Operator(Operator::Ge),
            "lt" => Token::Operator(Operator::Lt),
            "le" => Token::Operator(Operator::Le),
            "true" => Token::Literal(Literal::Boolean(true)),
            "false" => Token::Literal(Literal::Boolean(false)),
            "null" => Token::Literal(Literal::Null),
            other => Token::Word(other.to_owned()),
        })
    }
}

impl Iterator for Tokens<'_> {
    type Item = Result<Token, FilterError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0 = self.0.trim_ascii_start();
        let first = self.0.chars().next()?;
        let mut after = self.0.chars();
        after.next();
        match first {
            '(' | ')' | '\'' => self.0 = after.as_str(),
            _ => {}
        }
        Some(match first {
            '(' => Ok(Token::Open),
            ')' => Ok(Token::Close),
            '\'' => self.quoted(),
            _ => self.bare(),
        })
    }
}

/// What names of properties, numbers and keywords are made of.
fn is_bare(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '@' | '#' | '.' | '/' | '+' | '-')
}
