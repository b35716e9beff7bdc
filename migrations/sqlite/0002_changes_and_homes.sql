-- What changed with each version of a product, so that a cache is brought up to date without a mark on every dataset:
-- the keys of the datasets added, changed or deleted, as the first and last of each run, little-endian 64-bit integers.
CREATE TABLE product_change (
    product INTEGER NOT NULL REFERENCES product (key) ON DELETE CASCADE,
    version INTEGER NOT NULL,
    datasets BLOB NOT NULL,
    PRIMARY KEY (product, version)
) STRICT;
DROP INDEX dataset_change;
ALTER TABLE dataset DROP COLUMN change;
-- Versions before this migration have no list of changes.
UPDATE product SET reload = version;

-- The footprint in few bytes, for the cache; empty where it has no short form.
ALTER TABLE dataset ADD COLUMN outline BLOB NOT NULL DEFAULT x'';
-- What the text that a dataset was indexed from is told by; NULL where it is not known.
ALTER TABLE dataset ADD COLUMN digest BLOB CHECK (length(digest) = 16);

-- 1 where the edge was added by itself, 0 where the derived dataset's document says it.
ALTER TABLE dataset_lineage ADD COLUMN external INTEGER NOT NULL DEFAULT 0;

-- The name of the catalog where a dataset of the lineage is at home. It need not be in this catalog.
CREATE TABLE dataset_home (
    dataset BLOB PRIMARY KEY,
    home TEXT NOT NULL
) STRICT, WITHOUT ROWID;
