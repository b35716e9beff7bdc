#!/usr/bin/env python3
"""Writes the products and EO3 documents that the benches index.

usage: bench_documents.py scenes SCENES OUT     documents for the scenes that the item collections in SCENES list
       bench_documents.py many COUNT OUT        COUNT made-up documents, about 2 kB each, of one product

The made-up ones have the form of a real Sentinel-2 L2A dataset document; they point to files that do not exist.
"""

import json
import sys
import uuid
from datetime import datetime, timedelta
from pathlib import Path

from bench_cases import BANDS, GROWING, GROWING_DATES, SCENES, SERIES, growing_date

NAMESPACE = uuid.UUID("6f0f0f61-6d0c-5d3c-9f0e-3f4d2a0b8f11")
BANDS_10M = ["B02", "B03", "B04", "B08"]
BANDS_20M = ["B05", "B06", "B07", "B8A", "B11", "B12", "SCL"]
BANDS_60M = ["B01", "B09"]


def product(name, measurements):
    lines = [
        f"name: {name}",
        "description: scenes of the benches",
        "metadata_type: eo3",
        "metadata:",
        "  product:",
        f"    name: {name}",
        "measurements:",
    ]
    for band, dtype in measurements:
        lines += [f"  - name: {band}", f"    dtype: {dtype}", "    nodata: 0", '    units: "1"']
    return "\n".join(lines) + "\n"


def document(name, label, when, epsg, grids, measurements, properties):
    """One EO3 document. `grids`: name -> (rows, columns, pixel size, left, top); the first is the default grid."""
    rows, columns, size, left, top = grids["default"]
    right, bottom = left + columns * size, top - rows * size
    ring = [[left, bottom], [right, bottom], [right, top], [left, top], [left, bottom]]
    lines = [
        "$schema: https://schemas.opendatacube.org/dataset",
        f"id: {uuid.uuid5(NAMESPACE, f'{name}/{label}')}",
        f"label: {label}",
        "product:",
        f"  name: {name}",
        f"crs: epsg:{epsg}",
        "geometry:",
        "  type: Polygon",
        f"  coordinates: [{json.dumps(ring)}]",
        "grids:",
    ]
    for grid, (rows, columns, size, left, top) in grids.items():
        transform = json.dumps([size, 0, left, 0, -size, top, 0, 0, 1])
        lines += [f"  {grid}:", f"    shape: [{rows}, {columns}]", f"    transform: {transform}"]
    lines += ["properties:", f"  datetime: {when}", f"  odc:processing_datetime: {when}"]
    lines += [f"  {key}: {value}" for key, value in properties.items()]
    lines.append("measurements:")
    for band, (grid, path) in measurements.items():
        lines.append(f"  {band}:")
        if grid != "default":
            lines.append(f"    grid: {grid}")
        lines.append(f"    path: {path}")
    lines.append("lineage: {}")
    return "\n".join(lines) + "\n"


def scenes(folder, out):
    """The products of bench_cases.py: full scenes, a series of small ones (once more under more dates), many bands.
    Those whose list of items is not in the folder are left out."""
    for collection, name in (SCENES, SERIES, GROWING, BANDS):
        if not (folder / collection).is_file():
            continue
        items = json.loads((folder / collection).read_text())["features"]
        if name == GROWING[1]:
            items = [items[n % len(items)] for n in range(GROWING_DATES)]
        # Some scenes have more bands on their first date.
        bands = sorted(set.intersection(*(set(item["assets"]) for item in items)))
        target = out / name
        target.mkdir(parents=True, exist_ok=True)
        (out / f"{name}.odc-product.yaml").write_text(product(name, [(band, "uint16") for band in bands]))
        for n, item in enumerate(items):
            asset = item["assets"][bands[0]]
            rows, columns = asset["proj:shape"]
            size, _, left, _, _, top = asset["proj:transform"][:6]
            label, when = item["id"], item["properties"]["datetime"]
            if name == GROWING[1]:
                label, when = f"{name}_{n:03}", f"{growing_date(n)}T10:10:00Z"
            files = {b: ("default", (folder / Path(item["assets"][b]["href"]).name).resolve()) for b in bands}
            text = document(
                name,
                label,
                when,
                item["properties"]["proj:epsg"],
                {"default": (rows, columns, size, left, top)},
                files,
                {"odc:region_code": item["id"].split("_")[1]},
            )
            (target / f"{label}.odc-metadata.yaml").write_text(text)


def many(count, out):
    """Tiles of two UTM zones, a new date when all were seen once."""
    name = "bench_many"
    bands = [(b, "uint8" if b == "SCL" else "uint16") for b in sorted(BANDS_10M + BANDS_20M + BANDS_60M)]
    (out / name).mkdir(parents=True, exist_ok=True)
    (out / f"{name}.odc-product.yaml").write_text(product(name, bands))
    start = datetime(2024, 1, 1, 10, 10)
    for n in range(count):
        tile, day = n % 100, n // 100
        zone = 32 + tile % 2
        left, top = 300_000 + 100_000 * (tile // 2 % 5), 4_600_020 + 100_000 * (tile // 10)
        when = start + timedelta(days=5 * day, seconds=tile)
        label = f"S2_{zone}T{tile:03}_{when:%Y%m%d}"
        grids = {"default": (10980, 10980, 10, left, top)}
        grids["g20m"] = (5490, 5490, 20, left, top)
        grids["g60m"] = (1830, 1830, 60, left, top)
        paths = {b: ("default", f"{label}/{b}.tif") for b in BANDS_10M}
        paths |= {b: ("g20m", f"{label}/{b}.tif") for b in BANDS_20M}
        paths |= {b: ("g60m", f"{label}/{b}.tif") for b in BANDS_60M}
        properties = {
            "eo:platform": "sentinel-2a",
            "eo:instrument": "MSI",
            "eo:cloud_cover": round(n * 37 % 1000 / 10, 1),
            "odc:region_code": f"{zone}T{tile:03}",
            "odc:file_format": "GeoTIFF",
            "odc:producer": "esa.int",
            "odc:product_family": "s2_l2a",
            "odc:dataset_version": "1.0.0",
            "sentinel:utm_zone": zone,
            "sentinel:data_coverage": 100,
            "dea:dataset_maturity": "final",
        }
        text = document(name, label, f"{when:%Y-%m-%dT%H:%M:%SZ}", 32600 + zone, grids, paths, properties)
        (out / name / f"{label}.odc-metadata.yaml").write_text(text)


def main():
    words = sys.argv[1:]
    if len(words) == 3 and words[0] == "scenes":
        scenes(Path(words[1]), Path(words[2]))
    elif len(words) == 3 and words[0] == "many" and words[1].isdigit():
        many(int(words[1]), Path(words[2]))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
