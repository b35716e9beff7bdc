//! Short names and units of the usual quantities, as ecCodes calls them. What is not here goes by its codes.

use super::field::{Level, Parameter};

/// Name and unit of a quantity: its number in ECMWF's table 128, its codes in edition 2, and the kind of level and the metres
/// above the ground that the name is for, where it is for one.
struct Known {
    one: u8,
    two: (u8, u8, u8),
    level: Option<(u8, f64)>,
    name: &'static str,
    units: &'static str,
}

const fn known(one: u8, two: (u8, u8, u8), name: &'static str, units: &'static str) -> Known {
    Known { one, two, level: None, name, units }
}

const fn at(metres: f64, one: u8, two: (u8, u8, u8), name: &'static str, units: &'static str) -> Known {
    Known { one, two, level: Some((103, metres)), name, units }
}

/// Those for a level come before those for any.
const KNOWN: [Known; 34] = [
    at(2.0, 167, (0, 0, 0), "2t", "K"),
    at(2.0, 168, (0, 0, 6), "2d", "K"),
    at(2.0, 201, (0, 0, 4), "mx2t", "K"),
    at(2.0, 202, (0, 0, 5), "mn2t", "K"),
    at(10.0, 165, (0, 2, 2), "10u", "m s-1"),
    at(10.0, 166, (0, 2, 3), "10v", "m s-1"),
    at(10.0, 207, (0, 2, 1), "10si", "m s-1"),
    at(10.0, 49, (0, 2, 22), "10fg", "m s-1"),
    Known { one: 151, two: (0, 3, 0), level: Some((101, 0.0)), name: "msl", units: "Pa" },
    Known { one: 134, two: (0, 3, 0), level: Some((1, 0.0)), name: "sp", units: "Pa" },
    Known { one: 235, two: (0, 0, 17), level: None, name: "skt", units: "K" },
    known(130, (0, 0, 0), "t", "K"),
    known(133, (0, 1, 0), "q", "kg kg-1"),
    known(157, (0, 1, 1), "r", "%"),
    known(131, (0, 2, 2), "u", "m s-1"),
    known(132, (0, 2, 3), "v", "m s-1"),
    known(135, (0, 2, 8), "w", "Pa s-1"),
    known(129, (0, 3, 4), "z", "m2 s-2"),
    known(156, (0, 3, 5), "gh", "gpm"),
    known(228, (0, 1, 193), "tp", "m"),
    known(0, (0, 1, 52), "tprate", "kg m-2 s-1"),
    known(142, (0, 1, 54), "lsp", "m"),
    known(143, (0, 1, 37), "cp", "m"),
    known(144, (0, 1, 53), "sf", "m"),
    known(141, (0, 1, 254), "sd", "m"),
    known(164, (0, 6, 192), "tcc", "(0 - 1)"),
    known(137, (0, 1, 64), "tcwv", "kg m-2"),
    known(176, (0, 4, 9), "ssr", "J m-2"),
    known(169, (0, 4, 7), "ssrd", "J m-2"),
    known(175, (0, 5, 3), "strd", "J m-2"),
    known(146, (0, 0, 11), "sshf", "J m-2"),
    known(147, (0, 0, 10), "slhf", "J m-2"),
    known(172, (2, 0, 0), "lsm", "(0 - 1)"),
    known(34, (10, 3, 0), "sst", "K"),
];

fn find(parameter: Parameter, level: Option<Level>) -> Option<&'static Known> {
    KNOWN.iter().find(|known| match parameter {
        Parameter::One { table: 128, number } => known.one == number && number > 0,
        Parameter::One { .. } => false,
        Parameter::Two { discipline, category, number } => {
            known.two == (discipline, category, number)
                && known.level.is_none_or(|(kind, value)| {
                    level.is_some_and(|l| l.kind == kind && (kind != 103 || (l.value - value).abs() < 1e-6))
                })
        }
    })
}

/// The short name of a quantity at a level.
pub(super) fn short_name(parameter: Parameter, level: Option<Level>) -> Option<&'static str> {
    find(parameter, level).map(|known| known.name)
}

/// The unit of a quantity.
pub(super) fn units(parameter: Parameter) -> Option<&'static str> {
    let of_any = |known: &&Known| match parameter {
        Parameter::One { table: 128, number } => known.one == number && number > 0,
        Parameter::One { .. } => false,
        Parameter::Two { discipline, category, number } => known.two == (discipline, category, number),
    };
    KNOWN.iter().find(of_any).map(|known| known.units)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_be_for_one_level() {
        let temperature = Parameter::Two { discipline: 0, category: 0, number: 0 };
        let level = |kind, value| Some(Level { kind, value, edition: 2 });
        assert_eq!(short_name(temperature, level(103, 2.0)), Some("2t"));
        assert_eq!(short_name(temperature, level(100, 50_000.0)), Some("t"));
        assert_eq!(short_name(Parameter::One { table: 128, number: 167 }, None), Some("2t"));
        assert_eq!(short_name(Parameter::One { table: 3, number: 167 }, None), None);
    }
}
