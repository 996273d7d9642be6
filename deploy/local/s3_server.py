"""An S3-compatible server with the bucket `smartpass`. Objects are in memory: once killed or stopped, it has none."""

import threading

from server_process import LOOPBACK, TOOLS, Server, http_status

BUCKET = "smartpass"


class S3(Server):
    name = "s3"

    def command(self) -> list[str]:
        return [str(TOOLS / "venv/bin/python"), __file__, "--host", LOOPBACK, "--port", str(self.port)]

    def answers(self) -> bool:
        """Creates the bucket, as the check and the only setup; in us-east-1 it may be repeated."""
        return http_status(self.port, "PUT", f"/{BUCKET}") == 200

    def settings(self) -> dict[str, str]:
        return {
            "SMARTPASS_BLOBS": f"s3://{BUCKET}/",
            "AWS_ENDPOINT_URL": f"http://{LOOPBACK}:{self.port}",
            # The server accepts any keys; clients need some.
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_REGION": "us-east-1",
            "AWS_ALLOW_HTTP": "true",
        }


def serve() -> None:
    """moto, with one put at a time: it looks whether an object is there and stores it in two steps, between which
    another put with `If-None-Match: *` may come."""
    from moto.s3.responses import S3Response
    from moto.server import main
    lock, put_unguarded = threading.Lock(), S3Response.put_object

    def put_object(response: S3Response) -> tuple:
        with lock:
            return put_unguarded(response)
    S3Response.put_object = put_object
    main()


if __name__ == "__main__":
    serve()
