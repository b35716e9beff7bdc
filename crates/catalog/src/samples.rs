//! Products and datasets for tests, made of documents as everybody's are.

use cube_geo::{BoundingBox, Crs, Footprint};
use cube_model::documents::RawDocument;
use cube_model::{Dataset, FieldTerm, FieldTest, FieldValue, Product};
use geo_types::{Coord, LineString, MultiPolygon, Polygon};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Catalog, CatalogUrl};

/// A product of this name.
pub(crate) fn product(name: &str) -> Product {
    product_of(product_document(name))
}

pub(crate) fn product_of(document: Value) -> Product {
    Product::from_document(&RawDocument::from_value(document, "test")).unwrap()
}

pub(crate) fn product_document(name: &str) -> Value {
    json!({
        "name": name,
        "description": "a product of the tests",
        "metadata_type": "eo3",
        "metadata": {"product": {"name": name}},
        "measurements": [{"name": "red", "dtype": "uint16", "nodata": 0, "units": "1"}],
    })
}

/// A dataset to be made.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub(crate) id: Uuid,
    pub(crate) product: String,
    pub(crate) location: Option<String>,
    pub(crate) crs: &'static str,
    pub(crate) polygons: MultiPolygon<f64>,
    /// First and last instant.
    pub(crate) time: (String, String),
    pub(crate) platform: Option<String>,
    pub(crate) cloud_cover: Option<f64>,
    pub(crate) sources: Vec<Uuid>,
}

impl Sample {
    /// Number `n` of a product: one degree wide at 10 E, 40 N, at noon of the `n`th day of 2034.
    pub(crate) fn new(product: &str, n: u32) -> Self {
        let noon = jiff::civil::date(2034, 1, 1).at(12, 0, 0, 0) + jiff::Span::new().days(n);
        Self {
            id: Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("{product}/{n}").as_bytes()),
            product: product.to_owned(),
            location: Some(format!("/data/{product}/{n}.odc-metadata.yaml")),
            crs: "EPSG:4326",
            polygons: boxes(&[BoundingBox::new(10.0, 40.0, 11.0, 41.0)]),
            time: (format!("{noon}Z"), format!("{noon}Z")),
            platform: Some("sentinel-2a".to_owned()),
            cloud_cover: Some(12.5),
            sources: Vec::new(),
        }
    }

    pub(crate) fn at(mut self, west: f64, south: f64, east: f64, north: f64) -> Self {
        self.polygons = boxes(&[BoundingBox::new(west, south, east, north)]);
        self
    }

    pub(crate) fn cloud(mut self, percent: f64) -> Self {
        self.cloud_cover = Some(percent);
        self
    }

    pub(crate) fn document(&self) -> Value {
        let ring = |line: &LineString| -> Vec<[f64; 2]> { line.0.iter().map(|c| [c.x, c.y]).collect() };
        let rings = |p: &Polygon| -> Vec<_> { std::iter::once(p.exterior()).chain(p.interiors()).map(ring).collect() };
        let mut properties = json!({
            "datetime": self.time.0, "dtr:start_datetime": self.time.0, "dtr:end_datetime": self.time.1,
            "odc:processing_datetime": "2034-12-01T00:00:00Z", "odc:file_format": "GeoTIFF",
        });
        if let Some(platform) = &self.platform {
            properties["eo:platform"] = json!(platform);
        }
        if let Some(percent) = self.cloud_cover {
            properties["eo:cloud_cover"] = json!(percent);
        }
        json!({
            "$schema": "https://schemas.opendatacube.org/dataset",
            "id": self.id.to_string(),
            "product": {"name": self.product},
            "crs": self.crs,
            "geometry": {"type": "MultiPolygon", "coordinates": self.polygons.0.iter().map(rings).collect::<Vec<_>>()},
            "grids": {"default": {"shape": [10, 10], "transform": [0.1, 0, 10, 0, -0.1, 41, 0, 0, 1]}},
            "properties": properties,
            "measurements": {"red": {"path": "red.tif"}},
            "lineage": {"level1": self.sources.iter().map(Uuid::to_string).collect::<Vec<_>>()},
        })
    }

    pub(crate) fn dataset(&self) -> Dataset {
        Dataset::from_stored(self.document(), self.location.as_deref(), &self.product).unwrap()
    }
}

pub(crate) fn boxes(boxes: &[BoundingBox]) -> MultiPolygon<f64> {
    let polygon = |b: &BoundingBox| {
        let corner = |x, y| Coord { x, y };
        let ring = vec![
            corner(b.left, b.bottom),
            corner(b.right, b.bottom),
            corner(b.right, b.top),
            corner(b.left, b.top),
            corner(b.left, b.bottom),
        ];
        Polygon::new(LineString::new(ring), vec![])
    };
    MultiPolygon::new(boxes.iter().map(polygon).collect())
}

pub(crate) fn area(west: f64, south: f64, east: f64, north: f64) -> Footprint {
    Footprint::new(boxes(&[BoundingBox::new(west, south, east, north)]), Crs::lonlat().unwrap()).unwrap()
}

pub(crate) fn between(name: &str, low: f64, high: f64) -> FieldTerm {
    let test = FieldTest::Between(Some(FieldValue::Number(low)), Some(FieldValue::Number(high)));
    FieldTerm { name: name.to_owned(), any: vec![test], negated: false }
}

pub(crate) fn equals(name: &str, values: &[&str]) -> FieldTerm {
    let any = values.iter().map(|v| FieldTest::Equals(FieldValue::Text((*v).to_owned()))).collect();
    FieldTerm { name: name.to_owned(), any, negated: false }
}

/// A new catalog in memory with these products.
pub(crate) async fn memory(products: &[&str]) -> Catalog {
    let catalog = Catalog::init(&CatalogUrl::Memory).await.unwrap();
    for name in products {
        catalog.add_product(&product(name)).await.unwrap();
    }
    catalog
}
