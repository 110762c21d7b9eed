use super::*;
use proptest::prelude::*;

const MEMBER: &[u8] = br#"{"Id":"it's","Count":4,"Ratio":0.5,"On":true,"Off":false,"None":null,"Status":{"Health":"OK","State":"Enabled"},"List":[{"Id":"a"}],"Time":"2026-01-02T00:00:00Z"}"#;

fn matches(filter: &str) -> Result<bool, FilterError> {
    Filter::parse(filter)?.matches(Json::new(MEMBER))
}

#[test]
fn expressions_come_to_what_they_say() {
    for (filter, expected) in [
        ("Id eq 'it''s'", true),
        ("Id ne 'it''s'", false),
        ("Count eq 4", true),
        ("Count eq 4.0", true),
        ("Count gt 3 and Count lt 5", true),
        ("Count ge 4 and Count le 4", true),
        ("Count gt -1e1", true),
        ("4 eq Count", true),
        ("5 gt Count", true),
        ("Ratio lt .6", true),
        ("On eq true", true),
        ("On", true),
        ("not Off", true),
        ("not On", false),
        ("On ne Off", true),
        ("Status/Health eq 'OK'", true),
        ("Status/Nothing eq 'OK'", false),
        ("Nothing eq 'OK'", false),
        ("Nothing ne 'OK'", true),
        ("Nothing eq null", true),
        ("None eq null", true),
        ("Id ne null", true),
        ("Status ne null", true),
        ("List ne null", true),
        ("Nothing gt 3", false),
        ("not (Nothing gt 3)", true),
        ("Nothing", false),
        ("not Nothing", false),
        ("On or Nothing", true),
        ("Off and Nothing", false),
        ("Time ge '2026-01-01T00:00:00Z'", true),
        ("(((On)))", true),
        ("true", true),
        ("  On\tand  Count eq 4 ", true),
        ("(On)and(Count eq 4)", true),
    ] {
        assert_eq!(matches(filter), Ok(expected), "{filter}");
    }
}

#[test]
fn operators_bind_in_the_order_of_the_specification() {
    for (filter, meaning) in [
        ("On or Off and Off", "On or (Off and Off)"),
        ("Off and Off or On", "(Off and Off) or On"),
        ("Off eq Count gt 5", "Off eq (Count gt 5)"),
        ("Count gt 5 eq Off", "(Count gt 5) eq Off"),
        ("not On eq Off", "(not On) eq Off"),
        ("not Off and On", "(not Off) and On"),
        ("Id eq 'x' or Id eq 'y' and On", "(Id eq 'x') or ((Id eq 'y') and On)"),
        ("On eq Off eq Off", "(On eq Off) eq Off"),
        ("not not On", "not (not On)"),
    ] {
        assert_eq!(Filter::parse(filter).map(|it| it.root), Filter::parse(meaning).map(|it| it.root), "{filter}");
    }
}

#[test]
fn mistakes_are_told_apart() {
    use FilterError::{Malformed, TooComplex, Unsupported, WrongType};
    let deep = format!("{}On{}", "(".repeat(200), ")".repeat(200));
    let long = vec!["On"; 200].join(" or ");
    for (filter, error) in [
        ("", Malformed),
        ("Id eq", Malformed),
        ("eq 'x'", Malformed),
        ("Id eq 'x", Malformed),
        ("(Id eq 'x'", Malformed),
        ("Id eq 'x')", Malformed),
        ("Id eq 'x' 'y'", Malformed),
        ("Id == 'x'", Malformed),
        ("Id eq \"x\"", Malformed),
        ("/Id eq 'x'", Malformed),
        ("Count eq 4x", Malformed),
        ("Count eq 1e999", Malformed),
        ("Id eq ä", Malformed),
        ("Id eq 4", WrongType),
        ("Count eq '4'", WrongType),
        ("On eq 'true'", WrongType),
        ("On gt false", WrongType),
        ("Id gt null", WrongType),
        ("not Id eq 'x'", WrongType),
        ("not 'x'", WrongType),
        ("'x' eq 4", WrongType),
        ("Id", WrongType),
        ("'x'", WrongType),
        ("Id and On", WrongType),
        ("Off and Id eq 4", WrongType),
        ("contains(Id,'x')", Unsupported),
        ("Count add 1 eq 5", Unsupported),
        ("(Count add 1) eq 5", Unsupported),
        ("Id in ('x')", Unsupported),
        ("List/any(x:x eq 1)", Unsupported),
        ("List/Id eq 'a'", Unsupported),
        ("Status eq 'OK'", Unsupported),
        (&deep, TooComplex),
        (&long, TooComplex),
    ] {
        assert_eq!(matches(filter), Err(error), "{filter}");
    }
}

/// A random expression, printed with all of its parentheses, and with only those that precedence asks for.
#[derive(Clone, Debug)]
enum Model {
    Leaf(&'static str),
    Not(Box<Self>),
    Binary(&'static str, u8, Box<Self>, Box<Self>),
}

impl Model {
    fn full(&self) -> String {
        match self {
            Self::Leaf(name) => (*name).to_owned(),
            Self::Not(inner) => format!("(not {})", inner.full()),
            Self::Binary(operator, _, left, right) => format!("({} {operator} {})", left.full(), right.full()),
        }
    }

    /// `strength` is that of what stands around it.
    fn short(&self, strength: u8) -> String {
        let (text, own) = match self {
            Self::Leaf(name) => return (*name).to_owned(),
            Self::Not(inner) => (format!("not {}", inner.short(5)), 5),
            Self::Binary(operator, own, left, right) => {
                (format!("{} {operator} {}", left.short(*own), right.short(own + 1)), *own)
            }
        };
        if own < strength { format!("({text})") } else { text }
    }
}

fn models() -> impl Strategy<Value = Model> {
    let leaf = prop_oneof![Just("On"), Just("Off"), Just("true"), Just("false")].prop_map(Model::Leaf);
    leaf.prop_recursive(4, 24, 2, |inner| {
        let operators = prop_oneof![Just(("or", 1)), Just(("and", 2)), Just(("eq", 3)), Just(("ne", 3))];
        prop_oneof![
            inner.clone().prop_map(|inner| Model::Not(Box::new(inner))),
            (operators, inner.clone(), inner).prop_map(|((operator, own), left, right)| Model::Binary(
                operator,
                own,
                Box::new(left),
                Box::new(right)
            )),
        ]
    })
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,60}") {
        let _ = matches(&text);
    }

    #[test]
    fn no_row_of_words_panics(words in proptest::collection::vec("(and|or|not|eq|ne|gt|ge|lt|le|\\(|\\)|'|''|'a'|Id|Count|On|Status/Health|1|-1|true|null|,|/)", 0..20)) {
        let _ = matches(&words.join(" "));
        let _ = matches(&words.concat());
    }

    #[test]
    fn precedence_puts_the_parentheses_that_were_left_out(model in models()) {
        let (full, short) = (matches(&model.full()), matches(&model.short(0)));
        prop_assert_eq!(Filter::parse(&model.full()).map(|it| it.root), Filter::parse(&model.short(0)).map(|it| it.root));
        prop_assert_eq!(full, short);
    }
}
