//! What an operator attaches to a machine.

use super::Annotations;
use crate::model::Indicator;

/// What an indicator is set to, as written in an annotation; `None` for one that is off.
pub(crate) const fn indicator_name(indicator: Indicator) -> Option<&'static str> {
    match indicator {
        Indicator::Off => None,
        Indicator::Lit => Some("Lit"),
        Indicator::Blinking => Some("Blinking"),
    }
}

/// What the indicator of a machine with these annotations is set to.
pub(crate) fn indicator(annotations: &Annotations) -> Indicator {
    let set_to = |indicator: &Indicator| annotations.indicator.as_deref() == indicator_name(*indicator);
    [Indicator::Lit, Indicator::Blinking].into_iter().find(set_to).unwrap_or_default()
}

/// Whether a text is the name of anything that an indicator can be set to.
pub(super) fn is_indicator(text: &str) -> bool {
    text == "Off" || [Indicator::Lit, Indicator::Blinking].into_iter().any(|known| indicator_name(known) == Some(text))
}
