"""What `wandb.Api` says of a run, as one line of JSON: python read_back.py ENTITY/PROJECT/RUN"""

import json
import sys

import wandb

run = wandb.Api().run(sys.argv[1])
artifacts = list(run.logged_artifacts())
print(
    json.dumps(
        {
            "rows": list(run.scan_history()),
            "state": run.state,
            "config": dict(run.config),
            "files": sorted(file.name for file in run.files()),
            "artifacts": sorted((one.type, one.name, one.size) for one in artifacts),
            "downloaded": sorted(
                file
                for one in artifacts[:3]
                for file in sorted(one.manifest.entries)
                if one.download()
            ),
        },
        allow_nan=True,
    )
)
