//! Kubernetes quantities (`1.5Gi`, `100m`, `1e3`), read exactly: no floating point on the way.

use super::object::Lenient;

/// An amount, as mantissa and scale: `mantissa * 2^binary * 10^decimal`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quantity {
    mantissa: u128,
    binary: u32,
    decimal: i32,
}

impl Quantity {
    /// Reads a quantity; negative ones are of no use here and not read.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('+').unwrap_or(text);
        let number_ends = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, suffix) = text.split_at_checked(number_ends)?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return None;
        }
        let fraction = fraction.trim_end_matches('0');
        let mut mantissa: u128 = 0;
        for digit in whole.bytes().chain(fraction.bytes()) {
            mantissa = mantissa.checked_mul(10)?.checked_add(u128::from(digit - b'0'))?;
        }
        let (binary, decimal) = scale(suffix)?;
        Some(Self { mantissa, binary, decimal: decimal.checked_sub(i32::try_from(fraction.len()).ok()?)? })
    }

    /// The amount in millionths, rounded up.
    pub(crate) fn millionths(self) -> u64 {
        Self { decimal: self.decimal.saturating_add(6), ..self }.ceil()
    }

    /// The amount in whole units, rounded up as Kubernetes does; `u64::MAX` if it is larger.
    pub(crate) fn ceil(self) -> u64 {
        if self.mantissa == 0 {
            return 0;
        }
        let scaled = self.mantissa.checked_mul(1 << self.binary.min(100));
        let Some(scaled) = scaled else { return u64::MAX };
        let exponent = self.decimal.unsigned_abs();
        let units = match 10_u128.checked_pow(exponent) {
            Some(power) if self.decimal < 0 => scaled.div_ceil(power),
            Some(power) => scaled.saturating_mul(power),
            None if self.decimal < 0 => 1,
            None => u128::MAX,
        };
        u64::try_from(units).unwrap_or(u64::MAX)
    }
}

/// Newer servers write `"4Gi"`; hand-written manifests may hold a plain number.
impl Lenient<'_> for Option<Quantity> {
    fn from_text(text: &str) -> Self {
        Quantity::parse(text)
    }

    fn from_number(number: u64) -> Self {
        Some(Quantity { mantissa: number.into(), binary: 0, decimal: 0 })
    }

    fn from_fraction(number: f64) -> Self {
        Quantity::parse(&number.to_string())
    }
}

/// The powers of two and of ten that a suffix stands for.
fn scale(suffix: &str) -> Option<(u32, i32)> {
    let scale = match suffix {
        "" => (0, 0),
        "Ki" => (10, 0),
        "Mi" => (20, 0),
        "Gi" => (30, 0),
        "Ti" => (40, 0),
        "Pi" => (50, 0),
        "Ei" => (60, 0),
        "n" => (0, -9),
        "u" => (0, -6),
        "m" => (0, -3),
        "k" => (0, 3),
        "M" => (0, 6),
        "G" => (0, 9),
        "T" => (0, 12),
        "P" => (0, 15),
        "E" => (0, 18),
        exponent => (0, exponent.strip_prefix(['e', 'E'])?.parse::<i8>().ok()?.into()),
    };
    Some(scale)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quantities_are_read_exactly() {
        let cases = [
            ("512M", Some(512_000_000)),
            ("1.5Gi", Some(1_610_612_736)),
            ("4Gi", Some(4_294_967_296)),
            ("1536Mi", Some(1_610_612_736)),
            ("1", Some(1)),
            ("100m", Some(1)),
            ("1500m", Some(2)),
            ("1e3", Some(1000)),
            ("1E3", Some(1000)),
            ("1E", Some(1_000_000_000_000_000_000)),
            ("1.5e-1", Some(1)),
            ("0", Some(0)),
            ("0.1", Some(1)),
            (".5Gi", Some(536_870_912)),
            ("1.", Some(1)),
            ("+2Ki", Some(2048)),
            ("100n", Some(1)),
            ("9E9E", None),
            ("1e999", None),
            ("99999Ei", Some(u64::MAX)),
            ("1e127", Some(u64::MAX)),
            ("1e-128", Some(1)),
            ("0e127", Some(0)),
            ("", None),
            (".", None),
            ("1.2.3", None),
            ("-1", None),
            ("Gi", None),
            ("1 Gi", None),
            ("1gi", None),
            ("é", None),
        ];
        for (text, expected) in cases {
            assert_eq!(Quantity::parse(text).map(Quantity::ceil), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in "\\PC{0,40}|[0-9.]{0,60}[a-zA-Z]{0,3}[0-9-]{0,4}") {
            let _ = Quantity::parse(&text).map(Quantity::ceil);
        }

        #[test]
        fn whole_numbers_are_themselves(number: u64) {
            prop_assert_eq!(Quantity::parse(&number.to_string()).map(Quantity::ceil), Some(number));
        }
    }
}
