//! How a plan writes what has no written form of its own: measurements, and numbers that may be NaN.

/// `Option<f64>` with NaN and the infinities as words, which JSON has no numbers for.
pub(super) mod nodata {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Written {
        Number(f64),
        Word(Word),
    }

    #[derive(Serialize, Deserialize)]
    enum Word {
        NaN,
        #[serde(rename = "Infinity")]
        Infinity,
        #[serde(rename = "-Infinity")]
        MinusInfinity,
    }

    #[expect(clippy::ref_option, reason = "the signature that serde's `with` asks for")]
    pub(in crate::plan) fn serialize<S: Serializer>(value: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
        let written = value.map(|v| match v {
            v if v.is_finite() => Written::Number(v),
            v if v.is_nan() => Written::Word(Word::NaN),
            v if v > 0.0 => Written::Word(Word::Infinity),
            _ => Written::Word(Word::MinusInfinity),
        });
        written.serialize(serializer)
    }

    pub(in crate::plan) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
        Ok(Option::<Written>::deserialize(deserializer)?.map(|written| match written {
            Written::Number(v) => v,
            Written::Word(Word::NaN) => f64::NAN,
            Written::Word(Word::Infinity) => f64::INFINITY,
            Written::Word(Word::MinusInfinity) => f64::NEG_INFINITY,
        }))
    }
}

/// [`cube_model::Measurement`] as a record.
pub(super) mod measurement {
    use cube_model::{DataType, Flag, Measurement};
    use indexmap::IndexMap;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Record {
        name: String,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        aliases: Vec<String>,
        dtype: DataType,
        #[serde(with = "super::nodata")]
        nodata: Option<f64>,
        units: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scale_factor: Option<f64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        add_offset: Option<f64>,
        #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
        flags: IndexMap<String, FlagRecord>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        extra_dim: Option<String>,
        #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
        other: IndexMap<String, serde_json::Value>,
    }

    #[derive(Serialize, Deserialize)]
    struct FlagRecord {
        bits: Vec<u8>,
        values: IndexMap<u64, String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        description: Option<String>,
    }

    pub(in crate::plan) fn serialize<S: Serializer>(m: &Measurement, serializer: S) -> Result<S::Ok, S::Error> {
        let flag = |f: &Flag| FlagRecord {
            bits: f.bits.clone(),
            values: f.values.clone(),
            description: f.description.clone(),
        };
        Record {
            name: m.name.clone(),
            aliases: m.aliases.clone(),
            dtype: m.dtype,
            nodata: m.nodata,
            units: m.units.clone(),
            scale_factor: m.scale_factor,
            add_offset: m.add_offset,
            flags: m.flags.iter().map(|(name, f)| (name.clone(), flag(f))).collect(),
            extra_dim: m.extra_dim.clone(),
            other: m.other.clone(),
        }
        .serialize(serializer)
    }

    pub(in crate::plan) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Measurement, D::Error> {
        let r = Record::deserialize(deserializer)?;
        let flag = |f: FlagRecord| Flag { bits: f.bits, values: f.values, description: f.description };
        Ok(Measurement {
            name: r.name,
            aliases: r.aliases,
            dtype: r.dtype,
            nodata: r.nodata,
            units: r.units,
            scale_factor: r.scale_factor,
            add_offset: r.add_offset,
            flags: r.flags.into_iter().map(|(name, f)| (name, flag(f))).collect(),
            extra_dim: r.extra_dim,
            other: r.other,
        })
    }
}

/// [`cube_model::ExtraDimension`] as a record.
pub(super) mod extra {
    use cube_model::{DataType, ExtraDimension};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Record {
        name: String,
        values: Vec<f64>,
        dtype: DataType,
        units: Option<String>,
    }

    #[expect(clippy::ref_option, reason = "the signature that serde's `with` asks for")]
    pub(in crate::plan) fn serialize<S: Serializer>(
        e: &Option<ExtraDimension>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        e.as_ref()
            .map(|e| Record { name: e.name.clone(), values: e.values.clone(), dtype: e.dtype, units: e.units.clone() })
            .serialize(serializer)
    }

    pub(in crate::plan) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<ExtraDimension>, D::Error> {
        Ok(Option::<Record>::deserialize(d)?.map(|r| ExtraDimension {
            name: r.name,
            values: r.values,
            dtype: r.dtype,
            units: r.units,
        }))
    }
}
