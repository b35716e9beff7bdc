#!/usr/bin/env python3
"""One load by another program, in a process of its own; prints JSON. Runs in .tools/bench-venv.

usage: bench_peers.py odc|rasterio|gdalwarp CASE SCENES OUT
       bench_peers.py scenes SCENES             makes the scenes of the case M, where they are not there

CASE is one of bench_cases.py. Seconds are those of the load call alone (for gdalwarp, of its processes), without start
and imports; odc-stac and the loop load into memory, gdalwarp writes uncompressed files into the folder OUT.
"""

import json
import resource
import subprocess
import sys
import time
import warnings
from pathlib import Path

from bench_cases import BAND_DATES, BAND_NAMES, CASES

warnings.filterwarnings("ignore")


def tick():
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return time.perf_counter(), sum(u.ru_utime for u in usage), sum(u.ru_stime for u in usage)


def items_of(case, scenes):
    features = json.loads((scenes / case.scenes[0]).read_text())["features"]
    features = [f for f in features if case.tile in f["id"]]
    return sorted(features, key=lambda f: (f["properties"]["datetime"], f["id"]))


def odc(case, features, _):
    import odc.stac
    import pystac
    from affine import Affine
    from odc.geo.geobox import GeoBox

    affine = Affine(case.resolution, 0, case.box[0], 0, -case.resolution, case.box[3])
    grid = GeoBox(case.shape, affine, case.crs)
    items = [pystac.Item.from_dict(f) for f in features]
    begin = tick()
    loaded = odc.stac.load(items, bands=case.measurements, geobox=grid, groupby="solar_day", resampling=case.mode)
    return begin, tick(), lambda: [loaded[name].values for name in case.measurements]


def rasterio_loop(case, features, _):
    """One WarpedVRT a file, filled where nothing is yet: the loop that people write."""
    import numpy as np
    import rasterio
    from affine import Affine
    from rasterio.enums import Resampling
    from rasterio.vrt import WarpedVRT
    from rasterio.windows import Window

    affine = Affine(case.resolution, 0, case.box[0], 0, -case.resolution, case.box[3])
    rows, cols = case.shape
    days = sorted({f["properties"]["datetime"][:10] for f in features})
    begin = tick()
    arrays = []
    for name in case.measurements:
        out = np.zeros((len(days), rows, cols), "uint16")
        for feature in features:
            k = days.index(feature["properties"]["datetime"][:10])
            with rasterio.open(feature["assets"][name]["href"]) as source:
                if source.crs == rasterio.crs.CRS.from_string(case.crs):
                    at = ~source.transform * affine
                    source.read(1, window=Window(round(at.c), round(at.f), cols, rows), out=out[k])
                    continue
                grid = {"crs": case.crs, "transform": affine, "width": cols, "height": rows}
                with WarpedVRT(
                    source, resampling=Resampling[case.mode], nodata=0, src_nodata=0, warp_mem_limit=256, **grid
                ) as warped:
                    pixels = warped.read(1)
                    np.copyto(out[k], pixels, where=out[k] == 0)
        arrays.append(out)
    return begin, tick(), lambda: arrays


def gdalwarp(case, features, out):
    """With the kernel that is not widened, as ours is not; the last file wins, so the first comes last."""
    import rasterio

    days = sorted({f["properties"]["datetime"][:10] for f in features})
    mode = {"nearest": "near", "cubic_spline": "cubicspline"}.get(case.mode, case.mode)
    rows, cols = case.shape
    written = []
    begin = tick()
    for name in case.measurements:
        for day in days:
            files = [f["assets"][name]["href"] for f in features if f["properties"]["datetime"].startswith(day)]
            target = out / f"gdalwarp_{name}_{day}.tif"
            written.append(target)
            options = ["-multi", "-wo", "NUM_THREADS=ALL_CPUS", "-wo", "XSCALE=1", "-wo", "YSCALE=1", "-wm", "512"]
            options += ["--config", "GDAL_CACHEMAX", "1024", "--config", "GDAL_NUM_THREADS", "ALL_CPUS"]
            options += ["-srcnodata", "0", "-dstnodata", "0", "-co", "TILED=NO", "-co", "COMPRESS=NONE", "-r", mode]
            grid = ["-t_srs", case.crs, "-te", *map(str, case.box), "-ts", str(cols), str(rows)]
            subprocess.run(["gdalwarp", "-q", "-overwrite", *options, *grid, *files[::-1], target], check=True)
    end = tick()

    def arrays():
        for path in written:
            with rasterio.open(path) as source:
                yield source.read(1)
            path.unlink()

    return begin, end, arrays


def make_scenes(folder):
    """The many bands: a texture and its own noise for each file, 1536² pixels, the same at every run."""
    import numpy as np
    import rasterio
    from affine import Affine
    from rasterio.warp import transform_bounds

    n, left, top, size = 1536, 712560, 5477440, 10
    grid = Affine(size, 0, left, 0, -size, top)
    box = (left, top - n * size, left + n * size, top)
    west, south, east, north = transform_bounds("EPSG:32632", "EPSG:4326", *box)
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    random = np.random.Generator(np.random.SFC64(16))
    texture = np.full((n, n), 1200, "float32")
    for step, height in ((256, 400), (64, 250), (16, 160), (4, 90)):
        coarse = random.standard_normal((n // step, n // step), dtype="float32") * np.float32(height)
        texture += np.kron(coarse, np.ones((step, step), "float32"))
    profile = {"driver": "GTiff", "width": n, "height": n, "count": 1, "dtype": "uint16", "nodata": 0}
    profile |= {"tiled": True, "blockxsize": 512, "blockysize": 512, "compress": "deflate", "predictor": 2}
    features = []
    for date in range(BAND_DATES):
        when = f"2024-{date + 1:02}-01T10:10:00Z"
        assets = {}
        for k, band in enumerate(BAND_NAMES):
            path = folder / f"BANDS_{date:02}_{band}.tif"
            noise = random.integers(-40, 40, (n, n), dtype="int16")
            pixels = np.clip(texture * (1 + k / 32) + noise + 3 * date, 1, 20_000).astype("uint16")
            with rasterio.open(path, "w", crs="EPSG:32632", transform=grid, **profile) as file:
                file.write(pixels, 1)
            transform = [size, 0, left, 0, -size, top, 0, 0, 1]
            raster = [{"data_type": "uint16", "nodata": 0, "spatial_resolution": size}]
            assets[band] = {"href": str(path), "type": "image/tiff; application=geotiff", "roles": ["data"]}
            assets[band] |= {"proj:shape": [n, n], "proj:transform": transform, "raster:bands": raster}
        extensions = ["projection/v1.1.0", "raster/v1.1.0"]
        features.append(
            {
                "type": "Feature",
                "stac_version": "1.0.0",
                "stac_extensions": [f"https://stac-extensions.github.io/{e}/schema.json" for e in extensions],
                "id": f"BANDS_{date:02}",
                "collection": "bands",
                "geometry": {"type": "Polygon", "coordinates": [ring]},
                "bbox": [west, south, east, north],
                "properties": {"datetime": when, "proj:epsg": 32632},
                "links": [],
                "assets": assets,
            }
        )
    text = json.dumps({"type": "FeatureCollection", "features": features}, indent=1)
    # Written last and whole: where it is, the scenes are.
    half = folder / "items_bands.json.half"
    half.write_text(text)
    half.rename(folder / "items_bands.json")


TOOLS = {"odc": odc, "rasterio": rasterio_loop, "gdalwarp": gdalwarp}


def main():
    words = sys.argv[1:]
    if len(words) == 2 and words[0] == "scenes":
        make_scenes(Path(words[1]).resolve())
        return
    if len(words) != 4 or words[0] not in TOOLS or words[1] not in CASES:
        sys.exit(__doc__)
    case, scenes, out = CASES[words[1]], Path(words[2]), Path(words[3])
    # Hrefs of scenes that were made elsewhere and moved are mended.
    features = items_of(case, scenes)
    for feature in features:
        for asset in feature["assets"].values():
            asset["href"] = str(scenes.resolve() / Path(asset["href"]).name)
    begin, end, arrays = TOOLS[words[0]](case, features, out)
    who = resource.RUSAGE_CHILDREN if words[0] == "gdalwarp" else resource.RUSAGE_SELF
    peak = resource.getrusage(who).ru_maxrss / 1024
    wall, user, system = (b - a for a, b in zip(begin, end, strict=True))
    total = sum(int(a.sum(dtype="uint64")) for a in arrays())
    print(json.dumps({"wall": wall, "user": user, "sys": system, "mb": peak, "sum": total}))


if __name__ == "__main__":
    main()
