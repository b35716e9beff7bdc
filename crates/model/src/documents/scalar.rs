//! Plain YAML scalars, read as `PyYAML`'s safe loader reads them with dates left as text, which is how datacube
//! reads documents. Its rules are those of YAML 1.1: `010` is eight, `yes` is true, `12:30` is 750, `1e5` is text.

use serde_json::{Number, Value};

/// The value of a plain (unquoted) scalar. NaN and infinities become the texts `NaN`, `Infinity`, `-Infinity`, since
/// JSON has no such numbers; a whole number beyond 64 bits becomes the nearest float.
pub(super) fn plain(text: &str) -> Value {
    let Some(&first) = text.as_bytes().first() else { return Value::Null };
    match first {
        b'0'..=b'9' | b'+' | b'-' | b'.' => number(text).unwrap_or_else(|| Value::String(text.to_owned())),
        b'~' | b'n' | b'N' | b'y' | b'Y' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' => word(text),
        _ => Value::String(text.to_owned()),
    }
}

/// The value of an explicitly tagged scalar, `None` where the text is not one of that kind.
pub(super) fn tagged(kind: &str, text: &str) -> Option<Value> {
    match kind {
        "str" | "timestamp" => Some(Value::String(text.to_owned())),
        "null" => Some(Value::Null),
        "bool" => Some(word(text)).filter(Value::is_boolean),
        "int" => number(text).filter(|v| v.is_i64() || v.is_u64()),
        "float" => number(text).or_else(|| text.parse().ok().map(float)).map(|v| v.as_f64().map_or(v, float)),
        _ => None,
    }
}

fn word(text: &str) -> Value {
    match text {
        "~" | "null" | "Null" | "NULL" => Value::Null,
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Value::Bool(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Value::Bool(false),
        _ => Value::String(text.to_owned()),
    }
}

/// A float, or the text for what JSON cannot hold.
fn float(value: f64) -> Value {
    Number::from_f64(value).map_or_else(
        || {
            Value::from(if value.is_nan() {
                "NaN"
            } else if value > 0.0 {
                "Infinity"
            } else {
                "-Infinity"
            })
        },
        Value::Number,
    )
}

fn number(text: &str) -> Option<Value> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let negative = text.starts_with('-');
    let signed = unsigned.len() < text.len();
    match unsigned {
        ".inf" | ".Inf" | ".INF" => return Some(float(if negative { f64::NEG_INFINITY } else { f64::INFINITY })),
        ".nan" | ".NaN" | ".NAN" if !signed => return Some(float(f64::NAN)),
        _ => {}
    }
    if unsigned.contains(':') {
        return sexagesimal(unsigned, negative);
    }
    integer(unsigned, negative).or_else(|| decimal(text, unsigned, signed))
}

fn integer(unsigned: &str, negative: bool) -> Option<Value> {
    let bytes = unsigned.as_bytes();
    let (radix, digits): (u32, &str) = match bytes {
        [b'0'] | [b'1'..=b'9', ..] => (10, unsigned),
        [b'0', b'b', _, ..] => (2, &unsigned[2..]),
        [b'0', b'x', _, ..] => (16, &unsigned[2..]),
        [b'0', ..] => (8, &unsigned[1..]),
        _ => return None,
    };
    if !digits.chars().all(|c| c == '_' || c.is_digit(radix)) {
        return None;
    }
    let mut whole: i128 = 0;
    let mut any = false;
    for digit in digits.chars().filter_map(|c| c.to_digit(radix)) {
        any = true;
        match whole.checked_mul(i128::from(radix)).and_then(|w| w.checked_add(i128::from(digit))) {
            Some(w) => whole = w,
            None => return Some(beyond(digits, radix, negative)),
        }
    }
    (any || radix == 8).then(|| whole_number(if negative { -whole } else { whole }))
}

fn whole_number(whole: i128) -> Value {
    if let Ok(n) = i64::try_from(whole) {
        return Value::from(n);
    }
    #[expect(clippy::cast_precision_loss, reason = "beyond 64 bits only the nearest float is left")]
    u64::try_from(whole).map_or_else(|_| float(whole as f64), Value::from)
}

/// A whole number too long even for 128 bits.
fn beyond(digits: &str, radix: u32, negative: bool) -> Value {
    let value = digits.chars().filter_map(|c| c.to_digit(radix)).fold(0.0, |v, d| v * f64::from(radix) + f64::from(d));
    float(if negative { -value } else { value })
}

/// Base 60, as YAML 1.1 has it: `1:30` is 90. Parts after the first are below 60; the last may have a fraction.
fn sexagesimal(unsigned: &str, negative: bool) -> Option<Value> {
    let mut parts = unsigned.split(':');
    let first = parts.next()?;
    let fraction = unsigned.contains('.');
    if !first.starts_with(|c: char| c.is_ascii_digit()) || (!fraction && first.starts_with('0')) {
        return None;
    }
    let digits = |part: &str| {
        let clean: String = part.chars().filter(|c| *c != '_').collect();
        (!clean.is_empty() && clean.bytes().all(|b| b.is_ascii_digit())).then(|| clean.parse::<f64>().ok())?
    };
    let mut value = digits(first)?;
    let rest: Vec<&str> = parts.collect();
    for (i, part) in rest.iter().enumerate() {
        let last = i + 1 == rest.len();
        let whole = if fraction && last { part.split_once('.')?.0 } else { part };
        if whole.is_empty() || whole.len() > 2 || whole.contains('_') || digits(whole)? >= 60.0 {
            return None;
        }
        let number = if fraction && last {
            let clean: String = part.chars().filter(|c| *c != '_').collect();
            clean.parse::<f64>().ok()?
        } else {
            digits(whole)?
        };
        value = value * 60.0 + number;
    }
    let value = if negative { -value } else { value };
    #[expect(clippy::cast_possible_truncation, reason = "checked to be a whole number that a float holds exactly")]
    if !fraction && value.abs() < 9e15 { Some(Value::from(value as i64)) } else { Some(float(value)) }
}

/// A float needs a point, and an exponent its sign: `1.0e+5`. A leading point takes no sign.
fn decimal(text: &str, unsigned: &str, signed: bool) -> Option<Value> {
    let (whole, rest) = unsigned.split_once('.')?;
    let (fraction, exponent) = match rest.find(['e', 'E']) {
        Some(at) => (&rest[..at], Some(&rest[at + 1..])),
        None => (rest, None),
    };
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    let starts = |part: &str| part.starts_with(|c: char| c.is_ascii_digit());
    let shape = if whole.is_empty() { !signed && starts(fraction) } else { starts(whole) };
    let exponent_fits = exponent.is_none_or(|e| {
        e.strip_prefix(['+', '-']).is_some_and(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit()))
    });
    if !(shape && digits(whole) && digits(fraction) && exponent_fits) {
        return None;
    }
    if text.contains('_') {
        return text.replace('_', "").parse().ok().map(float);
    }
    text.parse().ok().map(float)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Each line was run through `PyYAML` 6.0.3's safe loader without its timestamp rule.
    #[test]
    fn scalars_read_as_pyyaml_reads_them() {
        for (text, value) in [
            ("", json!(null)),
            ("~", json!(null)),
            ("null", json!(null)),
            ("nULL", json!("nULL")),
            ("yes", json!(true)),
            ("Off", json!(false)),
            ("y", json!("y")),
            ("0", json!(0)),
            ("-0", json!(0)),
            ("+12", json!(12)),
            ("010", json!(8)),
            ("-010", json!(-8)),
            ("09", json!("09")),
            ("090086", json!("090086")),
            ("0o10", json!("0o10")),
            ("0x1F", json!(31)),
            ("0b101", json!(5)),
            ("1_000", json!(1000)),
            ("1e5", json!("1e5")),
            ("1.0e5", json!("1.0e5")),
            ("1.0e+5", json!(100_000.0)),
            ("1.e-3", json!(0.001)),
            ("1.", json!(1.0)),
            (".5", json!(0.5)),
            ("-.5", json!("-.5")),
            ("30.0", json!(30.0)),
            ("3.2.1", json!("3.2.1")),
            ("12:30:00", json!(45_000)),
            ("-1:30", json!(-90)),
            ("01:30", json!("01:30")),
            ("1:60", json!("1:60")),
            ("1:30.5", json!(90.5)),
            ("2034-05-17", json!("2034-05-17")),
            ("2034-05-17 10:00:00Z", json!("2034-05-17 10:00:00Z")),
            (".nan", json!("NaN")),
            ("NaN", json!("NaN")),
            ("nan", json!("nan")),
            (".inf", json!("Infinity")),
            ("-.INF", json!("-Infinity")),
            ("18446744073709551615", json!(u64::MAX)),
            ("-9223372036854775808", json!(i64::MIN)),
            ("18446744073709551616", json!(18_446_744_073_709_551_616.0)),
            ("-", json!("-")),
            (".", json!(".")),
            ("...", json!("...")),
            ("0x", json!("0x")),
            ("1.0e+400", json!("Infinity")),
        ] {
            assert_eq!(plain(text), value, "{text:?}");
        }
    }
}
