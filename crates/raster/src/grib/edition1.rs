//! Headers of edition 1.

use jiff::{Timestamp, civil};

use super::bytes::{Head, Section};
use super::field::{Field, Level, Packed, Parameter};
use super::grid::{Grid, LonLat};
use super::index::{Message, Refusal, Walked, broken, shared};
use cube_geo::Shape;

/// Bytes of a product definition section at least.
const LEAST_PRODUCT: usize = 28;

/// The field of a message that begins at `start`.
pub(super) fn message(head: &mut Head<'_>, start: u64) -> Walked<Message> {
    let foreign = |why: String| Err(Refusal::Foreign(why));
    let length = Section(head.get(4, 3).map_err(broken)?).number(0, 3);
    if length & 0x80_0000 != 0 {
        return foreign("it is longer than edition 1 can say".to_owned());
    }
    let mut at = 8;
    let product = section(head, at, LEAST_PRODUCT)?;
    at += product.len();
    let product_section = Section(&product);
    let flags = product_section.byte(7);
    if flags & 0x80 == 0 {
        return foreign("its grid is one of the numbered ones of old".to_owned());
    }
    let grid_bytes = section(head, at, 32)?;
    at += grid_bytes.len();
    let grid = grid(Section(&grid_bytes))?;
    let mut bitmap = None;
    if flags & 0x40 != 0 {
        let size = Section(head.get(at, 6).map_err(broken)?).number(0, 3) as usize;
        let numbered = Section(head.get(at, 6).map_err(broken)?).number(4, 2);
        if numbered != 0 {
            return foreign(format!("its bitmap is the predefined one of number {numbered}"));
        }
        bitmap = Some(start + at as u64..start + (at + size) as u64);
        at += size;
    }
    // The bitmap itself is not read here.
    let mut data_head = head.after(at);
    let data_section = Section(data_head.get(0, 11).map_err(broken)?);
    let size = u64::from(data_section.number(0, 3));
    let packing = data_section.byte(3) >> 4;
    if packing & 0b1101 != 0 {
        return foreign("its values are packed in another way than the simple one".to_owned());
    }
    let data = start + at as u64..start + at as u64 + size;
    if data.end + 4 > start + u64::from(length) {
        return Err(Refusal::Broken("its sections are longer than it is itself".to_owned()));
    }
    let (reference, valid) = times(product_section);
    let field = Field {
        parameter: Parameter::One { table: product_section.byte(3), number: product_section.byte(8) },
        level: Some(Level {
            kind: product_section.byte(9),
            value: f64::from(product_section.number(10, 2)),
            edition: 1,
        }),
        reference,
        valid,
        member: member(product_section),
        grid: shared(grid),
        packed: Packed::One { decimal: product_section.signed(26, 2), bitmap, data },
        stored_bytes: u64::from(length),
    };
    Ok(Message { fields: vec![field], length: u64::from(length) })
}

/// The bytes of the section at an offset of the message.
fn section(head: &mut Head<'_>, at: usize, least: usize) -> Walked<Vec<u8>> {
    let length = Section(head.get(at, 3).map_err(broken)?).number(0, 3) as usize;
    if length < least {
        return Err(Refusal::Broken(format!("a section of it has {length} bytes, expected {least} or more")));
    }
    Ok(head.get(at, length).map_err(broken)?.to_vec())
}

fn grid(section: Section<'_>) -> Walked<Grid> {
    let foreign = |why: &str| Err(Refusal::Foreign(why.to_owned()));
    if section.byte(5) != 0 {
        return Err(Refusal::Foreign(format!(
            "its grid is of type {}, not of longitudes and latitudes",
            section.byte(5)
        )));
    }
    let (Some(cols), Some(rows)) = (section.given(6, 2), section.given(8, 2)) else {
        return foreign("its rows have different numbers of points");
    };
    if rows == 0 || cols == 0 {
        return Err(Refusal::Broken("its grid has no points".to_owned()));
    }
    let degrees = |at: usize| f64::from(section.signed(at, 3)) / 1000.0;
    let said = section.byte(16) & 0x80 != 0;
    let step = |at: usize| section.given(at, 2).filter(|_| said).map(|n| f64::from(n) / 1000.0);
    Ok(Grid::LonLat(LonLat {
        shape: Shape::new(rows as usize, cols as usize),
        first: (degrees(13), degrees(10)),
        last: (degrees(20), degrees(17)),
        step: (step(23), step(25)),
        scan: section.byte(27),
    }))
}

/// The reference time, and the time that the values are valid for.
fn times(product: Section<'_>) -> (Option<Timestamp>, Option<Timestamp>) {
    let byte = |at: usize| product.byte(at);
    let year = (i32::from(byte(24)) - 1) * 100 + i32::from(byte(12));
    let reference = civil_time(year, [byte(13), byte(14), byte(15), byte(16), 0]);
    let (p1, p2) = (i64::from(byte(18)), i64::from(byte(19)));
    let ahead = match byte(20) {
        0 => p1,
        2..=5 => p2,
        10 => p1 << 8 | p2,
        // 1 is the reference itself. Of means and differences over many times it is the only one that means the same to all.
        _ => 0,
    };
    let valid = reference.and_then(|reference| later(reference, byte(17), ahead));
    (reference, valid)
}

/// A time of the calendar in UTC: month, day, hour, minute, second.
pub(super) fn civil_time(year: i32, [month, day, hour, minute, second]: [u8; 5]) -> Option<Timestamp> {
    let part = |n: u8| i8::try_from(n).ok();
    let date = civil::DateTime::new(
        i16::try_from(year).ok()?,
        part(month)?,
        part(day)?,
        part(hour)?,
        part(minute)?,
        part(second)?,
        0,
    );
    Some(date.ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
}

/// A time that is `n` units of code table 4 (4.4 of edition 2) later.
pub(super) fn later(time: Timestamp, unit: u8, n: i64) -> Option<Timestamp> {
    let seconds = match unit {
        0 => 60,
        1 => 3600,
        2 => 86_400,
        3 | 4 => {
            let months = if unit == 3 { n } else { n.checked_mul(12)? };
            let months = jiff::Span::new().try_months(months).ok()?;
            return Some(time.to_zoned(jiff::tz::TimeZone::UTC).checked_add(months).ok()?.timestamp());
        }
        10 => 3 * 3600,
        11 => 6 * 3600,
        12 => 12 * 3600,
        13 => 1,
        _ => return None,
    };
    let later = n.checked_mul(seconds)?.checked_add(time.as_second())?;
    Timestamp::from_second(later).ok()
}

/// The number of the ensemble's member, as ECMWF's local sections say it.
fn member(product: Section<'_>) -> Option<u32> {
    let local = product.0.len() > 50 && product.byte(40) == 1 && product.byte(4) == 98;
    // "0 of 0" is no ensemble.
    (local && product.byte(50) > 0).then(|| u32::from(product.byte(49)))
}
