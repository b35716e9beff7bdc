//! What GDAL writes beside the pixels: nodata, and items of metadata as XML.

use super::Refusal;
use super::ifd::{Directory, HeaderReader};
use crate::tiff_tags::{GDAL_METADATA, GDAL_NODATA};

/// Items of the file and of its bands.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Metadata {
    /// The nodata value as it is written.
    pub(super) nodata: Option<String>,
    items: Vec<Item>,
}

#[derive(Debug, Clone, PartialEq)]
struct Item {
    name: String,
    /// 0-based band; `None` for the file.
    sample: Option<usize>,
    role: Option<String>,
    value: String,
}

impl Metadata {
    pub(super) fn read(reader: &mut HeaderReader<'_>, directory: &Directory) -> Result<Self, Refusal> {
        let nodata = reader.text(directory, GDAL_NODATA)?.map(|text| text.trim().to_owned()).filter(|t| !t.is_empty());
        let items = reader.text(directory, GDAL_METADATA)?.map(|xml| items(&xml)).unwrap_or_default();
        Ok(Self { nodata, items })
    }

    /// An item of a 0-based band, or of the file.
    pub(super) fn item(&self, sample: Option<usize>, name: &str) -> Option<&str> {
        let found =
            self.items.iter().find(|i| i.role.is_none() && i.sample == sample && i.name.eq_ignore_ascii_case(name));
        found.map(|item| item.value.as_str())
    }

    /// What stands in a role (`scale`, `offset`, `unittype`, `description`) of a 0-based band.
    pub(super) fn role(&self, sample: usize, role: &str) -> Option<&str> {
        let found = self.items.iter().find(|i| i.sample == Some(sample) && i.role.as_deref() == Some(role));
        found.map(|item| item.value.as_str())
    }

    /// Scale factor and offset of a 0-based band.
    pub(super) fn scale_offset(&self, sample: usize) -> Option<(f64, f64)> {
        let number = |role: &str, usual: f64| self.role(sample, role).and_then(float).unwrap_or(usual);
        Some((number("scale", 1.0), number("offset", 0.0))).filter(|said| *said != (1.0, 0.0))
    }
}

/// The items of the default domain.
fn items(xml: &str) -> Vec<Item> {
    let options = roxmltree::ParsingOptions { allow_dtd: false, nodes_limit: 100_000, ..Default::default() };
    let document = match roxmltree::Document::parse_with_options(xml, options) {
        Ok(document) => document,
        Err(error) => {
            tracing::debug!(%error, "GDAL's metadata in a TIFF is no XML");
            return Vec::new();
        }
    };
    let items = document.root_element().children().filter(|node| node.has_tag_name("Item"));
    items
        .filter(|item| item.attribute("domain").is_none_or(str::is_empty))
        .filter_map(|item| {
            let sample = match item.attribute("sample") {
                Some(text) => Some(text.trim().parse().ok()?),
                None => None,
            };
            Some(Item {
                name: item.attribute("name")?.to_owned(),
                sample,
                role: item.attribute("role").map(str::to_owned),
                value: item.text().unwrap_or_default().to_owned(),
            })
        })
        .collect()
}

/// A number as GDAL writes it; what follows it is not looked at.
pub(super) fn float(text: &str) -> Option<f64> {
    first(text).parse().ok()
}

fn first(text: &str) -> &str {
    text.trim().split(|c: char| c.is_whitespace() || c == ',').next().unwrap_or_default()
}

/// The whole number that the text of a number says, exactly, however it is written (`-9999`, `-9999.0`, `-9.999e3`);
/// `None` where it says a fraction, or more than any type of pixels holds.
pub(super) fn whole(text: &str) -> Option<i128> {
    let text = first(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (text, 0),
    };
    let (head, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let fraction = fraction.trim_end_matches('0');
    let digits = format!("{head}{fraction}").parse::<i128>().ok()?;
    let exponent = exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?;
    let power = 10_i128.checked_pow(u32::try_from(exponent.unsigned_abs()).ok()?);
    match (power, exponent < 0) {
        _ if digits == 0 => Some(0),
        (Some(power), false) => digits.checked_mul(power),
        (Some(power), true) => (digits % power == 0).then(|| digits / power),
        (None, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_told_apart_by_band_and_role() {
        let xml = r#"<GDALMetadata>
            <Item name="TIME">2034-05-01T10:00:00Z</Item>
            <Item name="SCALE" sample="1" role="scale">0.5</Item>
            <Item name="UNITTYPE" sample="1" role="unittype">m &amp; s</Item>
            <Item name="time" domain="other">no</Item>
            <Item name="scale" sample="0">7</Item>
        </GDALMetadata>"#;
        let metadata = Metadata { nodata: None, items: items(xml) };
        assert_eq!(metadata.item(None, "time"), Some("2034-05-01T10:00:00Z"));
        assert_eq!((metadata.scale_offset(0), metadata.scale_offset(1)), (None, Some((0.5, 0.0))));
        assert_eq!(metadata.role(1, "unittype"), Some("m & s"));
    }

    #[test]
    fn whole_numbers_are_exact_however_they_are_written() {
        for text in ["-9999", "-9999.0", " -9999.000 ", "-9.999e3", "-99990e-1", "-9999.0,7"] {
            assert_eq!(whole(text), Some(-9999), "{text}");
        }
        assert_eq!(whole("9.007199254740993e15"), Some(9_007_199_254_740_993));
        assert_eq!(whole("18446744073709551615"), Some(i128::from(u64::MAX)));
        assert_eq!((whole("0e99999"), whole("+7.")), (Some(0), Some(7)));
        for text in ["", "nan", "0.5", "1e-3", "1e40", "1e9999999999", "1.-5", "--1", "1e", "inf"] {
            assert_eq!(whole(text), None, "{text}");
        }
    }

    #[test]
    fn broken_metadata_says_nothing() {
        assert_eq!(items("<GDALMetadata><Item"), []);
        let bomb = "<!DOCTYPE a [<!ENTITY b \"bbbb\">]><a>&b;</a>";
        assert_eq!(items(bomb), []);
    }
}
