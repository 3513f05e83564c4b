"""Rule files in a directory as a kubelet mounts a ConfigMap: links through `..data`, which is swapped."""
import time


def publish(directory, files):
    """All of them are there at once, in place of those before. `files`: name to text."""
    version = directory / f"..{time.monotonic_ns()}"
    version.mkdir()
    for name, text in files.items():
        (version / name).write_text(text)
    swapped = directory / "..data_tmp"
    swapped.symlink_to(version.name)
    swapped.rename(directory / "..data")
    for name in files:
        if not (directory / name).is_symlink():
            (directory / name).symlink_to(f"..data/{name}")


def published(directory):
    """Name to text; empty: there is nothing yet."""
    return {file.name: file.read_text() for file in (directory / "..data").glob("*")}
