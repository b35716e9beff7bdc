//! Datasets of a product that share the values of fields.

use std::cmp::Ordering;
use std::collections::HashMap;

use serde_json::Value;
use uuid::Uuid;

use crate::columns::{Cell, Column, cells};
use crate::definitions::ProductEntry;
use crate::rows::{Micros, Selection};
use crate::{Catalog, CatalogError, Result};

/// Datasets that are read together.
const PAGE: usize = 1000;

/// How much the beginnings and ends of two times may differ to be the same: ODC widens each time by half a second on
/// both sides.
const SAME_TIME: i64 = 1_000_000;

/// Two or more datasets of a product with the same values.
#[derive(Debug, Clone, PartialEq)]
pub struct Duplicates {
    /// Their product.
    pub product: String,
    /// The value of each field that was asked for, in that order, as [`Catalog::fields_of`] gives it; of `time`
    /// the range that covers them all.
    pub values: Vec<Value>,
    /// Their ids, in the order of (centre time, id).
    pub ids: Vec<Uuid>,
}

/// One dataset of a group.
#[derive(Debug, Clone, Copy)]
struct Member {
    id: Uuid,
    /// Its place among the datasets of its product.
    place: usize,
    time: Micros,
}

impl Catalog {
    /// The active datasets of these products that share the values of these fields, in one pass through each product;
    /// without products, those of all that have the fields. Fields are those of [`Catalog::fields_of`]. A dataset
    /// that lacks a value is no duplicate.
    ///
    /// Times are shared where they overlap, or where beginnings and ends each differ by a second or less (versions of a
    /// scene differ by milliseconds); ranges that only touch, such as two months, are not. Everything else is shared
    /// where it is equal.
    ///
    /// # Errors
    /// Where no field is named, a product is not there or lacks a field, or no product has them all.
    pub async fn duplicates(&self, products: &[String], fields: &[String]) -> Result<Vec<Duplicates>> {
        let (mut transaction, definitions) = self.read().await?;
        let columns = |entry| fields.iter().map(|field| Column::new(field, &[entry])).collect::<Result<Vec<_>>>();
        let entries: Vec<&ProductEntry> = if products.is_empty() {
            let having = definitions.products().map(AsRef::as_ref).filter(|entry| columns(entry).is_ok());
            having.collect()
        } else {
            products.iter().map(|name| definitions.product(name).map(AsRef::as_ref)).collect::<Result<_>>()?
        };
        if fields.is_empty() || entries.is_empty() {
            return Err(CatalogError::NoFieldsInCommon { fields: fields.to_vec() });
        }
        let mut found = Vec::new();
        for entry in entries {
            let columns = columns(entry)?;
            let active = Selection { products: Some(vec![entry.key]), ..Selection::default() };
            let ids: Vec<Uuid> = transaction.candidates(&active).await?.into_iter().map(|found| found.id).collect();
            // What the members share is kept as a digest: a product has millions of datasets, and few duplicates.
            let mut groups: HashMap<[u8; 16], Vec<Member>> = HashMap::new();
            let mut place = 0;
            for some in ids.chunks(PAGE) {
                for (id, cells) in cells(&mut *transaction, &definitions, some, &columns).await? {
                    if let Some((digest, time)) = shared(&columns, &cells) {
                        groups.entry(digest).or_default().push(Member { id, place, time });
                    }
                    place += 1;
                }
            }
            let several = groups.into_values().filter(|members| members.len() > 1);
            let mut several: Vec<Vec<Member>> = if columns.contains(&Column::Time) {
                several.flat_map(same_times).collect()
            } else {
                several.collect()
            };
            several.retain(|group| group.len() > 1);
            let mut duplicates = Vec::with_capacity(several.len());
            for mut group in several {
                group.sort_unstable_by_key(|member| member.place);
                let ids: Vec<Uuid> = group.iter().map(|member| member.id).collect();
                let Some((_, mut values)) = cells(&mut *transaction, &definitions, &ids[..1], &columns).await?.pop()
                else {
                    continue;
                };
                for (cell, _) in values.iter_mut().zip(&columns).filter(|(_, column)| **column == Column::Time) {
                    *cell = covering(&group);
                }
                duplicates.push((values, ids));
            }
            duplicates.sort_by(|(a, ids), (b, others)| order(a, b).then_with(|| ids.cmp(others)));
            found.extend(duplicates.into_iter().map(|(cells, ids)| Duplicates {
                product: entry.row.name.clone(),
                values: cells.iter().map(Cell::json).collect(),
                ids,
            }));
        }
        Ok(found)
    }
}

/// What a dataset shares with its duplicates but for the time, and its time; `None` where it lacks a value.
fn shared(columns: &[Column], cells: &[Cell]) -> Option<([u8; 16], Micros)> {
    let mut hasher = blake3::Hasher::new();
    let mut own = Micros::EVER;
    for (column, cell) in columns.iter().zip(cells) {
        match cell {
            Cell::Nothing => return None,
            Cell::Times(time) if *column == Column::Time => own = *time,
            other => {
                let text = spelled(other);
                hasher.update(&(text.len() as u64).to_le_bytes());
                hasher.update(text.as_bytes());
            }
        }
    }
    let mut digest = [0; 16];
    digest.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    Some((digest, own))
}

/// A value as text that is equal where the value is, and tells apart what is of different kinds. Numbers are told by
/// their bits, zeros but for the sign.
fn spelled(cell: &Cell) -> String {
    let bits = |number: f64| (number + 0.0).to_bits();
    match cell {
        Cell::Number(number) => format!("number {}", bits(*number)),
        Cell::Numbers(low, high) => format!("numbers {} {}", bits(*low), bits(*high)),
        Cell::Json(value) => format!("json {value}"),
        other => format!("{other:?}"),
    }
}

/// Groups of members whose times are shared, directly or through others, by time.
fn same_times(mut members: Vec<Member>) -> Vec<Vec<Member>> {
    members.sort_unstable_by_key(|member| (member.time.begin, member.time.end, member.id));
    let mut groups: Vec<Vec<Member>> = Vec::new();
    // The member of the open group that ends last.
    let mut longest: Option<Micros> = None;
    for member in members {
        let time = member.time;
        let overlaps = longest.is_some_and(|l| time.begin < l.end && l.begin < time.end);
        let group = groups.last_mut().filter(|group| {
            let near = |other: &&Member| time.begin.saturating_sub(other.time.begin) <= SAME_TIME;
            let mut recent = group.iter().rev().take_while(near);
            overlaps || recent.any(|other| time.end.abs_diff(other.time.end) <= SAME_TIME.unsigned_abs())
        });
        if let Some(group) = group {
            group.push(member);
            longest = longest.map(|l| if time.end > l.end { time } else { l });
        } else {
            groups.push(vec![member]);
            longest = Some(time);
        }
    }
    groups
}

/// The time from the first beginning to the last end.
fn covering(group: &[Member]) -> Cell {
    let begin = group.iter().map(|member| member.time.begin).min().unwrap_or(i64::MIN);
    let end = group.iter().map(|member| member.time.end).max().unwrap_or(i64::MAX);
    Cell::Times(Micros { begin, end })
}

/// The order of groups: by their values, the first field first.
fn order(a: &[Cell], b: &[Cell]) -> Ordering {
    a.iter().zip(b).map(|(a, b)| a.compare(b)).fold(Ordering::Equal, Ordering::then)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(times: &[(i64, i64)]) -> Vec<Vec<u128>> {
        let member = |(n, (begin, end)): (u128, &(i64, i64))| Member {
            id: Uuid::from_u128(n),
            place: 0,
            time: Micros { begin: *begin, end: *end },
        };
        let mut groups: Vec<Vec<u128>> = same_times((0..).zip(times).map(member).collect())
            .into_iter()
            .map(|group| group.into_iter().map(|member| member.id.as_u128()).collect())
            .collect();
        for group in &mut groups {
            group.sort_unstable();
        }
        groups
    }

    #[test]
    fn times_are_shared_where_they_overlap_or_nearly_agree() {
        let s = 1_000_000;
        assert_eq!(groups(&[(0, 0), (0, 0)]), [[0, 1]], "the same instant");
        assert_eq!(groups(&[(0, 0), (s, s)]), [[0, 1]], "within a second");
        assert_eq!(groups(&[(0, 0), (s + 1, s + 1)]).len(), 2);
        assert_eq!(groups(&[(0, 10 * s), (9 * s, 20 * s), (30 * s, 31 * s)]), [vec![0, 1], vec![2]]);
        assert_eq!(groups(&[(0, 86_400 * s - 1), (86_400 * s, 2 * 86_400 * s - 1)]).len(), 2, "two days in a row");
        assert_eq!(groups(&[(0, 86_400 * s), (86_400 * s, 2 * 86_400 * s)]).len(), 2, "that touch");
        assert_eq!(groups(&[(0, 100 * s), (50 * s, 50 * s)]), [[0, 1]], "an instant within a range");
        assert_eq!(groups(&[(0, 100 * s), (s, 2 * s), (90 * s, 95 * s)]), [[0, 1, 2]], "through the longest");
    }

    #[test]
    fn values_of_different_kinds_are_not_equal() {
        assert_ne!(spelled(&Cell::Text("1".to_owned())), spelled(&Cell::Number(1.0)));
        assert_ne!(spelled(&Cell::Number(1.0)), spelled(&Cell::Numbers(1.0, 1.0)));
        assert_eq!(spelled(&Cell::Number(0.0)), spelled(&Cell::Number(-0.0)));
        assert_ne!(spelled(&Cell::Number(0.1)), spelled(&Cell::Number(0.1 + f64::EPSILON)));
    }

    #[test]
    fn a_dataset_that_lacks_a_value_shares_nothing() {
        let columns = [Column::Time, Column::Field("a".to_owned())];
        let time = Cell::Times(Micros { begin: 1, end: 2 });
        assert_eq!(shared(&columns, &[time.clone(), Cell::Nothing]), None);
        let (_, own) = shared(&columns, &[time, Cell::Bool(true)]).unwrap();
        assert_eq!(own, Micros { begin: 1, end: 2 });
    }
}
