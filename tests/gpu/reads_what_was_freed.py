"""Adds to device memory that has been given back to the driver."""

import torch


class Address:
    """Memory that torch does not own; the CUDA array interface, version 3."""

    def __init__(self, pointer: int, count: int) -> None:
        self.__cuda_array_interface__ = {
            "data": (pointer, False),
            "shape": (count,),
            "typestr": "<f4",
            "version": 3,
        }


size = 64 << 20
pointer = torch.cuda.caching_allocator_alloc(size)
tensor = torch.as_tensor(Address(pointer, size // 4), device="cuda")
torch.cuda.caching_allocator_delete(pointer)
torch.cuda.empty_cache()
tensor.add_(1)
torch.cuda.synchronize()
