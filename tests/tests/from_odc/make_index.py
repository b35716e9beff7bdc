"""Makes an index of the Open Data Cube with datacube itself.

Arguments: the index driver, the URL of the database, and a JSON file with lists of documents' paths:
metadata_types, products, datasets. Prints what was added and what datacube refused.
"""

import json
import sys
from pathlib import Path

from datacube.cfg import ODCConfig
from datacube.index import index_connect
from datacube.index.hl import Doc2Dataset
from datacube.utils import read_documents

driver, url, wanted = sys.argv[1:]
wanted = json.loads(Path(wanted).read_text())
config = {"default": {"index_driver": driver, "db_url": url}}
index = index_connect(ODCConfig(text=json.dumps(config))[None], validate_connection=False)
# PostgreSQL 15 does not take the postgis driver's grants; the postgres driver fails without its roles.
index.init_db(with_default_types=True, with_permissions=driver == "postgres")
said = {"added": [], "refused": {}}


def each(paths):
    for path in paths:
        for _, document in read_documents(path):
            yield path, document


for path, document in each(wanted["metadata_types"]):
    try:
        index.metadata_types.add(index.metadata_types.from_doc(document), allow_table_lock=True)
    except Exception as error:
        said["refused"][path] = repr(error)
for path, document in each(wanted["products"]):
    try:
        index.products.add(index.products.from_doc(document), allow_table_lock=True)
    except Exception as error:
        said["refused"][path] = repr(error)

resolver = Doc2Dataset(index, fail_on_missing_lineage=False, verify_lineage=False)
for path, document in each(wanted["datasets"]):
    try:
        dataset, error = resolver(document, Path(path).as_uri())
        if dataset is not None and not index.datasets.has(dataset.id):
            index.datasets.add(dataset, with_lineage=False)
            said["added"].append({"id": str(dataset.id), "path": path})
        elif dataset is None:
            said["refused"][path] = str(error)
    except Exception as error:
        said["refused"][path] = repr(error)
print(json.dumps(said))
