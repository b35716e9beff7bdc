"""Writes odc_geo_cases.json: what odc-geo 0.5.3 (pyproj 3.7.2, PROJ 9.5.1) says of random grids.

    python odc_geo_cases.py > odc_geo_cases.json
"""

import json
import random

from affine import Affine
from odc.geo.geobox import AnchorEnum, GeoBox
from odc.geo.geom import BoundingBox
from odc.geo.overlap import compute_reproject_roi

random.seed(20)


def six(a):
    return [a.a, a.b, a.c, a.d, a.e, a.f]


def grid(g):
    return {"crs": f"EPSG:{g.crs.epsg}", "shape": list(g.shape), "affine": six(g.affine)}


def from_bbox():
    for _ in range(150):
        epsg, x, y, sizes = random.choice(
            [
                (32633, 5e5, 4.7e6, [10, 20, 30, 12.5, 60]),
                (3577, -1.5e6, -3.9e6, [25, 30, 100]),
                (4326, 12.23, 42.12, [0.25, 0.05, 0.0001, 1 / 3]),
            ]
        )
        size = random.choice(sizes)
        x += size * random.randrange(-1000, 1000)
        y += size * random.randrange(-1000, 1000)
        if random.random() < 0.6:
            x, y = round(x / size) * size, round(y / size) * size
        x += size * random.choice([0, 0, 0.005, -0.005, 0.02, 0.5, random.random()])
        y += size * random.choice([0, 0, 0.005, -0.005, 0.02, 0.5, random.random()])
        w = size * (random.randrange(0, 300) + random.choice([0, 0, 0.004, 0.5, random.random()]))
        h = size * (random.randrange(0, 300) + random.choice([0, 0, 0.004, 0.5, random.random()]))
        anchor = random.choice(["edge", "edge", "center", "floating"])
        kind = {"edge": AnchorEnum.EDGE, "center": AnchorEnum.CENTER, "floating": AnchorEnum.FLOATING}[anchor]
        box = BoundingBox(x, y, x + w, y + h, f"EPSG:{epsg}")
        g = GeoBox.from_bbox(box, resolution=size, anchor=kind)
        yield {"bbox": [x, y, x + w, y + h], "resolution": size, "anchor": anchor, "grid": grid(g)}


def zoom_out():
    for _ in range(40):
        shape = random.randrange(1, 3000), random.randrange(1, 3000)
        g = GeoBox(shape, Affine(10, 0, 600000, 0, -10, 4.7e6), "EPSG:32633")
        factor = random.choice([2, 3, 4, 8, 16, 2.5, 10.98])
        yield {"grid": grid(g), "factor": factor, "out": grid(g.zoom_out(factor))}


def overlap():
    for _ in range(160):
        n = random.choice([400, 1000, 5490])
        src = GeoBox((n, n), Affine(10, 0, 600000, 0, -10, 4.7e6), "EPSG:32633")
        nearest = random.random() < 0.5
        if random.random() < 0.6:
            k = random.choice([1, 1, 1, 2, 3, 4, 8, 2.5, 0.5, 1.7])
            shift = random.choice([0, 0, 0, 3, 5, -4, random.uniform(-5, 5), 0.0005])
            x = 600000 + 10 * random.randrange(-n // 2, n // 2) + shift
            y = 4.7e6 + 10 * random.randrange(-n // 2, n // 2) + shift
            m = max(1, int(n / k * random.uniform(0.2, 1.2)))
            dst = GeoBox((m, m), Affine(10 * k, 0, x, 0, -10 * k, y), "EPSG:32633")
        else:
            epsg = random.choice([3035, 32632, 4326, 3857, 6933])
            p = src.center_pixel.geographic_extent.centroid.to_crs(f"EPSG:{epsg}")
            px = random.choice([5, 10, 24, 60, 117]) * (1e-5 if epsg == 4326 else 1)
            m = random.choice([100, 300, 1000])
            x, y = (c + random.uniform(-1, 1) * px * m for c in p.coords[0])
            dst = GeoBox((m, m), Affine(px, 0, x, 0, -px, y), f"EPSG:{epsg}")
        rr = compute_reproject_roi(src, dst, ttol=0.9 if nearest else 0.05)
        window = lambda roi: [roi[0].start, roi[1].start, roi[0].stop - roi[0].start, roi[1].stop - roi[1].start]
        yield {
            "src": grid(src),
            "dst": grid(dst),
            "nearest": nearest,
            "paste": rr.paste_ok,
            "shrink": rr.read_shrink,
            "scale": [rr.scale2.x, rr.scale2.y],
            "src_window": window(rr.roi_src),
            "dst_window": window(rr.roi_dst),
        }


def listed(name, cases):
    return f'"{name}": [\n' + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]"


print("{" + ",\n".join([listed("from_bbox", from_bbox()), listed("zoom_out", zoom_out()), listed("overlap", overlap())]) + "}")
