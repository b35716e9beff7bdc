"""Makes sample-data/climatedt-hpx: four hours of a made-up 2 metre temperature of the whole Earth on HEALPix cells.

In Python, since ecCodes alone writes such GRIB, and in a process of its own, since it aborts beside GDAL. Run with the packages
of scripts/grib-requirements.txt: .tools/grib-venv/bin/python sample-data/generator/healpix_grib.py
"""

from pathlib import Path

import eccodes
import numpy as np

OUT = Path(__file__).resolve().parent.parent / "climatedt-hpx" / "climatedt_2t_hpx_2034-07-12.grib2"
NSIDE = 128
DAY = 20340712
HOURS = (9, 10, 11, 12)


def temperature(latitude, longitude, hour):
    """Kelvins: warm at the equator, warmest after the sun has passed, with some waves of weather."""
    lat, lon = np.radians(latitude), np.radians(longitude)
    season = np.radians(20)
    sun = np.cos(lon + np.radians(15 * (hour - 14)))
    weather = np.sin(5 * lon) * np.cos(3 * lat) + 0.5 * np.sin(11 * lon + 4 * lat)
    return 247 + 52 * np.cos(lat - season) + 4 * np.cos(lat) * sun + 3 * weather * np.cos(lat)


def field(hour):
    """One message, nested as the digital twin has them."""
    handle = eccodes.codes_grib_new_from_samples("GRIB2")
    keys = {
        "centre": "ecmf",
        "tablesVersion": 32,
        "significanceOfReferenceTime": 1,
        "dataDate": DAY,
        "dataTime": 0,
        "gridDefinitionTemplateNumber": 150,
        "Nside": NSIDE,
        "orderingConvention": "nested",
        "longitudeOfFirstGridPointInDegrees": 45,
        "numberOfDataPoints": 12 * NSIDE**2,
        "shortName": "2t",
        "forecastTime": hour,
        "packingType": "grid_ccsds",
        "decimalScaleFactor": 0,
        "bitsPerValue": 10,
    }
    for key, value in keys.items():
        eccodes.codes_set(handle, key, value)
    eccodes.codes_set_values(handle, np.linspace(220, 320, 12 * NSIDE**2))
    latitude = eccodes.codes_get_array(handle, "latitudes")
    longitude = eccodes.codes_get_array(handle, "longitudes")
    eccodes.codes_set_values(handle, temperature(latitude, longitude, hour))
    return handle


OUT.parent.mkdir(exist_ok=True)
with OUT.open("wb") as file:
    for hour in HOURS:
        eccodes.codes_write(field(hour), file)
print(f"{OUT}: {OUT.stat().st_size} bytes")
