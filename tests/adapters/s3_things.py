"""The bucket of a real S3 server, past our own code and through it."""

import boto3
from botocore.config import Config

from adapters.stores.s3 import S3Store
from tests.fakes.swift import Swift

BUCKET = "chorus"


def session_of(swift: Swift, secret: str | None = None) -> boto3.Session:
    return boto3.Session(swift.access_key, secret or swift.secret_key)


def client_of(swift: Swift):
    """The plain client, to look at the bucket past our own code."""
    options = Config(s3={"addressing_style": "path"})
    return session_of(swift).client(
        "s3", endpoint_url=swift.endpoint, region_name=swift.region, config=options
    )


def store_of(swift: Swift, bucket: str = BUCKET, secret: str | None = None) -> S3Store:
    return S3Store(
        bucket, endpoint=swift.endpoint, addressing="path", session=session_of(swift, secret)
    )
