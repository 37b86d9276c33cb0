"""What a model takes is read from the library's log, device by device."""

from __future__ import annotations

import pytest

from chatterm.engine.buffers import Buffers

ON_A_GPU = """
load_tensors: offloaded 29/29 layers to GPU
load_tensors:   CPU_Mapped model buffer size =   308.23 MiB
load_tensors:        CUDA0 model buffer size =  1834.83 MiB
llama_context:  CUDA_Host  output buffer size =     0.58 MiB
llama_kv_cache:      CUDA0 KV buffer size =   448.00 MiB
llama_context:      CUDA0 compute buffer size =   304.75 MiB
llama_context:  CUDA_Host compute buffer size =    14.01 MiB
llama_kv_cache: size =  448.00 MiB (  4096 cells,  28 layers,  1/1 seqs)
"""
ON_THE_PROCESSOR = """
load_tensors:   CPU_REPACK model buffer size =   100.00 MiB
load_tensors:   CPU_Mapped model buffer size =   200.00 MiB
llama_kv_cache:        CPU KV buffer size =    50.00 MiB
"""
ON_A_MAC = """
load_tensors: Metal_Mapped model buffer size =  4096.00 MiB
llama_context:        BLAS compute buffer size =    10.00 MiB
"""


@pytest.mark.parametrize(
    ("log", "all_mib", "gpu_mib"),
    [
        (ON_A_GPU, 2910.40, 2587.58),
        (ON_THE_PROCESSOR, 350.0, 0.0),
        (ON_A_MAC, 4106.0, 4096.0),
        ("buffer size = 3.00 MiB", 3.0, 0.0),
    ],
)
def test_every_buffer_counts_where_it_lies(log: str, all_mib: float, gpu_mib: float) -> None:
    buffers = Buffers()
    for line in log.splitlines():
        buffers.take(line)
    assert buffers.all_mb == pytest.approx(all_mib * 1.048576)
    assert buffers.gpu_mb == pytest.approx(gpu_mib * 1.048576)
