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

    /// A value as it is shown.
    pub(crate) fn value(&self, value: f64) -> f64 {
        value + self.offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_kelvin_becomes_celsius() {
        let shown = Display::of("K", true);
        assert!((shown.value(300.15) - 27.0).abs() < 1e-9);
        assert_eq!(shown.units, "°C");
        assert_eq!(Display::of("m", true), Display::of("m", false));
    }
}
