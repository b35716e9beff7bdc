"""Makes healpix.json beside it: what healpy says of places, for the tests of crates/geo.

Run with healpy 1.20: python tests/oracles/healpix.py
"""

import json
from pathlib import Path

import healpy
import numpy as np

rng = np.random.default_rng(5)
cases = []
for nside in (1, 2, 4, 6, 8, 128, 1024):
    n = 60
    lon = np.concatenate([rng.uniform(-200, 400, n), rng.uniform(-180, 180, 12), [0, 45, 90, -90, 180, 359.999999, 12.5, 0]])
    lat = np.concatenate(
        [
            np.degrees(np.arcsin(rng.uniform(-1, 1, n))),
            90 - np.abs(rng.normal(0, 0.3, 6)),
            -90 + np.abs(rng.normal(0, 0.3, 6)),
            [0, 0, 41.8, -41.9, 89.99, -89.99, 90, -90],
        ]
    )
    lon, lat = np.round(lon, 9), np.round(lat, 9)
    for order in ("ring", "nested"):
        if order == "nested" and nside & (nside - 1):
            continue
        nest = order == "nested"
        taps, weights = healpy.get_interp_weights(nside, lon, lat, nest=nest, lonlat=True)
        cases.append(
            {
                "nside": nside,
                "order": order,
                "lon": lon.tolist(),
                "lat": lat.tolist(),
                "cell": healpy.ang2pix(nside, lon, lat, nest=nest, lonlat=True).tolist(),
                "taps": taps.T.tolist(),
                "weights": np.round(weights.T, 12).tolist(),
            }
        )
Path(__file__).with_suffix(".json").write_text(json.dumps(cases, separators=(",", ":")) + "\n")
