"""Makes healpix_sample.json beside it: what healpy makes of the sample on HEALPix cells (sample-data/climatedt-hpx).

Needs eccodes 2.50 and healpy 1.20, in a process without pyproj: python tests/oracles/healpix_sample.py
"""

import json
from pathlib import Path

import eccodes
import healpy
import numpy as np

HERE = Path(__file__).resolve().parent
SAMPLE = HERE.parent.parent / "sample-data" / "climatedt-hpx" / "climatedt_2t_hpx_2034-07-12.grib2"
NSIDE = 128

fields = []
with SAMPLE.open("rb") as file:
    while (handle := eccodes.codes_grib_new_from_file(file)) is not None:
        fields.append(eccodes.codes_get_values(handle))
noon = fields[3]

# Around the lake, on a grid of 4 km in EPSG:3857, whose formulas are short.
RADIUS = 6378137.0
x = np.arange(1_336_000, 1_392_000, 4000) + 2000.0
y = np.arange(5_204_000, 5_144_000, -4000) - 2000.0
lon, lat = np.meshgrid(np.degrees(x / RADIUS), np.degrees(np.arctan(np.sinh(y / RADIUS))))
cells = healpy.ang2pix(NSIDE, lon, lat, nest=True, lonlat=True)
lake = {
    "x": x.tolist(),
    "y": y.tolist(),
    "nearest": noon[cells].tolist(),
    "bilinear": healpy.get_interp_val(noon, lon, lat, nest=True, lonlat=True).tolist(),
}

# The whole Earth in boxes of 15 degrees: means of 600 x 600 places a box, equally far apart in longitude and sine of latitude.
part = (np.arange(600) + 0.5) / 600
earth = np.empty((12, 24))
for row in range(12):
    south, north = np.sin(np.radians([75 - 15 * row, 90 - 15 * row]))
    lat = np.degrees(np.arcsin(south + part * (north - south)))
    for col in range(24):
        lon, lats = np.meshgrid(-180 + 15 * (col + part), lat)
        earth[row, col] = noon[healpy.ang2pix(NSIDE, lon, lats, nest=True, lonlat=True)].mean()

answer = {"hours": [str(h) for h in (9, 10, 11, 12)], "lake": lake, "earth": np.round(earth, 6).tolist()}
(HERE / "healpix_sample.json").write_text(json.dumps(answer, separators=(",", ":")) + "\n")
