"""Fails of an ordinary exception, in the middle of its work."""


def train(batch: dict[str, int]) -> int:
    return batch["label"]


train({"image": 1})
