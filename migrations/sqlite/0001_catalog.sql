-- The catalog in SQLite. Instants are microseconds since 1970-01-01T00:00:00Z; ids are the 16 bytes of a UUID.

-- One row. `definitions` goes up with every change of a metadata type or product, so that a reader knows in one
-- small read whether what it holds of them is still right.
CREATE TABLE catalog_state (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    definitions INTEGER NOT NULL
) STRICT;
INSERT INTO catalog_state (one, definitions) VALUES (1, 0);

CREATE TABLE metadata_type (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    document TEXT NOT NULL,
    added INTEGER NOT NULL,
    updated INTEGER NOT NULL
) STRICT;

-- `version` goes up by one with every transaction that changes datasets of the product. A cache that holds the
-- product as of an older version reads the datasets whose `change` is greater; one older than `reload` (the last
-- time that datasets were deleted) reads all of them.
CREATE TABLE product (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    metadata_type INTEGER NOT NULL REFERENCES metadata_type (key),
    document TEXT NOT NULL,
    version INTEGER NOT NULL DEFAULT 0,
    reload INTEGER NOT NULL DEFAULT 0,
    added INTEGER NOT NULL,
    updated INTEGER NOT NULL
) STRICT;

-- The search fields of each product. A field has a key of its own in each product, so that the value indexes below
-- never mix products.
CREATE TABLE search_field (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    product INTEGER NOT NULL REFERENCES product (key) ON DELETE CASCADE,
    name TEXT NOT NULL,
    UNIQUE (product, name)
) STRICT;

-- What searches walk through. `boxes` holds one or two boxes in lon/lat, each as four little-endian doubles west,
-- south, east, north: two where the footprint crosses the antimeridian.
CREATE TABLE dataset (
    key INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    product INTEGER NOT NULL REFERENCES product (key),
    time_begin INTEGER NOT NULL,
    time_end INTEGER NOT NULL CHECK (time_end >= time_begin),
    time_center INTEGER NOT NULL,
    archived INTEGER,
    change INTEGER NOT NULL,
    added INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    boxes BLOB NOT NULL CHECK (length(boxes) IN (32, 64)),
    location TEXT
) STRICT;
CREATE INDEX dataset_order ON dataset (product, time_center, id);
CREATE INDEX dataset_change ON dataset (product, change);
CREATE INDEX dataset_location ON dataset (location) WHERE location IS NOT NULL;

-- What only the datasets found are asked for, apart so that a walk through `dataset` does not drag it along.
-- `footprint` is WKB in lon/lat.
CREATE TABLE dataset_document (
    dataset INTEGER PRIMARY KEY REFERENCES dataset (key) ON DELETE CASCADE,
    footprint BLOB NOT NULL,
    document TEXT NOT NULL
) STRICT;

-- The boxes again, for search by place and time: id = 2 * dataset key + number of the box; the product is a
-- dimension, so that other products' datasets are never looked at; times are days since 1970. Coordinates are
-- 32-bit, rounded outwards: what is found here is tested again on exact values.
CREATE VIRTUAL TABLE dataset_box USING rtree (
    id, product_low, product_high, west, east, south, north, time_low, time_high
);

-- Values of the search fields, one row a dataset and field. A boolean is the text true or false; a scalar has
-- low = high.
CREATE TABLE field_text (
    dataset INTEGER NOT NULL REFERENCES dataset (key) ON DELETE CASCADE,
    field INTEGER NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (dataset, field)
) STRICT, WITHOUT ROWID;
CREATE INDEX field_text_value ON field_text (field, value);

CREATE TABLE field_number (
    dataset INTEGER NOT NULL REFERENCES dataset (key) ON DELETE CASCADE,
    field INTEGER NOT NULL,
    low REAL NOT NULL,
    high REAL NOT NULL,
    PRIMARY KEY (dataset, field)
) STRICT, WITHOUT ROWID;
CREATE INDEX field_number_value ON field_number (field, low, high);

CREATE TABLE field_time (
    dataset INTEGER NOT NULL REFERENCES dataset (key) ON DELETE CASCADE,
    field INTEGER NOT NULL,
    low INTEGER NOT NULL,
    high INTEGER NOT NULL,
    PRIMARY KEY (dataset, field)
) STRICT, WITHOUT ROWID;
CREATE INDEX field_time_value ON field_time (field, low, high);

-- Which dataset was made from which. No foreign keys: a source may live in another catalog.
CREATE TABLE dataset_lineage (
    derived BLOB NOT NULL,
    classifier TEXT NOT NULL,
    source BLOB NOT NULL,
    PRIMARY KEY (derived, classifier, source)
) STRICT, WITHOUT ROWID;
CREATE INDEX dataset_lineage_source ON dataset_lineage (source);
