//! Headers of edition 2: a message may have several fields, which share what they do not say anew.

use std::ops::Range;
use std::sync::Arc;

use cube_geo::Shape;
use jiff::Timestamp;

use super::bytes::{Head, Section};
use super::edition1::{civil_time, later};
use super::field::{Field, Level, Packed, Parameter};
use super::grid::{Grid, LonLat, healpix};
use super::index::{Message, Refusal, Walked, broken, shared};

/// Most fields of one message.
const MOST_FIELDS: usize = 10_000;
/// Most bytes of a header that is read whole.
const MOST_HEADER: usize = 1 << 20;

/// What the sections so far say.
#[derive(Default)]
struct SoFar {
    discipline: u8,
    reference: Option<Timestamp>,
    grid: Option<(Arc<Grid>, usize)>,
    product: Option<Product>,
    representation: Option<Range<u64>>,
    /// The bitmap of the field that is read, and the last one that was written out.
    bitmap: Option<Range<u64>>,
    last_bitmap: Option<Range<u64>>,
}

struct Product {
    parameter: Parameter,
    level: Option<Level>,
    valid: Option<Timestamp>,
    member: Option<u32>,
}

/// The fields of a message that begins at `start`.
pub(super) fn message(head: &mut Head<'_>, start: u64) -> Walked<Message> {
    let (discipline, length) = {
        let section = Section(head.get(0, 16).map_err(broken)?);
        (section.byte(6), section.number64(8))
    };
    if length < 20 {
        return Err(Refusal::Broken(format!("it says that it is {length} bytes long")));
    }
    let mut so_far = SoFar { discipline, ..SoFar::default() };
    let mut fields = Vec::new();
    let mut at = 16_u64;
    let mut part = head.after(16);
    while at + 4 < length {
        let (size, number) = {
            let section = Section(part.get(0, 5).map_err(broken)?);
            (section.number(0, 4) as usize, section.byte(4))
        };
        if size < 5 || at + size as u64 + 4 > length {
            return Err(Refusal::Broken(format!("section {number} says that it is {size} bytes long")));
        }
        let place = start + at..start + at + size as u64;
        match number {
            1 | 3 | 4 if size > MOST_HEADER => {
                return Err(Refusal::Broken(format!("section {number} has {size} bytes")));
            }
            1 => so_far.reference = identified(Section(part.get(0, size).map_err(broken)?)),
            3 => so_far.grid = Some(grid(Section(part.get(0, size).map_err(broken)?))?),
            4 => so_far.product = Some(product(Section(part.get(0, size).map_err(broken)?), &so_far)?),
            5 => {
                let template = Section(part.get(0, 11).map_err(broken)?).number(9, 2);
                if !matches!(template, 0 | 2 | 3 | 40 | 41 | 42 | 200) {
                    return Err(Refusal::Foreign(format!("its values are packed by template 5.{template}")));
                }
                so_far.representation = Some(place);
            }
            6 => {
                so_far.bitmap = match part.get(0, 6).map_err(broken)?[5] {
                    0 => {
                        so_far.last_bitmap = Some(place.clone());
                        Some(place)
                    }
                    255 => None,
                    254 => so_far.last_bitmap.clone(),
                    other => {
                        return Err(Refusal::Foreign(format!("its bitmap is the predefined one of number {other}")));
                    }
                }
            }
            7 => fields.push(so_far.field(place, length)?),
            _ => {}
        }
        if fields.len() > MOST_FIELDS {
            return Err(Refusal::Broken(format!("it has more than {MOST_FIELDS} fields")));
        }
        at += size as u64;
        part = part.after(size);
    }
    let shared_by = fields.len().max(1) as u64;
    for field in &mut fields {
        field.stored_bytes /= shared_by;
    }
    Ok(Message { fields, length })
}

impl SoFar {
    fn field(&self, data: Range<u64>, length: u64) -> Walked<Field> {
        let lacks = |what: &str| Refusal::Broken(format!("its data come before its {what}"));
        let (grid, points) = self.grid.clone().ok_or_else(|| lacks("grid"))?;
        let product = self.product.as_ref().ok_or_else(|| lacks("product"))?;
        let representation = self.representation.clone().ok_or_else(|| lacks("representation"))?;
        Ok(Field {
            parameter: product.parameter,
            level: product.level,
            reference: self.reference,
            valid: product.valid,
            member: product.member,
            grid,
            packed: Packed::Two { representation, bitmap: self.bitmap.clone(), data, points },
            stored_bytes: length,
        })
    }
}

/// Reference time of the identification section.
fn identified(section: Section<'_>) -> Option<Timestamp> {
    time(section, 12)
}

/// A year in two bytes, then month, day, hour, minute and second.
fn time(section: Section<'_>, at: usize) -> Option<Timestamp> {
    let year = i32::try_from(section.number(at, 2)).ok()?;
    civil_time(year, [2, 3, 4, 5, 6].map(|i| section.byte(at + i)))
}

/// The grid, and how many points it has.
fn grid(section: Section<'_>) -> Walked<(Arc<Grid>, usize)> {
    let foreign = |why: String| Err(Refusal::Foreign(why));
    let points = section.number(6, 4) as usize;
    let grid = match section.number(12, 2) {
        0 => {
            let (Some(cols), Some(rows)) = (section.given(30, 4), section.given(34, 4)) else {
                return foreign("its rows have different numbers of points".to_owned());
            };
            let unit = match (section.given(38, 4), section.given(42, 4)) {
                (None | Some(0), _) | (_, None | Some(0)) => 1e-6,
                (Some(angle), Some(parts)) => f64::from(angle) / f64::from(parts),
            };
            let degrees = |at: usize| f64::from(section.signed(at, 4)) * unit;
            let flags = section.byte(54);
            let step =
                |bit: u8, at: usize| section.given(at, 4).filter(|_| flags & bit != 0).map(|n| f64::from(n) * unit);
            Grid::LonLat(LonLat {
                shape: Shape::new(rows as usize, cols as usize),
                first: (degrees(50), degrees(46)),
                last: (degrees(59), degrees(55)),
                step: (step(0x20, 63), step(0x10, 67)),
                scan: section.byte(71),
            })
        }
        150 => {
            healpix(section.number(31, 4), section.number(35, 4), section.byte(39), section.byte(40), section.byte(41))
                .map_err(Refusal::Foreign)?
        }
        other => {
            return foreign(format!("its grid is of template 3.{other}, not of longitudes and latitudes or HEALPix"));
        }
    };
    let shape = grid.shape();
    if points == 0 || shape.rows.checked_mul(shape.cols) != Some(points) {
        return Err(Refusal::Broken(format!("its grid of {shape} says that it has {points} points")));
    }
    Ok((shared(grid), points))
}

/// What the product definition says. All templates of fields at a level begin alike; some go on with a member or an interval.
fn product(section: Section<'_>, so_far: &SoFar) -> Walked<Product> {
    let template = section.number(7, 2);
    let parameter =
        Parameter::Two { discipline: so_far.discipline, category: section.byte(9), number: section.byte(10) };
    if !matches!(template, 0..=15 | 60 | 61) {
        return Err(Refusal::Foreign(format!("its product is of template 4.{template}")));
    }
    let ahead = i64::from(section.signed(18, 4));
    let mut valid = so_far.reference.and_then(|reference| later(reference, section.byte(17), ahead));
    let member = matches!(template, 1 | 11 | 60 | 61).then(|| u32::from(section.byte(35)));
    let end = match template {
        8 => Some(34),
        9 => Some(47),
        10 => Some(35),
        11 => Some(37),
        12 => Some(36),
        61 => Some(44),
        _ => None,
    };
    if let Some(end) = end {
        valid = time(section, end).or(valid);
    }
    let kind = section.byte(22);
    let level = (kind != 255).then(|| {
        let scale = section.given(23, 1).map_or(0, |_| section.signed(23, 1));
        let value = section.given(24, 4).map_or(0.0, |_| f64::from(section.signed(24, 4)) / 10_f64.powi(scale));
        Level { kind, value, edition: 2 }
    });
    Ok(Product { parameter, level, valid, member })
}
