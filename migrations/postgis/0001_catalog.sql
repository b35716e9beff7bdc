-- The catalog in PostgreSQL with PostGIS. All of it lies in the schema `cube`; nothing relies on a search path but this
-- file, which is run with the schemas of the extensions postgis and btree_gist in it.
--
-- Instants are microseconds since 1970-01-01T00:00:00Z, so that no time zone of a client or server means anything. Texts
-- are compared by their bytes (COLLATE "C"), so that no locale does. Where a text holds U+0000, which PostgreSQL cannot
-- store, two characters stand for it: U+0001 U+0001; and U+0001 U+0002 for U+0001.
--
-- The tables with a row or more a dataset have no foreign keys, each of which would cost a look-up a row: products are not
-- deleted while others write (an advisory lock), counting a product's version up fails where it is gone, and deleting
-- datasets names every table.

-- One row. `definitions` goes up with every change of a metadata type or product, so that a reader knows in one
-- small read whether what it holds of them is still right.
CREATE TABLE cube.catalog_state (
    one boolean PRIMARY KEY CHECK (one),
    definitions bigint NOT NULL
);
INSERT INTO cube.catalog_state (one, definitions) VALUES (true, 0);

CREATE TABLE cube.metadata_type (
    key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE,
    document text NOT NULL,
    added bigint NOT NULL,
    updated bigint NOT NULL
);

-- `version` goes up by one with every transaction that changes datasets of the product. A cache that holds the product as
-- of an older version reads what changed since from `product_change`; one older than `reload` reads all.
CREATE TABLE cube.product (
    key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    version bigint NOT NULL DEFAULT 0,
    reload bigint NOT NULL DEFAULT 0,
    metadata_type bigint NOT NULL REFERENCES cube.metadata_type (key),
    added bigint NOT NULL,
    updated bigint NOT NULL,
    name text COLLATE "C" NOT NULL UNIQUE,
    document text NOT NULL
) WITH (fillfactor = 50);

-- The keys of the datasets that each of the last versions added, changed or deleted: the first and the last of each run
-- of neighbours, as little-endian 64-bit integers.
CREATE TABLE cube.product_change (
    product bigint NOT NULL REFERENCES cube.product (key) ON DELETE CASCADE,
    version bigint NOT NULL,
    datasets bytea NOT NULL,
    PRIMARY KEY (product, version)
);

-- The search fields of each product. A field has a key of its own in each product, so that the value indexes below
-- never mix products.
CREATE TABLE cube.search_field (
    key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product bigint NOT NULL REFERENCES cube.product (key) ON DELETE CASCADE,
    name text COLLATE "C" NOT NULL,
    UNIQUE (product, name)
);

-- What searches walk through. `boxes` holds one or two boxes in lon/lat, each as four little-endian doubles west,
-- south, east, north: two where the footprint crosses the antimeridian. `outline` is the footprint in few bytes, for the
-- cache; empty where it has no short form. `digest` is what the text that the dataset was indexed from is told by.
CREATE TABLE cube.dataset (
    key bigint GENERATED ALWAYS AS IDENTITY (CACHE 256) PRIMARY KEY,
    id uuid NOT NULL UNIQUE,
    product bigint NOT NULL,
    time_begin bigint NOT NULL,
    time_end bigint NOT NULL CHECK (time_end >= time_begin),
    time_center bigint NOT NULL,
    archived bigint,
    added bigint NOT NULL,
    updated bigint NOT NULL,
    boxes bytea NOT NULL CHECK (length(boxes) IN (32, 64)),
    outline bytea NOT NULL,
    digest bytea CHECK (length(digest) = 16),
    location text COLLATE "C",
    footprint geometry(MultiPolygon, 4326) NOT NULL
);
-- The order of results.
CREATE INDEX dataset_order ON cube.dataset (product, time_center, id);
-- Product, place and time in one tree: what other products hold costs nothing.
CREATE INDEX dataset_place ON cube.dataset USING gist (product, footprint, int8range(time_begin, time_end, '[]'));
-- An entry of a B-tree is at most 2.7 kB long, a location may be longer.
CREATE INDEX dataset_location ON cube.dataset (left(location, 600)) WHERE location IS NOT NULL;

-- What only the datasets found are asked for, apart so that a walk through `dataset` does not drag it along.
CREATE TABLE cube.dataset_document (
    dataset bigint PRIMARY KEY,
    document text NOT NULL
);
-- Long documents are compressed and stay in their row. LZ4 does it in a fifth of the time, where the server has it.
ALTER TABLE cube.dataset_document ALTER COLUMN document SET STORAGE MAIN;
DO $$
BEGIN
    ALTER TABLE cube.dataset_document ALTER COLUMN document SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported OR invalid_parameter_value THEN
    NULL;
END
$$;

-- Values of the search fields, one row a dataset and field. A boolean is the text true or false; a scalar has
-- low = high.
CREATE TABLE cube.field_text (
    dataset bigint NOT NULL,
    field bigint NOT NULL,
    value text COLLATE "C" NOT NULL
);
CREATE INDEX field_text_dataset ON cube.field_text (dataset);
CREATE INDEX field_text_value ON cube.field_text (field, left(value, 64));

CREATE TABLE cube.field_number (
    dataset bigint NOT NULL,
    field bigint NOT NULL,
    low double precision NOT NULL,
    high double precision NOT NULL
);
CREATE INDEX field_number_dataset ON cube.field_number (dataset);
CREATE INDEX field_number_value ON cube.field_number (field, low, high);

CREATE TABLE cube.field_time (
    dataset bigint NOT NULL,
    field bigint NOT NULL,
    low bigint NOT NULL,
    high bigint NOT NULL
);
CREATE INDEX field_time_dataset ON cube.field_time (dataset);
CREATE INDEX field_time_value ON cube.field_time (field, low, high);

-- Which dataset was made from which; neither need be in this catalog. `external` edges were added by themselves, the
-- others are said by the derived dataset's document.
CREATE TABLE cube.dataset_lineage (
    derived uuid NOT NULL,
    source uuid NOT NULL,
    external boolean NOT NULL DEFAULT false,
    classifier text COLLATE "C" NOT NULL
);
-- The hash tells classifiers apart that are too long for the index.
CREATE UNIQUE INDEX dataset_lineage_edge ON cube.dataset_lineage
    (derived, source, left(classifier, 100), hashtextextended(classifier, 0));
CREATE INDEX dataset_lineage_source ON cube.dataset_lineage (source);

-- The name of the catalog where a dataset of the lineage is at home. It need not be in this catalog.
CREATE TABLE cube.dataset_home (
    dataset uuid PRIMARY KEY,
    home text NOT NULL
);

-- What PostGIS is asked for. The bodies are bound to the functions they name when this file is run, so that callers need
-- not know in which schema PostGIS is; they are put in their callers' place when a statement is planned.
CREATE FUNCTION cube.footprint_of(wkb bytea) RETURNS geometry
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ST_GeomFromWKB(wkb, 4326);
CREATE FUNCTION cube.footprint_wkb(footprint geometry) RETURNS bytea
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ST_AsBinary(footprint);
CREATE FUNCTION cube.touches_box(
    footprint geometry, west double precision, south double precision, east double precision, north double precision
) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN footprint && ST_MakeEnvelope(west, south, east, north, 4326);

-- An instant for people; what is before 4713 BC, where PostgreSQL's calendar begins, is -infinity.
CREATE FUNCTION cube.instant(micros bigint) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE
        WHEN micros < -210866803200000000 THEN timestamptz '-infinity'
        ELSE timestamptz '1970-01-01 00:00:00+00' + micros / 1000000 * interval '1 second'
            + micros % 1000000 * interval '1 microsecond'
    END;

-- The datasets, for psql, QGIS and whatever else reads PostGIS. `time` is the centre.
CREATE VIEW cube.datasets AS
SELECT
    d.id,
    p.name AS product,
    cube.instant(d.time_center) AS time,
    cube.instant(d.time_begin) AS time_begin,
    cube.instant(d.time_end) AS time_end,
    cube.instant(d.archived) AS archived,
    cube.instant(d.added) AS added,
    cube.instant(d.updated) AS updated,
    d.location,
    d.footprint
FROM cube.dataset d
JOIN cube.product p ON p.key = d.product;
