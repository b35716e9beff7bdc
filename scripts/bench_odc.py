"""The Open Data Cube, measured by scripts/bench-catalog with the Python of .tools/odc-venv.

usage: bench_odc.py DRIVER URL PRODUCTS DOCUMENTS FIND…     (DRIVER: postgres or postgis; files of JSON lines)

Indexes the documents into an empty database with `bulk_add`, from parsed JSON to committed rows, then finds. FIND is
west,south,east,north,begin,end,product. Prints one JSON object; the finds are medians of five, after one to warm up.
"""

import json
import logging
import resource
import statistics
import sys
import time
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)

import datacube  # noqa: E402
from datacube.cfg import ODCConfig  # noqa: E402
from datacube.index import index_connect  # noqa: E402
from datacube.index.abstract import DatasetTuple  # noqa: E402
from datacube.index.hl import Doc2Dataset  # noqa: E402


def timed(call):
    begin = time.perf_counter()
    answer = call()
    return time.perf_counter() - begin, answer


def lines(path):
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def main():
    driver, url, products, documents, *finds = sys.argv[1:]
    environment = ODCConfig(raw_dict={"default": {"index_driver": driver, "db_url": url}})["default"]
    index = index_connect(environment, validate_connection=False)
    # Its PostGIS driver makes users with the syntax of PostgreSQL 16, its other one does not work without them.
    index.init_db(with_permissions=driver == "postgres")
    for product in lines(products):
        index.products.add_document(product)
    documents = lines(documents)

    def bulk_add():
        resolver = Doc2Dataset(index, verify_lineage=False)
        tuples = []
        for n, document in enumerate(documents):
            dataset, error = resolver(document, f"https://example.org/datasets/{n}.odc-metadata.yaml")
            if dataset is None:
                sys.exit(f"datacube refused a document: {error}")
            tuples.append(DatasetTuple(dataset.product, dataset.metadata_doc, dataset.uri))
        status = index.datasets.bulk_add(tuples)
        if status.completed != len(documents):
            sys.exit(f"datacube added {status.completed} of {len(documents)} documents")

    seconds, _ = timed(bulk_add)
    said = {"version": datacube.__version__, "count": len(documents), "seconds": seconds, "finds": []}
    said["again"], _ = timed(lambda: index.datasets.bulk_has([document["id"] for document in documents]))
    dc = datacube.Datacube(index=index)
    for find in finds:
        west, south, east, north, begin, end, product = find.split(",")
        query = {
            "product": product,
            "lon": (float(west), float(east)),
            "lat": (float(south), float(north)),
            "time": (begin, end),
        }
        runs = [timed(lambda query=query: dc.find_datasets(**query)) for _ in range(6)][1:]
        said["finds"].append({"seconds": statistics.median(s for s, _ in runs), "hits": len(runs[0][1])})
    said["mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(said))


if __name__ == "__main__":
    main()
