//! Units as people want to see them.

/// How values of a unit are shown.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Display {
    /// Units of what is shown.
    pub(crate) units: String,
    offset: f64,
}

/// 0 °C in kelvin.
const ICE: f64 = 273.15;

impl Display {
    /// Values in `units` as they are; kelvin as degrees Celsius where asked.
    pub(crate) fn of(units: &str, celsius: bool) -> Self {
        if celsius && matches!(units, "K" | "kelvin" | "Kelvin") {
            Self { units: "°C".to_owned(), offset: -ICE }
        } else {
            Self { units: units.to_owned(), offset: 0.0 }
        }
    }

    /// The units behind a number: nothing for pure numbers.
    pub(crate) fn behind(units: &str) -> String {
        if units.is_empty() || units == "1" { String::new() } else { format!(" {units}") }
    }

    /// A value as it is shown.
    pub(crate) fn value(&self, value: f64) -> f64 {
        value + self.offset
    }
}

/// A value with this many significant digits, without an exponent; nothing for NaN.
#[must_use]
pub(crate) fn significant(value: f64, digits: u32) -> String {
    if value.is_nan() {
        return String::new();
    }
    let magnitude = if value == 0.0 { 0.0 } else { value.abs().log10().floor() };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=20")]
    let decimals = (f64::from(digits) - 1.0 - magnitude).clamp(0.0, 20.0) as usize;
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_values_keep_their_digits() {
        assert_eq!(significant(0.000_234_567_8, 4), "0.0002346");
        assert_eq!(significant(280.774_123, 7), "280.7741");
        assert_eq!(significant(-123_456.7, 3), "-123457");
        assert_eq!((significant(0.0, 3), significant(f64::NAN, 3)), ("0.00".to_owned(), String::new()));
    }

    #[test]
    fn only_kelvin_becomes_celsius() {
        let shown = Display::of("K", true);
        assert!((shown.value(300.15) - 27.0).abs() < 1e-9);
        assert_eq!(shown.units, "°C");
        assert_eq!(Display::of("m", true), Display::of("m", false));
    }
}
