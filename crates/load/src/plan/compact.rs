//! How a plan writes what it has hundreds of: time planes and datasets, a row each without names. A row of a dataset is
//! `[id, base, layout, time]`, some 45 bytes beside its URL; one of a plane `[datasets, time]`.

use jiff::Timestamp;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use super::{PlannedDataset, TimePlane};

pub(super) mod planes {
    use super::{Deserialize, Deserializer, Error, Serializer, Time, TimePlane};

    pub(in crate::plan) fn serialize<S: Serializer>(planes: &[TimePlane], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(planes.iter().map(|p| (p.datasets, Time::of(p.time))))
    }

    pub(in crate::plan) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<TimePlane>, D::Error> {
        let rows = Vec::<(usize, Time)>::deserialize(deserializer)?.into_iter();
        rows.map(|(datasets, time)| Ok(TimePlane { time: time.read().map_err(D::Error::custom)?, datasets })).collect()
    }
}

pub(super) mod datasets {
    use super::{Deserialize, Deserializer, Error, PlannedDataset, Serializer, Time, id_of, text_of};

    pub(in crate::plan) fn serialize<S: Serializer>(all: &[PlannedDataset], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(all.iter().map(|d| (text_of(d.id), &d.base, d.layout, d.time.map(Time::of))))
    }

    pub(in crate::plan) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<PlannedDataset>, D::Error> {
        let rows = Vec::<(String, String, usize, Option<Time>)>::deserialize(deserializer)?;
        let read = |(id, base, layout, time): (String, String, usize, Option<Time>)| {
            let id = id_of(&id).ok_or_else(|| D::Error::custom(format!("{id:?} is not the id of a dataset")))?;
            let time = time.map(|t| t.read().map_err(D::Error::custom)).transpose()?;
            Ok(PlannedDataset { id, time, base, layout })
        };
        rows.into_iter().map(read).collect()
    }
}

/// A time as seconds since 1970, or as text where it has parts of a millisecond.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Time {
    Seconds(i64),
    Milliseconds(f64),
    Text(Timestamp),
}

/// A million years of milliseconds: far more than a timestamp holds, and exact in a float.
const MOST_MILLISECONDS: f64 = 3e16;

impl Time {
    #[expect(clippy::cast_precision_loss, reason = "a timestamp has less than 2^53 milliseconds")]
    fn of(time: Timestamp) -> Self {
        let milliseconds = time.as_millisecond();
        if Timestamp::from_millisecond(milliseconds).ok() != Some(time) {
            Self::Text(time)
        } else if milliseconds % 1000 == 0 {
            Self::Seconds(milliseconds / 1000)
        } else {
            Self::Milliseconds(milliseconds as f64 / 1000.0)
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "clamped to what is exact")]
    fn read(&self) -> Result<Timestamp, jiff::Error> {
        match self {
            Self::Seconds(seconds) => Timestamp::from_second(*seconds),
            Self::Milliseconds(seconds) => {
                let milliseconds = (seconds * 1000.0).round().clamp(-MOST_MILLISECONDS, MOST_MILLISECONDS);
                Timestamp::from_millisecond(milliseconds as i64)
            }
            Self::Text(time) => Ok(*time),
        }
    }
}

/// The digits of an id: six bits each, most significant first.
const DIGITS: &[u8; 64] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";
/// Digits that 128 bits take.
const ID_DIGITS: usize = 22;

fn text_of(id: Uuid) -> String {
    let mut rest = id.as_u128();
    let mut digits = [0_u8; ID_DIGITS];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(rest & 63) as usize];
        rest >>= 6;
    }
    digits.iter().map(|&d| char::from(d)).collect()
}

fn id_of(text: &str) -> Option<Uuid> {
    let digit = |d: u8| DIGITS.iter().position(|&known| known == d).map(|at| at as u128);
    if text.len() != ID_DIGITS {
        return None;
    }
    // The first digit has only two bits left.
    let mut id = digit(*text.as_bytes().first()?).filter(|first| *first < 4)?;
    for &d in &text.as_bytes()[1..] {
        id = id << 6 | digit(d)?;
    }
    Some(Uuid::from_u128(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_back() {
        for id in [0, 1, u128::MAX, 0x1234_5678_9abc_def0_0fed_cba9_8765_4321] {
            let id = Uuid::from_u128(id);
            assert_eq!(id_of(&text_of(id)), Some(id));
        }
        for bad in ["", "0", "zzzzzzzzzzzzzzzzzzzzzz", "00000000000000000000000", "0000000000000000000é"] {
            assert_eq!(id_of(bad), None, "{bad}");
        }
    }

    #[test]
    fn times_come_back_to_the_nanosecond() {
        for text in [
            "2024-06-01T10:00:00Z",
            "2024-06-01T10:00:00.024Z",
            "2024-06-01T10:00:00.024000001Z",
            "-000100-01-02T01:00:00.5Z",
        ] {
            let time: Timestamp = text.parse().unwrap();
            let written = serde_json::to_string(&Time::of(time)).unwrap();
            let read: Time = serde_json::from_str(&written).unwrap();
            assert_eq!(read.read().unwrap(), time, "{written}");
        }
        for bad in ["1e300", "-1e300", "9223372036854775807"] {
            let read: Time = serde_json::from_str(bad).unwrap();
            read.read().unwrap_err();
        }
    }
}
