"""The loads that scripts/bench-load measures: which scenes, onto which grid, how, and what is asked of them.

Grids are boxes (left, bottom, right, top) in units of the CRS; pixels are square.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta

# Two tiles of Sentinel-2's size in two zones; small scenes of one place; many bands of one place.
SCENES = ("items.json", "bench_scenes")
SERIES = ("items_ts.json", "bench_series")
BANDS = ("items_bands.json", "bench_bands")
# The small scenes once more, under 64 dates.
GROWING = ("items_ts.json", "bench_growing")
GROWING_DATES = 64
BAND_NAMES = [f"B{n:02}" for n in range(1, 17)]
BAND_DATES = 12


@dataclass
class Case:
    what: str
    scenes: tuple
    crs: str
    box: tuple
    resolution: float
    mode: str
    measurements: list = field(default_factory=lambda: ["B08"])
    # The tile that alone is loaded, if not all of them.
    tile: str = ""
    # tool -> how many times fewer CPU seconds the whole `cube load` process must take.
    hold: dict = field(default_factory=dict)
    # How many times the floor it should take at most.
    aim: float = 0.0

    @property
    def dates(self):
        return {SCENES[1]: 3, SERIES[1]: 60, BANDS[1]: BAND_DATES}[self.scenes[1]]

    @property
    def shape(self):
        left, bottom, right, top = self.box
        return round((top - bottom) / self.resolution), round((right - left) / self.resolution)


NATIVE = (714960, 5442060, 755920, 5483020)
MOSAIC = (4479260, 2875480, 4520220, 2916440)
AREA = (4447300, 2835600, 4599100, 2955100)
LAEA = "EPSG:3035"

CASES = {
    "A": Case(
        "native grid, nearest", SCENES, "EPSG:32632", NATIVE, 10, "nearest", tile="32UQV", hold={"odc": 1.6}, aim=1.25
    ),
    "B": Case(
        "mosaic of two zones, bilinear", SCENES, LAEA, MOSAIC, 10, "bilinear", hold={"odc": 8, "gdalwarp": 6}, aim=2
    ),
    "Bc": Case("mosaic of two zones, cubic", SCENES, LAEA, MOSAIC, 10, "cubic", hold={"odc": 6}),
    "Bn": Case("mosaic of two zones, nearest", SCENES, LAEA, MOSAIC, 10, "nearest", hold={"odc": 6}),
    "Ca": Case("whole area at 100 m, average", SCENES, LAEA, AREA, 100, "average", hold={"odc": 5}),
    "Cn": Case("whole area at 100 m, nearest", SCENES, LAEA, AREA, 100, "nearest", hold={"odc": 5}),
    "D": Case(
        "60 small native reads", SERIES, "EPSG:32632", (714000, 5471440, 716560, 5474000), 10, "nearest",
        hold={"odc": 2.5},
    ),
    "Dr": Case(
        "60 small reads, reprojected", SERIES, LAEA, (4462480, 2917980, 4465040, 2920540), 10, "bilinear",
        hold={"odc": 6},
    ),
    "M": Case(
        "16 measurements, 12 dates, 1024²", BANDS, "EPSG:4326", (11.981, 49.29, 12.0834, 49.3924), 0.0001, "bilinear",
        measurements=BAND_NAMES, hold={"odc": 8},
    ),
}  # fmt: skip


def growing_size(side):
    """One date of one tile onto `side`² pixels of another CRS."""
    half = side * 5
    middle = (4502970, 2891180)
    box = (middle[0] - half, middle[1] - half, middle[0] + half, middle[1] + half)
    return Case(f"{side}²", SCENES, LAEA, box, 10, "bilinear", tile="32UQV")


def growing_dates():
    """1024² pixels of another CRS; how many dates is said by the search."""
    return Case("1024²", GROWING, LAEA, (4463560, 2911120, 4473800, 2921360), 10, "bilinear")


def growing_date(n):
    """The day of the n-th of those dates."""
    return date(2023, 1, 1) + timedelta(days=5 * n)
